"""Wires floodmark into Locust. Importing ``floodmark.load`` is enough; without ``--ramp`` Locust stays as it is."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust import events, runners
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, Runner, WorkerRunner

from floodmark.errors import FloodmarkError
from floodmark.load import gauges
from floodmark.load.arrivals import Share
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import kind_of
from floodmark.load.ramp import GRACE_BINS, STOP_TIMEOUT_S, RampShape, collect
from floodmark.load.sinks import CsvFiles, LivePage, Log, Sink
from floodmark.load.start_form import SLO, Form, add_fields, with_slo
from floodmark.load.user import LeanHttpUser
from floodmark.load.wire import STAMPS
from floodmark.protocol.journal import Journal
from floodmark.protocol.load_settings import read_settings
from floodmark.records.recorder import bin_of
from floodmark.records.timeline import Timeline
from floodmark.search.find import find_ceiling
from floodmark.search.fixed_levels import doubling, fixed_levels
from floodmark.search.fixed_rate import fixed_rate
from floodmark.search.order import Search

logger = logging.getLogger("floodmark")

NONE, STEPS, SEARCH = "none", "steps", "search"
STEP_S = 10.0
STEPS_LAST_DEFAULT = 64
MESSAGE = "floodmark-controls"
REPORT = "floodmark"
REPORT_EVERY_S = 0.5
WEB_PAGE = "floodmark.webui.page"
"""Imported by name, and only where Locust has a web UI: the page draws with the report package."""


def add_option(parser: LocustArgumentParser, **_: Any) -> None:
    parser.add_argument(
        "--ramp",
        choices=[NONE, STEPS, SEARCH],
        default=NONE,
        env_var="FLOODMARK_RAMP",
        help="floodmark: none = ordinary Locust; steps = 1, 2, 4, ... users up to -u; "
        "search = find where the target saturates",
    )
    add_fields(parser)


def install(environment: Environment, runner: Runner | None = None, web_ui: Any = None, **_: Any) -> None:
    """Set this process up: recorder, gauges, and on everything but a worker the ramp."""
    if runner is None:
        return
    # The loop's clock stands still while files are imported: Locust's --run-time would be over that much sooner.
    gevent.get_hub().loop.update_now()
    environment.events.request.add_listener(record)
    # All users are gone then: Locust's statistics get the last of what was collected for them.
    environment.events.test_stop.add_listener(lambda **_: CONTROLS.recorder.gather())
    for user_class in environment.user_classes:
        _let_ramps_decide_think_time(user_class)
    gauges.watch(CONTROLS.recorder, lambda: _users(runner))
    if isinstance(runner, WorkerRunner):
        _install_worker(environment, runner)
    else:
        RampInstaller(environment, runner, web_ui)


def _users(runner: Runner) -> int:
    """Users of this process that a ramp moves: those of a fixed count are not."""
    fixed = [user_class.__name__ for user_class in runner.user_classes if user_class.fixed_count]
    if not fixed:
        return runner.user_count
    counts = runner.user_classes_count
    return runner.user_count - sum(counts[name] for name in fixed)


def record(
    name: str,
    response_time: float | None,
    exception: BaseException | None,
    start_time: float | None = None,
    **_: Any,
) -> None:
    """Listener of the request event, for every user class."""
    if response_time is None or start_time is None:
        return
    failure = None if exception is None else kind_of(exception)
    CONTROLS.recorder.request(name, start_time + response_time / 1000, response_time, failure)


def _let_ramps_decide_think_time(user_class: Any) -> None:
    """Users take no think time while a ramp measures without it, and what they do take is recorded."""
    own: Callable[[Any], float] = user_class.wait_time

    def wait_time(user: Any) -> float:
        seconds = 0.0 if CONTROLS.ramping and not CONTROLS.think else CONTROLS.thinks(own(user))
        # For the lateness of its next request; without a pause, that of the answer before it stands.
        user.ready_at = time.time() + seconds if seconds > 0 else 0.0
        return seconds

    wait_time.own = own  # type: ignore[attr-defined]
    user_class.wait_time = wait_time


def _install_worker(environment: Environment, runner: WorkerRunner) -> None:
    runners.WORKER_REPORT_INTERVAL = REPORT_EVERY_S

    def adopt(msg: Any, **_: Any) -> None:
        CONTROLS.share = Share(runner.worker_index, max(1, msg.data["workers"]))
        CONTROLS.adopt(msg.data)

    def report(client_id: str, data: dict[str, Any]) -> None:
        until = bin_of(time.time()) - GRACE_BINS
        data[REPORT] = {"until": until, "bins": CONTROLS.recorder.take(until)}

    runner.register_message(MESSAGE, adopt)
    environment.events.report_to_master.add_listener(report)


class RampInstaller:
    """Installs the ramp on a local runner or a master."""

    def __init__(self, environment: Environment, runner: Runner, web_ui: Any) -> None:
        self._environment = environment
        self._runner = runner
        self._settings = with_slo(read_settings(), getattr(environment.parsed_options, SLO, ""))
        self._timeline = Timeline()
        self._shape: RampShape | None = None
        CONTROLS.think_time_s = self._settings.search.think_time_s
        CONTROLS.new_connections = self._settings.new_connections
        CONTROLS.close_delay_s = self._settings.close_delay_s
        CONTROLS.random.seed(self._settings.seed)
        if isinstance(runner, MasterRunner):
            environment.events.worker_report.add_listener(self._merge)
        else:
            gevent.spawn(collect, self._timeline)
        environment.events.test_stopping.add_listener(self._stopping)
        environment.events.quitting.add_listener(self._quitting)
        self._form = Form(self._settings)
        self._live: LivePage | None = None
        if web_ui is not None:
            name, think_time_s = self._settings.scenario or "target", self._settings.search.think_time_s
            base_path = getattr(environment.parsed_options, "web_base_path", None)
            self._live = importlib.import_module(WEB_PAGE).install(web_ui, name, think_time_s, base_path)
            web_ui.app.before_request(self._before_swarm)
        self._choose(self._ramp)
        if environment.parsed_options is not None and environment.parsed_options.headless:
            _stop_on_sigterm(runner)

    @property
    def _ramp(self) -> str:
        options = self._environment.parsed_options
        return getattr(options, "ramp", NONE) if options is not None else NONE

    def _choose(self, ramp: str) -> None:
        """Put our shape in place, or leave Locust to its own."""
        if ramp == NONE:
            if self._shape is not None:
                self._environment.shape_class = None
                self._shape = None
            return
        if not self._environment.stop_timeout:
            # A user killed in the middle of a request would take that request out of the count.
            self._environment.stop_timeout = STOP_TIMEOUT_S
        self._shape = RampShape(
            self._runner,
            self._timeline,
            self._sinks(),
            lambda: self._search(ramp),
            self._announce,
            self._settings.spacing,
            self._settings.seed,
            self._settings.null_rps,
            shared=self._settings.shared,
            stamped=self._stamped,
        )
        self._environment.shape_class = self._shape

    @property
    def _stamped(self) -> bool:
        """Whether the kernel ends every latency of this run."""
        ours = all(issubclass(each, LeanHttpUser) for each in self._environment.user_classes)
        return STAMPS and ours and not (self._environment.host or "").startswith("https")

    def _search(self, ramp: str) -> Search:
        if ramp == SEARCH and self._settings.rate is not None:
            return fixed_rate(self._settings.rate)
        if ramp == SEARCH and self._settings.level is not None:
            return fixed_levels([self._settings.level.users], self._settings.level.seconds)
        if ramp == SEARCH:
            return find_ceiling(self._settings.search)
        options = self._environment.parsed_options
        last = (options.num_users if options is not None else None) or STEPS_LAST_DEFAULT
        return fixed_levels(doubling(min(last, self._settings.search.max_users)), STEP_S)

    def _sinks(self) -> list[Sink]:
        if self._settings.journal is not None:
            return [Journal(self._settings.journal)]
        prefix = getattr(self._environment.parsed_options, "csv_prefix", None)
        sinks: list[Sink] = [Log()]
        if prefix:
            sinks.append(CsvFiles(Path(prefix)))
        return [*sinks, self._live] if self._live is not None else sinks

    def _announce(self) -> None:
        CONTROLS.announce()
        if isinstance(self._runner, MasterRunner):
            self._runner.send_message(MESSAGE, {**CONTROLS.state(), "workers": self._runner.worker_count})

    def _merge(self, client_id: str, data: dict[str, Any]) -> None:
        report = data.get(REPORT)
        if report is not None:
            self._timeline.add(client_id, report["until"], report["bins"])

    def _before_swarm(self) -> Any:
        from flask import jsonify, request

        if request.method != "POST" or not request.path.endswith("/swarm"):
            return None
        if self._runner.state in {STATE_SPAWNING, STATE_RUNNING}:
            if self._shape is None:
                return None
            return jsonify({"success": False, "message": "a ramp decides the number of users; stop it first"})
        try:
            chosen = self._form.read(request.form)
        except FloodmarkError as error:
            return jsonify({"success": False, "message": str(error), "host": self._environment.host})
        self._settings = dataclasses.replace(self._settings, search=chosen.search, scenario=chosen.scenario)
        CONTROLS.think_time_s = chosen.search.think_time_s
        if self._live is not None:
            self._live.shows(chosen.scenario or "target", chosen.search.think_time_s)
        self._choose(request.form.get("ramp", self._ramp))
        return None

    def _stopping(self, **_: Any) -> None:
        if self._shape is not None:
            self._shape.interrupt()

    def _quitting(self, environment: Environment, **_: Any) -> None:
        if self._shape is not None:
            self._shape.interrupt()
            # Overload fails requests on purpose; whether the run was good is the verdict's to say.
            environment.process_exit_code = 0


def _stop_on_sigterm(runner: Runner) -> None:
    """Headless Locust with a shape installs its own handler only after the shape has ended."""
    gevent.signal_handler(signal.SIGTERM, lambda: gevent.spawn(runner.quit))


events.init_command_line_parser.add_listener(add_option)
events.init.add_listener(install)
