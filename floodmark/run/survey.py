"""Makes the same measurement on several servers, writing each row to the file as soon as it is known."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from floodmark.errors import FloodmarkError, Interrupted
from floodmark.results.document import ensure_folder, write_document
from floodmark.results.provenance import host_record, software
from floodmark.results.record import HostRecord, Revision
from floodmark.results.schema import RowType
from floodmark.results.table import write_table
from floodmark.run.describe import now
from floodmark.targets.cpus import pinned
from floodmark.targets.launcher import Launcher
from floodmark.targets.target import Running, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRecord:
    """The JSON document next to the table, with the provenance of its rows."""

    started: str
    backend: str
    host: HostRecord
    floodmark: Revision
    python: str
    python_build: str
    packages: Mapping[str, str | None]


@dataclass(slots=True, kw_only=True)
class Survey(Generic[RowType]):
    """The rows of all servers so far, and the errors of those that failed."""

    file: Path
    """The table, a CSV file."""
    kind: type[RowType]
    launcher: Launcher
    rows: list[RowType] = field(default_factory=list)
    errors: list[FloodmarkError] = field(default_factory=list)
    started: str = field(default_factory=now)

    def measure(
        self,
        targets: Sequence[Target],
        each: Callable[[Target, Callable[[Target], Running]], None],
        begin: Callable[[int, Target], None],
        failed: Callable[[FloodmarkError], None],
    ) -> None:
        """Measure one server after the other, continuing after failures.

        each: measures one server, given a function that starts it, and calls ``add``.
        begin: called before each server, with its number from 1.
        failed: called with the error of a server that failed.

        Raises Interrupted and WriteError.
        """
        for number, target in enumerate(targets, 1):
            begin(number, target)
            try:
                with (
                    tempfile.TemporaryDirectory(prefix="floodmark-survey-") as folder,
                    pinned(self.launcher.allotment.generator_cpus),
                ):
                    each(target, self._starts_in(Path(folder)))
            except Interrupted:
                raise
            except FloodmarkError as error:
                failed(error)
                self.errors.append(error)

    def _starts_in(self, folder: Path) -> Callable[[Target], Running]:
        return lambda target: self.launcher.up(target, folder)

    def add(self, row: RowType) -> None:
        """Add a row and write the files. Raises WriteError."""
        self.rows.append(row)
        ensure_folder(self.file.parent)
        write_table(self.file, self.kind, self.rows)
        versions = software()
        record = SurveyRecord(
            started=self.started,
            backend=self.launcher.name,
            host=host_record(),
            floodmark=versions.floodmark,
            python=versions.python,
            python_build=versions.python_build,
            packages=versions.packages,
        )
        write_document(self.file.with_suffix(".json"), record)

    @property
    def exit_code(self) -> int:
        """0, or that of the first server that failed."""
        return self.errors[0].exit_code if self.errors else 0
