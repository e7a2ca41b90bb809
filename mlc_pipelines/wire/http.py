"""HTTP with manners: bounded, encrypted, within the rate budget, and a write is never sent twice by accident."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    OutcomeUnknownError,
    RecordError,
    TransientError,
)
from mlc_pipelines.wire.addresses import below, checked, place, shown, with_params
from mlc_pipelines.wire.answers import READS, Answer, Judge, retry_after
from mlc_pipelines.wire.auth import Auth, TokenUnavailableError
from mlc_pipelines.wire.bodies import BadPackingError, bounded, to_json, unpacked
from mlc_pipelines.wire.clock import Clock, SystemClock
from mlc_pipelines.wire.faults import no_connection, reason
from mlc_pipelines.wire.memory import Budget, Guard, Slots, unguarded
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines.wire.trust import trusted

logger = logging.getLogger(__name__)

_RENEWALS = 2
_MOST_OF_A_REFUSAL = 256 * 1024  # bytes
_NOTHING: Mapping[str, str] = MappingProxyType({})
_LEAVES = "http11.send_request_headers.started"
_LEAVING = frozenset({"http11.send_request_headers.complete", "http11.send_request_body.started"})
_MACHINE = SystemClock()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often: `write_seconds` is the wait for the answer of a write, `budget_seconds` all waits.

    `take_seconds` is how long the line may take nothing of what we send: much less than the half of a lease.
    `body_seconds` is the time for all of a body, however small the pieces it comes in.
    """

    connect_seconds: float = 10.0
    take_seconds: float = 15.0
    read_seconds: float = 120.0
    write_seconds: float = 300.0
    body_seconds: float = 300.0
    max_body_bytes: int = 64 * 1024 * 1024
    attempts: int = 6
    budget_seconds: float = 300.0
    longest_wait: float = 60.0


_USUAL = Limits()


@dataclass(slots=True)
class _Call:
    """One request and what has happened to it so far."""

    method: str
    url: httpx.URL
    label: str
    headers: dict[str, str]
    content: bytes | None
    repeatable: bool
    renewals: int = field(default=0)
    status: int | None = field(default=None)


class HttpClient:
    """Requests to one service, from any thread. An answer of 400 or above is read by the vendor's judge.

    `ended` tells an answer that asks for a new token or session, 401 unless the vendor says it otherwise; `slots`
    bounds the requests that are under way at the same moment; `guard` has the last word on every write.
    """

    def __init__(
        self,
        where: str,
        base_url: str,
        *,
        judge: Judge,
        auth: Auth | None = None,
        ended: Callable[[Answer], bool] | None = None,
        budget: Budget | None = None,
        slots: Slots | None = None,
        guard: Guard = unguarded,
        limits: Limits = _USUAL,
        clock: Clock = _MACHINE,
        headers: Mapping[str, str] = _NOTHING,
    ) -> None:
        self._where = where
        self._base = base_url
        self._address = place(checked(where, base_url))
        self._origin = _origin(self._parsed("base address", base_url))
        self._judge = judge
        self._auth = auth
        self._ended = ended or _is_unauthorized
        self._budget = budget
        self._slots = slots
        self._guard = guard
        self._limits = limits
        self._clock = clock
        self._headers = {"User-Agent": "mlc-pipelines", "Accept": "*/*", "Accept-Encoding": "gzip", **headers}
        self._backoff = wait_random_exponential(multiplier=0.5, max=limits.longest_wait)
        self._trust = trusted()
        self._idle: list[httpx.HTTPTransport] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] = _NOTHING,
        json: object = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        repeatable: bool | None = None,
    ) -> Answer:
        """Send one request and give its answer, or raise what the judge makes of it.

        `path` is below the base address, or an absolute address of the same origin. A repeatable request (GET and
        HEAD are) is sent again while the other side cannot answer; any other only when it was provably not
        performed, and a lost answer to it is OutcomeUnknownError.
        """
        call = self._call(method.upper(), with_params(below(self._where, self._base, path), params))
        call.headers |= headers
        call.repeatable = call.method in READS if repeatable is None else repeatable
        call.content = content
        if json is not None:
            call.content = to_json(json)
            call.headers.setdefault("Content-Type", "application/json")
        elif form is not None:
            call.content = urlencode(form).encode()
            call.headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        retrying = Retrying(
            sleep=self._clock.sleep,
            retry=retry_if_exception(_may_pass),
            wait=lambda state: self._wait(call, state),
            stop=self._spent,
            before_sleep=lambda state: _tell(call, state),
            reraise=True,
        )
        return retrying(self._attempt, call)

    def _call(self, method: str, url: str) -> _Call:
        parsed = self._parsed(method, url)
        if _origin(parsed) != self._origin:  # two readings of one address may differ; this one is called
            raise ConfigurationError(
                f"{self._where}: refused to ask {parsed.scheme}://{parsed.host} instead of {self._address}"
            )
        label = f"{self._where}: {method} {' '.join(parsed.path.split())}"
        return _Call(method, parsed, label, dict(self._headers), content=None, repeatable=False)

    def _parsed(self, what: str, url: str) -> httpx.URL:
        try:
            return httpx.URL(url)
        except httpx.InvalidURL as exc:
            raise ConfigurationError(f"{self._where}: {what} {shown(url)!r} is not an address ({exc})") from exc

    def _attempt(self, call: _Call) -> Answer:
        call.status = None
        answer = self._exchange(call)
        if self._auth is not None and self._ended(answer):
            self._auth.renew()
            answer = self._exchange(call)
        call.status = answer.status
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        if answer.status < HTTPStatus.BAD_REQUEST:
            raise ConfigurationError(
                f"{call.label}: HTTP {answer.status}, a redirect, is not followed; check the base address"
            )
        error = self._judge(answer)
        if error is None:
            return answer
        if self._auth is not None and self._ended(answer) and call.renewals < _RENEWALS:
            # A new token was refused too. Short ones may end or be revoked on the way, so it is tried once more.
            call.renewals += 1
            raise TransientError(str(error), refused=True) from error
        raise self._read(call, answer, error)

    def _read(self, call: _Call, answer: Answer, error: MlcError) -> MlcError:
        """Add to the judge's reading what only the wire knows: how it was sent, and when to come again."""
        if not isinstance(error, TransientError):
            return error
        if error.retry_after is None:
            error.retry_after = retry_after(answer, self._clock.now())
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            error.refused = True
        if call.repeatable or error.refused:
            return error
        return OutcomeUnknownError(f"{error}; it may have been performed: look before sending again")

    def _exchange(self, call: _Call) -> Answer:
        if self._auth is not None:
            self._auth.headers()  # a token that is due is fetched before a share of the rate limit is taken
        with self._line() as line:
            if self._budget is not None:
                self._budget.acquire()
            return self._ask(call, line)

    def _ask(self, call: _Call, line: httpx.HTTPTransport) -> Answer:
        headers = call.headers | dict(self._auth.headers() if self._auth is not None else _NOTHING)
        answering = self._limits.read_seconds if call.repeatable else self._limits.write_seconds
        connecting, taking = self._limits.connect_seconds, self._limits.take_seconds
        leaving = ExitStack()
        extensions: dict[str, Any] = {"timeout": {"connect": connecting, "read": answering, "write": taking}}
        if call.method not in READS:
            extensions["trace"] = partial(self._follow, leaving)
        try:
            request = httpx.Request(call.method, call.url, headers=headers, content=call.content, extensions=extensions)
            with (
                self._slots.slot() if self._slots is not None else nullcontext(),
                leaving,
                closing(line.handle_request(request)) as response,
            ):
                body, more = self._body(response)
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            # Its text repeats the header, and the header may hold a token.
            raise ConfigurationError(f"{call.label}: a header of the request cannot be written") from None
        except (httpx.RequestError, BadPackingError, TimeoutError) as exc:
            raise self._fault(call, exc) from exc
        if more and response.status_code < HTTPStatus.BAD_REQUEST:
            raise self._too_long(call)
        names = {name.lower(): REDACTOR.redact(value) for name, value in response.headers.items()}
        return Answer(response.status_code, names, REDACTOR.mask(body), call.method, shown(str(call.url)))

    @contextmanager
    def _line(self) -> Iterator[httpx.HTTPTransport]:
        """Give a call a connection of its own: a pool of many looks at each of them before and after every call.

        It is there before the rate budget is asked: the first one of a process takes too long to make, and calls that
        leave late come too close to those behind them.
        A transport alone keeps no cookie, which would make a session of our own accord (IFS asks more of sessions than
        of tokens), follows no redirect and asks the environment for no proxy.
        """
        try:
            line = self._idle.pop()
        except IndexError:
            line = httpx.HTTPTransport(verify=self._trust, trust_env=False)
        try:
            yield line
        finally:
            self._idle.append(line)

    def _follow(self, leaving: ExitStack, event: str, _info: Mapping[str, Any]) -> None:
        """Guard a write from its first byte to its last, and not while its answer is waited for."""
        if event == _LEAVES:
            leaving.enter_context(self._guard())
        elif event not in _LEAVING:
            leaving.close()

    def _body(self, response: httpx.Response) -> tuple[bytes, bool]:
        """Read a body within its limits; of a refusal only the beginning is looked at."""
        most = self._limits.max_body_bytes if response.status_code < HTTPStatus.BAD_REQUEST else _MOST_OF_A_REFUSAL
        pieces = unpacked(response.iter_raw(), response.headers.get("content-encoding", ""))
        return bounded(pieces, most=most, seconds=self._limits.body_seconds)

    def _fault(self, call: _Call, exc: Exception) -> MlcError:
        if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
            return no_connection(call.label, self._address, error=exc)
        if call.repeatable:
            return TransientError(f"{call.label}: no answer from {self._address} ({reason(exc)}); try again later")
        return OutcomeUnknownError(
            f"{call.label}: sent, and no answer came ({reason(exc)}); it may have been performed: "
            "look before sending again"
        )

    def _too_long(self, call: _Call) -> MlcError:
        said = f"{call.label}: the answer is longer than {self._limits.max_body_bytes} bytes"
        if call.repeatable:
            return RecordError(f"{said}; ask for smaller pages", cause=Cause.UNREADABLE)
        return OutcomeUnknownError(f"{said}; look for the record before sending again")

    def _wait(self, call: _Call, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, TransientError) else None
        seconds = self._backoff(state) if asked is None else min(asked, self._limits.longest_wait)
        if call.status == HTTPStatus.TOO_MANY_REQUESTS and self._budget is not None:
            self._budget.pause(seconds)
        return seconds

    def _spent(self, state: RetryCallState) -> bool:
        waited = state.idle_for + state.upcoming_sleep
        return state.attempt_number >= self._limits.attempts or waited > self._limits.budget_seconds


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _is_unauthorized(answer: Answer) -> bool:
    return answer.status == HTTPStatus.UNAUTHORIZED


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TransientError) and not isinstance(error, TokenUnavailableError)


def _tell(call: _Call, state: RetryCallState) -> None:
    logger.info(
        "asking again",
        extra={
            "request": call.label,
            "attempt": state.attempt_number,
            "status": call.status,
            "wait": state.upcoming_sleep,
        },
    )
