"""Switching targets from the web UI: the load side asks for a scenario, and the process that holds the target brings
that scenario's target up.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from floodmark.results.table import write_text

WAIT_S = 90.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class SwitchRequest:
    """A request for the target of ``scenario``; ``number`` tells one request from the next."""

    number: int
    scenario: str


class TargetSwitch:
    """Both sides of a folder that holds the newest request and its answer."""

    def __init__(self, folder: Path) -> None:
        self._request, self._answer = folder / "request.json", folder / "answer.json"
        self._number = 0

    def ask(self, scenario: str) -> str:
        """Wait until the target of ``scenario`` is up. Returns why it failed, or an empty string."""
        self._number += 1
        write_text(self._request, json.dumps({"number": self._number, "scenario": scenario}))
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            answer = _read(self._answer)
            if answer is not None and answer["number"] == self._number:
                return str(answer["error"])
            time.sleep(POLL_S)
        return f"the target of {scenario} was not up within {WAIT_S:.0f} s"

    def pending(self) -> SwitchRequest | None:
        """The request that has no answer yet."""
        request = _read(self._request)
        if request is None or int(str(request["number"])) == self._number:
            return None
        return SwitchRequest(int(str(request["number"])), str(request["scenario"]))

    def answer(self, request: SwitchRequest, error: str = "") -> None:
        self._number = request.number
        write_text(self._answer, json.dumps({"number": request.number, "error": error}))


def _read(path: Path) -> dict[str, object] | None:
    try:
        found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found
