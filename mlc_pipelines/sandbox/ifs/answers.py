"""Calls, answers and errors as OData speaks them, with numbers that keep every digit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from starlette.requests import Request

from mlc_pipelines.sandbox.ifs.store import Row

NOT_FOUND = "ODP_RESOURCE_NOTFOUND"
NOT_IMPLEMENTED = "ODP_NOT_IMPLEMENTED"
BAD_BODY = "ODP_DESERIALIZATION_ERROR"
BAD_QUERY = "ODP_INVALID_QUERY"
BAD_KEY = "ODP_INVALID_KEY"
MISSING_PRECONDITION = "ODP_MISSING_PRECONDITION"
PRECONDITION_FAILED = "ODP_PRECONDITION_FAILED"
FORBIDDEN = "ODP_PROJECTION_NOT_GRANTED"
NOT_ALLOWED = "ODP_METHOD_NOT_ALLOWED"
DATABASE_ERROR = "DATABASE_ERROR"


class OdataError(Exception):
    """A request the service refuses; becomes the OData error body."""

    def __init__(self, status: int, code: str, message: str, *, detail: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail


def business_refusal(message: str) -> OdataError:
    """Return what the business logic says about data it does not accept: a 500 with the database's text."""
    return OdataError(500, DATABASE_ERROR, f"ORA-20110: {message}")


@dataclass(frozen=True)
class Call:
    """One request to a service, alone or as a part of a batch; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    origin: str
    root: str
    request: Request
    part: str | None = None  # the Content-ID inside a change set

    @property
    def decimals_as_text(self) -> bool:
        """Whether the caller asked for numbers that survive parsing as float."""
        return "ieee754compatible=true" in self.headers.get("accept", "").lower()


@dataclass
class Answer:
    """What goes back: content is JSON data, bytes, or None for no body."""

    status: int
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    row: Row | None = None  # the record a write made or changed

    def body(self, *, decimals_as_text: bool = False) -> bytes:
        """Return the body as it travels."""
        if self.content is None:
            return b""
        if isinstance(self.content, bytes):
            return self.content
        return render(self.content, decimals_as_text=decimals_as_text).encode()


def error_answer(error: OdataError) -> Answer:
    """Return the OData error body for a refused request."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.detail is not None:
        told["details"] = [{"code": error.detail[0], "message": error.detail[1]}]
    return Answer(error.status, {"error": told}, {"content-type": "application/json;odata.metadata=minimal"})


def render(value: Any, *, decimals_as_text: bool = False) -> str:
    """Write JSON with decimals digit by digit, dates and UTC timestamps in their OData form."""
    if isinstance(value, dict):
        members = (
            f"{json.dumps(name)}:{render(member, decimals_as_text=decimals_as_text)}" for name, member in value.items()
        )
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(render(member, decimals_as_text=decimals_as_text) for member in value) + "]"
    if isinstance(value, Decimal):
        return f'"{value:f}"' if decimals_as_text else f"{value:f}"
    if isinstance(value, datetime):
        return f'"{value:%Y-%m-%dT%H:%M:%SZ}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return json.dumps(value, ensure_ascii=False)
