"""The clock that is handed in: what time it is and how to wait."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the road sees it."""

    def now(self) -> datetime:
        """Tell the time, aware and in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Tell the time, aware and in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
