"""What the simulator answers: exact JSON, and refusals as the vendor's array of errors."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.responses import Response

MISSPELT = "BDC_1002"
UNSUPPORTED = "BDC_1121"


@dataclass(frozen=True)
class Answer:
    """A status with JSON content; None is an empty body."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; without a code it is shown as a bare message."""

    message: str
    where: str = ""
    code: str | None = None
    category: str = "REQUEST"

    def under(self, outer: str) -> "Problem":
        """Return the problem as seen from the object around it."""
        dot = "." if self.where and not self.where.startswith("[") else ""
        return Problem(self.message, f"{outer}{dot}{self.where}", self.code, self.category)

    def row(self, at: datetime) -> dict[str, str]:
        """Return the item of the error array."""
        message = f"{self.where}: {self.message}" if self.where else self.message
        if self.code is None:
            return {"message": message, "severity": "ERROR"}
        return {
            "timestamp": stamp(at),
            "code": self.code,
            "severity": "ERROR",
            "category": self.category,
            "message": message,
        }


class RefusalError(Exception):
    """An answer that refuses."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.status = status
        self.problems = problems

    def answer(self, at: datetime) -> Answer:
        """Return the array of errors."""
        return Answer(self.status, [problem.row(at) for problem in self.problems])


def refused(status: int, code: str, message: str, *, category: str = "REQUEST") -> RefusalError:
    """Refuse with one of the vendor's codes."""
    return RefusalError(status, [Problem(message, code=code, category=category)])


def invalid(message: str, *, where: str = "", status: int = 400) -> RefusalError:
    """Refuse with a bare message."""
    return RefusalError(status, [Problem(message, where)])


def not_found(what: str, key: str) -> RefusalError:
    """Refuse an id nobody has."""
    return invalid(f"{what} {key} does not exist.", status=404)


def respond(answer: Answer) -> Response:
    """Turn an answer into a response."""
    if answer.content is None:
        return Response(b"", answer.status, dict(answer.headers))
    return Response(write_json(answer.content), answer.status, dict(answer.headers), media_type="application/json")


def write_json(value: Any) -> bytes:
    """Write minified JSON; a Decimal becomes a number with all its places."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_written(held)}" for name, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(row) for row in value) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def stamp(moment: datetime) -> str:
    """Write a date-time in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def present(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not set."""
    return {name: value for name, value in row.items() if value is not None}
