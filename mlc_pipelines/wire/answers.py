"""What a server answered, what it may ask of the one who comes again, and how an answer is read by status alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    OutcomeUnknownError,
    RecordError,
    StaleRecordError,
    TransientError,
)
from mlc_pipelines.wire.bodies import from_json
from mlc_pipelines.wire.clock import Clock, SystemClock

READS = frozenset({"GET", "HEAD"})
"""Methods that change nothing, and may be sent again."""

_REJECTED = frozenset({400, 404, 405, 409, 422})
_DENIED = frozenset({401, 403})
_MACHINE = SystemClock()


class NotJsonError(RecordError, ValueError):
    """An answer to a read is not JSON, though its status says all is well."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.UNREADABLE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case; the address has no secret query values."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    method: str
    url: str

    def json(self) -> Any:
        """Read the body with exact numbers. What is no JSON is NotJsonError, to a write OutcomeUnknownError."""
        try:
            return from_json(self.body)
        except ValueError as exc:
            said = f"{self.method} {self.url.split('?', 1)[0]}: HTTP {self.status} with a body that is not JSON"
            if self.method in READS:
                raise NotJsonError(said) from exc
            raise OutcomeUnknownError(f"{said}; look for the record before sending again") from exc


Judge = Callable[[Answer], MlcError | None]


def judge_by_status(where: str, *, clock: Clock = _MACHINE) -> Judge:
    """Give the reading that fits when a vendor says nothing special: by status alone."""

    def judge(answer: Answer) -> MlcError | None:
        status = answer.status
        said = f"{where}: {answer.method} {answer.url.split('?', 1)[0]}: HTTP {status}"
        if status in _DENIED:
            return ConfigurationError(f"{said}; check the credential and its rights")
        if status == HTTPStatus.PRECONDITION_FAILED:
            return StaleRecordError(f"{said}; the record changed after it was read")
        if status in _REJECTED:
            return RecordError(said, cause=Cause.REJECTED_BY_TARGET)
        if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500:  # noqa: PLR2004 - 5xx
            refused = status == HTTPStatus.TOO_MANY_REQUESTS
            return TransientError(said, retry_after=retry_after(answer, clock.now()), refused=refused)
        return ConfigurationError(said) if status >= HTTPStatus.BAD_REQUEST else None

    return judge


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds to wait as the answer asks, by number or by date; None when it asks nothing readable."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.replace(".", "", 1).isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
