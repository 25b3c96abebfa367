"""hypothesis looks for a history after which something does not hold (mode 3: stateful)."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.crash.histories import FAULTS, FINAL, PATHS, SETTINGS
from tests.crash.hooks import SIGNALS, Blow, Kind, Moment, Strike
from tests.crash.invariants import DETAILS
from tests.crash.stage import Stage
from tests.sandbox.clock import DAY, HOUR, to_millis, to_text

ONLY = ("--only", DETAILS)


def machine_on(stage: Stage) -> type[RuleBasedStateMachine]:
    """Return a machine whose histories take place there."""

    class Histories(RuleBasedStateMachine):
        """One place; each rule is something that befalls it, runs included."""

        @initialize(day=st.integers(0, 1))
        def begin(self, day: int) -> None:
            stage.sandbox.clear_faults()
            stage.sandbox.set_clock(to_text(to_millis("2026-03-14T06:00:00Z") + day * DAY))
            self.place = stage.place(**SETTINGS)
            self.witness = stage.witness(self.place)
            self.is_looked_at = True

        @rule(
            fault=st.sampled_from(FAULTS),
            match=st.sampled_from(PATHS),
            nth=st.sampled_from([1, 2, "2+"]),
        )
        def break_the_source(
            self, fault: tuple[str, str, dict[str, object]], match: str, nth: object
        ) -> None:
            _, action, args = fault
            stage.sandbox.add_faults({"match": match, "nth": nth, "action": action, "args": args})

        @rule()
        def mend_the_source(self) -> None:
            stage.sandbox.clear_faults()

        @rule(hours=st.integers(1, 30))
        def let_time_pass(self, hours: int) -> None:
            # What arrives late, goes on or is corrected by then shows itself.
            now = to_millis(stage.sandbox.now()) + hours * HOUR
            stage.sandbox.set_clock(to_text(min(now, to_millis(FINAL) - DAY)))

        @rule(size=st.integers(2, 20), overlap=st.sampled_from(["60", "180"]))
        def change_settings(self, size: int, overlap: str) -> None:
            self.place.settings |= {"ELT_PAGE_SIZE": str(size), "ELT_OVERLAP_MINUTES": overlap}

        @rule()
        def lose_the_work_directory(self) -> None:
            self.place.lose_work()

        @rule()
        def run(self) -> None:
            self._ended()

        @rule(
            kind=st.sampled_from(["sql", "file", "request"]),
            share=st.floats(0, 1),
            moment=st.sampled_from(["before", "after"]),
            # Of power cuts the histories take care.
            blow=st.sampled_from(sorted({*SIGNALS} - {"torn"})),
        )
        def run_and_be_struck(self, kind: Kind, share: float, moment: Moment, blow: Blow) -> None:
            last = {"sql": 40, "file": 600, "request": 10}[kind]
            self._ended(Strike(kind, 1 + int(share * last), moment, blow))

        @precondition(lambda self: not self.is_looked_at)
        @invariant()
        def everything_holds(self) -> None:
            self.witness.after(self.place.runs[-1])
            self.is_looked_at = True

        def teardown(self) -> None:
            """Let it come to its end: nothing is lost, nothing is old."""
            if not hasattr(self, "place"):
                return
            try:
                stage.sandbox.clear_faults()
                stage.sandbox.set_clock(FINAL)
                for _ in range(2):
                    ended = self.place.run("load", *ONLY)
                    self.witness.after(ended)
                    assert ended.exit_code == 0, ended.said
                self.witness.newest_is_served(now=FINAL)
                self.witness.at_the_end(stage.clean(FINAL, ONLY, **SETTINGS))
            finally:
                stage.forget(self.place)

        def _ended(self, *strikes: Strike) -> None:
            self.place.struck(strikes, "load", *ONLY)
            self.is_looked_at = False

    return Histories


@pytest.mark.slow
@pytest.mark.parametrize("examples", [2])
def test_no_history_breaks_an_invariant(stage: Stage, examples: int) -> None:
    run_state_machine_as_test(
        machine_on(stage),
        settings=settings(
            max_examples=examples,
            stateful_step_count=6,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
