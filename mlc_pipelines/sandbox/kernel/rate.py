"""A strict request budget: so many in a sliding window, and not one more."""

import threading
from collections import deque
from datetime import datetime, timedelta

from mlc_pipelines.sandbox.kernel.clock import SandboxClock


class RateLimit:
    """Counts every admitted request; `limit` may be changed while the sandbox runs (0 means no limit)."""

    def __init__(self, clock: SandboxClock, *, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._clock = clock
        self._admitted: deque[datetime] = deque()
        self._lock = threading.Lock()

    def refuse(self) -> float | None:
        """Admit this request (None) or say in how many seconds the next one fits."""
        with self._lock:
            if self.limit <= 0:
                return None
            now = self._clock.now()
            window = timedelta(seconds=self.seconds)
            while self._admitted and self._admitted[0] <= now - window:
                self._admitted.popleft()
            if len(self._admitted) < self.limit:
                self._admitted.append(now)
                return None
            return (self._admitted[0] + window - now).total_seconds()

    def clear(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._admitted.clear()
