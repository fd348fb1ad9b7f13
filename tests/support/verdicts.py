"""What a real search must come to, and the one reason for which it may not."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import pytest

from floodmark.report.terminal import QUIET_STEAL
from floodmark.results.run import Run, read_run
from floodmark.verdict.enums import Generator, Phase
from floodmark.verdict.generator import QUEUED_OK
from floodmark.verdict.visit import Visit
from tests.support.excuses import excuse
from tests.support.processes import only_run

LAST = 3
"""Visits that are looked at where no level was held."""
NO_VERDICT = 4


def must_have_found(done: subprocess.CompletedProcess[str], results: Path, *, code: int = 0) -> Run:
    """The one run below ``results``, which ended with ``code`` and confirmed a ceiling."""
    run = settled(done.returncode, only_run(results), done.stderr)
    assert done.returncode == code, done.stderr
    ceiling = run.get("ceiling_rps")
    assert ceiling.valid, ceiling.reason
    return run


def settled(code: int, folder: Path, said: str) -> Run:
    """A run that did not end without a verdict. Where it did, its test fails, unless its host was restless."""
    run = read_run(folder)
    if code != NO_VERDICT:
        return run
    figures = restless(run)
    if figures is not None:
        excuse(f"{figures}; {said.strip()[-300:]}")
    pytest.fail(f"no verdict, and nothing in {folder} shows a restless host: {said.strip()[-1000:]}\n{_table(run)}")


def restless(run: Run) -> str | None:
    """What the run's own figures say of a host that kept it from a verdict; None where they say nothing of it."""
    visits = _deciding(run.visits)
    stolen = [visit.steal for visit in visits if visit.steal is not None]
    if stolen and fmean(stolen) > QUIET_STEAL:
        return f"the hypervisor took {fmean(stolen):.1%} of the target's CPU time, up to {max(stolen):.1%} in a visit"
    for visit in visits:
        waited = (visit.gen_demand_max or 0.0) - (visit.gen_cpu_max or 0.0)
        if visit.gen_verdict is Generator.LIMITED and waited > QUEUED_OK:
            return (
                f"in visit {visit.number} the generator used {visit.gen_cpu_max or 0.0:.0%} of a core and waited "
                f"{waited:.0%} of the time for more"
            )
    return None


def _deciding(visits: Sequence[Visit]) -> list[Visit]:
    """The visits of the level that was held last, valid or not; where none was, the last ones."""
    holds = [visit for visit in visits if visit.phase is Phase.HOLD]
    return [visit for visit in holds if visit.users == holds[-1].users] if holds else list(visits[-LAST:])


def _table(run: Run) -> str:
    return "\n".join(
        f"{visit.number:3} {visit.phase:9} {visit.users:5} users {visit.goodput_rps:8.1f}/s {visit.gen_verdict} "
        f"cpu {visit.gen_cpu_max} demand {visit.gen_demand_max} steal {visit.steal} {visit.reason}"
        for visit in run.visits
    )
