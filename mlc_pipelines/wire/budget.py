"""The rate budget as arithmetic: the generic cell rate algorithm, and a budget for one process."""

import threading

from mlc_pipelines.wire.clock import Clock


def slack(window_seconds: float) -> float:
    """Seconds that one call may take longer to arrive than another, and no window of the other side is overdrawn."""
    return min(window_seconds / 25, 1.0)


def emission(limit: int, *, window_seconds: float, burst: int) -> float:
    """Seconds between two calls so that no window ever holds more than `limit`, a burst at its start included."""
    if not 0 < burst <= limit or window_seconds <= 0:
        raise ValueError(f"a burst of {burst} does not fit a limit of {limit} calls in {window_seconds} seconds")
    return (window_seconds + slack(window_seconds)) / (limit - burst + 1)


def reserve(tat: float, now: float, *, emission: float, burst: int) -> tuple[float, float]:
    """Book one call: the next theoretical arrival time, and the seconds to wait before the call.

    `burst + (window + slack) / emission = limit + 1` keeps every window within the limit: that many calls fit only into
    one that is longer, and a burst is only granted after the silence that pays for it.
    """
    booked = max(tat, now) + emission
    return booked, max(0.0, booked - burst * emission - now)


class LocalBudget:
    """A budget that only this process knows; processes share one through the database."""

    def __init__(self, *, limit: int, window_seconds: float, burst: int, clock: Clock) -> None:
        self._emission = emission(limit, window_seconds=window_seconds, burst=burst)
        self._burst = burst
        self._clock = clock
        self._tat = 0.0
        self._blocked_until = 0.0
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Wait until one call may be made."""
        with self._lock:
            now = self._clock.now().timestamp()
            start = max(now, self._blocked_until)
            self._tat, wait = reserve(self._tat, start, emission=self._emission, burst=self._burst)
            wait += start - now
        while wait > 0:
            self._clock.sleep(wait)
            wait = self._blocked_until - self._clock.now().timestamp()

    def pause(self, seconds: float) -> None:
        """Let no call through for so many seconds."""
        with self._lock:
            self._blocked_until = max(self._blocked_until, self._clock.now().timestamp() + seconds)
