"""How BILL refuses: a JSON array of codes and messages, read before the status (documented).

Limits come as a 4xx with a code in the body, not as 429 (documented; status 422 seen in public code). Plain validation
items may have a message only, and the same sentence can come twice, once after the id of its object (both seen in
public code). `Retry-After` is not described; the hourly quota starts anew at the full hour (documented).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.errors import Cause, ConfigurationError, MlcError, RecordError, TransientError
from mlc_pipelines.wire.answers import Answer, Judge
from mlc_pipelines.wire.auth import TokenUnavailableError
from mlc_pipelines.wire.clock import Clock

SYSTEM_ERROR = "BDC_1001"
WRONG_LOGIN = "BDC_1101"
WRONG_DEVELOPER_KEY = "BDC_1102"
SESSION_INVALID = "BDC_1109"
NOT_SUPPORTED = "BDC_1121"
QUOTA_SPENT = "BDC_1144"
TOO_MANY_AT_ONCE = "BDC_1322"
SESSION_OR_TRUST = "BDC_1361"
NO_TRUST = frozenset({"BDC_1356", "BDC_1358", "BDC_1374"})

_LONGEST = 300
_UNTRUSTED = "untrusted session"
_SERVER_ERRORS = HTTPStatus.INTERNAL_SERVER_ERROR


class AbsentError(RecordError):
    """BILL has no such object (HTTP 404)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, cause=Cause.REJECTED_BY_TARGET)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the body of an error says."""

    codes: frozenset[str]
    text: str


def refusal(body: bytes) -> Refusal:
    """Read codes and messages of an error body; anything else is quoted, cut short."""
    try:
        return _told(json.loads(body))
    except (ValueError, RecursionError):
        return Refusal(frozenset(), _short(body.decode("utf-8", errors="replace")) or "no text")


def _told(content: Any) -> Refusal:
    items = [item for item in (content if isinstance(content, list) else [content]) if isinstance(item, dict)]
    codes = [str(item["code"]) for item in items if item.get("code")]
    said = _once_each([_sentence(item) for item in items if item.get("message")]) or [str(content)]
    return Refusal(frozenset(codes), _short(" ".join([*dict.fromkeys(codes), *said])))


def _sentence(item: dict[str, Any]) -> str:
    more = item.get("detail") or item.get("params")
    return f"{item['message']} ({more})" if more else str(item["message"])


def _once_each(sentences: Sequence[str]) -> list[str]:
    """Leave out what another sentence says too, with the id of its object before it."""
    different = dict.fromkeys(sentences)
    return [said for said in different if not any(said != other and other.endswith(said) for other in different)]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def session_ended(answer: Answer) -> bool:
    """Tell an answer after which a new login helps; for an untrusted session it does not, and would go on for ever."""
    if answer.status < HTTPStatus.BAD_REQUEST:
        return False
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return True
    said = refusal(answer.body)
    if SESSION_OR_TRUST in said.codes:
        return _UNTRUSTED not in said.text.lower()
    return SESSION_INVALID in said.codes


def judging(clock: Clock) -> Judge:
    """Give the reading of answers of 400 and above; the clock tells how long a spent quota lasts."""

    def judge(answer: Answer) -> MlcError:
        said = refusal(answer.body)
        where = f"bill: {answer.method} {urlsplit(answer.url).path}: HTTP {answer.status}: {said.text}"
        return _by_code(said, where, clock.now()) or _by_status(answer.status, where)

    return judge


def judging_login(credential: str, clock: Clock) -> Callable[[int, bytes], MlcError]:
    """Give the reading of a refused login; one that may be taken later is not asked for again by each call."""

    def judge(status: int, body: bytes) -> MlcError:
        said = refusal(body)
        where = f"{credential}: login to BILL: HTTP {status}: {said.text}"
        error = _by_code(said, where, clock.now())
        if isinstance(error, TransientError):
            return TokenUnavailableError(str(error), retry_after=error.retry_after)
        if error is None and (status >= _SERVER_ERRORS or status == HTTPStatus.TOO_MANY_REQUESTS):
            return TokenUnavailableError(where)
        return error or ConfigurationError(f"{where}; check user name, password and organization of the login")

    return judge


def _by_code(said: Refusal, where: str, now: datetime) -> MlcError | None:
    codes = said.codes
    if QUOTA_SPENT in codes:
        wait = _until_the_hour(now)
        return TransientError(f"{where}; the quota starts anew at the full hour", retry_after=wait, refused=True)
    if TOO_MANY_AT_ONCE in codes:
        return TransientError(where, refused=True)
    if WRONG_LOGIN in codes:
        return ConfigurationError(f"{where}; user name or password is wrong, or of the other environment")
    if WRONG_DEVELOPER_KEY in codes:
        return ConfigurationError(f"{where}; the developer key is wrong, or of the other environment")
    if SESSION_INVALID in codes:
        return ConfigurationError(f"{where}; a new session is refused too: check the login and its developer key")
    if SESSION_OR_TRUST in codes or codes & NO_TRUST:
        return ConfigurationError(f"{where}; this call wants a user's second factor: use a sync token for this login")
    if NOT_SUPPORTED in codes:
        return ConfigurationError(f"{where}; BILL does not know the call: check base_url")
    if SYSTEM_ERROR in codes:
        return TransientError(where)
    return None


def _until_the_hour(now: datetime) -> float:
    full = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return (full - now).total_seconds()


def _by_status(status: int, where: str) -> MlcError:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ConfigurationError(f"{where}; check the rights of the login in BILL")
    if status == HTTPStatus.NOT_FOUND:
        return AbsentError(where)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TransientError(where, refused=True)
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= _SERVER_ERRORS:
        return TransientError(where)
    return RecordError(where, cause=Cause.REJECTED_BY_TARGET)
