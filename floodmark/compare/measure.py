"""Measures two sides by turns, each on freshly started servers, so that a change of the machine hits both alike."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from floodmark.compare.inputs import RunSet, Start, read_start
from floodmark.errors import UsageError
from floodmark.plan.app_scenarios import read_scenarios
from floodmark.plan.planned_run import find_scenario
from floodmark.plan.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is measured: a scenario with settings, of a revision of its repository if one is named."""

    text: str
    """As it was given: ``NAME[@REVISION][:KEY=VALUE,...]``."""
    name: str
    """The name of a scenario, or its file."""
    revision: str = ""
    settings: tuple[str, ...] = ()
    """Each ``section.key=value``."""

    @classmethod
    def parse(cls, text: str) -> Side:
        """Parse what was given. A key without a section is one of ``[server]``; ``server=NAME`` chooses the server of
        an app.

        Raises UsageError.
        """
        where, _, settings = text.partition(":")
        name, _, revision = where.partition("@")
        if not name:
            raise UsageError(f"{text!r}: must be a scenario or a TOML file, such as gthread:workers=4 or {_EXAMPLE}")
        if revision.startswith("-"):
            raise UsageError(f"{text}: {revision!r} is no revision")
        return cls(
            text=text,
            name=name,
            revision=revision,
            settings=tuple(_setting(text, part) for part in settings.split(",") if part),
        )

    def scenario(self, overrides: Sequence[str], workload: str | None) -> Scenario:
        """Read the scenario. Raises UsageError."""
        changes = [*overrides, *([f'workload="{workload}"'] if workload else []), *self.settings]
        found = read_scenarios(find_scenario(self.name), changes)
        if len(found) > 1:
            targets = ", ".join(scenario.target for scenario in found)
            raise UsageError(f"{self.text}: names {len(found)} servers ({targets}); add :server=NAME")
        return found[0]


_EXAMPLE = "floodmark.toml@HEAD~1"


def _setting(text: str, part: str) -> str:
    key, equals, value = part.partition("=")
    if not equals:
        raise UsageError(f"{text}: {part!r} is no KEY=VALUE")
    if key == "server":
        return f'app.servers=["{value}"]'
    return f"{key if '.' in key else f'server.{key}'}={value}"


@contextlib.contextmanager
def checked_out(side: Side) -> Iterator[Side]:
    """The side with the file of its revision, in a work tree of its own that is removed afterwards.

    Raises UsageError if the file is not in a repository, or the revision does not have it.
    """
    if not side.revision:
        yield side
        return
    file = Path(side.name).resolve()
    if file.suffix != ".toml":
        raise UsageError(f"{side.text}: only a TOML file in a git repository has revisions, such as {_EXAMPLE}")
    top = _git(side, file.parent, "rev-parse", "--show-toplevel")
    with tempfile.TemporaryDirectory(prefix="floodmark-revision-") as folder:
        tree = Path(folder) / "tree"
        _git(side, Path(top), "worktree", "add", "--detach", str(tree), side.revision)
        try:
            there = tree / file.relative_to(top)
            if not there.is_file():
                raise UsageError(f"{side.text}: {side.revision} has no {file.relative_to(top)}")
            yield Side(text=side.text, name=str(there), revision=side.revision, settings=side.settings)
        finally:
            _git(side, Path(top), "worktree", "remove", "--force", str(tree))


def _git(side: Side, folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{side.text}: git did not run: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["git failed"])[-1]
        raise UsageError(f"{side.text}: {last}")
    return done.stdout.strip()


def by_turns(names: tuple[str, str], rounds: int, measure: Callable[[int, int], Path]) -> tuple[RunSet, RunSet]:
    """Measure A and B ``rounds`` times each, in the order A B, B A, A B, ...: a drift of the machine cancels out.

    measure: makes one run, given its side, 0 or 1, and its number from 0; returns its folder.
    """
    starts: tuple[list[Start], list[Start]] = ([], [])
    number = 0
    for turn in range(rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            folder = measure(side, number)
            starts[side].append(Start(run=read_start(folder).run, turn=turn + 1))
            number += 1
    return RunSet(path=Path(names[0]), starts=tuple(starts[0])), RunSet(path=Path(names[1]), starts=tuple(starts[1]))
