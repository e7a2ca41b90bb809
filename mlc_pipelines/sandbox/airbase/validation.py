"""Strict reading of JSON bodies: field by field, all problems at once, unknown names refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from mlc_pipelines.sandbox.airbase.answers import invalid

Check = Callable[[Any], Any]
REQUIRED = "This field is required."


class ProblemError(Exception):
    """What is wrong with one value: messages, or messages by field."""

    def __init__(self, content: Any) -> None:
        super().__init__(str(content))
        self.content = [content] if isinstance(content, str) else content


@dataclass(frozen=True)
class Field:
    """How one field of a body is read."""

    check: Check
    required: bool = False
    nullable: bool = False


def read_fields(body: Any, fields: Mapping[str, Field], *, partial: bool = False) -> dict[str, Any]:
    """Return the values read; a partial body needs none of the required fields. Raises ProblemError."""
    if not isinstance(body, dict):
        raise ProblemError({"non_field_errors": [f"Invalid data. Expected a dictionary, but got {_kind(body)}."]})
    problems: dict[str, Any] = {name: ["Unknown field."] for name in body if name not in fields}
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in body:
            if field.required and not partial:
                problems[name] = [REQUIRED]
        elif body[name] is None:
            values[name] = None
            if not field.nullable:
                problems[name] = ["This field may not be null."]
        else:
            try:
                values[name] = field.check(body[name])
            except ProblemError as problem:
                problems[name] = problem.content
    if problems:
        raise ProblemError(problems)
    return values


def read_body(body: Any, fields: Mapping[str, Field], *, partial: bool = False) -> dict[str, Any]:
    """Read a whole body; problems are 400."""
    try:
        return read_fields(body, fields, partial=partial)
    except ProblemError as problem:
        raise invalid(problem.content) from problem


def text(value: Any) -> str:
    """Read a string, possibly empty."""
    if not isinstance(value, str):
        raise ProblemError("Not a valid string.")
    return value


def word(value: Any) -> str:
    """Read a string that says something."""
    if not text(value).strip():
        raise ProblemError("This field may not be blank.")
    return str(value)


def flag(value: Any) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise ProblemError("Must be a valid boolean.")
    return value


def amount(value: Any) -> str:
    """Read a decimal string and keep it as it was written; a JSON number is refused."""
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise ProblemError("A valid decimal string is required.")
    return str(value)


def day(value: Any) -> str:
    """Read a calendar date and keep it as it was written."""
    try:
        date.fromisoformat(text(value))
    except ValueError as exc:
        raise ProblemError("Date has wrong format. Use YYYY-MM-DD.") from exc
    return str(value)


def email(value: Any) -> str:
    """Read a mail address."""
    name, at, host = text(value).partition("@")
    if not (name and at and "." in host):
        raise ProblemError("Enter a valid email address.")
    return str(value)


def one_of(*allowed: str) -> Check:
    """Make a check for one of these words."""

    def check(value: Any) -> str:
        if value not in allowed:
            raise ProblemError(f'"{value}" is not a valid choice.')
        return str(value)

    return check


def nested(fields: Mapping[str, Field]) -> Check:
    """Make a check for an object."""
    return lambda value: read_fields(value, fields)


def rows_of(check: Check, *, least: int = 0) -> Check:
    """Make a check for a list; problems stand at the place of their row, fine rows are empty there."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ProblemError(f'Expected a list of items but got type "{_kind(value)}".')
        if len(value) < least:
            raise ProblemError("This list may not be empty.")
        made: list[Any] = []
        problems: list[Any] = []
        for row in value:
            try:
                made.append(check(row))
                problems.append({})
            except ProblemError as problem:
                problems.append(problem.content)
        if any(problems):
            raise ProblemError(problems)
        return made

    return read


def _kind(value: Any) -> str:
    return type(value).__name__
