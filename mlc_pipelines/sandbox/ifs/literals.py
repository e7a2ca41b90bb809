"""Literals and words as they stand in OData v4 filters and key predicates."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ifs.answers import OdataError
from mlc_pipelines.sandbox.ifs.schema import Attribute

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<enum>[A-Za-z_][\w.]*'(?:[^']|'')*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?![\w:-])
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.:-])
  | (?P<word>[A-Za-z_][\w/.]*)
  | (?P<mark>[(),=:])
  )""",
    re.VERBOSE,
)
_COMPARABLE = {"text": "text", "int": "number", "decimal": "number", "date": "date", "time": "time", "bool": "bool"}

_READERS: Mapping[str, Callable[[str], Any]] = {
    "text": lambda text: text[1:-1].replace("''", "'"),
    "enum": lambda text: text.partition("'")[2][:-1].replace("''", "'"),
    "number": Decimal,
    "date": date.fromisoformat,
    "time": lambda text: datetime.fromisoformat(text).astimezone(UTC),
    "mark": str,
}


@dataclass(frozen=True)
class Token:
    """A piece of a filter or key; for literals `value` is the Python value."""

    kind: str
    text: str
    value: Any = None

    def fits(self, attribute: Attribute, *, namespace: str, members: tuple[str, ...]) -> bool:
        """Say whether this literal may be compared with the attribute."""
        if self.kind == "null":
            return True
        if attribute.kind == "enum":
            enum_type, _, quoted = self.text.partition("'")
            member = quoted[:-1]
            return self.kind == "enum" and enum_type == attribute.edm(namespace) and member in members
        if attribute.kind == "int" and self.kind == "number":
            return bool(self.value == self.value.to_integral_value())
        return self.kind == _COMPARABLE[attribute.kind]


def tokens(text: str, *, code: str) -> list[Token]:
    """Split a filter or key predicate; what OData v4 does not know answers 400 with this code."""
    return list(_split(text, code=code))


def _split(text: str, *, code: str) -> Iterator[Token]:
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise OdataError(400, code, f"Syntax error at position {position}: {text[position : position + 20]!r}.")
        position = match.end()
        kind = str(match.lastgroup)
        yield _token(kind, match.group(kind), code=code)


def _token(kind: str, text: str, *, code: str) -> Token:
    try:
        return Token(*_read(kind, text))
    except ValueError:
        raise OdataError(400, code, f"Not a valid {kind}: {text}.") from None


def _read(kind: str, text: str) -> tuple[str, str, Any]:
    if kind != "word":
        return kind, text, _READERS[kind](text)
    if text in ("true", "false"):
        return "bool", text, text == "true"
    return ("null" if text == "null" else kind), text, None
