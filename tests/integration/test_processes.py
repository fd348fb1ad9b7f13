"""The tests' own look at processes, which end when they like."""

from __future__ import annotations

import subprocess
import sys

import psutil

from tests.support.processes import Command, wait_for, words_of


def test_a_process_that_has_ended_has_no_words() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        seen = psutil.Process(child.pid)
        # For a moment after its start it has none yet.
        wait_for(lambda: words_of(seen)[1:] == ["-c", "input()"], 20, "the process's own command line")
        child.communicate(b"\n")
    assert words_of(seen) == []


def test_offspring_is_found_by_its_words_for_as_long_as_it_lives() -> None:
    inner = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(30)', 'inner'])"
    command = Command([], program=(sys.executable, "-c", inner))
    with command.start() as process:
        wait_for(lambda: bool(command.running("-c", "inner")), 20, "the start of the inner process")
        (found,) = command.running("-c", "inner")
        assert found.ppid() == process.pid
        found.kill()
        process.communicate(timeout=20)
    assert command.running("inner") == []
    command.must_have_left_nothing()
