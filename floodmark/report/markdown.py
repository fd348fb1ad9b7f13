"""The verdicts of several runs as a Markdown table, and what they were measured with as a line below it."""

from __future__ import annotations

import math
import re
import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floodmark.report.limit import limit_word
from floodmark.results.folder import StoredRun
from floodmark.results.schema import Result
from floodmark.verdict.words import Phase

UNKNOWN = "-"
BREAK = "<br>"
_SINGULAR = {"workers": "worker", "processes": "process", "threads": "thread", "connections": "connection"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def verdict_table(runs: Sequence[StoredRun], results: Iterable[Result]) -> str:
    """One row for each run, in the order given. ``results``: all rows of their results.csv."""
    found: dict[str, dict[str, Result]] = {run.run_id: {} for run in runs}
    for row in results:
        if row.run_id in found:
            found[row.run_id][row.metric] = row
    columns = dict(COLUMNS)
    if any(limit_word(metrics) is not None for metrics in found.values()):
        columns["limit"] = _limit
    rows = [[cell(_Verdict(run, found[run.run_id])) for cell in columns.values()] for run in runs]
    rule = ["---" if name in {"server", "generator", "limit"} else "---:" for name in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [list(columns), rule, *rows])


def provenance(runs: Sequence[StoredRun]) -> str:
    """When and with what the runs were measured; where they differ, every value."""
    facts = [run.facts for run in runs]
    days = sorted({str(f["started"])[:10] for f in facts})
    parts = [
        f"Measured {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else ""),
        f"workload {_all(f['scenario']['workload'] for f in facts)}",
        f"{_all(f['host']['cpu_model'] for f in facts)}, {_all(f['host']['cpus'] for f in facts)} CPUs",
        _all(_cores(f["cores"]) for f in facts),
        f"backend {_all(f['backend'] for f in facts)}",
        f"Linux {_all(f['host']['kernel'] for f in facts)}",
        f"Python {_all(f['python'] for f in facts)}",
        f"Locust {_all(f['packages']['locust'] for f in facts)}",
        f"floodmark {_all(_floodmark(f['floodmark']) for f in facts)}",
    ]
    return textwrap.fill("; ".join(parts) + ".", 120, break_long_words=False, break_on_hyphens=False)


def escape(text: str) -> str:
    """Text that Markdown shows as it is, also within a table's cell."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def significant(value: float, digits: int) -> str:
    """A number with so many significant digits, but never rounded before the point."""
    return f"{value:,.{_decimals(value, digits)}f}"


def interval(row: Result, digits: int, between: str = " ") -> str:
    """A confirmed value with its interval, both as fine; else the bound that it has."""
    if not isinstance(row.value, float) or not row.valid:
        return UNKNOWN if row.lo is None else f"at least {significant(row.lo, digits)}"
    decimals = _decimals(row.value, digits)
    value = f"{row.value:,.{decimals}f}"
    if row.lo is None or row.hi is None:
        return value
    return f"{value}{between}[{row.lo:,.{decimals}f}, {row.hi:,.{decimals}f}]"


@dataclass(frozen=True, slots=True)
class _Verdict:
    """One run with its metrics."""

    run: StoredRun
    metrics: Mapping[str, Result]

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.run.facts

    def get(self, metric: str) -> Result:
        return self.metrics.get(metric) or Result(metric=metric, valid=False, reason="not measured")


def _server(verdict: _Verdict) -> str:
    """With the settings that decide how many requests run at once; the others are in run.json."""
    target = verdict.facts["target"]
    declared = target["declared"]
    names = ("workers", "processes", "threads" if "threads" in declared else "connections")
    counts = [_count(declared[name], _SINGULAR[name], name) for name in names if name in declared]
    server = f"{target['server']} {target['version'] or ''}".strip()
    return BREAK.join(escape(line) for line in (server, ", ".join(counts)) if line)


def _ceiling(verdict: _Verdict) -> str:
    ceiling = verdict.get("ceiling_rps")
    if ceiling.valid and ceiling.value is not None:
        value, *edges = interval(ceiling, 4, BREAK).partition(BREAK)
        return "".join([f"**{value}**", *edges])
    # What to do about it, after the semicolon, is for whoever ran it.
    return f"{interval(ceiling, 4)}{BREAK}({escape(ceiling.reason.partition(';')[0]) or 'not confirmed'})"


def _knee(verdict: _Verdict) -> str:
    knee = verdict.get("knee_inflight")
    return interval(knee, 3, BREAK) if knee.valid else UNKNOWN


def _slots(verdict: _Verdict) -> str:
    slots = verdict.facts["target"]["nominal_slots"]
    if slots is None:
        return UNKNOWN if verdict.facts["target"]["server"] == "external" else "no limit"
    return f"{slots:,}"


def _n95(verdict: _Verdict) -> str:
    n95 = verdict.get("n95_users")
    return _users(n95.value) if n95.valid and isinstance(n95.value, float) else UNKNOWN


def _p50(verdict: _Verdict) -> str:
    """At the held level: where the ceiling comes from."""
    users = (verdict.facts.get("search") or {}).get("hold_users")
    middles = [
        step.r_p50_ms
        for step in verdict.run.steps
        if step.phase is Phase.HOLD and step.users == users and step.valid and step.r_p50_ms is not None
    ]
    return f"{significant(statistics.median(middles), 3)} ms{BREAK}at {_users(users)}" if middles and users else UNKNOWN


def _overload(verdict: _Verdict) -> str:
    kept = verdict.get("overload_kept")
    if not kept.valid or not isinstance(kept.value, float):
        return UNKNOWN
    most = max((step.users for step in verdict.run.steps if step.phase is Phase.VERIFY), default=0)
    return f"{100 * kept.value:.0f} %{BREAK}at {_users(most)}"


def _generator(verdict: _Verdict) -> str:
    word = verdict.get("generator").value
    return UNKNOWN if word is None else escape(str(word))


COLUMNS = {
    "server": _server,
    "ceiling, good/s": _ceiling,
    "knee, in flight": _knee,
    "slots": _slots,
    "95 % at": _n95,
    "p50 at hold": _p50,
    "overload keeps": _overload,
    "generator": _generator,
}


def _limit(verdict: _Verdict) -> str:
    return limit_word(verdict.metrics) or UNKNOWN


def _users(number: float) -> str:
    return _count(f"{number:,.0f}", "user", "users")


def _count(number: object, singular: str, plural: str) -> str:
    return f"{number} {singular if str(number) == '1' else plural}"


def _decimals(value: float, digits: int) -> int:
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0


def _all(values: Iterable[object]) -> str:
    """Every different value once, in the order met."""
    return " and ".join(dict.fromkeys(escape(str(value)) for value in values))


def _cores(cores: Mapping[str, Any]) -> str:
    if cores["shared_cores"]:
        return "target and generator on the same CPUs"
    target, generator = (",".join(map(str, cores[side])) for side in ("target", "generator"))
    return f"target on CPU {target}, generator on CPU {generator}"


def _floodmark(software: Mapping[str, Any]) -> str:
    """The version and its commit."""
    commit = software.get("git_sha")
    at = f" ({commit[:7]}{', with changes' if software.get('dirty') else ''})" if commit else ""
    return f"{software['version']}{at}"
