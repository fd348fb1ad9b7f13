"""What all tests need of the process they run in."""

import signal

import pytest

from tests.support.excuses import Excuses

# A shell that starts something in the background has it ignore SIGINT, and with it everything that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # of xdist, whose workers report to the process that has none
        config.pluginmanager.register(Excuses())
