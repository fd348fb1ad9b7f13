"""Stored runs for reports: those of docs/runs, copied under other names and with more files than are kept there."""

from __future__ import annotations

import csv
import json
import math
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from floodmark.results.schema import BucketCount, Second
from floodmark.results.table import write_table
from target_apps.serve import ROOT

KEPT = sorted((ROOT / "docs" / "runs").iterdir(), key=lambda path: ("-gthread-" not in path.name, path.name))
"""Runs of docs/runs, gthread first."""


def copy_run(original: Path, into: Path, number: int, **changed: Any) -> Path:
    """A copy of a run, ``number`` hours later and under a name of its own. ``changed``: of its scenario."""
    facts = json.loads((original / "run.json").read_text())
    begun = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    run_id = f"{begun:%Y%m%dT%H%M%SZ}-{facts['scenario']['name']}-{number}"
    facts |= {"run_id": run_id, "started": begun.isoformat(timespec="milliseconds")}
    facts["scenario"] |= changed
    if changed:
        facts["config_hash"] = "-".join(map(str, changed.values())) + facts["config_hash"]
    path = into / run_id
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps(facts))
    for name in ("results.csv", "steps.csv"):
        rows = list(csv.reader((original / name).read_text().splitlines()))
        with (path / name).open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([rows[0], *([run_id, *row[1:]] for row in rows[1:])])
    return path


def add_details(path: Path, *, by_place: bool = True) -> None:
    """A timeline and histograms for a run that has none: as its visits say, second by second.

    by_place: somebody looked where requests waited, in the server or in the kernel.
    """
    with (path / "steps.csv").open() as file:
        visits = list(csv.DictReader(file))
    seconds = []
    for t in range(math.floor(float(visits[-1]["t_end_s"]))):
        visit = next(s for s in visits if t <= float(s["t_end_s"]))
        users = int(visit["users"])
        seconds.append(
            Second(
                t_s=t,
                time=f"2026-01-01T00:{t // 60:02}:{t % 60:02}.000+00:00",
                visit=int(visit["visit"]),
                phase=visit["phase"],
                users=users,
                good=round(float(visit["goodput_rps"])),
                inflight_mean=users * 0.99,
                app_inflight_mean=min(users, 7.9) + 0.01 * (t % 7),
                waiting_in_server=0.7 * max(0.0, users - 8) if by_place else None,
                waiting_in_kernel=0.3 * max(0.0, users - 8) if by_place else None,
                cpu_cores=0.1 + 0.013 * (t % 11),
                cpu_proc_max=0.05 + 0.007 * (t % 5),
                gen_cpu_max=0.04 + 0.003 * (t % 3),
            )
        )
    write_table(path / "timeline.csv", Second, seconds)
    buckets = []
    for visit in visits:
        low = float(visit["r_p50_ms"] or 50) / 1.2
        for n in range(40):
            edges = {"bucket_lo_ms": low * 1.01**n, "bucket_hi_ms": low * 1.01 ** (n + 1)}
            buckets.append(BucketCount(visit=int(visit["visit"]), kind="good", count=1 + (n * 7) % 13, **edges))
    write_table(path / "histograms.csv", BucketCount, buckets)


def many(into: Path, count: int, workloads: tuple[str, ...] = ("io", "cpu", "mixed"), *, details: bool = True) -> Path:
    """``count`` different servers under each workload, with everything a run has or without ``details``."""
    number = 0
    detailed: dict[Path, Path] = {}
    for workload in workloads:
        for server in range(count):
            number += 1
            original = KEPT[server % len(KEPT)]
            name = f"{original.name.split('-', 1)[1].rsplit('-io', 1)[0]}-{server}"
            path = copy_run(original, into, number, name=name, workload=workload)
            if details and original in detailed:
                for file in ("timeline.csv", "histograms.csv"):
                    shutil.copy(detailed[original] / file, path)
            elif details:
                add_details(path)
                detailed[original] = path
    return into
