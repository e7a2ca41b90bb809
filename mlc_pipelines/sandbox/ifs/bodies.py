"""Request bodies: read strictly, attribute by attribute, before anything is stored."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from mlc_pipelines.sandbox.ifs.answers import BAD_BODY, OdataError
from mlc_pipelines.sandbox.ifs.schema import META, Attribute, EntityType

_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d$")
INT64 = 2**63


def parse_object(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Parse a JSON object; numbers with a point become Decimal."""
    kind = headers.get("content-type", "")
    if not kind.lower().startswith("application/json"):
        raise _refused(f"Content-Type must be application/json, not {kind!r}.")
    try:
        parsed = json.loads(body, parse_float=Decimal)
    except ValueError as exc:
        raise _refused(f"The body is not JSON: {exc}.") from None
    if not isinstance(parsed, dict):
        raise _refused("The body must be a JSON object.")
    return parsed


def read_values(
    given: Mapping[str, Any],
    entity_type: EntityType,
    *,
    ability: str,
    enums: Mapping[str, tuple[str, ...]],
    texts_as_decimals: bool = False,
) -> dict[str, Any]:
    """Return the columns a body sets; ability is insert or update."""
    columns: dict[str, Any] = {}
    for name, value in given.items():
        if name in META or name.startswith("@odata.") or "@odata." in name:
            raise _refused(f"{name} is a meta field and cannot be sent.", name)
        attribute = entity_type.attribute(name)
        if attribute is None:
            raise _refused(f"{entity_type.name} has no attribute {name}.", name)
        if not getattr(attribute, ability):
            raise _refused(f"{name} cannot be set by {ability}.", name)
        if value is None and attribute.required:
            raise _refused(f"{name} must have a value.", name)
        columns[attribute.column] = read_value(attribute, value, enums=enums, texts_as_decimals=texts_as_decimals)
    return columns


def require(columns: Mapping[str, Any], entity_type: EntityType) -> None:
    """Refuse a new record that lacks a required attribute."""
    for attribute in entity_type.attributes:
        if attribute.required and columns.get(attribute.column) is None:
            raise _refused(f"{attribute.name} is required for {entity_type.name}.", attribute.name)


def read_value(
    attribute: Attribute, value: Any, *, enums: Mapping[str, tuple[str, ...]], texts_as_decimals: bool = False
) -> Any:
    """Return the Python value of one JSON value, or refuse its type."""
    if value is None:
        return None
    if attribute.kind == "decimal" and texts_as_decimals and isinstance(value, str):
        value = _decimal(attribute, value)
    reader = _READERS[attribute.kind]
    found = reader(value)
    if found is None:
        raise _refused(
            f"{attribute.name} takes {attribute.kind}, not {json.dumps(value, default=str)}.", attribute.name
        )
    if attribute.kind == "enum" and found not in enums[attribute.enum]:
        raise _refused(
            f"{found!r} is no member of {attribute.enum}: {', '.join(enums[attribute.enum])}.", attribute.name
        )
    if attribute.length and isinstance(found, str) and len(found) > attribute.length:
        raise _refused(f"{attribute.name} is longer than {attribute.length} characters.", attribute.name)
    return found


def _decimal(attribute: Attribute, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _refused(f"{attribute.name}: {text!r} is not a number.", attribute.name) from None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < INT64 else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _date(value: Any) -> date | None:
    if not isinstance(value, str) or not _DATE.match(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not _TIME.match(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None


_READERS = {
    "text": _text,
    "enum": _text,
    "bool": _bool,
    "int": _int,
    "decimal": _number,
    "date": _date,
    "time": _time,
}


def _refused(message: str, name: str = "BODY") -> OdataError:
    return OdataError(400, BAD_BODY, message, detail=(name, message))
