"""How Ramp refuses: its error answers, read by status and code.

The body has `error_v2` with `error_code`, `message` and `additional_info` (documented); `error` is its older form. Most
codes below were seen in public code. Every answer carries `x-trace-id` (documented): Ramp's support asks for it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.errors import Cause, ConfigurationError, MlcError, RecordError, TransientError
from mlc_pipelines.wire.answers import Answer, retry_after

NO_CONNECTION = "DEVELOPER_7089"
NO_SCOPE = "DEVELOPER_7100"
US_WITHOUT_STATE = "DEVELOPER_7080"
UNKNOWN_FIELD = "DEVELOPER_7122"
UNKNOWN_OPTION = "DEVELOPER_7123"
NOT_SUBMITTABLE = "BILL_PAY_7145"

_LONGEST = 300
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_ADVICE: Mapping[str, tuple[Cause, str]] = {
    US_WITHOUT_STATE: (Cause.SUPPLIER_INCOMPLETE, "complete the state of the supplier in IFS"),
    UNKNOWN_FIELD: (
        Cause.DIMENSION_UNMAPPED,
        "the field is not in Ramp's accounting connection: run the dimensions flow",
    ),
    UNKNOWN_OPTION: (
        Cause.DIMENSION_UNMAPPED,
        "the code is not in Ramp or not active there: run the flows gl_accounts and dimensions",
    ),
}


class AbsentError(RecordError):
    """Ramp has no such object (HTTP 404); a draft asked for as a bill is answered so too."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.REJECTED_BY_TARGET)


class NotSubmittableError(RecordError):
    """The draft lacks a payment method or payee contact in Ramp: a person completes and submits it there."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.NOT_READY)


def judge(answer: Answer) -> MlcError | None:
    """Say what an answer of 400 or above means for the caller."""
    code, text = reason(answer.body)
    trace = answer.headers.get("x-trace-id")
    said = f"ramp: {answer.method} {urlsplit(answer.url).path}: HTTP {answer.status} {code or 'without a code'}: {text}"
    if trace:
        said = f"{said} (trace {trace})"
    return _settings(answer.status, code, said) or _later(answer, said) or _refused(answer.status, code, said, text)


def reason(body: bytes) -> tuple[str | None, str]:
    """Read code and text of an error body, the fields it names included; anything else is quoted, cut short."""
    try:
        return _told(json.loads(body))
    except (ValueError, RecursionError):
        return None, _short(body.decode("utf-8", errors="replace")) or "no text"


def _told(content: Any) -> tuple[str | None, str]:
    if not isinstance(content, dict):
        return None, _short(str(content))
    error = content.get("error_v2")
    if not isinstance(error, dict):
        return None, _short(str(content.get("error_description") or content.get("error") or content))
    code, message = error.get("error_code"), str(error.get("message") or "")
    fields = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in _fields(error.get("additional_info")))
    text = message if not fields or fields in message else f"{message} [{fields}]"
    return (str(code) if code else None), _short(text) or "no text"


def _fields(info: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(info, dict):
        for name, texts in info.items():
            yield str(name), [str(text) for text in texts] if isinstance(texts, list) else [str(texts)]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _settings(status: int, code: str | None, said: str) -> ConfigurationError | None:
    if status == HTTPStatus.UNAUTHORIZED:
        return ConfigurationError(f"{said}; Ramp does not accept the token: check the app and its secret")
    if status == HTTPStatus.FORBIDDEN or code == NO_SCOPE:
        return ConfigurationError(f"{said}; grant the scope to the app in Ramp and name it in ramp.scopes")
    if code == NO_CONNECTION:
        return ConfigurationError(f"{said}; connect Ramp's accounting to this connection first")
    return None


def _later(answer: Answer, said: str) -> TransientError | None:
    if answer.status in _LATER or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        refused = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        return TransientError(said, retry_after=retry_after(answer, datetime.now(UTC)), refused=refused)
    return None


def _refused(status: int, code: str | None, said: str, text: str) -> RecordError:
    if status == HTTPStatus.NOT_FOUND:
        return AbsentError(said)
    if code == NOT_SUBMITTABLE:
        return NotSubmittableError(f"{said}; complete and submit the draft in Ramp")
    if code is not None and code in _ADVICE:
        cause, advice = _ADVICE[code]
        if "Category" in text:  # Ramp's own field for the GL account (seen in public code)
            cause = Cause.ACCOUNT_UNMAPPED
        return RecordError(f"{said}; {advice}", cause=cause)
    if "already exists" in text.lower():
        return RecordError(
            f"{said}; Ramp has it already: find out whether it is the same", cause=Cause.DUPLICATE_SUSPECTED
        )
    return RecordError(said, cause=Cause.REJECTED_BY_TARGET)
