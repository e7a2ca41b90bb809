"""How entity types, services and their attributes are described; `services.py` holds the descriptions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

EDM = {
    "text": "Edm.String",
    "int": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "date": "Edm.Date",
    "time": "Edm.DateTimeOffset",
    "bool": "Edm.Boolean",
}
META = frozenset({"luname", "keyref", "Objgrants", "Objkey", "Objid", "Objversion"})
_LINE = re.compile(r"^(\w+)\s+(\w+)(?:\((\w+)\))?\s*(.*)$")


@dataclass(frozen=True)
class Attribute:
    """One attribute: `name` is what callers say, `column` what the store keeps."""

    name: str
    column: str
    kind: str
    length: int = 0
    enum: str = ""
    key: bool = False
    insert: bool = False
    update: bool = False
    required: bool = False

    def edm(self, namespace: str) -> str:
        """Return the type name as `$metadata` shows it in this service."""
        return f"{namespace}.{self.enum}" if self.kind == "enum" else EDM[self.kind]


@dataclass(frozen=True)
class Nav:
    """A nested collection: rows of `target` with the same values in the `on` columns as their parent."""

    name: str
    target: str
    on: tuple[str, ...]
    inserts: bool = False


@dataclass(frozen=True)
class EntityType:
    """One logical unit: attributes, nested collections, and what may be done to its rows."""

    name: str
    attributes: tuple[Attribute, ...]
    navs: tuple[Nav, ...] = ()
    actions: tuple[str, ...] = ()
    abilities: frozenset[str] = frozenset()  # insert, update, delete
    shows: str = ""  # a type whose rows are seen among its own

    @property
    def keys(self) -> tuple[Attribute, ...]:
        """The key attributes in their order."""
        return tuple(attribute for attribute in self.attributes if attribute.key)

    def attribute(self, name: str) -> Attribute | None:
        """Return the attribute callers know by this name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    def column(self, column: str) -> Attribute | None:
        """Return the attribute the store keeps in this column."""
        return next((attribute for attribute in self.attributes if attribute.column == column), None)

    def nav(self, name: str) -> Nav | None:
        """Return the nested collection of this name."""
        return next((nav for nav in self.navs if nav.name == name), None)


@dataclass(frozen=True)
class Service:
    """A projection or entity service and its entity sets, by name of set."""

    name: str
    sets: Mapping[str, str]
    kind: str = "projection"
    description: str = ""

    @property
    def namespace(self) -> str:
        """The namespace of the service's types."""
        return f"IfsApp.{self.name}"


@dataclass(frozen=True)
class Schema:
    """All services of the tenant, the entity types they share, and the enumerations."""

    services: Mapping[str, Service]
    types: Mapping[str, EntityType]
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, Mapping[str, str]]) -> "Schema":
        """Return the schema of a release where attributes of a set or nested collection have other names."""
        types = dict(self.types)
        for place, changes in names.items():
            target = self._target(place)
            attributes = types[target].attributes
            for old in changes:
                if types[target].attribute(old) is None:
                    raise ValueError(f"{place} has no attribute {old} to rename")
            changed = tuple(replace(one, name=changes.get(one.name, one.name)) for one in attributes)
            types[target] = replace(types[target], attributes=changed)
        return replace(self, types=types)

    def _target(self, place: str) -> str:
        for service in self.services.values():
            if place in service.sets:
                return service.sets[place]
        for entity_type in self.types.values():
            nav = entity_type.nav(place)
            if nav is not None:
                return nav.target
        raise ValueError(f"no set and no nested collection is called {place}")


def attributes(table: str) -> tuple[Attribute, ...]:
    """Read attributes from a table: name, type with length or enumeration in brackets, abilities."""
    return tuple(_attribute(line.strip()) for line in table.strip().splitlines())


def _attribute(line: str) -> Attribute:
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"not an attribute: {line!r}")
    name, kind, bracket, rest = match.groups()
    words = set(rest.split())
    return Attribute(
        name=name,
        column=name,
        kind=kind,
        length=int(bracket) if bracket and kind == "text" else 0,
        enum=bracket if bracket and kind == "enum" else "",
        key="key" in words,
        insert="insert" in words,
        update="update" in words,
        required="required" in words,
    )
