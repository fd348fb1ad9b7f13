"""CSV tables, which are appended row by row or replaced atomically."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Generic

from floodmark.errors import FloodmarkError, UsageError
from floodmark.results.schema import RowType, columns, from_cells, to_cells

if TYPE_CHECKING:
    from typing import Self


class WriteError(FloodmarkError):
    """A file could not be written: the disk is full, or the folder is missing or read-only."""


class Appender(Generic[RowType]):
    """A CSV file that grows by whole rows. When ``add`` returns, its rows have been passed to the operating system."""

    def __init__(self, path: Path, kind: type[RowType]) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise WriteError(f"cannot write {path}: {error.strerror}") from error
        try:
            if self._file.seek(0, os.SEEK_END) == 0:
                self._append([columns(kind)])
        except WriteError:
            self._file.close()
            raise

    def add(self, *rows: RowType) -> None:
        """Append rows. If that fails, raises WriteError and leaves none of them in the file."""
        self._append([to_cells(row) for row in rows])

    def _append(self, rows: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        data = text.getvalue().encode()
        before = self._file.tell()
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(before)
            raise WriteError(f"cannot write {self._path}: {error.strerror}") from error

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_table(path: Path, kind: type[RowType], rows: Iterable[RowType]) -> None:
    """Replace a CSV file atomically. Raises WriteError."""

    def fill(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns(kind))
            writer.writerows(to_cells(row) for row in rows)

    _replace(path, fill)


def write_text(path: Path, text: str) -> None:
    """Replace a text file atomically. Raises WriteError."""
    _replace(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _replace(path: Path, fill: Callable[[Path], object]) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        try:
            fill(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}") from error


def read_table(path: Path, kind: type[RowType]) -> list[RowType]:
    """Read all rows of a CSV file, leaving out a last row that was cut off. Raises UsageError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, cells) for cells in reader]
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if rows and any(value is None for value in rows[-1][1].values()):
        rows.pop()
    return [from_cells(kind, cells, f"{path}:{line}") for line, cells in rows]
