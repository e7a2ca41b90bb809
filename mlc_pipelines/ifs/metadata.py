"""What a service says of itself in `$metadata`: its entity sets, their keys, attributes and nested collections."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET  # DOCTYPE and entities are refused before parsing

from mlc_pipelines.errors import ConfigurationError

_TIMES = ("Edm.Date", "Edm.DateTimeOffset")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One property of an entity type."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class EntityType:
    """Keys in their order, attributes, and the type that each navigation property leads to."""

    name: str
    keys: Mapping[str, str]
    attributes: Mapping[str, Attribute]
    navigations: Mapping[str, str]

    def type_of(self, attribute: str) -> str | None:
        """EDM type of an attribute, None when there is no such attribute."""
        found = self.attributes.get(attribute)
        return None if found is None else found.type

    def times(self) -> list[str]:
        """Attributes that hold a date or a time: the candidates for a modified attribute."""
        return sorted(item.name for item in self.attributes.values() if item.type in _TIMES)


@dataclass(frozen=True, slots=True)
class Metadata:
    """One service."""

    where: str
    sets: Mapping[str, str]
    types: Mapping[str, EntityType]

    def set_type(self, entity_set: str) -> EntityType:
        """Entity type of a set; a set the service does not have is a fault of the settings."""
        if entity_set not in self.sets:
            known = ", ".join(sorted(self.sets)) or "none"
            raise ConfigurationError(f"{self.where}: no entity set {entity_set}; it has: {known}")
        return self._type(self.sets[entity_set])

    def child_type(self, parent: EntityType, navigation: str) -> EntityType:
        """Entity type of a nested collection."""
        if navigation not in parent.navigations:
            known = ", ".join(sorted(parent.navigations)) or "none"
            raise ConfigurationError(
                f"{self.where}: {parent.name} has no nested collection {navigation}; it has: {known}"
            )
        return self._type(parent.navigations[navigation])

    def _type(self, name: str) -> EntityType:
        try:
            return self.types[name]
        except KeyError:
            raise ConfigurationError(f"{self.where}: $metadata names the type {name} but does not have it") from None


def parse(document: bytes, *, where: str) -> Metadata:
    """Read an EDMX document."""
    # In an encoding of two bytes a sign the words would not be seen.
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document or b"\x00" in document:
        raise ConfigurationError(f"{where}: $metadata with a DOCTYPE, or not in UTF-8, is refused")
    try:
        root = ET.fromstring(document)  # noqa: S314 - without DOCTYPE there are no entities to expand
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise ConfigurationError(f"{where}: $metadata is not XML ({exc}); is this the address of IFS Cloud?") from exc
    elements: dict[str, ET.Element] = {}
    sets: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for schema in root.iter():
        if _local(schema) == "Schema":
            namespace = schema.get("Namespace", "")
            aliases[schema.get("Alias", namespace)] = namespace
            for element in schema:
                if _local(element) == "EntityType":
                    elements[f"{namespace}.{element.get('Name')}"] = element
                for entry in element if _local(element) == "EntityContainer" else ():
                    if _local(entry) == "EntitySet":
                        sets[entry.get("Name", "")] = entry.get("EntityType", "")
    types = {name: _entity_type(name, elements, aliases) for name in elements}
    return Metadata(where, {key: _full(value, aliases) for key, value in sets.items()}, types)


def _entity_type(name: str, elements: Mapping[str, ET.Element], aliases: Mapping[str, str]) -> EntityType:
    attributes: dict[str, Attribute] = {}
    navigations: dict[str, str] = {}
    key_names: list[str] = []
    for element in _with_bases(name, elements, aliases):
        for child in element:
            kind, child_name = _local(child), child.get("Name", "")
            edm = child.get("Type", "")
            if kind == "Property":
                full = edm if edm.startswith("Edm.") else _full(edm, aliases)
                attributes[child_name] = Attribute(child_name, full, child.get("Nullable", "true") != "false")
            elif kind == "NavigationProperty":
                navigations[child_name] = _full(edm.removeprefix("Collection(").removesuffix(")"), aliases)
            elif kind == "Key":
                key_names += [ref.get("Name", "") for ref in child if _local(ref) == "PropertyRef"]
    keys = {key: attributes[key].type for key in key_names if key in attributes}
    return EntityType(name, keys, attributes, navigations)


def _with_bases(name: str, elements: Mapping[str, ET.Element], aliases: Mapping[str, str]) -> list[ET.Element]:
    chain: list[ET.Element] = []
    current = name
    while current in elements and elements[current] not in chain:
        chain.insert(0, elements[current])
        current = _full(elements[current].get("BaseType", ""), aliases)
    return chain


def _full(name: str, aliases: Mapping[str, str]) -> str:
    namespace, dot, local = name.rpartition(".")
    return f"{aliases.get(namespace, namespace)}{dot}{local}"


def _local(element: ET.Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]
