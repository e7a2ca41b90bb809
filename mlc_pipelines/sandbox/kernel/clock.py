"""The time a simulator lives in: real time plus an offset that tests and people move."""

import threading
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real UTC time plus an offset; with a start it begins there instead of today."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._offset = timedelta() if start is None else start - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the time as this sandbox sees it, aware and in UTC."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time; tokens expire and rate windows pass without waiting."""
        with self._lock:
            self._offset += timedelta(seconds=seconds)
