"""Dataclasses as JSON, for what two of our processes say to each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

Message = TypeVar("Message")


def encode(message: object) -> bytes:
    """A dataclass, or anything made of them, as one line of JSON."""
    return msgspec.json.encode(message, enc_hook=_to_plain)


def decode(data: bytes, kind: type[Message]) -> Message:
    """What ``encode`` made. Raises ValueError for anything else."""
    return msgspec.json.decode(data, type=kind, dec_hook=_from_text)


def _to_plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


def _from_text(kind: type, value: Any) -> object:
    if issubclass(kind, Path):
        return Path(value)
    raise NotImplementedError(f"{kind.__name__} has no form in JSON")
