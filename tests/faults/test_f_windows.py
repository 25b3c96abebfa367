"""Faults F: what becomes visible late, what lies at the edge of a window, and long pauses."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.site import SUBMIT, Site
from tests.harness.place import Rows, fault
from tests.sandbox.process import SandboxProcess, Told, running_sandbox
from tests.transform.warehouses import (
    MODELS_AND_SEEDS,
    DuckDBWarehouse,
    dbt,
    parsed_in,
    tables,
)

FIRST_DAY = "2026-10-31"
AFTERNOON = "2026-11-01T15:45:00Z"
LATER = "2026-11-01T17:45:00Z"
MIDNIGHT = "2026-11-01T00:00:00.000Z"
# Where reading stops that afternoon: what the data lake guarantees then.
REACHED = "2026-11-01T15:15:00.000Z"

# Conversations that begin or end where windows do, and one that goes on for days.
EDGES = {
    "ends-at-the-edge": ("2026-10-31T23:50:00.000Z", MIDNIGHT),
    "a-millisecond-before": ("2026-10-31T23:59:59.999Z", "2026-11-01T00:04:00.000Z"),
    "at-the-edge-alone": (MIDNIGHT, MIDNIGHT),
    "begins-at-the-edge": (MIDNIGHT, "2026-11-01T00:05:00.000Z"),
    "begins-where-reading-stops": (REACHED, "2026-11-01T15:16:00.000Z"),
    "goes-on-for-days": ("2026-10-31T12:00:00.000Z", "2026-11-03T12:00:00.000Z"),
}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Serve a week in which summer time ends in New York, and what lies at the edges."""
    extras = tmp_path_factory.mktemp("edges") / "edges.json"
    extras.write_text(
        json.dumps(
            [
                {"conversationId": name, "conversationStart": start, "conversationEnd": end}
                for name, (start, end) in EDGES.items()
            ]
        )
    )
    # In this world a conversation of that afternoon comes between half an hour and an hour late.
    with running_sandbox(
        seed=17, conversations=1200, days=7, end="2026-11-06T00:00:00Z", now=AFTERNOON,
        quota=1_000_000, job_polls=0, extras=[extras],
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def place(week: SandboxProcess, tmp_path: Path) -> Site:
    """Load from the first day on; the clock is the test's to set."""
    week.clear_faults()
    return _site(week, tmp_path / "place")


def _site(week: SandboxProcess, directory: Path) -> Site:
    site = Site(week, directory)
    site.settings |= {"ELT_START": FIRST_DAY, "ELT_PAGE_SIZE": "1000"}
    return site


# What of them the tests look at.
MARTS = ("+fct_interactions", "+fct_queue_intervals")


@dataclass(frozen=True)
class TwoLoads:
    """Two loads, two hours apart, with a build after each: what was held then."""

    site: Site
    first: dict[str, str]
    second: dict[str, str]
    mart_of_first: dict[str, tuple[bool, str | None]]
    mart_of_second: Rows
    copies_of_the_longest: int
    windows: Rows
    truth: list[Told]


@pytest.fixture(scope="module")
def two_loads(week: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> TwoLoads:
    site = _site(week, tmp_path_factory.mktemp("two_loads") / "site")
    warehouse = DuckDBWarehouse(site.database)
    mart = "select conversation_id, is_open, ended_at::text from genesys_marts.fct_interactions"
    resources = ("load", "--only", "conversation_details", "queue_aggregates")
    models = ("run", "--select", *MARTS)
    site.at(AFTERNOON)
    site.run(*resources).succeeded()
    dbt(warehouse, "seed")
    dbt(warehouse, *models)
    first, rows_of_first = site.newest(), site.query(mart)
    site.at(LATER)
    site.run(*resources).succeeded()
    dbt(warehouse, *models)
    return TwoLoads(
        site=site,
        first=first,
        second=site.newest(),
        mart_of_first={name: (is_open, ended) for name, is_open, ended in rows_of_first},
        mart_of_second=site.query(mart),
        copies_of_the_longest=len(
            site.query(
                "select 1 from genesys_raw.conversation_details "
                "where record_id = 'goes-on-for-days'"
            )
        ),
        windows=site.query(
            "select strftime(window_start at time zone 'UTC', '%d %H:%M'),"
            "strftime(window_end at time zone 'UTC', '%d %H:%M') from genesys_raw.extract_windows "
            "where resource = 'conversation_details' order by _dlt_load_id"
        ),
        truth=list(week.truth()),
    )


def finished_between(truth: list[Told], after: str, until: str) -> dict[str, Told]:
    """Return the conversations whose last form became visible in that time, before corrections."""
    found = {}
    for told in truth:
        for version in told["versions"]:
            if version["kind"] == "final" and after < version["visibleAt"] <= until:
                found[told["conversationId"]] = told
    return found


@pytest.mark.slow
@pytest.mark.xdist_group("two loads")
def test_f1_a_conversation_seen_open_is_replaced_when_it_has_ended(two_loads: TwoLoads) -> None:
    finished = finished_between(two_loads.truth, AFTERNOON, LATER)
    seen_open = [
        name
        for name, payload in two_loads.first.items()
        if name in finished and "conversationEnd" not in json.loads(payload)
    ]
    assert seen_open
    mart_of_second = {name: (is_open, ended) for name, is_open, ended in two_loads.mart_of_second}
    for name in seen_open:
        before, after = json.loads(two_loads.first[name]), json.loads(two_loads.second[name])
        assert before["conversationStart"] == after["conversationStart"]
        assert "conversationEnd" in after
        assert two_loads.mart_of_first[name] == (True, None)
        assert mart_of_second[name][0] is False
        assert mart_of_second[name][1].replace(" ", "T")[:19] == after["conversationEnd"][:19]


@pytest.mark.slow
@pytest.mark.xdist_group("two loads")
def test_f2_what_is_settled_after_its_end_is_waited_for_or_read_again(two_loads: TwoLoads) -> None:
    # Both loads stop where the data lake does, half an hour behind, and the second begins an hour
    # before that.
    assert two_loads.windows == [
        ("31 00:00", "01 00:00"),
        ("01 00:00", "01 15:15"),
        ("01 14:15", "01 17:15"),
    ]
    settled = {
        name
        for name, told in finished_between(two_loads.truth, AFTERNOON, LATER).items()
        if told["end"] < REACHED and _lateness(told) <= timedelta(minutes=60)
    }
    assert settled
    for name in settled:
        assert "conversationEnd" not in json.loads(two_loads.first.get(name, "{}"))
        assert "conversationEnd" in json.loads(two_loads.second[name])


@pytest.mark.slow
@pytest.mark.xdist_group("two loads")
def test_f4_a_conversation_of_many_windows_is_there_once(two_loads: TwoLoads) -> None:
    assert two_loads.copies_of_the_longest == 3
    assert [row[0] for row in two_loads.mart_of_second].count("goes-on-for-days") == 1


@pytest.mark.slow
@pytest.mark.xdist_group("two loads")
def test_f5_what_begins_or_ends_with_a_window_is_there_once(two_loads: TwoLoads) -> None:
    # A window ends before its end: what begins there belongs to the next.
    assert set(EDGES) - set(two_loads.first) == {"begins-where-reading-stops"}
    names = [row[0] for row in two_loads.mart_of_second]
    assert {name: names.count(name) for name in EDGES} == dict.fromkeys(EDGES, 1)
    assert len(names) == len(set(names)) == len(two_loads.second)


def test_f3_what_comes_too_late_for_every_reread_is_healed_by_a_reload(place: Site) -> None:
    place.settings["ELT_LOOKBACK_DAYS"] = "0"
    place.at("2026-11-01T06:00:00Z")
    place.run().succeeded()
    place.at("2026-11-02T20:00:00Z")
    place.run().succeeded()
    there = visible(place, "2026-11-02T20:00:00.000Z")
    of_first_day = {
        name
        for name, told in there.items()
        if told["start"] < MIDNIGHT and told["end"] >= FIRST_DAY
    }
    held = set(place.newest())
    missing = of_first_day - held
    assert missing
    assert max(_lateness(there[name]) for name in missing) > timedelta(hours=25)
    # Later than the overlap, each of them: what is in it was read again.
    assert min(_lateness(there[name]) for name in missing) > timedelta(minutes=60)

    again = place.run(
        "reload", "--only", "conversation_details", "--from", FIRST_DAY, "--to", "2026-11-01"
    ).succeeded()
    read, new, _, _ = _counts(again.stdout)
    assert new == len(missing)
    assert set(place.newest()) == held | missing
    # Nothing is found a second time.
    again = place.run(
        "reload", "--only", "conversation_details", "--from", FIRST_DAY, "--to", "2026-11-01"
    ).succeeded()
    assert _counts(again.stdout) == (read, 0, 0, read)


def visible(site: Site, now: str) -> dict[str, Told]:
    """Return the conversations the data lake shows at `now`."""
    return {
        told["conversationId"]: told
        for told in site.sandbox.truth()
        if any(version["visibleAt"] <= now for version in told["versions"])
    }


def _lateness(told: Told) -> timedelta:
    """Return how long after anything happened in a conversation it becomes visible."""
    first = min(version["visibleAt"] for version in told["versions"])
    return datetime.fromisoformat(first) - datetime.fromisoformat(told["start"])


def _counts(output: str) -> tuple[int, int, int, int]:
    """Read the line of a reload: what it read, what was new, changed and as before."""
    [line] = [line for line in output.splitlines() if "conversation_details" in line]
    read, new, changed, as_before = (int(count.replace(",", "")) for count in line.split()[1:])
    return read, new, changed, as_before


@pytest.mark.slow
def test_f6_an_empty_window_is_loaded_too(place: Site) -> None:
    place.at("2026-10-30T18:00:00Z")
    place.run(ELT_START="2026-10-28").succeeded()
    assert place.ledger("status, record_count > 0") == [
        ("loaded", False),
        ("loaded", False),
        ("loaded", True),
    ]
    place.forget_requests()
    place.run(ELT_START="2026-10-28").succeeded()
    assert place.requests(SUBMIT) == []


def test_f8_a_state_ahead_of_the_clock_is_left_as_it_is(place: Site) -> None:
    place.settings["ELT_START"] = "2026-11-01"
    place.at(AFTERNOON)
    place.run().succeeded()
    before, ledger = place.raw(), place.ledger("window_attempt_id")
    place.at("2026-11-01T09:00:00Z")
    place.forget_requests()
    said = place.run().error(2)
    assert f"is loaded through {REACHED}, ahead of now" in said
    assert "(2026-11-01T09:00:00.000Z)" in said
    assert "ELT_NOW" in said
    assert place.requests("/api/") == []
    assert (place.raw(), place.ledger("window_attempt_id")) == (before, ledger)
    place.at(LATER)
    place.run().succeeded()
    assert place.raw() > before


@pytest.mark.slow
def test_f9_after_days_of_silence_the_days_come_in_order_and_each_is_kept(place: Site) -> None:
    place.at("2026-10-31T18:00:00Z")
    place.run().succeeded()
    place.at("2026-11-05T18:00:00Z")
    place.sandbox.add_faults(fault(SUBMIT, "status", "4+", status=503))
    said = place.run(ELT_RETRY_ATTEMPTS="1").error(4)
    assert "conversation_details 2026-11-02T00:00Z..2026-11-03T00:00Z" in said
    windows = place.ledger(
        "strftime(window_start at time zone 'UTC', '%d %H:%M'), status,"
        "window_end <= window_start + interval 24 hours"
    )
    assert windows == [
        ("31 00:00", "loaded", True),
        ("31 00:00", "loaded", True),
        ("31 17:30", "loaded", True),
        ("01 00:00", "loaded", True),
        ("02 00:00", "failed", True),
    ]
    place.sandbox.clear_faults()
    place.forget_requests()
    outcome = place.run().succeeded()
    # In the middle of the gap: what the run before had loaded is not asked for again.
    asked = [json.loads(entry["body"])["interval"] for entry in place.requests(SUBMIT)]
    assert [interval[8:13] for interval in asked] == ["02T00", "02T23", "03T00", "04T00", "05T00"]
    assert [row[0] for row in place.ledger()] == ["loaded"] * 4 + ["failed"] + ["loaded"] * 5
    assert all(f"conversation_details {interval[:10]}" in outcome.stderr for interval in asked)
    there = {
        name
        for name, told in visible(place, "2026-11-05T18:00:00.000Z").items()
        if FIRST_DAY <= told["start"] < "2026-11-05T17:30:00.000Z"
    }
    held = place.newest()
    assert {name for name in held if json.loads(held[name])["conversationStart"] >= FIRST_DAY} == (
        there
    )
    assert all(json.loads(held[name]) == place.sandbox.record(name) for name in list(held)[::50])


@pytest.mark.slow
@pytest.mark.xdist_group("two loads")
def test_f11_where_the_machine_stands_changes_nothing(two_loads: TwoLoads, tmp_path: Path) -> None:
    loaded = []
    for zone in ("Europe/Stockholm", "America/New_York"):
        site = _site(two_loads.site.sandbox, tmp_path / zone)
        site.at(LATER)
        command = ("load", "--only", "conversation_details", "queue_aggregates")
        site.ended(site.start(*command, TZ=zone)).succeeded()
        loaded.append(
            [
                site.query(
                    "select record_id, payload_hash, epoch_us(window_start), epoch_us(window_end), "
                    f"epoch_us(extracted_at) from genesys_raw.{table} order by all"
                )
                for table in ("conversation_details", "queue_aggregates")
            ]
        )
    assert loaded[0] == loaded[1] != [[], []]
    # The marts of the two loads were built in UTC.
    marts = tables(DuckDBWarehouse(two_loads.site.database), "genesys_marts")
    shutil.copy(two_loads.site.database, site.database)
    parsed = {"DBT_TARGET_PATH": str(parsed_in(DuckDBWarehouse(site.database)))}
    build = (
        "transform", "build", "--quiet", "--full-refresh", *MODELS_AND_SEEDS, "--select", *MARTS,
    )  # fmt: skip
    process = site.start_python(
        "-m", "tests.harness.quick_dbt", *build, TZ="America/New_York", **parsed
    )
    site.ended(process).succeeded()
    assert tables(DuckDBWarehouse(site.database), "genesys_marts") == marts
    starts = site.query(
        "select conversation_id, strftime(started_at, '%Y-%m-%dT%H:%M:%S.%g') || 'Z' "
        "from genesys_marts.fct_interactions"
    )
    told = {name: json.loads(payload) for name, payload in site.newest().items()}
    assert len(starts) == len(told) > 100
    for name, started_at in starts:
        expected = told[name]["conversationStart"].replace(".000Z", "Z")
        assert started_at.replace(".000Z", "Z") == expected
