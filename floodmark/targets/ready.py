"""Checks before any load: the port is free, the target serves, and all its workers run as declared."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec
import psutil

from floodmark.errors import TargetError
from floodmark.targets import servers
from floodmark.targets.target import Check, Effective, Target
from target_apps.probe import EFFECTIVE_PATH
from target_apps.server import Value

READY_TIMEOUT_S = 60.0
WORKERS_TIMEOUT_S = 60.0
MOST_AT_ONCE = 256
REQUEST_TIMEOUT_S = 10.0
HOLD_MS = 20
FAILING_S = 5.0
"""How long the user's own app may answer 5xx before that counts as its answer. 503 may last until the timeout."""

Ended = Callable[[], str | None]


def port_must_be_free(host: str, port: int, option: str = "--bind HOST:") -> None:
    """Raise TargetError, naming the process, if something already listens on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise TargetError(
                f"{host}:{port} is taken{_holder(port)}; stop it, or choose another port with "
                f"{option.replace('HOST', host)}{'' if option.endswith(':') else ' '}PORT"
            ) from error


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and local and local.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.Error, OSError):
        pass
    return ""


def wait_until_ready(host: str, port: int, check: Check, ended: Ended, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Send requests until the answer has a good status and the marker. An open port or a 500 does not count as ready.

    Raises TargetError if the target ends, after ``timeout_s``, or, unless the check is patient, at an answer that is
    not going to change.
    """
    deadline = time.monotonic() + timeout_s
    failing_since: float | None = None
    last = "it never listened"
    while time.monotonic() < deadline:
        exit_reason = ended()
        if exit_reason is not None:
            raise TargetError(f"the target ended before it was ready: {exit_reason}")
        try:
            status, body = ask(host, port, check, timeout_s=min(REQUEST_TIMEOUT_S, deadline - time.monotonic() + 0.1))
        except ConnectionRefusedError:
            pass
        except (OSError, http.client.HTTPException) as error:
            last = f"{check.path}: {error}"
        else:
            fault = _fault(check, status, body)
            if fault is None:
                return
            last = fault
            failing_since = failing_since or time.monotonic()
            if not check.patient and _final(status, time.monotonic() - failing_since):
                raise TargetError(f"the app is up, but {fault}; use --path to choose a path that it answers with 2xx")
        time.sleep(0.05)
    raise TargetError(f"the target was not ready after {timeout_s:.0f} s: {last}")


def _final(status: int, failing_s: float) -> bool:
    return status < 500 or (status != 503 and failing_s >= FAILING_S)


def _fault(check: Check, status: int, body: bytes) -> str | None:
    if status not in check.good:
        return f"{check.path} answered {status}: {' '.join(body[:200].decode(errors='replace').split())}"
    if check.marker is not None and check.marker not in body:
        return f"{check.path} answered {status} without the marker {check.marker.decode()!r}: {body[:80]!r}"
    return None


def ask(host: str, port: int, check: Check, timeout_s: float = REQUEST_TIMEOUT_S) -> tuple[int, bytes]:
    """Send one request on a new connection. Raises OSError or HTTPException."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request(check.method, check.path, body=check.body or None, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def read_effective(target: Target, ended: Ended) -> Effective:
    """Ask for the configuration in force until every expected app process has answered.

    Raises TargetError if a process reports an error or another configuration than declared, or if some never answer.
    """
    expected = target.server.expected_processes(target.settings)
    wanted = at_once = expected or 1
    check = Check(path=f"{EFFECTIVE_PATH}?hold_ms={HOLD_MS}", marker=None)
    reports: dict[int, _Report] = {}
    deadline = time.monotonic() + WORKERS_TIMEOUT_S
    with ThreadPoolExecutor(max_workers=max(MOST_AT_ONCE, 2 * wanted)) as pool:
        while len(reports) < wanted:
            # On one CPU, a process with threads may take all simultaneous requests, so send more than it can handle.
            at_once = max(2 * wanted, min(2 * at_once, MOST_AT_ONCE))
            exit_reason = ended()
            if exit_reason is not None:
                raise TargetError(f"the target ended while its workers started: {exit_reason}")
            if time.monotonic() > deadline:
                raise TargetError(
                    f"{len(reports)} of {wanted} worker processes answered within {WORKERS_TIMEOUT_S:.0f} s"
                )
            for report in pool.map(lambda _: _report(target, check), range(at_once)):
                if report is not None:
                    reports[report.pid] = report
            if reports:
                _must_match(target, next(iter(reports.values())).facts)
    return _effective(target, reports, exact=expected)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What a process of the app reports about itself."""

    pid: int = 0
    facts: Mapping[str, Value | None] = field(default_factory=dict)
    version: str | None = None
    python: str | None = None
    error: str | None = None


def _report(target: Target, check: Check) -> _Report | None:
    try:
        status, body = ask(target.host, target.port, check)
        report = msgspec.json.decode(body, type=_Report)
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return None
    if status != 200:
        raise TargetError(f"{target.server.name} cannot report its configuration: {report.error or body!r}")
    return report


def _effective(target: Target, reports: Mapping[int, _Report], exact: int | None) -> Effective:
    if exact is not None and len(reports) != exact:
        raise TargetError(
            f"declared {target.server.name} with {exact} worker processes, but {len(reports)} answered: "
            f"pids {', '.join(map(str, sorted(reports)))}"
        )
    first = next(iter(reports.values()))
    for pid, report in reports.items():
        if report.facts != first.facts:
            raise TargetError(f"processes differ: pid {first.pid} reports {first.facts}, pid {pid} {report.facts}")
    return Effective(pids=tuple(sorted(reports)), facts=first.facts, version=first.version, python=first.python)


def _must_match(target: Target, facts: Mapping[str, Value | None]) -> None:
    """Raise TargetError, naming both configurations, if the one in force is not as declared."""
    declared = target.server.expectations(target.settings)
    different = {fact: facts.get(fact) for fact, value in declared.items() if facts.get(fact) != value}
    if different:
        raise TargetError(
            f"declared {target.server.name} ({_listed(declared)}), but the running server has "
            f"{_listed({fact: facts.get(fact) for fact in declared})}; "
            f"different: {', '.join(different)}. Nothing was measured."
        )


def _listed(facts: Mapping[str, Value | None]) -> str:
    return ", ".join(f"{fact}={value}" for fact, value in facts.items())


def environment(target: Target, ledger: str, cpus: tuple[int, ...] | None) -> dict[str, str]:
    """Environment variables for the launcher."""
    variables = {"FLOODMARK_LEDGER": ledger, "FLOODMARK_SERVER": target.server.name}
    own = servers.own_folder()
    if own is not None:
        variables[servers.OWN] = str(own)
    if cpus is not None:
        variables["FLOODMARK_CPUS"] = ",".join(map(str, cpus))
    return variables


def launcher_arguments(target: Target) -> list[str]:
    """The arguments of ``python -m target_apps.serve``, the same in every backend."""
    arguments = [target.server.name, "--bind", f"{target.host}:{target.port}"]
    for name, value in target.settings.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    return arguments
