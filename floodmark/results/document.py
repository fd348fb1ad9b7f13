"""Typed JSON documents with a schema version. Errors name the file and the key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from floodmark.errors import UsageError
from floodmark.results.table import WriteError, write_text

Document = TypeVar("Document")


def read_document(file: Path, kind: type[Document], noun: str, schemas: range) -> Document:
    """Read the document that marks its folder as that of a ``noun``. ``schemas`` are the versions that can be read.

    Raises UsageError if it is missing, has another version, or does not fit the type.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file.parent} is not the folder of a {noun}: no {file.name} ({error.strerror})") from error
    try:
        table = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{file}: not JSON: {error}") from error
    if not isinstance(table, dict):
        raise UsageError(f"{file}: not a JSON object")
    schema = table.get("schema")
    if schema not in schemas:
        raise UsageError(f"{file}: schema {schema!r}; this floodmark reads {_listed(schemas)}{_newer(table, schemas)}")
    try:
        return msgspec.convert(table, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"{file}: {str(error).replace('`$.', '`')}") from error


def _listed(schemas: range) -> str:
    return f"schema {schemas[0]}" if len(schemas) == 1 else f"schemas {schemas[0]} to {schemas[-1]}"


def _newer(table: Mapping[str, object], schemas: range) -> str:
    schema, writer = table.get("schema"), table.get("floodmark")
    if not isinstance(schema, int) or schema < schemas.stop:
        return ""
    version = writer.get("version") if isinstance(writer, dict) else None
    return f"; it was written by floodmark {version or 'of a later version'}: use that or a newer one"


def write_document(file: Path, document: object) -> None:
    """Write a JSON document atomically. Raises WriteError."""
    write_text(file, msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def plain(document: object) -> Any:
    """A document as dictionaries, lists, numbers and strings."""
    return msgspec.to_builtins(document)


def ensure_folder(folder: Path) -> None:
    """Create a folder unless it exists. Raises WriteError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write to {folder}: {error.strerror}; choose another folder with --results") from error


def make_folder(root: Path, names: Iterable[str], what: str) -> Path:
    """Create the first of these folders in ``root`` that does not exist yet. Raises WriteError."""
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
            f"cannot write {what} to {root}: {error.strerror}; choose another folder with --results"
        ) from error
    raise AssertionError("names have an end")
