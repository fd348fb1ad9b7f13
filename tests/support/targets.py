"""Servers of the catalogue, for tests that start them."""

from __future__ import annotations

from floodmark.plan.planned_run import plan_server
from floodmark.targets.target import Allotment, Target
from target_apps import catalog
from testbed.processes import free_port

ALLOTMENT = Allotment(target_cpus=(0,), generator_cpus=(0,), memory=512 * 1024**2, shared=True)
CORE = (
    "flask-processes",
    "flask-single",
    "flask-threaded",
    "gunicorn-gevent",
    "gunicorn-gthread",
    "gunicorn-sync",
    "uwsgi",
    "waitress",
)
OTHER_APP = "reference"
"""Serves an app of its own, with two workloads."""
SERVERS = [name for name in catalog.names() if name != OTHER_APP and catalog.load(name).missing() is None]
"""That are installed here and serve our app."""
INSTALLED = [name for name in SERVERS if name in CORE]


def target(name: str, **settings: int | str) -> Target:
    """A server of the catalogue on a free port, as a scenario would have it."""
    words = ",".join(f"{key}={value}" for key, value in settings.items())
    return plan_server(f"{name}:{words}", ("127.0.0.1", free_port()))
