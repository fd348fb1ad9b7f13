"""A timer that an epoll can watch, exact to some ten microseconds: libev's own rounds to a millisecond."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import time

_CLOCK_MONOTONIC = 1
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_NS = 1_000_000_000


class _Setting(ctypes.Structure):
    """struct itimerspec."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class TimerFd:
    """A Linux timerfd. Raises OSError where there is none."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._set = libc.timerfd_settime
            self.fd = int(libc.timerfd_create(_CLOCK_MONOTONIC, _FLAGS))
        except AttributeError as error:
            raise OSError("no timerfd on this system") from error
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._setting = _Setting()

    def set(self, due: float) -> None:
        """Become readable at ``due``, epoch s; at once if that is past. Replaces an earlier time."""
        ahead_ns = max(1, int((due - time.time()) * _NS))
        self._setting.value_s, self._setting.value_ns = divmod(ahead_ns, _NS)
        self._set(self.fd, 0, ctypes.byref(self._setting), None)

    def acknowledge(self) -> None:
        """Stop being readable."""
        with contextlib.suppress(BlockingIOError):
            struct.unpack("Q", os.read(self.fd, 8))
