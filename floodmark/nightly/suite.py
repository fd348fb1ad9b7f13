"""The suite of a night, by default from scenarios/nightly.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floodmark.compare.enums import Role
from floodmark.errors import UsageError
from floodmark.plan.planned_run import PlannedRun, find_scenario, plan_run
from floodmark.plan.scenario import read_scenario
from target_apps.server import did_you_mean

ROUNDS = 3
KEYS = ("rounds", "servers", "workloads", "twin", "set", "setup")
SETUP_KEYS = ("scenario", "workload", "role", "set", "packages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A named scenario with a workload and overrides, which is measured every night."""

    name: str
    scenario: str
    workload: str
    role: Role = Role.SETUP
    twin_of: str | None = None
    overrides: tuple[str, ...] = ()

    def planned(self, *, bind: tuple[str, int], quick: bool, seed: int) -> PlannedRun:
        """Resolve and check the run. Raises UsageError."""
        overrides = [*self.overrides, f'workload="{self.workload}"']
        scenario = read_scenario(find_scenario(self.scenario), overrides)
        return plan_run(scenario, bind=bind, quick=quick, repeat=1, seed=seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """The setups of a night, and the number of rounds."""

    rounds: int
    setups: tuple[Setup, ...]

    def only(self, names: Sequence[str]) -> Suite:
        """The suite with only these setups, their twins and their references. Raises UsageError."""
        known = [setup.name for setup in self.setups]
        for name in names:
            if name not in known:
                raise UsageError(f"--only: no setup {name!r}{did_you_mean(name, known)}; setups: {', '.join(known)}")
        groups = {setup.workload for setup in self.setups if setup.name in names}
        kept = [
            setup
            for setup in self.setups
            if setup.name in names
            or setup.twin_of in names
            or (setup.role is Role.REFERENCE and setup.workload in groups)
        ]
        return Suite(rounds=self.rounds, setups=tuple(kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteDefinition:
    """A suite as defined by file and options, kept in night.json so that the night can be resumed."""

    table: Mapping[str, Any]
    where: str
    """The file, for error messages."""
    overrides: tuple[str, ...] = ()
    rounds: int | None = None
    only: tuple[str, ...] = ()

    def suite(self) -> Suite:
        """The suite. Raises UsageError."""
        whole = suite(self.table, self.where, overrides=self.overrides, rounds=self.rounds)
        return whole.only(self.only) if self.only else whole


def suite(table: Mapping[str, Any], where: str, *, overrides: Sequence[str] = (), rounds: int | None = None) -> Suite:
    """Build a suite from its parsed file. ``overrides`` apply to every setup. Raises UsageError."""
    _only_known(table, KEYS, where)
    common = (*_texts(table, "set", where), *overrides)
    servers, workloads = _texts(table, "servers", where), _texts(table, "workloads", where)
    if bool(servers) != bool(workloads):
        raise UsageError(f"{where}: servers and workloads only have an effect together")
    setups = [
        Setup(name=f"{server}-{workload}", scenario=server, workload=workload, overrides=common)
        for workload in workloads
        for server in servers
    ]
    for name, entry in _tables(table, where):
        setups.append(_setup(name, entry, common, f"{where}: [setup.{name}]"))
    names = [setup.name for setup in setups]
    twin = table.get("twin")
    if twin is not None:
        if twin not in names:
            raise UsageError(f"{where}: twin = {twin!r}: there is no such setup; setups: {', '.join(names)}")
        original = setups[names.index(twin)]
        setups.append(
            Setup(
                name=f"{twin}-again",
                scenario=original.scenario,
                workload=original.workload,
                role=Role.TWIN,
                twin_of=twin,
                overrides=original.overrides,
            )
        )
    if not setups:
        raise UsageError(f"{where}: no setup; add servers and workloads, or [setup.NAME]")
    if len({setup.name for setup in setups}) < len(setups):
        raise UsageError(f"{where}: a name is given twice: {', '.join(sorted(names))}")
    n_rounds = rounds if rounds is not None else table.get("rounds", ROUNDS)
    if isinstance(n_rounds, bool) or not isinstance(n_rounds, int) or not 1 <= n_rounds <= 99:
        raise UsageError(f"{where}: rounds = {n_rounds!r}: must be a whole number from 1 to 99")
    return Suite(rounds=n_rounds, setups=tuple(setups))


def _setup(name: str, entry: Mapping[str, Any], common: Sequence[str], where: str) -> Setup:
    _only_known(entry, SETUP_KEYS, where)
    for key in ("scenario", "workload"):
        if not isinstance(entry.get(key), str):
            raise UsageError(f"{where} {key} must be text, not {entry.get(key)!r}")
    role = entry.get("role", Role.SETUP)
    if role not in {Role.SETUP, Role.REFERENCE}:
        raise UsageError(f"{where} role = {role!r}: must be {Role.SETUP} or {Role.REFERENCE}")
    overrides = _texts(entry, "set", where)
    packages = _texts(entry, "packages", where)
    if packages:
        overrides = (*overrides, f"packages={json.dumps(packages)}")
    return Setup(
        name=name,
        scenario=entry["scenario"],
        workload=entry["workload"],
        role=Role(role),
        overrides=(*common, *overrides),
    )


def _tables(table: Mapping[str, Any], where: str) -> list[tuple[str, Mapping[str, Any]]]:
    entries = table.get("setup", {})
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise UsageError(f"{where}: each setup must be a table, such as [setup.gthread-small]")
    return list(entries.items())


def _texts(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise UsageError(f"{where}: {key} = {values!r}: must be a list of strings")
    return tuple(values)


def _only_known(table: Mapping[str, Any], keys: Sequence[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise UsageError(f"{where}: unknown key {key!r}{did_you_mean(key, keys)}; allowed: {', '.join(keys)}")
