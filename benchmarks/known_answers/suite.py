"""All known answers, in the order they are measured."""

from __future__ import annotations

from benchmarks.known_answers import honesty, limits, overload, restless, slots, slow, stalls, stored, thinking
from benchmarks.known_answers.case import Case


def number(case: Case) -> int:
    """4 of ``K4-levels``."""
    return int(case.id.removeprefix("K").partition("-")[0])


FAMILIES = (slots, thinking, limits, overload, stalls, honesty, stored, slow, restless)
CASES: tuple[Case, ...] = tuple(sorted((case for family in FAMILIES for case in family.CASES), key=number))
QUICK_SUBSET = ("K2", "K7", "K14", "K16-dying", "K16-errors")


def chosen(words: str | None) -> list[Case]:
    """Cases by id or by number, ``K5`` standing for all of its kind. Raises ValueError for an unknown one."""
    if not words:
        return list(CASES)
    found = []
    for word in words.split(","):
        fits = [case for case in CASES if case.id == word or case.id.startswith(f"{word}-")]
        if not fits:
            raise ValueError(f"there is no case {word!r}; there are: {', '.join(case.id for case in CASES)}")
        found += fits
    return [case for case in CASES if case in found]
