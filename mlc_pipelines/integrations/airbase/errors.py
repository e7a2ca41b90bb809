"""How Airbase refuses: its error answers, read by status.

A body is `{"detail": "text"}` (seen in public code) or messages by field (assumed); a bulk call names the rows that are
wrong under `validation_errors` (seen in public code). A front before the service answers 403, 429 and 5xx with pages of
HTML (seen in public code), so only what says that it is JSON is read as such.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.errors import Cause, ConfigurationError, MlcError, RecordError, TransientError
from mlc_pipelines.wire.answers import Answer, retry_after

LONGEST = 500
"""Characters that are kept of an answer."""

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_OURS = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_ACCEPTABLE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE})


class ForbiddenError(ConfigurationError):
    """The token is known and may not do this (HTTP 403)."""


class AbsentError(RecordError):
    """Airbase has no such object or no such path (HTTP 404)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.REJECTED_BY_TARGET)


class ExistsError(RecordError):
    """Airbase has a record with this number or reference already, or it was changed meanwhile."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.DUPLICATE_SUSPECTED)


def judge(answer: Answer) -> MlcError | None:
    """Say what an answer of 400 or above means for the caller."""
    status, text = answer.status, reason(answer)
    said = f"airbase: {answer.method} {urlsplit(answer.url).path}: HTTP {status}: {text}{trace(answer.headers)}"
    if status == HTTPStatus.UNAUTHORIZED:
        return ConfigurationError(f"{said}; Airbase does not accept the token: check it, and airbase.auth_scheme")
    if status == HTTPStatus.FORBIDDEN:
        return ForbiddenError(f"{said}; the token may not do this: check its rights in the portal")
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        refused = status == HTTPStatus.TOO_MANY_REQUESTS
        return TransientError(said, retry_after=retry_after(answer, datetime.now(UTC)), refused=refused)
    if status in _OURS:
        return ConfigurationError(f"{said}; check airbase.paths")
    if status == HTTPStatus.NOT_FOUND:
        return AbsentError(said)
    if status == HTTPStatus.CONFLICT or (status == HTTPStatus.BAD_REQUEST and "already exists" in text.lower()):
        return ExistsError(f"{said}; Airbase has it already: find out whether it is the same")
    return RecordError(said, cause=Cause.REJECTED_BY_TARGET)


def is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer says that it is JSON."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def reason(answer: Answer) -> str:
    """Read what an error body says; what is not JSON is quoted, cut short."""
    if is_json(answer.headers):
        try:
            return _short(_told(json.loads(answer.body))) or "no text"
        except (ValueError, RecursionError):
            pass  # it says that it is JSON and is not: quoted like any other text
    return _short(answer.body[: 8 * LONGEST].decode("utf-8", errors="replace")) or "no text"


def trace(headers: Mapping[str, str]) -> str:
    """Name the request as Airbase's support will ask for it."""
    names = {"request": "x-request-id", "release": "x-airbase-release-version", "token": "x-airbase-auth-token-id"}
    found = [f"{word} {headers[name]}" for word, name in names.items() if headers.get(name)]
    return f" ({', '.join(found)})" if found else ""


def _told(content: Any) -> str:
    if isinstance(content, dict):
        if set(content) == {"detail"}:
            return str(content["detail"])
        return "; ".join(f"{name}: {_told(value)}" for name, value in content.items() if value not in ({}, [], None))
    if isinstance(content, list):
        return ", ".join(text for item in content if (text := _told(item)))
    return str(content)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
