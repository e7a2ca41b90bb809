"""A dead man's handle: a process that stands still with a write in its hand until its time is over does not wake up."""

import ctypes
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class _Event(ctypes.Structure):
    """What happens when a timer ends (struct sigevent; to notify by a signal is 0)."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


class _Time(ctypes.Structure):
    """When it ends, once (struct itimerspec)."""

    _fields_ = (("again", ctypes.c_long * 2), ("at", ctypes.c_long * 2))


_ABSOLUTE = 1
_LIBC = ctypes.PyDLL(None) if sys.platform == "linux" else None  # it keeps the interpreter for a microsecond's call


@contextmanager
def held_until(deadline: float) -> Iterator[None]:
    """Let the kernel kill this process at `deadline` (of `time.monotonic`), stopped or not, if the block still lasts.

    Python cannot say "send, unless it is too late": between its last look at the clock and the call that sends it may
    be stopped for any time. Where the kernel gives no such timer that gap, some ten microseconds, stays open.
    """
    timer = ctypes.c_void_p()
    event = _Event(signo=signal.SIGKILL)
    if _LIBC is None or _LIBC.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(timer)) != 0:
        yield
        return
    try:
        fraction, whole = math.modf(deadline)
        at = _Time(at=(int(whole), int(fraction * 1e9)))
        _LIBC.timer_settime(timer, _ABSOLUTE, ctypes.byref(at), None)
        yield
    finally:
        _LIBC.timer_delete(timer)
