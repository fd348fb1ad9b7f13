"""Locust users: one for any Python flow, one for declared steps."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore
from locust import FastHttpUser, HttpUser, TaskSet, User, constant
from locust.env import Environment
from locust.exception import StopTest
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

from floodmark.load.client import LeanClient
from floodmark.load.connection import CONNECT_TIMEOUT_S
from floodmark.load.controls import CONTROLS
from floodmark.load.failure import ConnectionRefused
from floodmark.load.http_step import HttpStep
from floodmark.load.step_driver.driver import StepDriver
from floodmark.load.step_driver.request_plan import RequestPlan, compile_plan
from floodmark.load.step_driver.session import StepSession
from floodmark.load.taskset import FastTaskSet
from floodmark.load.wire import origin
from floodmark.protocol.load_settings import Client, read_settings


def scenario_think_time(user: User) -> float:
    """A ``wait_time`` that leaves think time to the scenario; none in plain Locust."""
    return CONTROLS.think_time_s


_WAITS = {TaskSet.wait.__code__, FastTaskSet.wait.__code__}


class LeanHttpUser(User):
    """A user with ``self.client`` for HTTP/1.1, exact, and five to ten times cheaper than FastHttpUser."""

    abstract = True
    connect_timeout: float = CONNECT_TIMEOUT_S
    """Seconds for a connection."""
    timeout: float | None = None
    """Seconds for a whole answer; None: 10, or while a ramp measures what it sets."""
    ready_at: float = 0.0
    """When it wanted to send its next request, epoch s; 0 if it did not pause before."""
    yielded: bool = False
    """Whether others ran since the last pause: a request waits for its answer."""
    _root: Any = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if not self.base_url:
            raise StopTest("no host to load: give one with -H http://HOST:PORT, or set host on the user class")
        self._client: LeanClient | None = None

    @property
    def _taskset_instance(self) -> Any:
        """Where Locust keeps the set of this user's tasks: it gets ours, and offers no other way."""
        return self._root

    @_taskset_instance.setter
    def _taskset_instance(self, root: Any) -> None:
        self._root = None if root is None else FastTaskSet(self)

    @property
    def base_url(self) -> str:
        """Where the load goes."""
        return self.host or self.environment.host or ""

    @cached_property
    def client(self) -> LeanClient:
        """This user's HTTP client, made on first use."""
        self._client = client = LeanClient(self.environment, self.base_url, self)
        client.connect_timeout_s = self.connect_timeout
        client.timeout_s = self.timeout
        return client

    def perform(self, step: HttpStep) -> None:
        """Carry out one declared step."""
        self.client.request(
            step.method, step.path, name=step.name, headers=step.headers, data=step.body or None, expect=step.expect
        )

    def stop(self, force: bool = False) -> bool:
        """Locust: stop now, or after the task that is under way."""
        if not force and self._state == LOCUST_STATE_WAITING:
            # Locust would kill it at once, but a wait may be over already, and the request that follows would die
            # in flight, seen by the server and reported by nobody. Told to stop, a wait that ends sends nothing more.
            self._state = LOCUST_STATE_STOPPING
            gevent.sleep(0)
            return self._waits() and self._kill()
        if not force and self._state == LOCUST_STATE_STOPPING:
            return False
        return self._kill() if force else bool(super().stop())

    def _kill(self) -> bool:
        killed: bool = super().stop(force=True)
        return killed

    def _waits(self) -> bool:
        """Whether it is in Locust's ``wait`` still, rather than in an on_stop or gone."""
        frame = self.greenlet.gr_frame
        while frame is not None:
            if frame.f_code in _WAITS:
                return True
            frame = frame.f_back
        return False

    def start(self, group: Any) -> Any:
        greenlet = super().start(group)
        greenlet.link(self._ended)
        return greenlet

    def _ended(self, _: Any) -> None:
        if self._client is not None:
            self._client.close()


class StepHttpUser(LeanHttpUser):
    """A user whose tasks are declared ``HttpStep``s: as cheap per request as a load generator written in C.

    All its users of a process are driven by one loop. Weights, tags, ``wait_time``, ``on_start`` and ``on_stop``
    work as with any user; cookies that ``self.client`` was given in ``on_start`` go with every step. With tasks
    that are functions among the steps, or with https, the steps are sent by ``self.client`` instead.
    """

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._session: StepSession | None = None

    def perform(self, step: HttpStep) -> None:
        """Carry out one step; where the driver sends the steps, every step until this user is stopped."""
        if origin(self.base_url).tls or not all(isinstance(task, HttpStep) for task in self.tasks):
            super().perform(step)
            return
        driver = _driver(self.environment)
        try:
            plan = _plan(self, driver)
        except ConnectionRefused:
            super().perform(step)  # which counts the failure
            return
        if self._state == LOCUST_STATE_STOPPING:
            return  # told to stop while the plan was made, when there was no session to retire
        session = self._session = StepSession(driver, plan, self, waits=plan.waits or _waits(type(self)))
        driver.join(session)
        try:
            session.gone.wait()
        finally:
            driver.leave(session)
            self._session = None
        if session.stop is not None:
            raise session.stop

    def stop(self, force: bool = False) -> bool:
        """Locust: stop now, or after the answer that is under way."""
        killed = super().stop(force)
        if not killed and self._session is not None:
            _driver(self.environment).retire(self._session)
        return killed


CLIENTS: dict[Client, type[User]] = {
    Client.STEP: StepHttpUser,
    Client.LEAN: LeanHttpUser,
    Client.FAST: FastHttpUser,
    Client.HTTP: HttpUser,
}
"""User classes a scenario can be run with; the last two are Locust's own, as a cross-check."""


def scenario_user(client: Client | None = None) -> type[User]:
    """Base class of this project's users: of the client that is asked for, or that the load's settings name."""
    base = CLIENTS[client or read_settings().client]
    return type("ScenarioUser", (base,), {"abstract": True, "wait_time": scenario_think_time})


_drivers: dict[int, StepDriver] = {}
_plans: dict[tuple[object, ...], RequestPlan] = {}
_compiling = BoundedSemaphore()


def _driver(environment: Environment) -> StepDriver:
    """The step driver of this process."""
    driver = _drivers.get(id(environment))
    if driver is None:
        driver = _drivers[id(environment)] = StepDriver(environment)
    return driver


def _plan(user: StepHttpUser, driver: StepDriver) -> RequestPlan:
    """The plan of a user's class; users with cookies of their own have their own."""
    jar = user._client.cookies if user._client is not None else {}  # noqa: SLF001 - own attribute
    cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
    key = (driver, type(user), tuple(user.tasks), user.base_url, cookies, CONTROLS.new_connections)
    with _compiling:  # other users run while the host is resolved
        plan = _plans.get(key)
        if plan is not None:
            return plan
        plan = _plans[key] = compile_plan(
            [task for task in user.tasks if isinstance(task, HttpStep)],
            origin(user.base_url),
            cookies=cookies,
            new_connections=CONTROLS.new_connections,
            connect_timeout_s=user.connect_timeout,
            timeout_s=user.timeout,
        )
        driver.serve(plan)
        return plan


def _waits(user_class: type[User]) -> bool:
    """Whether users of a class may pause between their tasks: not by Locust's default, nor without think time."""
    own = getattr(user_class.wait_time, "own", user_class.wait_time)
    if own is scenario_think_time:
        return CONTROLS.think_time_s > 0
    return own is not User.wait_time and own is not _never


_never = constant(0)
