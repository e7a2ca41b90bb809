"""What the simulator answers: pages, objects, refusals as Django REST Framework words them, and Cloudflare's pages."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.datastructures import URL
from starlette.responses import Response

from mlc_pipelines.sandbox.airbase.switches import Switches
from mlc_pipelines.sandbox.world import CURRENCY_DIGITS

Row = TypeVar("Row")


@dataclass(frozen=True)
class Answer:
    """A status with JSON content; `html` instead of it is a page."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    html: str = ""


class RefusalError(Exception):
    """An answer that refuses."""

    def __init__(self, status: int, content: Any, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(json.dumps(content, ensure_ascii=False))
        self.answer = Answer(status, content, headers or {})


def refused(status: int, text: str, **headers: str) -> RefusalError:
    """Refuse with `{"detail": text}`."""
    return RefusalError(
        status, {"detail": text}, headers={name.replace("_", "-"): held for name, held in headers.items()}
    )


def invalid(problems: Any) -> RefusalError:
    """Refuse a payload or parameter: 400 with field -> messages."""
    return RefusalError(400, problems)


def wrong_reference(problems: Mapping[str, Any]) -> RefusalError:
    """Refuse a reference to something that is not there: 422 with field -> messages."""
    return RefusalError(422, problems)


def not_found() -> RefusalError:
    """Refuse an id nobody has."""
    return refused(404, "Not found.")


def respond(answer: Answer, *, headers: Mapping[str, str]) -> Response:
    """Turn an answer into a response."""
    if answer.html:
        return Response(answer.html, answer.status, {**headers, **answer.headers}, media_type="text/html")
    body = b"" if answer.content is None else json.dumps(answer.content, ensure_ascii=False).encode()
    kind = "application/json" if body else None
    return Response(body, answer.status, {**headers, **answer.headers}, media_type=kind)


def page_of(
    rows: Iterable[Row],
    *,
    render: Callable[[Row], dict[str, Any]],
    url: URL,
    number: int,
    size: int,
    switches: Switches,
) -> Answer:
    """Return one page; past the end it is empty and still 200."""
    known = list(rows)
    shown = known[(number - 1) * size : number * size]
    more = number * size < len(known) and not switches.next_null_on_full_page

    def marker(wanted: int) -> str | int:
        return wanted if switches.next_is_number else str(url.include_query_params(page=wanted, page_size=size))

    envelope = {
        "next": marker(number + 1) if more else None,
        "previous": marker(number - 1) if number > 1 else None,
        "page": number,
        "page_size": size,
    }
    novel = {"renamed_in_2027": True} if switches.novel_fields else {}
    return Answer(200, {"data": [render(row) | novel for row in shown], "pagination": envelope})


def money(amount: Decimal, currency: str) -> str:
    """Write an amount as a decimal string with the places of its currency."""
    return str(amount.quantize(Decimal(1).scaleb(-CURRENCY_DIGITS.get(currency, 2))))


def stamp(moment: datetime) -> str:
    """Write a date-time without zone: 19 characters, or 26 when it has microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat()


def django_page(status: int) -> str:
    """Return the plain page Django shows for an address nobody serves, or for its own failure."""
    text = "Server Error (500)" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus(status).phrase
    return f'<!doctype html>\n<html lang="en"><head><title>{text}</title></head><body><h1>{text}</h1></body></html>\n'


def cloudflare_page(status: int) -> str:
    """Return the page of the front before the service."""
    known = {int(code) for code in HTTPStatus}
    text = HTTPStatus(status).phrase if status in known else "Web server is returning an unknown error"
    return (
        '<!DOCTYPE html>\n<html class="no-js" lang="en-US"><head>'
        f'<title>airbase.example | {status}: {text}</title></head>\n<body><div id="cf-wrapper">'
        f"<h1>{text} <span>Error code {status}</span></h1>"
        "<p>Cloudflare Ray ID: <strong>8e1f00c0ffee0001</strong></p></div></body></html>\n"
    )
