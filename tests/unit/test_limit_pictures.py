"""The pictures of docs/bottlenecks.md: one for each word, and what decided stands out."""

from __future__ import annotations

from typing import Any

from benchmarks.bottlenecks.stored import read_stored
from docs import limits
from floodmark.verdict.enums import Bottleneck

SPECS = limits.pictures()


def bars(name: str) -> dict[str, dict[str, Any]]:
    return {row["figure"]: row for row in SPECS[name]["hconcat"][1]["data"]["values"]}


def test_every_word_has_a_picture_and_a_place_in_the_text() -> None:
    assert {kept.word for kept in read_stored()} == set(Bottleneck) - {Bottleneck.UNKNOWN}
    text = limits.section()
    for kept in read_stored():
        assert f"![{kept.word}](bottlenecks/{kept.id}.svg)" in text
        assert f"(`{kept.word}`)" in text


def test_what_decided_is_told_from_what_did_not() -> None:
    found = bars("slots")
    assert found["slots"]["decides"]
    assert found["slots"]["share"] > 0.9
    assert not found["busiest process"]["decides"]
    assert bars("gil")["busiest process"]["decides"]
    assert not bars("gil")["slots"]["decides"]


def test_every_level_has_its_requests_by_place() -> None:
    rows = SPECS["backlog"]["hconcat"][0]["data"]["values"]
    levels = [row["users"] for row in rows]
    assert levels == sorted(levels)
    inside = {row["users"]: row["n"] for row in rows if row["place"] == "in the app"}
    assert max(inside.values()) <= 4.1
    assert sum(row["n"] for row in rows if row["place"] == "in the kernel's queue" and row["users"] == max(levels)) > 0
