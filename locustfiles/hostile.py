"""Wait for 50 ms, as for a database, alongside hostile clients: ``--hostile idle-silent=8,slow-body=4``.

Hostile clients are users with a fixed count, so a search only raises the number of the others. In plain Locust, ``-u``
includes both.
"""

from __future__ import annotations

import argparse
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from floodmark.errors import UsageError
from floodmark.hostile.client import HostileClient
from floodmark.hostile.row import Kind
from floodmark.hostile.workload import DEFAULT, parse_counts
from floodmark.load import HttpStep, ScenarioUser
from floodmark.protocol.load_settings import read_settings

AGAIN_S = 1.0


class VisitorUser(ScenarioUser):
    io = HttpStep("GET", "/io", expect=b"floodmark:io")


class HostileUser(User):
    """A hostile client. It makes no requests that are counted."""

    abstract = True
    kind: Kind

    @task
    def stay(self) -> None:
        parts = urlsplit(self.host or self.environment.host or "")
        while True:
            HostileClient(self.kind, parts.hostname or "127.0.0.1", parts.port or 80).run()
            gevent.sleep(AGAIN_S)  # run returns early if it could not connect

    def stop(self, force: bool = False) -> bool:
        """Stop at once, because there is no request to finish."""
        stopped: bool = super().stop(force=True)
        return stopped


class IdleSilentUser(HostileUser):
    kind = Kind.IDLE_SILENT


class IdleKeptUser(HostileUser):
    kind = Kind.IDLE_KEPT


class HalfHeaderUser(HostileUser):
    kind = Kind.HALF_HEADER


class SlowBodyUser(HostileUser):
    kind = Kind.SLOW_BODY


class SlowReaderUser(HostileUser):
    kind = Kind.SLOW_READER


class AbortedUser(HostileUser):
    kind = Kind.ABORTED


def counts(text: str) -> str:
    """Check and return the value of the option. Raises ArgumentTypeError."""
    try:
        parse_counts(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def add_option(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--hostile",
        default=read_settings().hostile or DEFAULT,
        metavar="KIND=N,...",
        type=counts,
        help=f"floodmark: hostile clients alongside the users: {', '.join(Kind)} (default {DEFAULT})",
    )


def choose(environment: Environment, **_: Any) -> None:
    """Keep the requested kinds of hostile users, each with its count."""
    options = environment.parsed_options
    requested = parse_counts(DEFAULT if options is None else options.hostile)
    kept: list[type[User]] = []
    for user_class in environment.user_classes:
        if issubclass(user_class, HostileUser):
            user_class.fixed_count = requested.get(user_class.kind, 0)
            if not user_class.fixed_count:
                continue
        kept.append(user_class)
    environment.user_classes[:] = kept


events.init_command_line_parser.add_listener(add_option)
events.init.add_listener(choose)
