"""The vendor's limits: three calls at the same time, so many calls and logins within one clock hour."""

import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlc_pipelines.sandbox.bill.answers import RefusalError, refused
from mlc_pipelines.sandbox.bill.switches import Switches
from mlc_pipelines.sandbox.kernel.app import CONTROL
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.server import CONNECTION

AT_ONCE = 3
CALLS, LOGINS = 20_000, 200
LOGIN_PATH = "/connect/v3/login"
ADMITTED = "bill.admitted"  # where the gate learns whether this call got a slot, inside the ASGI scope
Key = tuple[str, str]


class Slots:
    """How many calls of one developer key and organization are in flight; refused ones hold no slot."""

    def __init__(self, *, limit: int = AT_ONCE) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._held: Counter[Key] = Counter()
        self.clear()

    def clear(self) -> None:
        """Forget the record; what is in flight stays."""
        with self._lock:
            self.max_in_flight = 0
            self.refused = 0

    def enter(self, key: Key) -> bool:
        """Take a slot if there is one; the record counts those who did not get one too."""
        with self._lock:
            self.max_in_flight = max(self.max_in_flight, self._held[key] + 1)
            if self._held[key] >= self.limit:
                self.refused += 1
                return False
            self._held[key] += 1
            return True

    def leave(self, key: Key) -> None:
        """Give the slot back."""
        with self._lock:
            self._held[key] -= 1


class InFlight:
    """Pure ASGI middleware: holds a slot from the arrival of a call until its answer leaves or its connection ends."""

    def __init__(self, app: ASGIApp, *, slots: Slots, organization_of: Callable[[str], str]) -> None:
        self._app = app
        self._slots = slots
        self._organization_of = organization_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count calls that name a developer key; logins name it in their body and are counted by the gate."""
        key = None if scope["type"] != "http" or scope["path"].startswith(CONTROL) else self._key(Request(scope))
        if key is None:
            await self._app(scope, receive, send)
            return
        scope[ADMITTED] = self._slots.enter(key)
        held = [key] if scope[ADMITTED] else []

        def release() -> None:
            if held:
                self._slots.leave(held.pop())

        try:
            await self._app(scope, _releasing(receive, scope, release), _last(send, release))
        finally:
            release()

    def _key(self, request: Request) -> Key | None:
        dev_key = request.headers.get("devkey")
        if dev_key is None or request.url.path == LOGIN_PATH:
            return None
        return dev_key, self._organization_of(request.headers.get("sessionid", ""))


def _last(send: Send, release: Callable[[], None]) -> Callable[[Message], Awaitable[None]]:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            release()  # before the caller can know: its next call must not be counted beside this one
        await send(message)

    return sending


def _releasing(receive: Receive, scope: Scope, release: Callable[[], None]) -> Receive:
    async def receiving() -> Message:
        if scope[CONNECTION].is_closing():
            release()
        return await receive()

    return receiving


class HourlyQuota:
    """So many calls and logins per developer key; the count begins again at every full hour."""

    def __init__(self, clock: SandboxClock, *, switches: Switches, calls: int = CALLS, logins: int = LOGINS) -> None:
        self.calls = calls
        self.logins = logins
        self._clock = clock
        self._switches = switches
        self.clear()

    def clear(self) -> None:
        """Forget what was counted."""
        self._hour: datetime | None = None
        self.counted: Counter[tuple[str, str]] = Counter()

    def spend(self, dev_key: str, what: str = "calls") -> None:
        """Count a call or login, or refuse it."""
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour = hour
            self.counted.clear()
        limit = self.logins if what == "logins" else self.calls
        if self.counted[dev_key, what] >= limit:
            raise refused(
                self._switches.limit_status, "BDC_1144", f"The hourly limit of {limit} {what} is reached.",
                category="APPLICATION",
            )  # fmt: skip
        self.counted[dev_key, what] += 1


def too_many_at_once(status: int) -> RefusalError:
    """Refuse a call that found no slot."""
    return refused(
        status, "BDC_1322", "Maximum number of concurrent requests per developer key and organization is reached.",
        category="APPLICATION",
    )  # fmt: skip
