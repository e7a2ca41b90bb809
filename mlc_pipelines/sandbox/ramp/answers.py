"""What the simulator answers: rows, pages and refusals in the vendor's error form."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

from starlette.datastructures import URL
from starlette.responses import Response


class Numbered(Protocol):
    """A record that knows its place in the order of creation."""

    @property
    def seq(self) -> int:
        """The place: a later record has a higher one."""


Row = TypeVar("Row", bound=Numbered)


@dataclass(frozen=True)
class Answer:
    """A status with JSON content; None is an empty body."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """An answer that refuses, in the form `error_v2` and the older `error`."""

    def __init__(
        self, status: int, code: str, message: str, *, info: Mapping[str, Any] | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.info = dict(info or {})
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(self) -> Answer:
        """Return the answer with both error forms."""
        new = {"error_code": self.code, "message": self.message, "notes": "", "additional_info": self.info}
        return Answer(self.status, {"error_v2": new, "error": self.info or {"message": self.message}}, self.headers)


def invalid(problems: Mapping[str, list[str]]) -> RefusalError:
    """Refuse a payload or parameter: 422 DEVELOPER_7001 with field -> messages."""
    message = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in problems.items())
    return RefusalError(422, "DEVELOPER_7001", message, info=problems)


def not_found(what: str, key: str) -> RefusalError:
    """Refuse an id nobody has: 404 DEVELOPER_7002."""
    return RefusalError(404, "DEVELOPER_7002", f"{what} {key} not found")


def respond(answer: Answer, *, trace_id: str) -> Response:
    """Turn an answer into a response; every one carries x-trace-id."""
    body = b"" if answer.content is None else json.dumps(answer.content, ensure_ascii=False).encode()
    headers = {"x-trace-id": trace_id, **answer.headers}
    return Response(body, answer.status, headers, media_type="application/json" if body else None)


def page(
    rows: Iterable[Row], *, url: URL, start: str | None, size: int, render: Callable[[Row], dict[str, Any]]
) -> Answer:
    """Return one page in order of creation; a row that left the list meanwhile does not shift the next page."""
    after = -1 if start is None else _read_cursor(start)
    ordered = sorted((row for row in rows if row.seq > after), key=lambda row: row.seq)
    shown = ordered[:size]
    more = len(ordered) > size
    following = str(url.include_query_params(start=_cursor(shown[-1].seq), page_size=size)) if more else None
    return Answer(200, {"data": [render(row) for row in shown], "page": {"next": following}})


def _cursor(seq: int) -> str:
    return base64.urlsafe_b64encode(f"after:{seq}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        return int(text.removeprefix("after:"))
    except (binascii.Error, UnicodeDecodeError, ValueError) as exc:
        raise invalid({"start": ["Not a valid cursor."]}) from exc


def stamp(moment: datetime | None) -> str | None:
    """Write a date-time as UTC with microseconds and no offset, as the vendor may."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def stamp_with_offset(moment: datetime | None) -> str | None:
    """Write a date-time with its offset; both forms occur in answers."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def midnight(day: date | None) -> str | None:
    """Write a plain date as the date-time it becomes in answers."""
    return None if day is None else f"{day.isoformat()}T00:00:00"
