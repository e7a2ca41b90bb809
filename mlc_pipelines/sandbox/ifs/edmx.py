"""`$metadata` and the service document of one service."""

from typing import Any
from xml.sax.saxutils import quoteattr

from mlc_pipelines.sandbox.ifs.schema import EntityType, Schema, Service

OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace={}>'
)
CLOSING = "</Schema></edmx:DataServices></edmx:Edmx>\n"


def service_document(service: Service) -> dict[str, Any]:
    """Return the list of the service's entity sets."""
    sets = [{"name": name, "kind": "EntitySet", "url": name} for name in service.sets]
    return {"@odata.context": "$metadata", "value": sets}


def metadata(schema: Schema, service: Service) -> bytes:
    """Return the EDMX document; a required attribute is one that is not nullable and not computed."""
    found = _reachable(schema, service)
    parts = [OPENING.format(quoteattr(service.namespace))]
    enums = {attribute.enum for entity_type in found for attribute in entity_type.attributes if attribute.enum}
    for enum in sorted(enums):
        members = "".join(
            f'<Member Name={quoteattr(name)} Value="{at}"/>' for at, name in enumerate(schema.enums[enum])
        )
        parts.append(f"<EnumType Name={quoteattr(enum)}>{members}</EnumType>")
    parts += [_entity_type(entity_type, service) for entity_type in found]
    parts += [_action(entity_type, name, service) for entity_type in found for name in entity_type.actions]
    parts.append(f"<EntityContainer Name={quoteattr(service.name)}>")
    for name, target in service.sets.items():
        entity_type = quoteattr(f"{service.namespace}.{target}")
        parts.append(f"<EntitySet Name={quoteattr(name)} EntityType={entity_type}/>")
    parts.append("</EntityContainer>")
    return "".join([*parts, CLOSING]).encode()


def _reachable(schema: Schema, service: Service) -> list[EntityType]:
    found: dict[str, EntityType] = {}
    waiting = list(service.sets.values())
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = schema.types[name]
            waiting += [nav.target for nav in found[name].navs]
    return list(found.values())


def _entity_type(entity_type: EntityType, service: Service) -> str:
    refs = "".join(f"<PropertyRef Name={quoteattr(key.name)}/>" for key in entity_type.keys)
    parts = [f"<EntityType Name={quoteattr(entity_type.name)}><Key>{refs}</Key>"]
    for attribute in entity_type.attributes:
        nullable = "false" if attribute.required or attribute.key else "true"
        edm = quoteattr(attribute.edm(service.namespace))
        length = f' MaxLength="{attribute.length}"' if attribute.length else ""
        scale = ' Scale="variable"' if attribute.kind == "decimal" else ""
        head = f'<Property Name={quoteattr(attribute.name)} Type={edm} Nullable="{nullable}"{length}{scale}'
        computed = not attribute.insert and not attribute.update
        note = '<Annotation Term="Org.OData.Core.V1.Computed" Bool="true"/>'
        parts.append(f"{head}>{note}</Property>" if computed else f"{head}/>")
    for nav in entity_type.navs:
        target = quoteattr(f"Collection({service.namespace}.{nav.target})")
        parts.append(f"<NavigationProperty Name={quoteattr(nav.name)} Type={target}/>")
    return "".join([*parts, "</EntityType>"])


def _action(entity_type: EntityType, name: str, service: Service) -> str:
    bound = quoteattr(f"{service.namespace}.{entity_type.name}")
    action = quoteattr(f"{entity_type.name}_{name}")
    returned = f'<Parameter Name="record" Type={bound}/><ReturnType Type={bound}/>'
    return f'<Action Name={action} IsBound="true">{returned}</Action>'
