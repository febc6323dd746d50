"""Says at once what went wrong and what takes long: a run that is cut off has told that much."""

import sys
import threading
import time

import pytest

#: Seconds a test may take before it is named, and between one naming and the next.
LONG = 60.0


class Progress:
    """Follows the tests of a run, in whichever processes they run."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}
        self._over = threading.Event()

    def pytest_sessionstart(self) -> None:
        """Look now and then, while something runs."""
        threading.Thread(target=self._look, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        """Look no more."""
        self._over.set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note what begins."""
        self._begun[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Note what ended."""
        self._begun.pop(nodeid, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Name what failed."""
        if report.failed:
            say(f"{report.nodeid} failed ({report.when})")

    def _look(self) -> None:
        while not self._over.wait(LONG):
            now = time.monotonic()
            for test, begun in list(self._begun.items()):
                if now - begun >= LONG:
                    say(f"{test} has been running for {now - begun:.0f} s")


def say(line: str) -> None:
    """Write a line past what pytest captures."""
    print(f"\n{line}", file=sys.__stderr__, flush=True)
