"""The HTML report of runs in docs/runs and of damaged ones: whole, alone, small, and honest about what is missing."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from docs import vendor
from floodmark import cli
from floodmark.errors import UsageError
from floodmark.report import comment
from floodmark.report.html import assets
from floodmark.report.html.page import render
from floodmark.report.ranks import places
from floodmark.report.runs import Collection, collect, names_apart
from floodmark.results.record import read_record
from floodmark.results.schema import Result
from tests.support.stored import KEPT, add_details, copy_run, many

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path"}


class Page(HTMLParser):
    """Elements by test id with their text, everything that could make a request, and whether tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: dict[str, list[str]] = {}
        self.fetches: list[str] = []
        self.ids: list[str] = []
        self._open: list[tuple[str, str | None]] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        for name in ("src", "href", "action", "data", "xlink:href"):
            if given.get(name) and not str(given[name]).startswith(("#", "data:")):
                self.fetches.append(f"{tag} {name}={given[name]}")
        if tag not in VOID:
            self._open.append((tag, given.get("data-testid")))
        if given.get("data-testid"):
            self.text.setdefault(str(given["data-testid"]), []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            opened, _ = self._open.pop()
            assert opened == tag

    def handle_data(self, data: str) -> None:
        for _, test_id in self._open:
            if test_id is not None:
                self.text[test_id][-1] += data


def data_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    for part in (*document["workloads"].values(), *document["servers"].values()):
        for rows in (part.get("data", {}), part):
            for name, columns in rows.items():
                if isinstance(columns, dict) and set(columns) == {"columns"}:
                    rows[name] = rows_of(columns["columns"])
    return document


def rows_of(columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def report(*paths: Path) -> tuple[str, Page]:
    html = render(collect(list(paths)))
    return html, Page(html)


@cache
def kept() -> tuple[str, Page]:
    """Of the runs in docs/runs."""
    return report(KEPT[0].parent)


def change(path: Path, edit: Callable[[dict[str, str]], None], name: str = "steps.csv") -> None:
    rows = list(csv.DictReader((path / name).read_text().splitlines()))
    for row in rows:
        edit(row)
    with (path / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_every_server_is_in_the_table_with_its_interval_and_ties_are_ties() -> None:
    _, page = kept()
    (table,) = page.text["verdicts"]
    for run in KEPT:
        rows = {row["metric"]: row for row in csv.DictReader((run / "results.csv").read_text().splitlines())}
        assert json.loads((run / "run.json").read_text())["scenario"]["name"] in table
        ceiling = {key: float(rows["ceiling_rps"][key]) for key in ("value", "lo", "hi")}
        digits = max(0, 3 - int(math.log10(ceiling["value"])))
        assert f"[{ceiling['lo']:,.{digits}f}, {ceiling['hi']:,.{digits}f}]" in table
    # The four servers of eight slots differ by less than their intervals.
    assert [text.strip() for text in page.text["place"]] == ["1", "2", *["3-6tied"] * 4, "7", "8"]
    assert table.count("tied with") == 4


def test_it_asks_nobody_for_anything_and_forbids_it_too() -> None:
    html, page = kept()
    assert not page.fetches
    assert "default-src 'none'" in html
    ours = html
    for script in assets.library():
        assert script in html
        ours = ours.replace(script, "")
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+/[^\s\"'<>\\]*", ours))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink", *schemas(html)}
    assert "sourceMappingURL" not in html
    assert "@import" not in html
    assert "url(" not in ours.replace("url(#", "")


def schemas(html: str) -> set[str]:
    """Names of grammars: never fetched."""
    return set(re.findall(r'"\$schema":"([^"]+)"', html))


def test_ids_are_unique_and_every_chart_has_its_place() -> None:
    html, page = kept()
    assert len(page.ids) == len(set(page.ids))
    for name, workload in data_of(html)["workloads"].items():
        for chart in set(workload) - {"data"}:
            assert f"{name}-{chart}" in page.ids
    assert set(data_of(html)["servers"]) <= set(page.ids)


def test_every_visit_is_drawn_and_the_left_out_ones_say_why() -> None:
    html, page = kept()
    (workload,) = data_of(html)["workloads"].values()
    drawn = {(p["server"], p["visit"]): p for p in workload["data"]["points"]}
    for run in KEPT:
        name = json.loads((run / "run.json").read_text())["scenario"]["name"]
        for row in csv.DictReader((run / "steps.csv").read_text().splitlines()):
            if row["phase"] == "warm":
                continue
            point = drawn[name, int(row["visit"])]
            assert point["valid"] == (row["valid"] == "1")
            assert point["reason"] == row["reason"]
            if row["valid"] == "0":
                assert row["reason"] in page.text["left-out"][0]


def test_static_pictures_stand_in_for_the_charts_and_hold_every_mark() -> None:
    html, _ = kept()
    pictures = re.findall(r'data-testid="(?:goodput|latency)"><svg.*?</svg>', html, re.DOTALL)
    assert len(pictures) == 2
    assert pictures[0].count("ceiling") >= 8
    assert pictures[0].count("knee") >= 8
    assert "var(--s0)" in pictures[0]


def test_ten_servers_under_three_workloads_stay_below_two_megabytes(tmp_path: Path) -> None:
    html, page = report(many(tmp_path, 10))
    assert len(page.text["server"]) == 30
    assert len(html.encode()) < 2_000_000


def test_forty_servers_are_told_apart(tmp_path: Path) -> None:
    html, page = report(many(tmp_path, 40, ("io",), details=False))
    (workload,) = data_of(html)["workloads"].values()
    channels = next(layer for layer in workload["goodput"]["layer"] if layer["mark"]["type"] == "point")["encoding"]
    looks = list(zip(channels["stroke"]["scale"]["range"], channels["shape"]["scale"]["range"], strict=True))
    assert len(looks) == len(set(looks)) == 40
    assert "others" in page.text["verdicts"][0]


def test_seconds_are_drawn_by_place_and_thinned_out(tmp_path: Path) -> None:
    add_details(path := copy_run(KEPT[0], tmp_path, 1), by_place=False)
    html, page = report(path)
    (server,) = data_of(html)["servers"].values()
    assert len(server["seconds"]) <= 240
    for second in server["seconds"]:
        assert second["in the app"] <= 8
        assert second["in the kernel"] is None
    waiting = [second["waiting"] for second in server["seconds"]]
    assert min(waiting) == 0
    assert max(waiting) > 30
    assert server["latencies"]
    assert {"places", "cores", "histogram"} <= set(page.text)


def test_waiting_in_server_and_kernel_is_drawn_where_it_was_seen(tmp_path: Path) -> None:
    add_details(path := copy_run(KEPT[0], tmp_path, 1))
    (server,) = data_of(report(path)[0])["servers"].values()
    assert max(second["in the server"] for second in server["seconds"]) > 20
    assert max(second["in the kernel"] for second in server["seconds"]) > 10
    assert all(second["waiting"] is None for second in server["seconds"])


def test_what_stopped_it_stands_in_the_table_and_in_full_with_the_server(tmp_path: Path) -> None:
    path = copy_run(KEPT[0], tmp_path, 1)
    rows = (path / "results.csv").read_text().splitlines(keepends=True)
    (path / "results.csv").write_text("".join(row for row in rows if ",bottleneck" not in row))
    with (path / "results.csv").open("a") as file:
        file.write("x,bottleneck,slots,,,word,,figures,3,1,8.0 of 8 slots were busy: give it more threads,,\n")
    html, page = report(path)
    assert "stopped by" in page.text["verdicts"][0]
    assert "8.0 of 8 slots were busy" in page.text["verdicts"][0]
    assert "give it more threads" in html


def test_an_interrupted_run_says_so_and_shows_what_was_measured(tmp_path: Path) -> None:
    path = copy_run(KEPT[0], tmp_path, 1)
    facts = json.loads((path / "run.json").read_text())
    facts |= {"status": "interrupted", "search": {"end": "interrupted", "reason": "Ctrl-C", "hold_users": None}}
    (path / "run.json").write_text(json.dumps(facts))
    (path / "steps.csv").write_text("\n".join((path / "steps.csv").read_text().splitlines()[:6]) + "\n17,cut o")
    (path / "results.csv").unlink()
    html, page = report(path)
    assert "gthread (io): interrupted" in html
    assert "floodmark verdict" in html
    assert "interrupted" in page.text["verdicts"][0]
    (workload,) = data_of(html)["workloads"].values()
    assert len(workload["data"]["points"]) == 2  # of five visits, three of them to warm up
    assert page.text["place"] == ["-"]


def test_a_run_killed_before_its_first_visit_is_a_row_without_a_chart(tmp_path: Path) -> None:
    path = copy_run(KEPT[0], tmp_path, 1)
    for name in ("steps.csv", "results.csv"):
        (path / name).unlink()
    facts = json.loads((path / "run.json").read_text())
    facts["status"] = "interrupted"
    del facts["search"]
    (path / "run.json").write_text(json.dumps(facts))
    html, page = report(path)
    assert "no visit was completed" in html
    assert "goodput" not in page.text
    assert "killed before its end was recorded" in html


def test_a_run_of_void_visits_only_has_no_place_and_hollow_points(tmp_path: Path) -> None:
    path = copy_run(KEPT[0], tmp_path, 1)
    change(path, lambda row: row.update(valid="0", reason="generator limited"))
    change(path, lambda row: row.update(value="", lo="", hi="", valid="0", reason="the generator"), "results.csv")
    html, page = report(path)
    assert "every visit was left out" in html
    (workload,) = data_of(html)["workloads"].values()
    assert not any(point["valid"] for point in workload["data"]["points"])
    assert not workload["data"]["marks"]
    assert page.text["place"] == ["-"]


def test_earlier_runs_of_one_setting_are_its_history(tmp_path: Path) -> None:
    for number in range(5):
        copy_run(KEPT[0], tmp_path, number)
    copy_run(KEPT[1], tmp_path, 7)
    html, page = report(tmp_path)
    assert len(page.text["server"]) == 2
    (workload,) = data_of(html)["workloads"].values()
    assert len(workload["data"]["history"]) == 6
    assert "history" in page.text


def test_what_a_file_says_is_text_and_never_markup(tmp_path: Path) -> None:
    path = copy_run(KEPT[0], tmp_path, 1, name="</script><img src=x onerror=alert(1)>")
    change(path, lambda row: row.update(valid="0", reason="</script><script>alert(2)</script>\u2028"))
    html, page = report(path)
    ours = html
    for script in assets.library():
        ours = ours.replace(script, "")
    assert "<img" not in ours
    assert "<script>alert" not in ours
    assert not page.fetches
    (workload,) = data_of(html)["workloads"].values()
    assert workload["data"]["points"][0]["reason"].startswith("</script>")


def test_the_same_files_give_the_same_page() -> None:
    assert report(KEPT[0].parent)[0] == kept()[0]


def test_vendored_files_are_those_recorded(tmp_path: Path) -> None:
    assert vendor.check(vendor.VENDOR) == 0
    for file in vendor.VENDOR.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "vega.min.js").write_text("changed")
    assert vendor.check(tmp_path) == 1
    assert {name: facts["version"] for name, facts in assets.versions().items()} == vendor.PACKAGES
    assert all("Redistribution" in text for text in assets.licences())


@pytest.mark.parametrize(("words", "what"), [
    (["report", "nowhere"], "there is no such folder"),
    (["report", "tests"], "no run in tests"),
    (["report", "docs/runs", "--format", "terminal", "-o", "x"], "no effect"),
    (["report", "docs/runs", "-o", "nowhere/r.html"], "cannot write"),
])  # fmt: skip
def test_bad_input_is_one_clear_error(words: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(words)
    err = capsys.readouterr().err
    assert code == (1 if "write" in what else 2)
    assert what in err
    assert "Traceback" not in err


def test_a_folder_that_is_no_run_is_left_out_with_its_reason(tmp_path: Path) -> None:
    copy_run(KEPT[0], tmp_path, 1)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("{")
    found = collect([tmp_path])
    assert len(found.subjects) == 1
    assert "not JSON" in found.left_out[0]
    assert "not JSON" in render(found)
    with pytest.raises(UsageError, match="not JSON"):
        collect([tmp_path / "odd"])


def ceiling(value: float, half: float, *, valid: bool = True) -> Result:
    return Result(metric="ceiling_rps", value=float(value), lo=value - half, hi=value + half, valid=valid)


def test_places_are_ranges_where_servers_cannot_be_told_apart() -> None:
    found = places(
        [ceiling(200, 1), ceiling(100, 4), ceiling(103, 4), ceiling(110, 3), None, ceiling(1, 1, valid=False)]
    )
    assert [str(place) if place else None for place in found] == ["1", "3-4", "2-4", "2-3", None, None]
    assert [place.tied for place in found if place] == [(), (2,), (1, 3), (2,)]


def test_names_say_only_what_tells_runs_apart() -> None:
    sync = next(run for run in KEPT if "-sync-" in run.name)
    records = [read_record(run) for run in (KEPT[0], KEPT[0], sync)]
    target = dataclasses.replace(records[1].target, declared={"workers": 4, "threads": 8})
    records[1] = dataclasses.replace(records[1], target=target)
    assert names_apart(records) == ["gthread (2 workers, 4 threads)", "gthread (4 workers, 8 threads)", "sync"]


def test_a_comment_has_the_verdicts_and_folds_away_what_was_left_out() -> None:
    found = collect([KEPT[0].parent])
    text = comment.render(found)
    assert len(text) < comment.MOST
    assert text.count("3-6<br>tied") == 4
    assert "goodput drifted within the visit\n" in text
    assert text.count("<details>") == text.count("</details>") == 1


def test_a_comment_of_very_many_runs_stays_short(tmp_path: Path) -> None:
    for number in range(60):
        path = copy_run(KEPT[0], tmp_path, number, name=f"server-{number}")
        change(path, lambda row: row.update(valid="0", reason="a reason that is long enough to tell a story " * 2))
    found: Collection = collect([tmp_path])
    text = comment.render(found)
    assert "<details>" not in text
    assert len(text) < comment.MOST
