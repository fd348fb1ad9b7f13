"""What the hypervisor took while a run measured, in words."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from floodmark.report.marks import WARN
from floodmark.verdict.enums import Phase
from floodmark.verdict.visit import Visit

QUIET_STEAL = 0.02
"""Share of a CPU's time that may be taken: docs/method.md has the known answers found with less, and with more."""


def host_lines(visits: Sequence[Visit]) -> list[tuple[str, str, str]]:
    """Lines of the summary: mark, name, text. None where the host was quiet, or was not asked."""
    loaded = [s for s in visits if s.phase is not Phase.WARM]
    held = [s for s in loaded if s.phase is Phase.HOLD] or loaded
    taken = [s.steal for s in held if s.steal is not None]
    if not taken or statistics.fmean(taken) <= QUIET_STEAL:
        return []
    text = (
        f"restless: the hypervisor took {statistics.fmean(taken):.0%} of the target's CPU time meanwhile, up to "
        f"{max(taken):.0%} in a visit; another hour may give another number, so repeat the run"
    )
    return [(WARN, "host", text)]
