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


def test_b8_in_a_storm_of_429_workers_are_refused_once_each_and_then_all_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others of the organisation use up its limit; our own count does not know of them."""
    clock, quota = Clock(monkeypatch), Quota(1_000)
    minutes: dict[int, list[bool]] = {}
    lock = threading.Lock()

    def ask() -> bool:
        quota.wait_turn("/", clock.wait)
        with lock:
            answers = minutes.setdefault(int(clock.now // 60), [])
            answers.append(answers.count(True) < 10)
            if not answers[-1]:
                quota.refused(60 - clock.now % 60)
            return answers[-1]

    def work() -> None:
        served = 0
        while served < 20:
            served += ask()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sum(answers.count(True) for answers in minutes.values()) == 40
    assert all(answers.count(False) <= len(workers) for answers in minutes.values())


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
