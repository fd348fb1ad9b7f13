"""A folder's JSON document, with the schema it was written in; and folders that are new."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from floodmark.errors import UsageError
from floodmark.results.schema import SCHEMA
from floodmark.results.table import WriteError


def read_document(file: Path, noun: str) -> dict[str, Any]:
    """The document that makes a folder a ``noun``. Raises UsageError where it is missing or of another schema."""
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file.parent} is not the folder of a {noun}: no {file.name} ({error.strerror})") from error
    except ValueError as error:
        raise UsageError(f"{file}: not JSON: {error}") from error
    if facts.get("schema") != SCHEMA:
        raise UsageError(f"{file}: schema {facts.get('schema')!r}; this floodmark reads schema {SCHEMA}")
    return facts


def make_folder(root: Path, names: Iterable[str], what: str) -> Path:
    """Make the first of these folders below ``root`` that is not there yet. Raises WriteError."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name in names:
            try:
                (root / name).mkdir()
            except FileExistsError:
                continue
            return root / name
    except OSError as error:
        raise WriteError(
            f"cannot write {what} below {root}: {error.strerror}; choose a folder with --results"
        ) from error
    raise AssertionError("names have an end")
