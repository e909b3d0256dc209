from __future__ import annotations

import pytest

from tests.torture.figures import COUNTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COUNTED:
        terminalreporter.section("torture")
        for what, times in sorted(COUNTED.items()):
            terminalreporter.write_line(f"{times:6} {what}")
