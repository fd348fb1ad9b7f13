"""A generator on the target's own CPUs: was it the target that kept them busy?"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

from floodmark.search.order import Outcome
from floodmark.targets.target import Allotment
from floodmark.verdict.enums import End
from floodmark.verdict.generator import lacked_cpu
from floodmark.verdict.visit import Visit

FULL = 0.85
"""Share of the CPUs that target and generator used together, from which on they were full."""


def weigh_shared(outcome: Outcome, holds: Sequence[Visit], allotment: Allotment, generators: int) -> Outcome:
    """The search's outcome in the light of it: limited by the generator, if it waited for CPUs that were not full.

    In a closed loop, users the generator is late with wait while the target is busy with the others: goodput is what
    full CPUs give, less what the generator used itself. holds: the valid visits of the held level.
    """
    if not allotment.shared or outcome.end is not End.FOUND or not holds:
        return outcome
    lacking = [s for s in holds if lacked_cpu(s.gen_cpu_max, s.gen_demand_max, s.law_gap)]
    if 2 * len(lacking) <= len(holds):
        return outcome
    cpus = len(allotment.target_cpus)
    used = [s.cpu_cores + (s.gen_cpu_max or 0.0) * generators for s in lacking if s.cpu_cores is not None]
    if used and statistics.median(used) >= FULL * cpus:
        return outcome
    seen = f"target and generator used {statistics.median(used):.2f} of {cpus}" if used else "the target is not sampled"
    reason = f"the generator waited for the CPUs it shares with the target, and it was not the target's load: {seen}"
    return dataclasses.replace(outcome, end=End.GENERATOR_LIMITED, reason=reason)
