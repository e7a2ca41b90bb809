"""Strict reading of query strings: every parameter is known, has its form, and comes once unless it is a list."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import QueryParams

from mlc_pipelines.sandbox.procurify.answers import refused

Check = Callable[[str], Any]
ALWAYS = frozenset({"page", "page_size", "format"})


def read(params: QueryParams, checks: Mapping[str, Check], *, strict: bool) -> dict[str, Any]:
    """Return the filters given; names ending in `[]` and `__in` may come often and are read as lists."""
    given: dict[str, Any] = {}
    for name in params:
        values = params.getlist(name)
        if name in ALWAYS:
            continue
        if name not in checks:
            if strict:
                raise refused(400, f"Unknown query parameter: {name}.")
            continue
        repeats = name.endswith(("[]", "__in"))
        if len(values) > 1 and not repeats:
            raise refused(400, f"{name}: given more than once.")
        try:
            found = [checks[name](value) for value in values]
        except (ValueError, InvalidOperation) as exc:
            raise refused(400, f"{name}: {exc}") from exc
        given[name] = found if repeats else found[0]
    if params.get("format", "json") != "json":
        raise refused(400, "format: only json is simulated.")
    return given


def whole(value: str) -> int:
    """Read a whole number."""
    if not (value.isascii() and value.isdigit()):
        raise ValueError("Enter a whole number.")
    return int(value)


def amount(value: str) -> Decimal:
    """Read a decimal number."""
    found = Decimal(value)
    if not found.is_finite():
        raise ValueError("Enter a number.")
    return found


def flag(value: str) -> bool:
    """Read true or false."""
    if value not in ("true", "false"):
        raise ValueError("Must be true or false.")
    return value == "true"


def word(value: str) -> str:
    """Read a text that says something."""
    if not value.strip():
        raise ValueError("May not be blank.")
    return value


def day(value: str) -> date:
    """Read YYYY-MM-DD and nothing else."""
    found = date.fromisoformat(value)
    if found.isoformat() != value:
        raise ValueError("Enter a valid date as YYYY-MM-DD.")
    return found


def moment(value: str) -> datetime:
    """Read an ISO 8601 date-time with its offset."""
    found = datetime.fromisoformat(value)
    if "T" not in value or found.tzinfo is None:
        raise ValueError("Enter a valid ISO 8601 date-time with offset.")
    return found


def one_of(*allowed: str) -> Check:
    """Make a check for one of these words."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value} is not one of the available choices.")
        return value

    return check


def listed(check: Check) -> Check:
    """Make a check for values joined by commas."""
    return lambda value: [check(part) for part in value.split(",")]


def order(*fields: str) -> Check:
    """Make a check for a field to sort by, with a minus for the other way."""
    return one_of(*fields, *(f"-{name}" for name in fields))


def both_ends(*names: str, check: Check) -> dict[str, Check]:
    """Make the checks of ranges: `_0` from, `_1` to."""
    return {f"{name}_{end}": check for name in names for end in (0, 1)}
