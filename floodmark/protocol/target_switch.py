"""A scenario chosen in the web UI: the load side asks, and whoever holds the target brings up another one."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from floodmark.results.table import write_text

WAIT_S = 90.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """The target of ``scenario`` is wanted; ``number`` tells one wish from the next."""

    number: int
    scenario: str


class Wishes:
    """Both sides of a folder that holds the newest wish, and the answer to it."""

    def __init__(self, folder: Path) -> None:
        self._wish, self._answer = folder / "wish.json", folder / "answer.json"
        self._number = 0

    def ask(self, scenario: str) -> str:
        """Wait until the target of ``scenario`` is up. Returns why it is not, or nothing."""
        self._number += 1
        write_text(self._wish, json.dumps({"number": self._number, "scenario": scenario}))
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            answer = _read(self._answer)
            if answer is not None and answer["number"] == self._number:
                return str(answer["error"])
            time.sleep(POLL_S)
        return f"the target of {scenario} was not up within {WAIT_S:.0f} s"

    def pending(self) -> Wish | None:
        """The wish that has no answer yet."""
        wish = _read(self._wish)
        if wish is None or int(str(wish["number"])) == self._number:
            return None
        return Wish(int(str(wish["number"])), str(wish["scenario"]))

    def answer(self, wish: Wish, error: str = "") -> None:
        self._number = wish.number
        write_text(self._answer, json.dumps({"number": wish.number, "error": error}))


def _read(path: Path) -> dict[str, object] | None:
    try:
        found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found
