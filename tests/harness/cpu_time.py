"""A pytest plugin that ends a run with what it cost: in all, and its twenty dearest tests.

CPU time, because a busy machine says nothing about the tests; of all processes: ours, those of
xdist, and what they started and waited for. A test is charged what its own process used and the
processes that ended in it; a sandbox, a server or a warm parent is in the total alone.
"""

import resource
from collections.abc import Generator

import pytest

_SHOWN = 20
_cpu: dict[str, float] = {}
_wall: dict[str, float] = {}
_charged = 0.0


def cpu_seconds() -> float:
    """Return what this process and the children it has waited for have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, bool | None, bool | None]:
    """Charge a test with nothing that came before it."""
    global _charged
    _charged = cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write on a report, which xdist hands on as it is, what its phase has used."""
    global _charged
    report = yield
    before, _charged = _charged, cpu_seconds()
    vars(report)["cpu_seconds"] = _charged - before
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the phases of a test."""
    # A folder's sandbox and the like end with its last test, which they are not of.
    if report.when != "teardown":
        # A worker that died has written nothing on the report that xdist makes of it.
        used = vars(report).get("cpu_seconds", 0)
        _cpu[report.nodeid] = _cpu.get(report.nodeid, 0) + used
        _wall[report.nodeid] = _wall.get(report.nodeid, 0) + report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what it cost; the workers have ended by now."""
    terminalreporter.section("CPU time")
    for name in sorted(_cpu, key=lambda name: -_cpu[name])[:_SHOWN]:
        terminalreporter.write_line(f"{_cpu[name]:6.1f} s CPU {_wall[name]:6.1f} s clock  {name}")
    terminalreporter.write_line(f"{cpu_seconds():.0f} CPU seconds in all")
