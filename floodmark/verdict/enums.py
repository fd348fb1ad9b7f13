"""The enumerations of a verdict. Their values are what the files contain."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Why a load level was visited."""

    WARM = "warm"
    BASE = "base"
    BRACKET = "bracket"
    PLACE = "place"
    HOLD = "hold"
    VERIFY = "verify"
    OVERLOAD = "overload"
    RECOVERY = "recovery"
    SLO = "slo"
    CONFIRM = "confirm"
    STEP = "step"


class Model(StrEnum):
    """Who decides when the next request is sent: the users (closed) or a schedule (open)."""

    CLOSED = "closed"
    OPEN = "open"


class Connections(StrEnum):
    """Whether connections are kept for many requests, or opened for each."""

    KEEPALIVE = "keepalive"
    NEW = "new"


class Spacing(StrEnum):
    """How arrivals are spaced: at random (a Poisson process) or at equal intervals."""

    POISSON = "poisson"
    CONSTANT = "constant"


class Generator(StrEnum):
    """Whether the load generator may have limited a figure."""

    OK = "ok"
    SUSPECT = "suspect"
    LIMITED = "limited"


class Bottleneck(StrEnum):
    """What limits the goodput of a target (docs/bottlenecks.md)."""

    GENERATOR = "generator"
    MEMORY = "memory"
    QUOTA = "quota"
    HOST = "host"
    BACKLOG = "backlog"
    CPU = "cpu"
    GIL = "gil"
    IMBALANCE = "imbalance"
    CONNECTIONS = "connections"
    SLOTS = "slots"
    LOCK = "lock"
    NOT_SATURATED = "not_saturated"
    UNKNOWN = "unknown"


BOTTLENECK_TEXT = {
    Bottleneck.GENERATOR: "the load generator",
    Bottleneck.MEMORY: "memory",
    Bottleneck.QUOTA: "a CPU quota",
    Bottleneck.HOST: "others on the target's CPUs",
    Bottleneck.BACKLOG: "the accept queue is too short",
    Bottleneck.CPU: "CPU",
    Bottleneck.GIL: "one core: the GIL",
    Bottleneck.IMBALANCE: "uneven workers",
    Bottleneck.CONNECTIONS: "connections",
    Bottleneck.SLOTS: "slots: workers and threads",
    Bottleneck.LOCK: "a lock, or something behind the app",
    Bottleneck.NOT_SATURATED: "not saturated",
    Bottleneck.UNKNOWN: "unknown",
}


class Advice(StrEnum):
    """The result of trying an advice."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not_confirmed"
    NOT_TRIED = "not_tried"


class End(StrEnum):
    """How a search ended."""

    FOUND = "found"
    MAX_USERS = "max_users"
    TIMED_OUT = "timed_out"
    NOT_STEADY = "not_steady"
    GENERATOR_LIMITED = "generator_limited"
    ALL_ERRORS = "all_errors"
    DIED = "died"
    INTERRUPTED = "interrupted"
    HELD = "held"
    STEPS_DONE = "steps_done"
    RATE_HELD = "rate_held"
    FAILED = "failed"
    MISCOUNTED = "miscounted"


END_TEXT = {
    End.MISCOUNTED: "client and server did not count the same requests; see that nobody else loads the target",
    End.FOUND: "confirmed: doubling the users raises goodput no further",
    End.MAX_USERS: "goodput still rose at max_users; raise [search] max_users",
    End.TIMED_OUT: "no ceiling was confirmed in the time there was",
    End.NOT_STEADY: "goodput kept drifting; the target is not in a steady state",
    End.GENERATOR_LIMITED: "the load generator was the limit, not the target",
    End.ALL_ERRORS: "the target answered with errors only",
    End.DIED: "the target failed",
    End.INTERRUPTED: "interrupted before the search was done",
    End.FAILED: "floodmark itself failed",
    End.RATE_HELD: "one rate was offered; only a search finds a capacity",
    End.HELD: "held again where an earlier search confirmed the ceiling",
    End.STEPS_DONE: "the steps were run; only a search confirms a capacity",
}
