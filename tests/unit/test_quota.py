"""The quota and the log of a thread: turns in order, waits that end when nobody cares any more."""

import threading
import time

import pytest

from loader.errors import Abandoned
from loader.genesys.quota import Quota
from loader.genesys.request_metrics import Log


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def wait(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


def test_no_minute_has_more_than_our_share_and_none_is_wasted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    quota = Quota(20, {"/few": 4})
    sent = []
    for _ in range(50):
        quota.wait_turn("/", clock.wait)
        sent.append(clock.now - 1_000)
    assert [sum(60 * n <= at < 60 * (n + 1) for at in sent) for n in range(3)] == [17, 17, 16]
    assert round(quota.used(), 2) == round(16 / 17, 2)
    clock.now += 60
    for _ in range(4):
        quota.wait_turn("/few", clock.wait)
    assert clock.now - 1_000 == 181


def test_a_refusal_holds_everybody_back_but_for_no_longer_than_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    quota = Quota(1_000)
    quota.refused(5)
    quota.wait_turn("/", clock.wait)
    assert clock.now == 1_005
    quota.refused(100_000)
    quota.wait_turn("/", clock.wait)
    assert (clock.now, quota.refused_count) == (1_065, 2)


def test_what_a_thread_meets_is_its_own_and_its_waits_end_when_it_is_stopped() -> None:
    log = Log()
    log.metrics.request_count = 1
    stop = threading.Event()
    met: list[object] = []

    def ask() -> None:
        log.stop = stop
        log.metrics.request_count += 5
        try:
            log.wait(3_600)
        except Abandoned:
            met.append(log.metrics.request_count)

    thread = threading.Thread(target=ask)
    thread.start()
    stop.set()
    thread.join(60)
    assert (met, log.metrics.request_count) == ([5], 1)
