"""Switches targets from the web UI: the load side requests a scenario, and the conductor starts its target."""

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
    """A request for the target of ``scenario``. Every request has its own number."""

    number: int
    scenario: str


class TargetSwitch:
    """Both ends of the exchange, through a folder with the latest request and its answer."""

    def __init__(self, folder: Path) -> None:
        self._request, self._answer = folder / "request.json", folder / "answer.json"
        self._number = 0

    def ask(self, scenario: str) -> str:
        """Request the target of ``scenario`` and wait for it. Returns why it failed, or an empty string."""
        self._number += 1
        write_text(self._request, json.dumps({"number": self._number, "scenario": scenario}))
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            answer = _read(self._answer)
            if answer is not None and answer["number"] == self._number:
                return str(answer["error"])
            time.sleep(POLL_S)
        return f"the target of {scenario} was not ready within {WAIT_S:.0f} s"

    def pending(self) -> SwitchRequest | None:
        """The request that has not been answered yet, if any."""
        request = _read(self._request)
        if request is None or int(str(request["number"])) == self._number:
            return None
        return SwitchRequest(int(str(request["number"])), str(request["scenario"]))

    def answer(self, request: SwitchRequest, error: str = "") -> None:
        self._number = request.number
        write_text(self._answer, json.dumps({"number": request.number, "error": error}))


def _read(path: Path) -> dict[str, object] | None:
    try:
        message: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return message
