"""The summary of a run on the terminal."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from floodmark.results.record import PROVENANCE, RunRecord
from floodmark.results.repeats import StartsRow
from floodmark.results.run import Run
from floodmark.results.schema import RESULTS, STEPS, Result
from floodmark.verdict.enums import BOTTLENECK_TEXT, Advice, Bottleneck, Phase
from floodmark.verdict.saturation import UNCONFIRMED
from floodmark.verdict.visit import Visit

GOOD, BAD, NOTE, WARN = "[green]✓[/green]", "[red]✗[/red]", "•", "[yellow]![/yellow]"
Line = tuple[str, str, str]
"""A line of the summary: mark, name, text."""
QUIET_STEAL = 0.02
"""Share of CPU time that the hypervisor may take before a warning (docs/method.md)."""
SLOW_PACE, CHANGED_PACE = 0.9, 1.1
"""A pace below the first, or one that varies by more than the second between visits, is worth a warning."""


def show(console: Console, run: Run) -> None:
    """Print the verdict of a run."""
    console.print()
    console.print(f"[bold]{escape(_title(run.record))}[/bold]", highlight=False)
    lines = _lines(run) if "ceiling_rps" in run.results else _rate_lines(run)
    for mark, name, text in lines:
        console.print(f" {mark} {name:<10} {escape(text)}", highlight=False, soft_wrap=True)
    for visit in run.visits:
        if not visit.valid:
            console.print(
                f" {WARN} visit {visit.number} ({visit.phase}, {visit.users} users) left out: {escape(visit.reason)}",
                highlight=False,
            )
    console.print(f" {run.path / RESULTS}  {STEPS}  {PROVENANCE}", highlight=False, soft_wrap=True)


def show_starts(console: Console, rows: Sequence[StartsRow], path: Path) -> None:
    """Print the statistics over repeats."""
    console.print()
    for row in rows:
        if row.value is None:
            text = f"no valid run in {row.n_starts} starts"
        else:
            interval = f" [{row.lo:.2f}, {row.hi:.2f}]" if row.lo is not None else ""
            text = (
                f"{row.value:.2f} {row.unit}{interval} between {row.n_valid} of {row.n_starts} starts; "
                f"{row.inside} of {row.n_valid} runs' own intervals contain it"
            )
        mark = GOOD if row.n_valid == row.n_starts else WARN
        console.print(f" {mark} {row.scenario} {row.metric}: {text}", highlight=False, soft_wrap=True)
    console.print(f" {path}", highlight=False, soft_wrap=True)


def _title(record: RunRecord) -> str:
    target, cores = record.target, record.cores
    settings = " ".join(f"{k}={v}" for k, v in target.declared.items() if k in {"workers", "threads", "processes"})
    cpus = (
        "shared CPUs" if cores.shared else f"target on CPU {_cpus(cores.target)}, generator on {_cpus(cores.generator)}"
    )
    parts = [
        f"{record.scenario.name} / {record.scenario.workload}",
        f"{target.server} {target.version or ''} {settings}".strip(),
        f"{record.backend}, {cpus}",
    ]
    return "   ".join(parts)


def _cpus(cpus: Sequence[int]) -> str:
    return ",".join(map(str, cpus))


def _lines(run: Run) -> list[Line]:
    results, visits = run.results, run.visits
    lines = [_ceiling(results["ceiling_rps"], run.hold_users)]
    knee, flight, n95 = results["knee_users"], results["knee_inflight"], results["n95_users"]
    if flight.valid and isinstance(flight.value, float):
        text = f"{flight.value:.2f} in flight {_interval(flight, 2)}"
        if isinstance(knee.value, float) and abs(knee.value - flight.value) > 0.01:
            text += f" = {knee.value:.1f} users {_interval(knee, 1)}"
        if isinstance(n95.value, float):
            text += f"; 95 % of the ceiling takes {n95.value:.0f} users"
        if run.record.target.nominal_slots is not None:
            text += f"; nominal slots {run.record.target.nominal_slots}"
        lines.append((GOOD, "knee", text))
    r0 = results["r0_ms"]
    if isinstance(r0.value, float):
        lines.append((NOTE, "R0", f"{r0.value:.2f} ms {_interval(r0, 2)} per request without contention"))
    lines.append(_generator(results["generator"], visits))
    lines += host_lines(visits)
    lines += pace_lines(results)
    lines += limit_lines(results)
    kept, collapse = results["overload_kept"], results["collapse_users"]
    if isinstance(kept.value, float):
        beyond = "no collapse seen" if isinstance(collapse.value, str) else f"collapses at {collapse.value:.0f} users"
        lines.append(
            (
                NOTE,
                "overload",
                f"{kept.value:.0%} of the ceiling kept ({kept.method.split(' over ')[0]}); {beyond}",
            )
        )
        lines += _beyond(results)
    return lines + _slo_line(results) + _time_line(results)


def _beyond(results: Mapping[str, Result]) -> list[Line]:
    """Where errors begin, and how soon the target recovers. Older runs lack these rows."""
    lines = []
    onset, recovery = results.get("error_onset_users"), results.get("recovery_s")
    if onset is not None and isinstance(onset.value, float):
        lines.append((WARN, "errors", f"more than 1 % from {onset.value:.0f} users on; {onset.lo:.0f} users get fewer"))
    if recovery is not None and isinstance(recovery.value, float):
        lines.append((NOTE, "recovery", f"recovered within {recovery.value:.1f} s of the overload"))
    elif recovery is not None and recovery.lo is not None:
        lines.append((BAD, "recovery", f"not recovered {recovery.lo:.0f} s after the overload: metastable"))
    return lines


def _slo_line(results: Mapping[str, Result]) -> list[Line]:
    rate, limit = results.get("slo_rate_rps"), results.get("slo_ms")
    if rate is None:
        return []
    if not isinstance(rate.value, float) or limit is None:
        return [(BAD, "SLO rate", f"no number: {rate.reason}")]
    text = f"{rate.value:.1f} arrivals/s {_interval(rate, 1)}, 99 % answered within {limit.value:.0f} ms; {rate.method}"
    return [(GOOD, "SLO rate", text)]


def _rate_lines(run: Run) -> list[Line]:
    """The lines of a run that offered one rate."""
    results, visits = run.results, run.visits
    goodput = results["goodput_rps"]
    if not isinstance(goodput.value, float):
        return [(BAD, "goodput", f"no number: {goodput.reason}"), *_time_line(results)]
    offered, follow = results["offered_rps"].value, results["follow_ratio"].value
    assert isinstance(offered, float)
    assert isinstance(follow, float)
    mark = GOOD if goodput.valid else BAD
    text = f"{goodput.value:.1f} good answers/s {_interval(goodput, 1)} of {offered:.1f}/s offered ({follow:.1%})"
    lines = [(mark, "goodput", text + (f"; void: {goodput.reason}" if not goodput.valid else ""))]
    latencies = [
        f"{name} {row.value:.1f} ms"
        for name in ("p50", "p95", "p99")
        if isinstance((row := results[f"r_{name}_ms"]).value, float)
    ]
    lines.append(
        (NOTE, "latency", f"{', '.join(latencies) or 'too few answers'}, from the intended send time (open model)")
    )
    unsent = results["not_sent"].value
    if unsent:
        lines.append((BAD, "not sent", f"{unsent:.0f} arrivals found no connection in time"))
    lines += [_generator(results["generator"], visits), *host_lines(visits)]
    return [*lines, *limit_lines(results), *_time_line(results)]


def _time_line(results: Mapping[str, Result]) -> list[Line]:
    total = results.get("time_to_result_s")
    lines = []
    if total is not None and isinstance(total.value, float):
        shares = ", ".join(
            f"{metric.removeprefix('time_').removesuffix('_s').replace('_', ' ')} {row.value:.0f}"
            for metric, row in results.items()
            if metric.startswith("time_") and metric != "time_to_result_s" and isinstance(row.value, float)
        )
        lines.append((NOTE, "time", f"{total.value:.0f} s ({shares})"))
    return lines


def _ceiling(ceiling: Result, hold_users: int | None) -> Line:
    if ceiling.valid and isinstance(ceiling.value, float):
        basis = f"{ceiling.n_visits} visits at {hold_users} users, {ceiling.reason or 'confirmed'}"
        digits = _digits(ceiling.value)
        intervals = _interval(ceiling, digits) + _this_run(ceiling, digits)
        text = f"{ceiling.value:.{digits}f} requests/s {intervals}  {basis}"
        return GOOD if not ceiling.reason else WARN, "ceiling", text
    if isinstance(ceiling.value, float) and ceiling.method == UNCONFIRMED:
        digits = _digits(ceiling.value)
        known = f"{ceiling.value:.{digits}f} requests/s {_interval(ceiling, digits)}"
        text = f"about {known} so far, not confirmed: {ceiling.reason}"
        return BAD, "ceiling", text
    if ceiling.lo is not None:
        least = f"{ceiling.lo:.{_digits(ceiling.lo)}f}"
        return BAD, "ceiling", f"at least {least} requests/s, not confirmed: {ceiling.reason}"
    return BAD, "ceiling", f"no number: {ceiling.reason}"


def _digits(rate: float) -> int:
    """Decimals that show a rate to four digits, at least one."""
    return 1 if rate >= 100 else 2 if rate >= 10 else 3


def _this_run(ceiling: Result, digits: int) -> str:
    """The interval of this run alone, where the one for other days is wider."""
    if ceiling.lo_run is None or ceiling.hi_run is None or ceiling.lo_run == ceiling.lo:
        return ""
    return f", in this run [{ceiling.lo_run:.{digits}f}, {ceiling.hi_run:.{digits}f}]"


def pace_lines(results: Mapping[str, Result]) -> list[Line]:
    """A warning if the target's CPUs were slower than they can be, or changed their pace."""
    pace, at_1 = results.get("pace"), results.get("ceiling_at_pace_1")
    if pace is None or not isinstance(pace.value, float) or pace.lo is None or pace.hi is None:
        return []
    if pace.value >= SLOW_PACE and pace.hi <= pace.lo * CHANGED_PACE:
        return []
    text = f"the target's CPUs ran at {pace.value:.0%} of their fastest ({pace.lo:.0%} to {pace.hi:.0%})"
    if at_1 is not None and at_1.valid and isinstance(at_1.value, float):
        text += f"; at their fastest the ceiling is about {at_1.value:.1f} {_interval(at_1, 1)}"
    elif at_1 is not None and at_1.reason:
        text += f"; {at_1.reason}"
    return [(WARN, "pace", text)]


def _generator(word: Result, visits: Sequence[Visit]) -> Line:
    cpu = max((v.gen_cpu_max for v in visits if v.gen_cpu_max is not None), default=None)
    lag = max(
        (v.loop_lag_p99_ms for v in visits if v.phase == "hold" and v.loop_lag_p99_ms is not None),
        default=None,
    )
    text = str(word.value) if word.value is not None else "not judged"
    if cpu is not None:
        text += f": at most {cpu:.0%} of a core"
    if lag is not None:
        text += f", loop lag p99 {lag:.1f} ms"
    if word.reason:
        text += f"; {word.reason}"
    return GOOD if word.value == "ok" else WARN if word.value == "suspect" else BAD, "generator", text


def _interval(row: Result, digits: int) -> str:
    if row.lo is None:
        return ""
    return f"[{row.lo:.{digits}f}, {row.hi:.{digits}f}]" if row.hi is not None else f"[{row.lo:.{digits}f}, ...)"


def host_lines(visits: Sequence[Visit]) -> list[Line]:
    """A warning if the hypervisor took CPU time of the target; none if the host was quiet or not sampled."""
    loaded = [v for v in visits if v.phase is not Phase.WARM]
    held = [v for v in loaded if v.phase is Phase.HOLD] or loaded
    taken = [v.steal for v in held if v.steal is not None]
    if not taken or statistics.fmean(taken) <= QUIET_STEAL:
        return []
    text = (
        f"noisy: the hypervisor took {statistics.fmean(taken):.0%} of the target's CPU time meanwhile, up to "
        f"{max(taken):.0%} in a visit; the numbers may differ at another time, so repeat the run"
    )
    return [(WARN, "host", text)]


def limit_lines(results: Mapping[str, Result]) -> list[Line]:
    """The bottleneck, and whether its advice held; nothing for older runs, which lack it."""
    word, margin = results.get("bottleneck"), results.get("bottleneck_margin")
    if word is None or word.value is None:
        return []
    named = Bottleneck(str(word.value))
    if named is Bottleneck.UNKNOWN:
        # The end of the reason lists all figures, which are only useful in the file.
        return [(WARN, "limit", f"unknown: {word.reason.rpartition('; ')[0] or word.reason}")]
    margin_text = f" (margin {margin.value:.0%})" if margin is not None and isinstance(margin.value, float) else ""
    lines = [(GOOD, "limit", f"{BOTTLENECK_TEXT[named]}{margin_text}: {word.reason}")]
    tried = results.get("advice")
    if tried is not None and tried.value is not None:
        lines.append(_tried(Advice(str(tried.value)), tried.reason))
    return lines


def _tried(word: Advice, note: str) -> Line:
    match word:
        case Advice.CONFIRMED:
            return GOOD, "advice", f"confirmed: {note}"
        case Advice.NOT_CONFIRMED:
            return BAD, "advice", f"not confirmed: {note}"
        case Advice.NOT_TRIED:
            return WARN, "advice", note
