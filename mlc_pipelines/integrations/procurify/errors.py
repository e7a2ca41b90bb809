"""How Procurify refuses: its error answers, read by status.

The error body is not documented; `detail`, then `message` were seen in public code. A trace id comes as `x-request-id`
or `x-procurify-request-id` (seen in public code): Procurify's support asks for it.
"""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from mlc_pipelines.errors import Cause, ConfigurationError, MlcError, RecordError, TransientError
from mlc_pipelines.wire.answers import Answer, retry_after

SIGN_IN_ADVICE = (
    "check that procurify.audience ends with a slash, that X-Procurify-Client: api reaches Procurify, "
    "and the application's id and secret"
)
_LONGEST = 800
_SLOW = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT})
_TRACES = ("x-request-id", "x-procurify-request-id")


class SlowError(TransientError):
    """The question took too long; a smaller page may be answered."""


class RefusedError(RecordError):
    """Procurify does not answer this question at all (HTTP 400 and the like)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.UNREADABLE)


class AbsentError(RefusedError):
    """Procurify has nothing at this path (HTTP 404): no such record, no such page, or the path has moved."""


def judge(answer: Answer) -> MlcError:
    """Say what an answer of 400 or above means for the caller."""
    said = f"procurify: {answer.method} {urlsplit(answer.url).path}: HTTP {answer.status}: {reason(answer.body)}"
    trace = next((answer.headers[name] for name in _TRACES if answer.headers.get(name)), None)
    if trace:
        said = f"{said} (trace {trace})"
    wait = retry_after(answer, datetime.now(UTC))
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return ConfigurationError(f"{said}; {SIGN_IN_ADVICE}")
    if answer.status == HTTPStatus.FORBIDDEN:
        return ConfigurationError(
            f"{said}; the application acts for one user: check that it is active and may read this; "
            f"else {SIGN_IN_ADVICE}"
        )
    if answer.status in _SLOW:
        return SlowError(said, retry_after=wait)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError(said, retry_after=wait, refused=answer.status == HTTPStatus.TOO_MANY_REQUESTS)
    return AbsentError(said) if answer.status == HTTPStatus.NOT_FOUND else RefusedError(said)


def reason(body: bytes) -> str:
    """Read the text of an error body; anything unknown is quoted, cut short."""
    text = body.decode("utf-8", errors="replace")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        text = str(content.get("detail") or content.get("message") or text)
    text = " ".join(text.split())
    return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…") or "no text"


def is_slow(error: BaseException) -> bool:
    """Tell a time-out while waiting for an answer, by status or on the line, from other faults."""
    if isinstance(error, SlowError):
        return True
    if not isinstance(error, TransientError) or error.refused:
        return False
    cause = error.__cause__
    while cause is not None and not isinstance(cause, TimeoutError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
