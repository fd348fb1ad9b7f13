"""The command line as a whole: every verb is there, and none waits for what only another needs."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from floodmark.cli import VERBS, main, parser


def offered(top: argparse.ArgumentParser) -> set[str]:
    (verbs,) = (a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    return set(verbs.choices)


def test_every_verb_is_offered_alone_and_with_the_others() -> None:
    assert offered(parser()) == set(VERBS)
    assert all(verb in offered(parser(verb)) for verb in VERBS)
    assert offered(parser("no-such-verb")) == set(VERBS)


@pytest.mark.parametrize(("words", "said"), [(["sow"], "invalid choice: 'sow'"), ([], "required: VERB")])
def test_wrong_usage_names_every_verb(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_a_report_does_not_wait_for_what_it_has_no_use_for() -> None:
    """Found: two of the three seconds a report may take were spent on imports of other verbs."""
    ask = "import sys; from floodmark.cli import parser; parser('report'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "floodmark.commands.report" in loaded
    assert not loaded & {"scipy", "docker", "gevent", "locust"}
