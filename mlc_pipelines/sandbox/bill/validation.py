"""Strict reading of JSON bodies: field by field, all problems at once, unknown names refused."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from mlc_pipelines.sandbox.bill.answers import MISSPELT, Problem, RefusalError

Check = Callable[[Any], Any]
Read = TypeVar("Read")


class ProblemError(Exception):
    """What is wrong with a value and the values in it."""

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = [Problem(held) if isinstance(held, str) else held for held in problems]
        super().__init__("; ".join(problem.message for problem in self.problems))


@dataclass(frozen=True)
class Field:
    """How one field of a body is read."""

    check: Check
    required: bool = False


def read_fields(body: Any, fields: Mapping[str, Field], *, partial: bool = False) -> dict[str, Any]:
    """Return the values read; a partial body needs none of the required fields. Raises ProblemError."""
    if not isinstance(body, dict):
        raise ProblemError("An object is required.")
    problems = [Problem("Unknown field.", name, MISSPELT) for name in body if name not in fields]
    values: dict[str, Any] = {}
    for name, rule in fields.items():
        if name not in body:
            if rule.required and not partial:
                problems.append(Problem("This field is required.", name))
            continue
        try:
            values[name] = rule.check(body[name])
        except ProblemError as error:
            problems += [problem.under(name) for problem in error.problems]
    if problems:
        raise ProblemError(*problems)
    return values


def read_body(body: Any, fields: Mapping[str, Field], *, partial: bool = False) -> dict[str, Any]:
    """Read a whole body; problems are 400."""
    return settled(lambda: read_fields(body, fields, partial=partial))


def settled(read: Callable[[], Read]) -> Read:
    """Let something be read; problems become 400."""
    try:
        return read()
    except ProblemError as error:
        raise RefusalError(400, error.problems) from error


def text(value: Any) -> str:
    """Read a string, possibly empty."""
    if not isinstance(value, str):
        raise ProblemError("Text is required.")
    return value


def word(value: Any) -> str:
    """Read a string that says something."""
    if not text(value).strip():
        raise ProblemError("May not be blank.")
    return str(value)


def flag(value: Any) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise ProblemError("true or false is required.")
    return value


def number(value: Any) -> Decimal:
    """Read a JSON number, exactly; text is refused."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ProblemError("A number is required.")
    return Decimal(value)


def day(value: Any) -> date:
    """Read yyyy-MM-dd."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text(value), re.ASCII):
            return date.fromisoformat(value)
    except ValueError as exc:
        raise ProblemError("There is no such day.") from exc
    raise ProblemError("A date yyyy-MM-dd is required.")


def email(value: Any) -> str:
    """Read a mail address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text(value)):
        raise ProblemError("A mail address is required.")
    return str(value)


def matching(pattern: str, hint: str) -> Check:
    """Make a check for text of this form."""

    def check(value: Any) -> str:
        if not re.fullmatch(pattern, text(value), re.ASCII):
            raise ProblemError(hint)
        return str(value)

    return check


def one_of(*allowed: str) -> Check:
    """Make a check for one of these words."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ProblemError(f"One of {', '.join(allowed)} is required.")
        return value

    return check


def anything(value: Any) -> dict[str, Any]:
    """Read an object whose content is nobody's business here."""
    if not isinstance(value, dict):
        raise ProblemError("An object is required.")
    return value


def nested(fields: Mapping[str, Field], *, partial: bool = False) -> Check:
    """Make a check for an object."""
    return lambda value: read_fields(value, fields, partial=partial)


def rows_of(check: Check, *, most: int | None = None) -> Check:
    """Make a check for a list of at least one row; problems name the place of their row."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise ProblemError("A list of at least one row is required.")
        if most is not None and len(value) > most:
            raise ProblemError(f"At most {most} rows are accepted, not {len(value)}.")
        made: list[Any] = []
        problems: list[Problem] = []
        for place, row in enumerate(value):
            try:
                made.append(check(row))
            except ProblemError as error:
                problems += [problem.under(f"[{place}]") for problem in error.problems]
        if problems:
            raise ProblemError(*problems)
        return made

    return read
