"""Reading: query options, pages with next links, single records."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from mlc_pipelines.sandbox.ifs.address import Addresses, Place
from mlc_pipelines.sandbox.ifs.answers import BAD_QUERY, NOT_FOUND, NOT_IMPLEMENTED, Answer, Call, OdataError
from mlc_pipelines.sandbox.ifs.filters import parse_filter
from mlc_pipelines.sandbox.ifs.schema import Attribute, EntityType, Schema, Service
from mlc_pipelines.sandbox.ifs.store import Row
from mlc_pipelines.sandbox.ifs.switches import PAGE_CEILING, Switches

JSON = "application/json;odata.metadata=minimal;charset=UTF-8"
KNOWN = frozenset({"$filter", "$orderby", "$top", "$skip", "$select", "$count", "$expand", "$skiptoken", "$format"})
NOT_BUILT = frozenset({"$search", "$apply", "$compute", "$levels"})
UNESCAPED = "$'(),:/"
LONGEST_ORDER = 2  # an attribute and a direction


def query_options(query: str) -> dict[str, str]:
    """Read a query string strictly: `$` stays literal in names, a plus sign is a plus sign, no option twice."""
    options: dict[str, str] = {}
    for part in query.split("&") if query else []:
        raw, _, value = part.partition("=")
        name = unquote(raw)
        if raw.lower().startswith("%24"):
            raise OdataError(400, BAD_QUERY, f"The option name {raw} must keep its $ unencoded.")
        if name in NOT_BUILT:
            raise OdataError(501, NOT_IMPLEMENTED, f"{name} is not implemented.")
        if (name.startswith("$") and name not in KNOWN) or name in options:
            raise OdataError(400, BAD_QUERY, f"Unknown or repeated query option {name}.")
        options[name] = unquote(value)
    return options


def present(row: Row, entity_type: EntityType, *, chosen: list[Attribute] | None = None) -> dict[str, Any]:
    """Return a row as it travels, with the meta fields that ride along."""
    keyref = "".join(f"{_upper(key.column)}={row.values[key.column]}^" for key in entity_type.keys)
    meta = {"@odata.etag": row.etag, "luname": entity_type.name, "keyref": keyref, "Objgrants": None}
    shown = entity_type.attributes if chosen is None else chosen
    if chosen is not None:
        meta = {"@odata.etag": row.etag}
    return meta | {attribute.name: row.values[attribute.column] for attribute in shown}


def _upper(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).lstrip("_").upper()


class Reader:
    """Answers GET on collections and records."""

    def __init__(self, schema: Schema, addresses: Addresses, switches: Switches) -> None:
        self._schema = schema
        self._addresses = addresses
        self._switches = switches

    def read(self, call: Call, service: Service, place: Place) -> Answer:
        """Answer one GET."""
        options = query_options(call.query)
        self._refuse_expand(place, options)
        if place.is_collection:
            return self._collection(call, service, place, options)
        if place.row is None:
            raise OdataError(404, NOT_FOUND, f"{place.path} does not exist.")
        place.row.read = True
        chosen = _chosen(place.entity_type, options)
        context = {"@odata.context": f"$metadata#{place.path.partition('(')[0]}/$entity"}
        record = present(place.row, place.entity_type, chosen=chosen)
        return Answer(200, context | record, {"content-type": JSON, "etag": place.row.etag})

    def _refuse_expand(self, place: Place, options: Mapping[str, str]) -> None:
        wanted = options.get("$expand", "")
        for name in [part.split("(")[0].strip() for part in wanted.split(",")] if wanted else []:
            if place.entity_type.nav(name) is None:
                raise OdataError(400, BAD_QUERY, f"{place.entity_type.name} has no navigation property {name}.")
            raise OdataError(501, NOT_IMPLEMENTED, f"$expand of the collection {name} is not implemented.")

    def _collection(self, call: Call, service: Service, place: Place, options: Mapping[str, str]) -> Answer:
        rows = [] if place.hidden else self._addresses.rows(place)
        rows = self._filtered(rows, service, place, options)
        ceiling = min(self._switches.max_page, PAGE_CEILING)
        size = min(_whole(options, "$top", default=ceiling), ceiling)
        token = _whole(options, "$skiptoken", default=0)
        first = _whole(options, "$skip", default=0) + token
        repeated = 1 if token > 0 and self._switches.repeat_row else 0
        page = rows[first - repeated : first - repeated + size] if size else []
        chosen = _chosen(place.entity_type, options)
        content: dict[str, Any] = {"@odata.context": f"$metadata#{_without_keys(place.path)}"}
        if _flag(options, "$count"):
            content["@odata.count"] = len(rows)
        content["value"] = [present(row, place.entity_type, chosen=chosen) for row in page]
        for row in page:
            row.read = True
        following = token + size - repeated
        more = size > 0 and first - repeated + size < len(rows)
        if more and self._switches.next_link_form != "none":
            content["@odata.nextLink"] = self._next_link(call, service, place, options, following=following)
        return Answer(200, content, {"content-type": JSON})

    def _filtered(self, rows: list[Row], service: Service, place: Place, options: Mapping[str, str]) -> list[Row]:
        if "$filter" in options:
            test = parse_filter(
                options["$filter"],
                place.entity_type,
                namespace=service.namespace,
                enums=self._schema.enums,
                objstate=not self._switches.objstate_filter_refused,
            )
            rows = [row for row in rows if test(row.values)]
        for attribute, descending in reversed(_order(place.entity_type, options.get("$orderby", ""))):
            column = attribute.column
            rows = sorted(rows, key=lambda row: _sortable(row.values[column]), reverse=descending)
        return rows

    def _next_link(
        self, call: Call, service: Service, place: Place, options: Mapping[str, str], *, following: int
    ) -> str:
        kept = [(name, value) for name, value in options.items() if name != "$skiptoken"]
        kept.append(("$skiptoken", str(following)))
        query = "&".join(f"{name}={quote(value, safe=UNESCAPED)}" for name, value in kept)
        relative = f"{place.path}?{query}"
        forms = {
            "relative_root": relative,
            "service_relative": f"{service.name}.svc/{relative}",
            "slash": f"{call.root}{relative}",
            "absolute": f"{call.origin}{call.root}{relative}",
        }
        return forms[self._switches.next_link_form]


def _without_keys(path: str) -> str:
    return path if "(" not in path else f"{path.partition('(')[0]}/{path.rpartition('/')[2]}"


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


def _whole(options: Mapping[str, str], name: str, *, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise OdataError(400, BAD_QUERY, f"{name} must be a whole number, not {text!r}.")
    return int(text)


def _flag(options: Mapping[str, str], name: str) -> bool:
    text = options.get(name, "false")
    if text not in ("true", "false"):
        raise OdataError(400, BAD_QUERY, f"{name} must be true or false, not {text!r}.")
    return text == "true"


def _chosen(entity_type: EntityType, options: Mapping[str, str]) -> list[Attribute] | None:
    if "$select" not in options:
        return None
    return [_attribute(entity_type, name.strip(), where="$select") for name in options["$select"].split(",")]


def _order(entity_type: EntityType, text: str) -> list[tuple[Attribute, bool]]:
    order = []
    for part in text.split(",") if text else []:
        words = part.split()
        if not words or len(words) > LONGEST_ORDER or words[1:] not in ([], ["asc"], ["desc"]):
            raise OdataError(400, BAD_QUERY, f"Invalid $orderby: {part!r}.")
        order.append((_attribute(entity_type, words[0], where="$orderby"), words[1:] == ["desc"]))
    return order


def _attribute(entity_type: EntityType, name: str, *, where: str) -> Attribute:
    attribute = entity_type.attribute(name)
    if attribute is None:
        raise OdataError(400, BAD_QUERY, f"Invalid {where}: {entity_type.name} has no attribute {name!r}.")
    return attribute
