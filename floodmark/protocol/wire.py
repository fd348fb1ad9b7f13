"""Encodes dataclasses as JSON for messages between processes of floodmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

Message = TypeVar("Message")


def encode(message: object) -> bytes:
    """Encode a dataclass, or a structure of them, as one line of JSON."""
    return msgspec.json.encode(message, enc_hook=_to_plain)


def decode(data: bytes, kind: type[Message]) -> Message:
    """Decode the output of ``encode``. Raises ValueError for anything else."""
    return msgspec.json.decode(data, type=kind, dec_hook=_from_text)


def _to_plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} cannot be encoded as JSON")


def _from_text(kind: type, value: Any) -> object:
    if issubclass(kind, Path):
        return Path(value)
    raise NotImplementedError(f"{kind.__name__} cannot be decoded from JSON")
