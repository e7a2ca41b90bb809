"""What the simulator answers: the envelope, pages, refusals, and how values are written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.responses import Response


@dataclass(frozen=True)
class Answer:
    """A status with JSON content."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """An answer that refuses."""

    def __init__(self, status: int, content: Any, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(json.dumps(content, ensure_ascii=False))
        self.answer = Answer(status, content, headers or {})


def refused(status: int, text: str, **headers: str) -> RefusalError:
    """Refuse with `{"detail": text}`, as the API does."""
    named = {name.replace("_", "-"): held for name, held in headers.items()}
    return RefusalError(status, {"detail": text}, headers=named)


def token_refused(status: int, text: str) -> RefusalError:
    """Refuse with `{"message": text}`, as the token endpoint does."""
    return RefusalError(status, {"message": text})


def not_found() -> RefusalError:
    """Refuse an id nobody has."""
    return refused(404, "Not found.")


def one(content: Any, *, status: int = 200) -> Answer:
    """Return one record in its envelope."""
    return Answer(status, {"metadata": {}, "data": content})


def respond(answer: Answer, *, headers: Mapping[str, str]) -> Response:
    """Turn an answer into a response."""
    body = json.dumps(answer.content, ensure_ascii=False).encode()
    return Response(body, answer.status, {**headers, **answer.headers}, media_type="application/json")


def number(amount: Decimal) -> float:
    """Write an amount as a JSON number; up to 15 digits it reads back as it was."""
    return float(amount)


def text(amount: Decimal, places: int = 2) -> str:
    """Write an amount as a decimal string."""
    return f"{amount.quantize(Decimal(1).scaleb(-places)):f}"


def stamp(moment: datetime | None) -> str | None:
    """Write when something happened, in UTC with milliseconds."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def dated(moment: datetime | None) -> str | None:
    """Write a date-time with the offset it was entered with."""
    return moment.isoformat() if moment else None
