"""What the method must reach on simulated targets: slow, refusing and restless ones, and beside them the SLO rate.

``python -m benchmarks.strategies.goals`` writes goals.csv and the table "Against the goals" in docs/method.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.page import DOCS, renew
from benchmarks.record import RESULTS, write
from benchmarks.strategies.scenario import BY_NAME, Scenario
from floodmark.results.table import read_table
from floodmark.run.machine import host_sd
from floodmark.search.find import find_ceiling
from floodmark.search.order import Order
from floodmark.search.settings import SearchSettings, SloSettings, Span
from floodmark.stats.window import ErrorKind
from floodmark.verdict.difference import Value, Word, ratio
from floodmark.verdict.enums import Phase
from floodmark.verdict.estimate import Estimate
from floodmark.verdict.outcome import judge_visits
from floodmark.verdict.saturation import Host, judge
from floodmark.verdict.slo import judge_slo
from floodmark.verdict.visit import Visit
from simulator import BAD_VM, DEFAULT, QUIET, Model, Noise, Simulator, constant, lognormal, simulate
from simulator.noise import GRID_PER_S, Speed

PAGE = DOCS / "method.md"
HOST_SD = 0.02
PACES = 1.6
LEARNED, RUN_S = 40, 40
"""Earlier runs of a machine, and how long each of them watched its pace."""
SLO_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A row of goals.csv."""

    what: str
    wanted: str
    found: str
    reached: bool
    runs: int
    command: str = "make strategies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One search of a target whose ceiling at pace 1 is ``truth_rps``."""

    truth_rps: float
    seconds: float
    ceiling: Estimate
    at_1: Estimate
    onset: Estimate
    slo_rps: float | None = None
    misses: float | None = None
    """Share of the arrivals that miss the SLO in the long run at the published rate."""

    @property
    def error(self) -> float | None:
        """Relative, of the ceiling; None without a valid one."""
        return self._error(self.ceiling)

    @property
    def error_at_1(self) -> float | None:
        """Relative, of the ceiling at pace 1."""
        return self._error(self.at_1)

    def _error(self, point: Estimate) -> float | None:
        if not point.valid or not isinstance(point.value, float):
            return None
        return point.value / self.truth_rps - 1

    def covers(self, point: Estimate) -> bool:
        """Whether an interval holds the truth."""
        return point.lo is not None and point.hi is not None and point.lo <= self.truth_rps <= point.hi


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A target on a machine, for many runs. ``model`` is given the seed of the run."""

    name: str
    truth_rps: float
    model: Callable[[int], Model]
    slo_ms: float | None = None
    think_s: float = 0.0
    host_sd: float = HOST_SD


def _fixed(name: str, truth_rps: float, model: Model, slo_ms: float | None = None) -> World:
    return World(name=name, truth_rps=truth_rps, model=lambda _: model, slo_ms=slo_ms)


def _two_paces(period_s: float, seed: int) -> Callable[[float], float]:
    """Speed 1 and 1 / 1.6 by turns, starting anywhere."""
    begin = random.Random(seed).random() * 2 * period_s
    return lambda t: 1.0 if ((t + begin) // period_s) % 2 == 0 else 1 / PACES


SLOW = {
    "1 x 120 ms": (_fixed("1x120", 1 / 0.12, Model(slots=1, service=constant(0.12), noise=QUIET)), 60.0, 0.03),
    "1 x 800 ms": (_fixed("1x800", 1.25, Model(slots=1, service=constant(0.8), noise=QUIET)), 120.0, 0.04),
    "4 x 500 ms": (_fixed("4x500", 8.0, Model(slots=4, service=constant(0.5), noise=QUIET)), 120.0, 0.04),
    "2 x 2 s": (_fixed("2x2", 1.0, Model(slots=2, service=constant(2.0), noise=QUIET)), 240.0, 0.06),
}
IO = _fixed("io", 160.0, Model(slots=8, service=constant(0.05), noise=QUIET))
REFUSES = _fixed("503", 80.0, Model(slots=4, service=constant(0.05), backlog=4, refusal=ErrorKind.HTTP, noise=QUIET))
REFUSES_FROM = 9
LIMITER = _fixed("429", 30.0, Model(slots=8, service=constant(0.01), limit_rps=30, noise=QUIET))
PERIODS_S = (60.0, 15.0, 4.0)
NOISES = {"default": DEFAULT, "bad VM": BAD_VM}
RESTLESS = {
    "bad VM": lambda _: Model(slots=1, service=lognormal(0.01, 0.5), noise=BAD_VM, witness=True),
    "drifting": lambda _: Model(
        slots=1,
        service=lognormal(0.01, 0.5),
        noise=Noise(drift_sd=0.1, drift_tau_s=120.0, burst_every_s=math.inf),
        witness=True,
    ),
    "thermal": lambda _: Model(
        slots=1, service=lognormal(0.01, 0.5), speed=lambda t: 1 - 0.25 * min(1.0, t / 60), witness=True
    ),
}
SLOS = {
    "4 x 50 ms": _fixed("slo A", 80.0, Model(slots=4, service=constant(0.05), noise=QUIET), 150.0),
    "8 x 50 ms": _fixed("slo 8", 160.0, Model(slots=8, service=constant(0.05), noise=QUIET), 250.0),
    "2 x 5 ms": _fixed("slo B", 400.0, Model(slots=2, service=lognormal(0.005, 0.5), noise=QUIET), 50.0),
}


def _paced(period_s: float) -> World:
    def model(seed: int) -> Model:
        return Model(slots=1, service=lognormal(0.01, 0.5), speed=_two_paces(period_s, seed), witness=True)

    return World(name=f"paces {period_s:g} s", truth_rps=100.0, model=model)


def _another_day(scenario: Scenario, noise: Noise, name: str) -> World:
    """A scenario on a machine whose pace that day is not the usual one."""

    def model(seed: int) -> Model:
        pace = math.exp(random.Random(f"day {seed}").gauss(0, HOST_SD))
        return dataclasses.replace(scenario.noisy(noise), speed=lambda _: pace)

    return World(
        name=f"{scenario.name} {name}",
        truth_rps=scenario.ceiling_rps,
        model=model,
        think_s=scenario.think_s,
        host_sd=learned_sd(noise),
    )


@cache
def learned_sd(noise: Noise) -> float:
    """The spread between days that a machine's history shows: the mean pace of LEARNED runs, each on another day."""
    pieces = []
    for seed in range(LEARNED):
        rng = np.random.default_rng(seed)
        speed = Speed(noise, None, rng)
        speed.cover(RUN_S)
        pace = float(np.mean(speed.grid[: RUN_S * GRID_PER_S])) * math.exp(HOST_SD * rng.standard_normal())
        pieces.append(1 / pace)
    return host_sd(pieces)


def worlds() -> dict[str, World]:
    """All of them, by name."""
    found = [IO, REFUSES, LIMITER, *(world for world, _, _ in SLOW.values()), *SLOS.values()]
    found += [_paced(period_s) for period_s in PERIODS_S]
    found += [World(name=name, truth_rps=100.0, model=model) for name, model in RESTLESS.items()]
    found += [_another_day(scenario, noise, name) for scenario in BY_NAME.values() for name, noise in NOISES.items()]
    return {world.name: world for world in found}


def see(name: str, seed: int) -> Seen:
    """One search in one world."""
    world = worlds()[name]
    model = world.model(seed)
    slo = SloSettings(latency_ms=world.slo_ms, error_share=SLO_SHARE) if world.slo_ms is not None else None
    settings = SearchSettings(slots_hint=model.slots, think_time_s=world.think_s, slo=slo)
    visits, outcome = simulate(find_ceiling(settings), model, seed)
    verdict = judge(visits, judge_visits(outcome, visits), world.think_s, Host(sd=world.host_sd))
    none = Estimate(valid=False, reason="no witness")
    rate, misses = None, None
    if slo is not None and isinstance(verdict.ceiling_rps.value, float):
        published = judge_slo(visits, verdict.ceiling_rps.value, SLO_SHARE)["slo_rate_rps"]
        if isinstance(published.value, float):
            rate, misses = published.value, _long_run(model, published.value, world.slo_ms or 0.0)
    return Seen(
        truth_rps=world.truth_rps,
        seconds=_load_s(visits),
        ceiling=verdict.ceiling_rps,
        at_1=verdict.further.get("ceiling_at_pace_1", none),
        onset=verdict.error_onset_users,
        slo_rps=rate,
        misses=misses,
    )


def _load_s(visits: Sequence[Visit]) -> float:
    return next((v.t_start_s for v in visits if v.phase in {Phase.SLO, Phase.CONFIRM}), visits[-1].t_end_s)


def _long_run(model: Model, rate_rps: float, slo_ms: float) -> float:
    """Share of the arrivals that miss, in 4000 s on an undisturbed machine."""
    simulator = Simulator(dataclasses.replace(model, noise=None), 99)
    misses = arrivals = 0.0
    for _ in range(20):
        visit = simulator.carry_out(
            Order(
                phase=Phase.SLO,
                users=4000,
                think=True,
                settle_s=5,
                span=Span.fixed(200),
                most_s=200,
                rate_rps=rate_rps,
                slo_ms=slo_ms,
            )
        )
        misses += visit.slo_misses or 0
        arrivals += (visit.rate_intended_rps or 0.0) * visit.seconds
    return misses / arrivals


def false_differences(host_sd: float, starts: int, seeds: int) -> float:
    """How often `compare` calls two occasions of one setup worse or better, where only the machine's pace differs."""
    rng = random.Random(1)
    wrong = 0
    for _ in range(seeds):
        sides = []
        for _ in range(2):
            pace = 100 * math.exp(rng.gauss(0, host_sd))
            sides.append([Value(value=pace * math.exp(rng.gauss(0, 0.01)), half_width=0.02) for _ in range(starts)])
        found = ratio(sides[0], sides[1], host_sd=math.hypot(HOST_SD, HOST_SD))
        wrong += found.word in {Word.WORSE, Word.BETTER}
    return wrong / seeds


def goals(seen: dict[str, list[Seen]], runs: int) -> list[Goal]:
    """Every goal with what was found."""
    rows = [_io(seen["io"])]
    for title, (world, most_s, most_error) in SLOW.items():
        rows.append(_slow(title, seen[world.name], most_s, most_error))
    rows += [_refusing(seen["503"]), _limiter(seen["429"])]
    rows += [_two(f"CPU-bound, two paces x{PACES:g} of {p:g} s", seen[f"paces {p:g} s"]) for p in PERIODS_S]
    rows += [_restless(name, seen[name]) for name in RESTLESS]
    rows += [_days(name, {s: seen[f"{s} {name}"] for s in BY_NAME}) for name in NOISES]
    rows += [_slo(title, seen[world.name]) for title, world in SLOS.items()]
    for starts in (1, 3, 10):
        share = false_differences(HOST_SD, starts, 2000)
        rows.append(
            Goal(
                what=f"compare, host sd 2 %, {starts} start{'s' if starts > 1 else ''} a side: false worse or better",
                wanted="<= 5 %",
                found=f"{share:.1%}",
                reached=share <= 0.05,
                runs=2000,
            )
        )
    return rows


def _io(seen: Sequence[Seen]) -> Goal:
    mean_s, rmse = statistics.fmean(one.seconds for one in seen), _rms(one.error for one in seen)
    return Goal(
        what="8 x 50 ms, quiet: mean load time, RMSE of the ceiling",
        wanted="<= 30 s, <= 0.5 %",
        found=f"{mean_s:.0f} s, {rmse:.2%}",
        reached=mean_s <= 30 and rmse <= 0.005,
        runs=len(seen),
    )


def _slow(title: str, seen: Sequence[Seen], most_s: float, most_error: float) -> Goal:
    errors = [one.error for one in seen]
    inside = sum(e is not None and abs(e) <= most_error for e in errors)
    in_time = sum(one.seconds <= most_s for one in seen)
    return Goal(
        what=f"{title}: within {most_error:.0%}, in {most_s:.0f} s",
        wanted="8 of 10",
        found=f"{inside} within, {in_time} in time; mean {statistics.fmean(one.seconds for one in seen):.0f} s",
        reached=min(inside, in_time) >= 0.8 * len(seen),
        runs=len(seen),
    )


def _refusing(seen: Sequence[Seen]) -> Goal:
    good = sum(
        one.error is not None
        and abs(one.error) <= 0.02
        and isinstance(one.onset.value, float)
        and abs(one.onset.value - REFUSES_FROM) <= 1
        for one in seen
    )
    return Goal(
        what="4 x 50 ms, a queue of 4, instant 503: ceiling within 2 %, onset of errors within 1",
        wanted="8 of 10",
        found=f"{good} of {len(seen)}",
        reached=good >= 0.8 * len(seen),
        runs=len(seen),
    )


def _limiter(seen: Sequence[Seen]) -> Goal:
    good = sum(one.error is not None and abs(one.error) <= 0.04 for one in seen)
    return Goal(
        what="8 x 10 ms behind a limiter of 30/s that answers 429: ceiling within 4 %",
        wanted="8 of 10",
        found=f"{good} of {len(seen)}",
        reached=good >= 0.8 * len(seen),
        runs=len(seen),
    )


def _two(title: str, seen: Sequence[Seen]) -> Goal:
    answered = [one for one in seen if one.error_at_1 is not None]
    covered = sum(one.covers(one.at_1) for one in answered) / max(1, len(answered))
    rmse = _rms(one.error_at_1 for one in seen)
    return Goal(
        what=f"{title}: coverage, RMSE at pace 1",
        wanted=">= 0.93, <= 2 %",
        found=f"{covered:.2f}, {rmse:.1%}; {len(seen) - len(answered)} without an answer",
        reached=covered >= 0.93 - _chance(0.93, len(answered)) and rmse <= 0.02,
        runs=len(seen),
    )


def _restless(name: str, seen: Sequence[Seen]) -> Goal:
    none = sum(one.error is None for one in seen) / len(seen)
    return Goal(
        what=f"no verdict, CPU-bound, {name}",
        wanted="<= 3 %",
        found=f"{none:.1%}",
        reached=none <= 0.03 + _chance(0.03, len(seen)),
        runs=len(seen),
    )


def _days(name: str, seen: Mapping[str, Sequence[Seen]]) -> Goal:
    shares = {}
    for scenario, found in seen.items():
        answered = [one for one in found if one.error is not None]
        shares[scenario] = sum(one.covers(one.ceiling) for one in answered) / max(1, len(answered))
    runs = min(map(len, seen.values()))
    mean_s = statistics.fmean(one.seconds for found in seen.values() for one in found)
    low, high = min(shares, key=lambda s: shares[s]), max(shares, key=lambda s: shares[s])
    return Goal(
        what=f"scenarios A to K, {name} noise: the interval of another day holds the truth",
        wanted=">= 0.93 each",
        found=f"{shares[low]:.2f} ({low}) to {shares[high]:.2f} ({high}); mean time {mean_s:.0f} s",
        reached=shares[low] >= 0.93 - 2 * _chance(0.93, runs),
        runs=runs,
    )


def _slo(title: str, seen: Sequence[Seen]) -> Goal:
    published = [one for one in seen if one.misses is not None]
    kept = sum((one.misses or 0.0) <= SLO_SHARE for one in published) / max(1, len(published))
    return Goal(
        what=f"SLO rate of {title}: long-run misses at most the limit",
        wanted=">= 80 % of the published",
        found=f"{kept:.0%} of {len(published)}",
        reached=bool(published) and kept >= 0.8,
        runs=len(seen),
    )


def _chance(share: float, runs: int) -> float:
    """One standard deviation of a share that was seen in so many runs."""
    return math.sqrt(share * (1 - share) / max(1, runs))


def _rms(errors: Iterable[float | None]) -> float:
    known = [e for e in errors if e is not None]
    return math.sqrt(sum(e * e for e in known) / len(known)) if known else math.nan


def table(rows: Sequence[Goal]) -> list[str]:
    """Markdown, one line per goal."""
    lines = ["| | goal | found | | runs | command |", "|---|---|---|---|---:|---|"]
    lines += [
        f"| {r.what} | {r.wanted} | {r.found} | {'✓' if r.reached else '✗'} | {r.runs} | `{r.command}` |" for r in rows
    ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.strategies.goals", description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="searches in each world")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", default="", help="these worlds, separated by commas; prints and writes nothing")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--document", action="store_true", help=f"only write the table into docs/{PAGE.name}")
    parser.add_argument("--check", action="store_true", help="only see whether that table is up to date")
    options = parser.parse_args()
    if options.document or options.check:
        rows = read_table(options.out / "goals.csv", Goal)
        if not renew(PAGE, "goals", "\n".join(["", *table(rows), "", ""]), check=options.check) and options.check:
            raise SystemExit(f"{PAGE} differs from {options.out}; run python -m benchmarks.strategies.goals --document")
        return
    names = options.only.split(",") if options.only else list(worlds())
    tasks = [(name, seed) for seed in range(options.runs) for name in names]
    seen: dict[str, list[Seen]] = {name: [] for name in names}
    begun = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(see, *task): task for task in tasks}
        for done, future in enumerate(as_completed(futures), 1):
            seen[futures[future][0]].append(future.result())
            seconds = time.monotonic() - begun
            left_s = seconds * (len(tasks) - done) / done
            print(f"\r  {done}/{len(tasks)}, {seconds:.0f} s, {left_s:.0f} s left ", end="", file=sys.stderr)
    print(file=sys.stderr)
    if options.only:
        for name, found in seen.items():
            for one in found:
                print(name, f"{one.seconds:.0f} s", one.error, one.error_at_1, one.onset.value, one.slo_rps, one.misses)
        return
    rows = goals(seen, options.runs)
    write(options.out / "goals.csv", Goal, rows, runs=options.runs)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
