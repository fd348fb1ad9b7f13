"""Describes the result of a sweep in sentences. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from floodmark.sweep.best import Choice, Judgement, Line, Trial
from floodmark.sweep.grid import Axis
from floodmark.sweep.row import MIB, PointVerdict, SweepRow

MANY = 4
"""More settings than this are counted rather than listed."""


def figure(row: SweepRow) -> str:
    """The ceiling of a row with its interval, as text."""
    if row.ceiling_rps is None or row.ceiling_lo is None or row.ceiling_hi is None:
        return f"at least {row.ceiling_lo:.1f}/s" if row.ceiling_lo else "no number"
    return f"{row.ceiling_rps:.1f}/s [{row.ceiling_lo:.1f}, {row.ceiling_hi:.1f}]"


def sentences(rows: Sequence[SweepRow], judgement: Judgement, axes: Sequence[Axis]) -> list[str]:
    """Sentences on the best settings and their ties, where more stops helping, memory, and what is missing."""
    names = {axis.key: axis.name for axis in axes}
    texts = [_choice(choice, names) for choice in judgement.choices]
    if not judgement.choices:
        texts.append("No setting gave a ceiling to recommend.")
    texts += [
        text for axis in axes if (text := _more(axis, [line for line in judgement.lines if line.axis == axis], names))
    ]
    if judgement.per_worker_bytes is not None:
        texts.append(f"Each further worker takes about {judgement.per_worker_bytes / MIB:.0f} MiB.")
    return [*texts, *_failures(rows), *_shared(rows)]


def _choice(choice: Choice, names: Mapping[str, str]) -> str:
    given = f"For {_named(choice.given, names)}: " if choice.given else ""
    settings = {key: value for key, value in choice.recommended.choices.items() if key not in choice.given}
    assert choice.recommended.ceiling is not None
    among = " of those with a number" if choice.open else ""
    best = f"{given}best{among} is {_named(settings, names) or 'the only setting'}, {_figure(choice.recommended)}"
    return f"{best}{_ties(choice, names, settings)}.{_open(choice, names)}"


def _ties(choice: Choice, names: Mapping[str, str], settings: Mapping[str, str]) -> str:
    others = [t for t in (choice.best, *choice.ties) if t is not choice.recommended]
    if not others:
        return ", and nothing ties with it" if settings else ""
    if len(others) <= MANY:
        named = "; ".join(_named(_varied(t, choice), names) for t in others)
    else:
        named = f"{len(others)} others"
    verb = "is" if len(others) == 1 else "are"
    top = "" if choice.recommended is choice.best else f" (highest: {_figure(choice.best)})"
    return f"; {named} {verb} no different{top} and cost more"


def _open(choice: Choice, names: Mapping[str, str]) -> str:
    if not choice.open:
        return ""
    named = "; ".join(_named(_varied(t, choice), names) for t in choice.open[:MANY])
    more = f" and {len(choice.open) - MANY} others" if len(choice.open) > MANY else ""
    return f" It is not known whether {named}{more} would be better."


def _varied(trial: Trial, choice: Choice) -> dict[str, str]:
    return {key: value for key, value in trial.choices.items() if key not in choice.given}


def _more(axis: Axis, lines: Sequence[Line], names: Mapping[str, str]) -> str:
    """Where more along an axis stops helping; lines that agree are combined."""
    if not lines:
        return ""
    deciding = _deciding(lines)
    if not deciding:
        everywhere = f", in all {len(lines)} lines" if len(lines) > 1 else ""
        return f"More {axis.name}: {_outcome(lines[0])}{everywhere}."
    outcomes: dict[str, list[str]] = {}
    for line in lines:
        where = _named({key: line.given[key] for key in deciding}, names)
        places = outcomes.setdefault(_outcome(line), [])
        if where not in places:
            places.append(where)
    parts = [
        f"{text} with {', '.join(places) if len(places) <= MANY else f'{len(places)} others'}"
        for text, places in outcomes.items()
    ]
    return f"More {axis.name}: {'; '.join(parts)}."


def _deciding(lines: Sequence[Line]) -> tuple[str, ...]:
    """The smallest set of the other axes that determines the outcome of a line."""
    keys = tuple(lines[0].given)
    for size in range(len(keys) + 1):
        for chosen in itertools.combinations(keys, size):
            outcomes: dict[tuple[str, ...], set[str]] = {}
            for line in lines:
                outcomes.setdefault(tuple(line.given[key] for key in chosen), set()).add(_outcome(line))
            if all(len(texts) == 1 for texts in outcomes.values()):
                return chosen
    return keys


def _outcome(line: Line) -> str:
    if line.enough is None:
        return f"still a gain at {line.tried[-1]} (the most tried)"
    if line.enough == line.tried[0]:
        text = f"no gain beyond {line.enough}"
    else:
        text = f"a gain up to {line.enough}, none beyond"
    return text if line.worse is None else f"{text} (a loss at {line.worse})"


def _failures(rows: Sequence[SweepRow]) -> list[str]:
    failed = [row for row in rows if row.verdict is not PointVerdict.CONFIRMED]
    if not failed:
        return []
    kinds: dict[PointVerdict, list[str]] = {}
    for row in failed:
        kinds.setdefault(row.verdict, []).append(row.point or "the only setting")
    listed = "; ".join(f"{kind}: {', '.join(points)}" for kind, points in kinds.items())
    return [f"Without a number to recommend: {listed}."]


def _shared(rows: Sequence[SweepRow]) -> list[str]:
    shared = [row for row in rows if row.shared_cores]
    if not shared:
        return []
    used = max((row.gen_cpu_cores or 0.0 for row in shared), default=0.0)
    cpus = sorted({row.cpus for row in shared})
    where = ", ".join(f"cpus={n}" for n in cpus)
    text = (
        f"With {where} the generator ran on the target's own CPUs and used up to {used:.2f} of a core there. "
        "Such a ceiling is low by that share; against another budget it counts as what it could have been "
        "(ceiling_alone_hi)."
    )
    return [text]


def _figure(trial: Trial) -> str:
    ceiling = trial.ceiling
    assert ceiling is not None
    return f"{ceiling.value:.1f}/s [{ceiling.lo:.1f}, {ceiling.hi:.1f}]"


def _named(choices: Mapping[str, str], names: Mapping[str, str]) -> str:
    return " ".join(f"{names[key]}={value}" for key, value in choices.items())
