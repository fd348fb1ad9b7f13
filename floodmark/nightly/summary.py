"""The summary of a night as Markdown: the false-alarm rate, then what changed, then everything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from floodmark.compare.comparison import ranking
from floodmark.compare.enums import Finding, Role
from floodmark.compare.inputs import read_run_set
from floodmark.nightly.files import NightRow
from floodmark.stats.intervals import wilson

_MARK = {
    Finding.FINE: "fine",
    Finding.ALARM: "alarm, not confirmed",
    Finding.REGRESSION: "**REGRESSION**",
    Finding.IMPROVEMENT: "improvement",
    Finding.PLATFORM: "platform change",
    Finding.YOUNG: "no history yet",
    Finding.NO_VERDICT: "no verdict",
}


def markdown(path: Path, rows: Sequence[NightRow], history: Sequence[NightRow]) -> str:
    """The summary of the night in ``path``. ``history`` holds the rows of all nights, including this one."""
    lines = [f"# Night {path.name}", "", twins(history), ""]
    changed = [row for row in rows if row.finding not in {Finding.FINE, Finding.YOUNG, Finding.NO_VERDICT}]
    platform = [row for row in changed if row.finding is Finding.PLATFORM]
    if platform:
        changes = "; ".join(_change(row) for row in platform)
        lines += [
            f"**Platform change**: the reference changed, so the machine did: {changes}. No setup is blamed for it.",
            "",
        ]
    for row in changed:
        if row.finding is not Finding.PLATFORM:
            lines += [f"* {_MARK[row.finding]}: {_change(row)}"]
    if not changed:
        lines += ["Nothing changed."]
    lines += [
        "",
        "| setup | metric | tonight | 95 % interval | tonight / expected | fine down/up to | rounds | finding |",
    ]
    lines += ["|---|---|---:|---|---:|---:|---:|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    ranks = ranking(read_run_set(path))
    if ranks:
        lines += ["", "Ranking by ceiling; setups of equal rank do not differ:", ""]
        for workload in dict.fromkeys(rank.workload for rank in ranks):
            setups = [f"{r.rank}. {r.setup} {r.ceiling_rps:.1f}/s" for r in ranks if r.workload == workload]
            lines += [f"* {workload}: {', '.join(setups)}"]
    return "\n".join(lines) + "\n"


def twins(history: Sequence[NightRow]) -> str:
    """The measured false-alarm rate: how often a setup and its twin seemed to differ."""
    apart = [row.twins_apart for row in history if row.metric == "ceiling_rps" and row.twins_apart is not None]
    if not apart:
        return "False alarms: not known yet; it takes some nights with a twin setup."
    rate = wilson(sum(apart), len(apart))
    last = next(row for row in reversed(history) if row.metric == "ceiling_rps" and row.twins_apart is not None)
    return (
        f"False alarms: in {sum(apart)} of {len(apart)} nights a setup seemed to differ from itself "
        f"({rate.value:.1%}; 95 %: {rate.lo:.1%} to {rate.hi:.1%}).{_spread(last)}"
    )


def _spread(twin: NightRow) -> str:
    """How much a setup differs from itself from night to night, as its twin shows it, beside what is assumed."""
    if twin.assumed_sd is None:
        return ""
    assumed = f"assumed is a spread of {twin.assumed_sd:.1%} between nights"
    if twin.twin_sd is None:
        return f" Of every setup {assumed}, until more nights show it."
    return f" Its twin shows a spread of {twin.twin_sd:.1%} between nights; {assumed}."


def _change(row: NightRow) -> str:
    ratio = "" if row.ratio is None else f" {row.ratio - 1:+.1%}"
    since = f", since {row.since}" if row.since and row.since != row.night else ""
    version = f" ({row.server_version})" if row.server_version else ""
    return f"{row.setup}{version} {row.metric}{ratio}{since}" + (", measured again" if row.again else "")


def _cells(row: NightRow) -> list[str]:
    name = row.setup + (f" ({row.role})" if row.role is not Role.SETUP else "")
    finding = _MARK[row.finding] + (f": {row.reason}" if row.reason else "")
    return [
        name,
        row.metric,
        "-" if row.value is None else f"{row.value:.4g} {row.unit}",
        "-" if row.lo is None or row.hi is None else f"[{row.lo:.4g}, {row.hi:.4g}]",
        "-" if row.ratio is None else f"{row.ratio:.3f}",
        "-" if row.lowest is None else f"{row.lowest:.3f}",
        f"{row.n_valid}/{row.n_rounds}",
        finding,
    ]
