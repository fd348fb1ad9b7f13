"""The sampler for a target that is up, wherever it runs."""

from __future__ import annotations

import contextlib
import os
from urllib.parse import urlsplit

from floodmark.sampling.sampler import Sampler
from floodmark.targets.target import Allotment, Running


def watch(running: Running, allotment: Allotment) -> Sampler:
    """A sampler of the target's processes, its accept queue and the host."""
    pids = running.root_pids()
    cpus = allotment.target_cpus
    # What was up already may run anywhere, beside the generator too.
    if pids and running.ledger_path is None:
        with contextlib.suppress(OSError):
            cpus = tuple(sorted(os.sched_getaffinity(pids[0])))
    # Only on this host can its accept queue be seen.
    parts = urlsplit(running.base_url)
    here = pids or parts.hostname in {"127.0.0.1", "localhost", "::1"}
    return Sampler(
        pids,
        running.ledger_path,
        cpus,
        port=parts.port or 80 if here else None,
        shared=bool(set(cpus) & set(allotment.generator_cpus)),
    )
