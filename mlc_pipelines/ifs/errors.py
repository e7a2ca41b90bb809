"""How IFS refuses: its error answers, read by status and code only, because the texts are translated.

Facts behind the table: `code` and `message` of the OData error body are documented; business validations that come
as status 500 with an `ORA-20…` text are documented to exist; `MI_MODIFIED_ERROR` is documented as 500 and was seen
as 503. That 412 means a stale ETag is part of the OData standard.
"""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import msgspec

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    RecordError,
    StaleRecordError,
    TransientError,
)
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.bodies import BROKEN

# ORA-20000 to ORA-20999 are raised by IFS's own business logic; all others are the database in trouble.
_BUSINESS = re.compile(r"ORA-20\d{3}")
_LONGEST = 300
_REJECTED = frozenset({400, 409, 413, 415, 422})
_WAIT = frozenset({408, 423, 429})
_SETTINGS = {
    401: "IFS does not accept the token: check the IAM client and its service user",
    403: "grant the projection to the service user by a permission set",
    405: "this set does not take such a change: another projection of the same data may",
    501: "IFS does not offer this",
}


class AbsentError(RecordError):
    """The record is not there, or hidden from our user (HTTP 404)."""

    def __init__(self, message: str, *, cause: Cause = Cause.REJECTED_BY_TARGET, key: str | None = None) -> None:
        super().__init__(message, cause=cause, key=key)


def judge(answer: Answer) -> MlcError | None:
    """Say what an answer of 400 or above means for the caller."""
    code, text = reason(answer.body)
    said = f"ifs: {answer.method} {_short(answer.url)}: HTTP {answer.status} {code or 'without a code'}: {text}"
    if code == "ODP_MISSING_PRECONDITION":
        return ConfigurationError(f"{said}; a change went out without its ETag")
    return _by_status(answer, said=said, text=text)


def _by_status(answer: Answer, *, said: str, text: str) -> MlcError | None:
    status = answer.status
    if status in _SETTINGS:
        return ConfigurationError(f"{said}; {_SETTINGS[status]}")
    if status == HTTPStatus.PRECONDITION_FAILED:
        return StaleRecordError(f"{said}; the record changed after it was read")
    if status == HTTPStatus.NOT_FOUND:
        return AbsentError(said)
    if status in _REJECTED or (status == HTTPStatus.INTERNAL_SERVER_ERROR and _BUSINESS.search(text)):
        return _rejected(answer, said)
    if status in _WAIT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        refused = status == HTTPStatus.TOO_MANY_REQUESTS
        return TransientError(said, refused=refused)
    return ConfigurationError(said) if status >= HTTPStatus.BAD_REQUEST else None


def _rejected(answer: Answer, said: str) -> MlcError:
    if answer.method != "GET":
        return RecordError(said, cause=Cause.REJECTED_BY_TARGET)
    if answer.url.endswith(")") and "?" not in answer.url:
        return RecordError(
            f"{said}; IFS does not take this key: correct it where it was typed", cause=Cause.REJECTED_BY_TARGET
        )
    return ConfigurationError(f"{said}; IFS refuses this question: check set and attribute names in the settings")


def reason(body: bytes) -> tuple[str, str]:
    """Code and text of an error body, however the tenant or a proxy in front of it writes it."""
    try:
        found = msgspec.json.decode(body)
    except BROKEN:
        return "", "answer that is not JSON"
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return "", _cut(str(error))
    code = error.get("code")
    texts = [_text(error.get("message")), *_details(error)]
    return (code if isinstance(code, str) else ""), _cut("; ".join(text for text in texts if text) or "no message")


def _details(error: dict[str, Any]) -> Iterator[str]:
    for name in ("details", "errors"):
        entries = error.get(name)
        for entry in entries if isinstance(entries, list) else ():
            yield _text(entry.get("message") if isinstance(entry, dict) else entry)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, str) else ""


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…"


def _short(url: str) -> str:
    return url.split("?", 1)[0].rsplit("/v1/", 1)[-1]
