"""Strict reading of query parameters: filters and the page asked for."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import QueryParams

from mlc_pipelines.sandbox.ramp.answers import invalid

QueryCheck = Callable[[str], Any]
PAGE_SIZE = 20
PAGE_LEAST, PAGE_MOST = 2, 100
TRUTHS: Mapping[str, bool] = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}
PAGING = frozenset({"start", "page_size"})


def read_filters(query: QueryParams, allowed: Mapping[str, QueryCheck]) -> dict[str, Any]:
    """Return the filters given; an unknown parameter or a bad value is refused, never ignored."""
    problems: dict[str, list[str]] = {}
    found: dict[str, Any] = {}
    for name in query:
        if name in PAGING:
            continue
        if name not in allowed:
            problems[name] = ["Unknown field."]
            continue
        try:
            found[name] = allowed[name](",".join(query.getlist(name)))
        except (ValueError, KeyError, InvalidOperation):
            problems[name] = ["Invalid value."]
    if problems:
        raise invalid(problems)
    return found


def read_page(query: QueryParams) -> tuple[str | None, int]:
    """Return cursor and page size; 20 unless asked, 2 to 100."""
    given = query.get("page_size", str(PAGE_SIZE))
    if not given.isdecimal() or not PAGE_LEAST <= int(given) <= PAGE_MOST:
        raise invalid({"page_size": [f"Must be between {PAGE_LEAST} and {PAGE_MOST}."]})
    return query.get("start"), int(given)


def truth(value: str) -> bool:
    """Read a boolean."""
    return TRUTHS[value]


def uuid_text(value: str) -> str:
    """Read a UUID."""
    return str(uuid.UUID(value))


def words(value: str) -> list[str]:
    """Read a list, repeated or separated by commas."""
    return [word for word in value.split(",") if word]


def moment(value: str) -> datetime:
    """Read an ISO 8601 date or date-time; without offset it is UTC."""
    read = datetime.fromisoformat(value)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def decimal(value: str) -> Decimal:
    """Read a decimal in major units."""
    return Decimal(value)


def one_of(*allowed: str) -> QueryCheck:
    """Make a check for one of these literals."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(value)
        return value

    return check
