"""The rules that recognise each bottleneck, as data. docs/bottlenecks.md explains them and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from floodmark.verdict.enums import Bottleneck
from floodmark.verdict.figures import Figures


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A figure must reach a limit."""

    figure: str
    limit: float
    optional: bool = False
    """Whether the condition also holds if the figure was not measured."""

    @property
    def wanted(self) -> str:
        return f"at least {self.limit:g}"

    def margin(self, measured: Figures) -> float | None:
        """The distance to the limit, relative to it; negative if the condition fails. None if not measured."""
        value = getattr(measured, self.figure)
        return None if value is None else float(value / self.limit - 1)


@dataclass(frozen=True, slots=True)
class Below:
    """A figure must stay below a limit."""

    figure: str
    limit: float
    optional: bool = False
    """Whether the condition also holds if the figure was not measured."""

    @property
    def wanted(self) -> str:
        return f"below {self.limit:g}"

    def margin(self, measured: Figures) -> float | None:
        """The distance to the limit, relative to it; negative if the condition fails. None if not measured."""
        value = getattr(measured, self.figure)
        return None if value is None else float(1 - value / self.limit)


Condition = AtLeast | Below


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The signature of a bottleneck."""

    word: Bottleneck
    conditions: tuple[Condition, ...]
    """All must hold."""
    evidence: str
    """A sentence with the names of figures in braces; so is ``advice``."""
    advice: str

    def margin(self, measured: Figures) -> float | None:
        """The margin of the condition nearest to failing; None if the rule does not fit."""
        margins = [(condition, condition.margin(measured)) for condition in self.conditions]
        if any((margin is None and not c.optional) or (margin is not None and margin < 0) for c, margin in margins):
            return None
        return min((margin for _, margin in margins if margin is not None), default=math.inf)

    def lacks(self, measured: Figures) -> tuple[float, Condition] | None:
        """The single condition that fails, with its margin; None if none or several fail."""
        failing: list[tuple[float, Condition]] = []
        for condition in self.conditions:
            margin = condition.margin(measured)
            if margin is None and not condition.optional:
                return None
            if margin is not None and margin < 0:
                failing.append((margin, condition))
        return failing[0] if len(failing) == 1 else None


FULL, NEARLY = 0.9, 0.8
"""A resource is used up from FULL on, or from NEARLY on if requests also took longer."""
GREW = 1.2
"""From this ratio of time inside the app to that without contention, requests hold each other up there."""
SOME = 0.5
"""From this average number of waiting requests, some request waits most of the time."""

CPU_TO_SPARE = Below("cpu_share", FULL)
SLOTS_FREE = Below("slots_share", FULL)

RULES = (
    Rule(
        word=Bottleneck.GENERATOR,
        conditions=(AtLeast("generator_limited", 0.5),),
        evidence="the generator was at its limit in most visits at {users:.0f} users",
        advice="give it more CPUs, more processes (--generators) or another machine; the target can do more",
    ),
    Rule(
        word=Bottleneck.MEMORY,
        conditions=(AtLeast("oom_kills", 0.5),),
        evidence="processes killed for want of memory: {oom_kills:.0f}",
        advice="raise the memory limit, or run fewer workers; look for what grows with each request",
    ),
    Rule(
        word=Bottleneck.MEMORY,
        conditions=(AtLeast("memory_share", 0.95),),
        evidence="memory {memory_share:.0%} of its limit, {faults_per_s:.0f} page faults/s from disk",
        advice="raise the memory limit, or run fewer workers; look for what grows with each request",
    ),
    Rule(
        word=Bottleneck.MEMORY,
        conditions=(AtLeast("memory_share", 0.7), AtLeast("memory_growth", 0.01)),
        evidence="memory {memory_share:.0%} of its limit and {memory_growth:.1%} more at each visit",
        advice="look for what grows with each request; until then raise the memory limit or recycle workers",
    ),
    Rule(
        word=Bottleneck.QUOTA,
        conditions=(AtLeast("throttled_share", 0.2), AtLeast("cpu_share", 0.7, optional=True)),
        evidence="throttled in {throttled_share:.0%} of its quota periods, at {cpu_cores:.2f} of {cpu_limit:.2f} cores",
        advice="raise the CPU quota; neither more threads nor more workers would help",
    ),
    Rule(
        word=Bottleneck.HOST,
        conditions=(
            AtLeast("taken_share", 0.1),
            AtLeast("demand_share", FULL),
            Below("cpu_share", FULL),
            # A process on a full core could not have used more CPU.
            Below("hottest", FULL),
            # A target that rarely waited for a CPU was not held up.
            AtLeast("cpu_wait_share", 0.2, optional=True),
        ),
        evidence="others took {taken_share:.0%} of the target's CPUs, which itself had {cpu_share:.0%} "
        "and waited for more",
        advice="move the neighbours away, or give the target CPUs of its own; until then this number is the host's",
    ),
    Rule(
        word=Bottleneck.BACKLOG,
        conditions=(AtLeast("overflow_share", 0.01),),
        evidence="the accept queue of {listen_limit:.0f} overflowed, {overflow_share:.0%} as often as requests were "
        "answered; {app_inflight:.1f} of {slots:.0f} slots busy",
        advice="raise the backlog and net.core.somaxconn: who is turned away tries again only after a second or more",
    ),
    Rule(
        word=Bottleneck.CPU,
        conditions=(AtLeast("cpu_share", FULL),),
        evidence="{cpu_cores:.2f} of {cpu_limit:.2f} cores used ({cpu_share:.0%})",
        advice="more CPUs, with a worker process for each, or less work per request; more threads would not help",
    ),
    Rule(
        word=Bottleneck.CPU,
        conditions=(AtLeast("cpu_share", NEARLY), AtLeast("app_growth", GREW)),
        evidence="{cpu_cores:.2f} of {cpu_limit:.2f} cores used ({cpu_share:.0%}), and requests took {app_growth:.1f} "
        "times as long",
        advice="more CPUs, with a worker process for each, or less work per request; more threads would not help",
    ),
    Rule(
        word=Bottleneck.GIL,
        conditions=(AtLeast("hottest", FULL), CPU_TO_SPARE),
        evidence="one process used {hottest:.2f} of a core while {cpu_limit:.2f} were there",
        advice="more worker processes, about one a core: threads of one process share one core",
    ),
    Rule(
        word=Bottleneck.GIL,
        conditions=(AtLeast("hottest", NEARLY), AtLeast("app_growth", GREW), CPU_TO_SPARE),
        evidence="one process used {hottest:.2f} of a core while {cpu_limit:.2f} were there, and requests took "
        "{app_growth:.1f} times as long",
        advice="more worker processes, about one a core: threads of one process share one core",
    ),
    Rule(
        word=Bottleneck.IMBALANCE,
        conditions=(
            AtLeast("processes", 2.0),
            AtLeast("fullest", FULL),
            Below("emptiest", 0.75),
            SLOTS_FREE,
            AtLeast("waiting", SOME),
        ),
        evidence="the fullest of {processes:.0f} processes had {fullest:.0%} of its slots busy, the emptiest "
        "{emptiest:.0%}, while {waiting:.1f} requests waited",
        advice="spread connections evenly: one listener per worker (reuse port), one process with more threads, or "
        "connections that close",
    ),
    Rule(
        word=Bottleneck.CONNECTIONS,
        conditions=(AtLeast("connections_share", 0.95), SLOTS_FREE, CPU_TO_SPARE),
        evidence="{connections:.0f} of {connection_cap:.0f} connections held, {app_inflight:.1f} of {slots:.0f} slots "
        "busy, CPU {cpu_share:.0%}",
        advice="raise the connection limit, or let idle connections go sooner: they count although nothing is asked",
    ),
    Rule(
        word=Bottleneck.CONNECTIONS,
        conditions=(AtLeast("waiting_in_kernel", SOME), SLOTS_FREE, Below("cpu_share", NEARLY)),
        evidence="{waiting_in_kernel:.1f} requests waited in the kernel's queue with {app_inflight:.1f} of "
        "{slots:.0f} slots busy, CPU {cpu_share:.0%}",
        advice="the server does not take the connections it has slots for: look for a connection limit, idle "
        "connections that hold workers, slow closing or slow accepting",
    ),
    Rule(
        word=Bottleneck.SLOTS,
        conditions=(AtLeast("slots_share", FULL), Below("app_growth", GREW, optional=True), CPU_TO_SPARE),
        evidence="{app_inflight:.1f} of {slots:.0f} slots busy, CPU {cpu_share:.0%}, {waiting:.1f} requests waiting",
        advice="more threads or workers would raise the ceiling; expected about {per_slot_rps:.3g}/s each",
    ),
    Rule(
        word=Bottleneck.LOCK,
        conditions=(AtLeast("app_growth", GREW), Below("cpu_share", NEARLY)),
        evidence="requests took {app_growth:.2f} times as long inside the app as alone, with CPU {cpu_share:.0%} and "
        "{app_inflight:.1f} inside",
        advice="look for a lock, a connection pool or a service behind the app; more threads would not help",
    ),
    Rule(
        word=Bottleneck.NOT_SATURATED,
        conditions=(
            Below("waiting_share", 0.1),
            Below("slots_share", FULL, optional=True),
            Below("app_growth", GREW, optional=True),
            CPU_TO_SPARE,
            Below("hottest", NEARLY),
            Below("unconnected", SOME, optional=True),
        ),
        evidence="{app_inflight:.1f} of {slots:.0f} slots busy with {users:.0f} users, CPU {cpu_share:.0%}, "
        "nobody waits",
        advice="more users: raise [search] max_users",
    ),
)
"""In order of precedence: each bottleneck distorts the figures that the rules after it use."""


class _NotMeasured:
    def __format__(self, spec: str) -> str:
        return "?"


def filled(template: str, values: Mapping[str, float | None]) -> str:
    """A sentence with its figures filled in; ``?`` for those not measured."""
    return template.format_map({k: _NotMeasured() if v is None else v for k, v in values.items()})
