"""Resource paths: from `VoucherSet(Company='10',...)/VoucherRows` to the rows it means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mlc_pipelines.sandbox.ifs.answers import BAD_KEY, NOT_FOUND, OdataError
from mlc_pipelines.sandbox.ifs.literals import Token, tokens
from mlc_pipelines.sandbox.ifs.schema import Attribute, EntityType, Nav, Schema, Service
from mlc_pipelines.sandbox.ifs.store import Key, Row, Store

Asks = Callable[[str | None], bool]
_SEGMENT = re.compile(r"^([A-Za-z_][\w.]*)(?:\((.*)\))?$", re.DOTALL)


@dataclass
class Place:
    """Where a path leads: a collection (`row` and `key` None) or one record, below a parent or not."""

    path: str
    entity_type: EntityType
    key: Key | None = None
    row: Row | None = None
    nav: Nav | None = None
    parent: Row | None = None
    hidden: bool = False  # the company is not granted
    action: str | None = None

    @property
    def is_collection(self) -> bool:
        """Whether the path names a collection rather than a record."""
        return self.key is None


class Addresses:
    """Resolves paths of one tenant; rows of companies not granted are as good as absent."""

    def __init__(self, schema: Schema, store: Store, *, grants: Asks, installed: Asks) -> None:
        self._schema = schema
        self._store = store
        self._grants = grants
        self._installed = installed

    def resolve(self, service: Service, path: str, *, start: Row | None = None) -> Place:
        """Follow a path from the service root, or from a row a change set has just made."""
        segments = [unquote(segment) for segment in path.split("/")]
        place = self._record(start) if start is not None else self._first(service, segments.pop(0))
        for segment in segments:
            place = self._next(service, place, segment)
        place.path = path
        return place

    def visible(self, row: Row) -> bool:
        """Say whether company row security and the catalogue show this row."""
        return self._grants(row.values.get("Company")) and self._installed(row.values.get("ProjectionName"))

    def rows(self, place: Place) -> list[Row]:
        """Return the visible rows of a collection."""
        if place.parent is None or place.nav is None:
            found = self._store.seen(place.entity_type)
        else:
            parent = place.parent
            wanted = {column: parent.values[column] for column in place.nav.on}
            found = self._store.matching(place.entity_type.name, wanted)
        return [row for row in found if self.visible(row)]

    def _record(self, row: Row) -> Place:
        entity_type = self._schema.types[row.table]
        return Place("$1", entity_type, key=self._store.key(entity_type, row.values), row=row)

    def _first(self, service: Service, segment: str) -> Place:
        name, inside = _split(segment)
        if name not in service.sets:
            raise OdataError(404, NOT_FOUND, f"{service.name} has no entity set {name}.")
        place = Place(name, self._schema.types[service.sets[name]])
        return place if inside is None else self._keyed(service, place, inside)

    def _next(self, service: Service, place: Place, segment: str) -> Place:
        name, inside = _split(segment)
        if place.is_collection or place.action is not None:
            raise OdataError(404, NOT_FOUND, f"{place.path} cannot be followed by {name}.")
        prefix = f"{service.namespace}.{place.entity_type.name}_"
        if name.startswith(prefix) and name.removeprefix(prefix) in place.entity_type.actions and inside is None:
            place.action = name.removeprefix(prefix)
            return place
        nav = place.entity_type.nav(name)
        if nav is None:
            raise OdataError(404, NOT_FOUND, f"{place.entity_type.name} has no {name}.")
        if place.row is None and not place.hidden:
            raise OdataError(404, NOT_FOUND, f"{place.path} does not exist.")
        child = Place(f"{place.path}/{name}", self._schema.types[nav.target], nav=nav, parent=place.row)
        child.hidden = place.hidden
        return child if inside is None else self._keyed(service, child, inside)

    def _keyed(self, service: Service, place: Place, inside: str) -> Place:
        place.key = self._key(service, place.entity_type, inside)
        row = self._store.find(place.entity_type.name, place.key)
        if row is None and place.entity_type.shows:
            row = self._store.find(place.entity_type.shows, place.key)
        if row is not None and not self.visible(row):
            place.hidden = True
        elif row is not None and self._below(place, row):
            place.row = row
        return place

    def _below(self, place: Place, row: Row) -> bool:
        if place.parent is None or place.nav is None:
            return True
        parent = place.parent
        return all(row.values[column] == parent.values[column] for column in place.nav.on)

    def _key(self, service: Service, entity_type: EntityType, inside: str) -> Key:
        pieces = tokens(inside, code=BAD_KEY)
        keys = entity_type.keys
        if len(keys) == 1 and len(pieces) == 1:
            return (self._value(service, keys[0], pieces[0]),)
        parts: list[list[Token]] = [[]]
        for piece in pieces:
            if piece.text == "," and piece.kind == "mark":
                parts.append([])
            else:
                parts[-1].append(piece)
        expected = ",".join(key.name for key in keys)
        given = [part[0].text for part in parts if len(part) == 3 and part[1].text == "="]  # noqa: PLR2004  name = value
        if given != [key.name for key in keys] or len(given) != len(parts):
            raise OdataError(400, BAD_KEY, f"The key of {entity_type.name} is {expected}, in this order: ({inside}).")
        return tuple(self._value(service, key, part[2]) for key, part in zip(keys, parts, strict=True))

    def _value(self, service: Service, attribute: Attribute, literal: Token) -> Any:
        members = self._schema.enums.get(attribute.enum, ())
        if literal.kind == "null" or not literal.fits(attribute, namespace=service.namespace, members=members):
            edm = attribute.edm(service.namespace)
            raise OdataError(400, BAD_KEY, f"{literal.text} is not a value for key {attribute.name} of type {edm}.")
        return int(literal.value) if attribute.kind == "int" else literal.value


def _split(segment: str) -> tuple[str, str | None]:
    match = _SEGMENT.match(segment)
    if match is None:
        raise OdataError(400, BAD_KEY, f"Not a resource path: {segment!r}.")
    return match.group(1), match.group(2)
