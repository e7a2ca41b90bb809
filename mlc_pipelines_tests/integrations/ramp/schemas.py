"""Checks request bodies against the vendor's OpenAPI file of August 2025, as far as it has the endpoint."""

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

REQUESTS: dict[str, Any] = json.loads(Path(__file__).with_name("vendor_requests.json").read_text())
ROOT = "/developer/v1"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, Decimal),
    "integer": int,
}
_FORMS = {
    "uuid": _ID.fullmatch,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "url": re.compile(r"https?://.+").match,
}


def endpoint(method: str, path: str) -> str:
    """Name an endpoint as the file does."""
    return f"{method} {_ID.sub('{id}', path.removeprefix(ROOT))}"


def problems(method: str, path: str, body: bytes) -> list[str] | None:
    """Say what the vendor's file has against a body; None when the file does not have the endpoint."""
    schema = REQUESTS.get(endpoint(method, path))
    return None if schema is None else list(_problems(json.loads(body, parse_float=Decimal), schema, "$"))


def _problems(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    for part in schema.get("allOf", ()):
        yield from _problems(value, part, where)
    if "oneOf" in schema and all(list(_problems(value, part, where)) for part in schema["oneOf"]):
        yield f"{where}: fits none of its forms"
    if value is None:
        if not schema.get("nullable"):
            yield f"{where}: is null"
        return
    kind = schema.get("type")
    if kind and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{where}: is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is not one of its members"
    if isinstance(value, str):
        yield from _text_problems(value, schema, where)
    elif isinstance(value, list):
        yield from _list_problems(value, schema, where)
    elif isinstance(value, dict):
        yield from _object_problems(value, schema, where)


def _list_problems(value: list[Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{where}: has {len(value)} items"
    for place, item in enumerate(value):
        yield from _problems(item, schema["items"], f"{where}[{place}]")


def _object_problems(value: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    yield from (f"{where}.{name}: is missing" for name in schema.get("required", ()) if name not in value)
    for name, given in value.items():
        if name in schema.get("properties", {}):
            yield from _problems(given, schema["properties"][name], f"{where}.{name}")


def _text_problems(value: str, schema: dict[str, Any], where: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{where}: has {len(value)} characters"
    form = _FORMS.get(schema.get("format", ""))
    if form is not None:
        try:
            fits = form(value) is not None  # type: ignore[operator]  # one argument of text each
        except ArithmeticError:
            fits = False
        except ValueError:
            fits = False
        if not fits:
            yield f"{where}: {value!r} is no {schema['format']}"
