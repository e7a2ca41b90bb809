"""The gate before the receiver: counts what is answered, and sends floods away before their bodies are read."""

import logging
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlc_pipelines.errors import ConfigurationError

PER_SECOND, BURST = "MLC_WEBHOOKS_PER_SECOND", "MLC_WEBHOOKS_BURST"
MOST_SOURCES = 10_000
UNKNOWN = "unknown"
TOLD_EVERY = 60.0
_NEIGHBOURS = 64  # one host has all of an IPv6 network of this size

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests one source may send: so many in a second, after a burst of so many."""

    per_second: float = 50.0
    burst: int = 200

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Pace":
        """Read the pace of the environment."""
        usual = cls()
        per_second = _positive(environ, PER_SECOND, usual.per_second)
        return cls(per_second, math.ceil(_positive(environ, BURST, usual.burst)))


class Floods:
    """Remembers how much each source has sent lately; of so many sources, those heard of last."""

    def __init__(self, pace: Pace, *, most: int = MOST_SOURCES) -> None:
        self._step = 1 / pace.per_second
        self._room = pace.burst * self._step
        self._most = most
        self._paid_until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paid_until)

    def wait(self, source: str, now: float) -> float:
        """Count a request; 0.0 when it may pass, else the seconds until one may."""
        paid = max(self._paid_until.get(source, now), now) + self._step
        over = paid - now - self._room
        if over > self._step / 1000:  # sums of fractions
            self._paid_until.move_to_end(source)
            return over
        self._paid_until[source] = paid
        self._paid_until.move_to_end(source)
        while len(self._paid_until) > self._most:
            self._paid_until.popitem(last=False)
        return 0.0


class Gate:
    """Stands before an app. `answered` counts by connection and status; names nobody knows are one."""

    def __init__(self, app: ASGIApp, *, names: Collection[str], pace: Pace, answered: Counter[tuple[str, int]]) -> None:
        self._app = app
        self._names = frozenset(names)
        self._floods = Floods(pace)
        self._answered = answered
        self._refused = 0
        self._told_at = -math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it unread."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _connection(scope["path"])

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and name is not None:
                self._answered[name if name in self._names else UNKNOWN, message["status"]] += 1
            await send(message)

        # What is asked beside webhooks has a measure of its own, so that a flood does not blind those who watch.
        client = scope.get("client")
        source = f"{source_of(client[0] if client else '')} {'asks' if name is None else 'posts'}"
        wait = self._floods.wait(source, time.monotonic())
        if wait > 0:
            self._tell()
            headers = {"Retry-After": str(math.ceil(wait)), "Connection": "close"}
            status = HTTPStatus.TOO_MANY_REQUESTS
            await PlainTextResponse(status.phrase, status_code=status, headers=headers)(scope, receive, counted)
        else:
            await self._app(scope, receive, counted)

    def _tell(self) -> None:
        """Log refusals a minute at a time: the log is not to be flooded either."""
        self._refused += 1
        if time.monotonic() - self._told_at >= TOLD_EVERY:
            logger.warning("webhooks refused: too many from one source", extra={"refused": self._refused})
            self._refused, self._told_at = 0, time.monotonic()


def source_of(host: str) -> str:
    """Name where a request comes from: its address, of IPv6 its network."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address) if address.is_loopback else f"{IPv6Address(int(address) >> _NEIGHBOURS << _NEIGHBOURS)}/64"


def _connection(path: str) -> str | None:
    """Give the connection that an address is for; None when it is for none."""
    before, _, rest = path.lstrip("/").partition("/")
    return rest.partition("/")[0] if before == "webhooks" else None


def _positive(environ: Mapping[str, str], name: str, usual: float) -> float:
    said = environ.get(name, "").strip()
    if not said:
        return usual
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not 1 <= number <= 1e6:  # noqa: PLR2004  # more than any machine can take
        raise ConfigurationError(f"{name}: {said[:20]!r} is not a number from 1 to 1000000")
    return number
