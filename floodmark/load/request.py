"""A request as a connection sends it."""

from __future__ import annotations

from dataclasses import dataclass, field

from floodmark.load.answer import NO_ANSWER, Answer


@dataclass(slots=True, kw_only=True, eq=False)
class Request:
    """One request in bytes, ready to be sent as often as wanted, by any number of connections."""

    message: bytes
    head_only: bool = False
    """Whether the answer has no body, whatever its headers say: HEAD."""
    closes: bool = False
    """Whether the connection is not used again after it."""
    marker: bytes | None = None
    """What to look for in the body of the answer, which is not kept whole then; None keeps it."""
    known: Answer = NO_ANSWER
    """The last answer, if it came in one piece. Most servers repeat themselves but for the date: an answer that has the
    same bytes need not be parsed again. Shared by all connections: one copy stays in the CPU's cache, thousands do not.
    """
    length: int = field(init=False)

    def __post_init__(self) -> None:
        self.length = len(self.message)
