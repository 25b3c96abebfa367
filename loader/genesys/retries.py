"""Asking again: which failures are worth it, how long to go on, what it ends in."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import tenacity

from loader.errors import NoJobFree, SourceContractError, SourceUnavailable, TooLarge
from loader.genesys.request_metrics import Log, RateLimitEvent

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class RetryPolicy:
    """How long to go on: seconds of one request, attempts and seconds of all its retries."""

    request_seconds: float = 120.0
    attempts: int = 8
    retry_seconds: float = 600.0
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 30.0


class Transient(Exception):
    """Worth asking again.

    Args:
        why: what went wrong, for the error if the retries run out.
        retry_after: the least wait in seconds Genesys asked for.
        broken: the answer came but was unusable: in the end a broken contract, not an outage.
        is_slow: no answer came in time: it may be that less would be answered.
    """

    def __init__(
        self,
        why: str,
        retry_after: float | None = None,
        broken: bool = False,
        is_slow: bool = False,
    ) -> None:
        super().__init__(why)
        self.retry_after = retry_after
        self.broken = broken
        self.is_slow = is_slow


class RateLimited(Transient):
    """Too many requests or jobs at once.

    Its event is recorded by whoever asks again, who knows how long the wait was.
    """

    def __init__(self, event: RateLimitEvent, why: str) -> None:
        super().__init__(why, event.retry_after_seconds)
        self.event = event


class TooManyJobs(RateLimited):
    """Others run already, so that this one was not taken."""


class TooSlow(Transient):
    """The deadline passed before the whole answer was there."""

    def __init__(self, why: str) -> None:
        super().__init__(why, is_slow=True)


class _SlowTooOften(tenacity.stop.stop_base):
    """Gives up with the attempt that is one too many without an answer in time."""

    def __init__(self, most: int | None) -> None:
        self.count = 0
        self._most = most

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        """Count the attempt, and tell whether it is that one."""
        error = state.outcome.exception() if state.outcome else None
        self.count += getattr(error, "is_slow", False)
        return self.count == self._most


class Retries:
    """Asks again by one policy.

    Args:
        policy: when to give up.
        log: is told the waits, and each 429.
    """

    def __init__(self, policy: RetryPolicy, log: Log) -> None:
        self._policy = policy
        self._log = log

    def run(
        self,
        attempt: Callable[[], Result],
        what: str,
        host: str,
        most_slow: int | None = None,
    ) -> Result:
        """Return what `attempt` returns, once it raises no `Transient`.

        Args:
            attempt: sends the request.
            what: is asked for, and of which host, for messages.
            host: as above.
            most_slow: of so many attempts without an answer in time it is enough; None for all of
                the policy's. For what can be asked for in parts.

        Raises:
            TooLarge: there were `most_slow`.
            SourceUnavailable: the retries ran out; `NoJobFree` where others' jobs were the reason.
            SourceContractError: the same, and the last answer was unusable.
        """
        policy = self._policy
        slow = _SlowTooOften(most_slow)
        try:
            return tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(Transient),
                wait=self._wait,
                # It counts each attempt, so it is asked first.
                stop=slow
                | tenacity.stop_after_attempt(policy.attempts)
                | tenacity.stop_before_delay(policy.retry_seconds),
                before_sleep=lambda state: self._before_sleep(state, what),
                sleep=self._log.wait,
                reraise=True,
            )(attempt)
        except Transient as error:
            if isinstance(error, RateLimited):
                self._log.add_rate_limit(error.event)
            if slow.count == most_slow:
                raise TooLarge(
                    f"{host}{what}: {error}, {slow.count} times: too much for one request."
                ) from None
            if error.retry_after and error.retry_after > policy.retry_seconds:
                raise SourceUnavailable(
                    f"{host} asked to wait {error.retry_after:.0f} s at {what}; the limit is "
                    f"{policy.retry_seconds:.0f} s (ELT_RETRY_SECONDS). Run again later."
                ) from None
            if error.broken:
                raise SourceContractError(
                    f"{host}{what}: {error}, each time it was asked."
                ) from None
            kind = NoJobFree if isinstance(error, TooManyJobs) else SourceUnavailable
            raise kind(
                f"{host}{what}: {error}; gave up after {policy.attempts} attempts or "
                f"{policy.retry_seconds:.0f} s (ELT_RETRY_ATTEMPTS, ELT_RETRY_SECONDS)."
            ) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        # Full jitter, so that many clients do not come back together; Retry-After is a minimum.
        jitter = tenacity.wait_random_exponential(
            multiplier=self._policy.first_wait_seconds, max=self._policy.longest_wait_seconds
        )(state)
        error = state.outcome.exception() if state.outcome else None
        return max(jitter, getattr(error, "retry_after", None) or 0.0)

    def _before_sleep(self, state: tenacity.RetryCallState, what: str) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.upcoming_sleep
        self._log.metrics.retry_count += 1
        if isinstance(error, RateLimited):
            self._log.add_rate_limit(replace(error.event, waited_seconds=pause))
        logger.warning("%s: %s; asking again in %.1f s", what, error, pause)
