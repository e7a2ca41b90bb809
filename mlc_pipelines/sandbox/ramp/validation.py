"""Strict reading of request bodies: unknown fields, wrong types and missing fields are refused, all at once."""

import re
import uuid
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import invalid
from mlc_pipelines.sandbox.ramp.money import PLACES, parse_amount

Check = Callable[[Any], Any]
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
COUNTRY = re.compile(r"[A-Z]{2}")
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class ProblemError(ValueError):
    """What is wrong with a value; `inside` names the fields below it that are wrong."""

    def __init__(self, message: str = "", *, inside: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.inside = dict(inside or {})


def read_body(body: Any, fields: Mapping[str, Check], *, required: Collection[str] = ()) -> dict[str, Any]:
    """Return the checked fields of a JSON object, or refuse with 422 and every problem found."""
    try:
        return shape(fields, required=required)(body)  # type: ignore[no-any-return]  # shape returns a dict
    except ProblemError as problem:
        raise invalid(problem.inside or {"_schema": [str(problem)]}) from problem


def shape(fields: Mapping[str, Check], *, required: Collection[str] = ()) -> Check:
    """Make a check for an object with these fields and no others."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ProblemError("Invalid input type.")
        problems: dict[str, list[str]] = {}
        found: dict[str, Any] = {}
        for name in required:
            if name not in value:
                problems[name] = ["required"]
        for name, given in value.items():
            if name not in fields:
                problems[name] = ["Unknown field."]
            elif given is None and name in required:
                problems[name] = ["Field may not be null."]
            else:
                _checked(name, given, check=fields[name], found=found, problems=problems)
        if problems:
            raise ProblemError(inside=problems)
        return found

    return check


def _checked(name: str, given: Any, *, check: Check, found: dict[str, Any], problems: dict[str, list[str]]) -> None:
    try:
        found[name] = None if given is None else check(given)
    except ProblemError as problem:
        if problem.inside:
            problems.update({f"{name}.{below}": texts for below, texts in problem.inside.items()})
        else:
            problems[name] = [str(problem)]


def rows(check: Check, *, least: int = 0, most: int | None = None) -> Check:
    """Make a check for a list of so many values."""

    def checked(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ProblemError("Not a valid list.")
        if len(value) < least or (most is not None and len(value) > most):
            raise ProblemError(f"Length must be between {least} and {most}.")
        found: dict[str, Any] = {}
        problems: dict[str, list[str]] = {}
        for place, given in enumerate(value):
            _checked(str(place), given, check=check, found=found, problems=problems)
        if problems:
            raise ProblemError(inside=problems)
        return list(found.values())

    return checked


def text(*, most: int | None = None, least: int = 0) -> Check:
    """Make a check for a string of so many characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise ProblemError("Not a valid string.")
        if len(value) < least:
            raise ProblemError(f"Shorter than minimum length {least}.")
        if most is not None and len(value) > most:
            raise ProblemError(f"Longer than maximum length {most}.")
        return value

    return check


def choice(*allowed: str) -> Check:
    """Make a check for one of these literals, spelled exactly so."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ProblemError(f"Must be one of: {', '.join(allowed)}.")
        return value

    return check


def matching(pattern: re.Pattern[str], *, message: str) -> Check:
    """Make a check for a string of this form."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ProblemError(message)
        return value

    return check


country = matching(COUNTRY, message="Not a valid two letter country code.")
mail_address = matching(MAIL, message="Not a valid email address.")


def identifier(value: Any) -> str:
    """Check for a UUID in text form."""
    try:
        return str(uuid.UUID(value if isinstance(value, str) else ""))
    except ValueError as exc:
        raise ProblemError("Not a valid UUID.") from exc


def boolean(value: Any) -> bool:
    """Check for a JSON boolean."""
    if not isinstance(value, bool):
        raise ProblemError("Not a valid boolean.")
    return value


def day(value: Any) -> date:
    """Check for a plain date, YYYY-MM-DD and nothing longer."""
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise ProblemError("Not a valid date.")
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise ProblemError("Not a valid date.") from exc


def amount(value: Any) -> Decimal:
    """Check for an amount in major units; its places are checked once the currency is known."""
    try:
        return parse_amount(value)
    except ValueError as exc:
        raise ProblemError(str(exc)) from exc


def currency(value: Any) -> str:
    """Check for a currency the sandbox knows."""
    if not isinstance(value, str) or value not in PLACES:
        raise ProblemError("Not a valid ISO 4217 currency.")
    return value
