"""docs/gallery.md: pictures of the runs in docs/runs, the same every time."""

from __future__ import annotations

import re
from pathlib import Path

from docs import gallery
from tests.support.stored import KEPT, add_details, copy_run


def test_every_picture_named_is_made_and_is_drawn_in_plain_colours(tmp_path: Path) -> None:
    runs = tmp_path / "docs" / "runs"
    add_details(copy_run(KEPT[0], runs, 1))
    copy_run(KEPT[1], runs, 2)
    found = gallery.documents(tmp_path)
    page = found.pop(gallery.PAGE)
    named = re.findall(r"\]\((gallery/[^)]+)\)", page)
    assert sorted(f"docs/{name}" for name in named) == sorted(map(str, found))
    assert [name.rpartition("-")[2] for name in named] == [
        "goodput.svg",
        "latency.svg",
        "places.svg",
        "cores.svg",
        "latencies.svg",
    ]
    for picture in found.values():
        assert picture.startswith("<svg")
        assert "var(" not in picture
        assert 'fill="white"' in picture
    assert gallery.documents(tmp_path) == {gallery.PAGE: page, **found}


def test_a_stale_picture_is_told(tmp_path: Path) -> None:
    found = {Path("a.svg"): "x", Path("b.svg"): "y"}
    (tmp_path / "a.svg").write_text("x")
    assert gallery.check(tmp_path, found) == 1
    (tmp_path / "b.svg").write_text("y")
    assert gallery.check(tmp_path, found) == 0
