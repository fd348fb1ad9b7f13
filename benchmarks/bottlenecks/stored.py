"""Visits of fixtures that were named right, kept for replay with noise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from floodmark.results.conclude import declared
from floodmark.results.record import read_record
from floodmark.results.schema import STEPS
from floodmark.results.table import read_table, write_text
from floodmark.verdict.bottleneck import Named, name_bottleneck
from floodmark.verdict.enums import Bottleneck, End
from floodmark.verdict.figures import Declared
from floodmark.verdict.outcome import Outcome as Ended
from floodmark.verdict.saturation import judge
from floodmark.verdict.visit import Visit

if TYPE_CHECKING:
    from benchmarks.bottlenecks.run import Outcome

SETUP = ("slots", "processes", "connection_cap", "shared", "out_of_memory")
STORED = Path(__file__).parent / "stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One stored fixture. end: how its search ended."""

    id: str
    word: Bottleneck
    hold_users: int | None
    thinking: bool
    declared: Declared
    visits: list[Visit]
    end: End

    def name(self, visits: Sequence[Visit]) -> Named:
        """What these visits, in the place of its own, say the limit is made of."""
        think_s = 1.0 if self.thinking else 0.0
        outcome = Ended(end=self.end, reason="", hold_users=self.hold_users)
        generator = judge(visits, outcome, think_s).generator
        return name_bottleneck(visits, self.hold_users, self.declared, thinking=self.thinking, generator=generator)


def store(outcome: Outcome) -> None:
    """Keep a fixture's visits, and what else the verdict needs."""
    assert outcome.folder is not None
    record = read_record(outcome.folder)
    setup, search = declared(record), record.search
    assert search is not None
    about = {
        "word": outcome.fixture.word,
        "hold_users": search.hold_users,
        "end": search.end,
        "thinking": record.think_s > 0,
        "slots": setup.slots,
        "processes": setup.processes,
        "connection_cap": setup.connection_cap,
        "shared": setup.shared,
        "out_of_memory": setup.out_of_memory,
    }
    shutil.copyfile(outcome.folder / STEPS, STORED / f"{outcome.fixture.id}.csv")
    write_text(STORED / f"{outcome.fixture.id}.json", json.dumps(about, indent=2) + "\n")


def read_stored() -> list[Kept]:
    """All of them."""
    found = []
    for path in sorted(STORED.glob("*.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            Kept(
                id=path.stem,
                word=Bottleneck(about["word"]),
                hold_users=about["hold_users"],
                thinking=about["thinking"],
                declared=Declared(**{key: about[key] for key in SETUP if key in about}),
                visits=read_table(path.with_suffix(".csv"), Visit),
                end=End(about["end"]),
            )
        )
    return found
