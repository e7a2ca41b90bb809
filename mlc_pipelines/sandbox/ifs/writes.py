"""Writing: creates, changes, removals and bound actions, with ETags and the business rules."""

from dataclasses import dataclass, field
from typing import Any

from mlc_pipelines.sandbox.ifs.address import Place
from mlc_pipelines.sandbox.ifs.answers import (
    MISSING_PRECONDITION,
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    Answer,
    Call,
    OdataError,
    business_refusal,
)
from mlc_pipelines.sandbox.ifs.bodies import parse_object, read_values, require
from mlc_pipelines.sandbox.ifs.creates import Creates
from mlc_pipelines.sandbox.ifs.reads import JSON, present
from mlc_pipelines.sandbox.ifs.rules import Rules
from mlc_pipelines.sandbox.ifs.schema import EntityType, Schema
from mlc_pipelines.sandbox.ifs.store import Row, Store
from mlc_pipelines.sandbox.ifs.switches import Switches


@dataclass
class ChangeSet:
    """What one change set has made so far, by Content-ID, and the vouchers that must balance at its end."""

    made: dict[str, Row] = field(default_factory=dict)
    vouchers: list[Row] = field(default_factory=list)


class Writer:
    """Answers POST, PATCH and DELETE."""

    def __init__(self, schema: Schema, store: Store, rules: Rules, creates: Creates, *, switches: Switches) -> None:
        self._schema = schema
        self._store = store
        self._rules = rules
        self._creates = creates
        self._switches = switches

    def write(self, call: Call, place: Place, change_set: ChangeSet | None) -> Answer:
        """Answer one write request."""
        if "if-none-match" in call.headers:
            raise OdataError(501, NOT_IMPLEMENTED, "If-None-Match is not implemented.")
        if place.action is not None and call.method == "POST":
            return self._act(call, place, place.action)
        if call.method == "POST" and place.is_collection:
            return self._create(call, place, change_set)
        if call.method == "PATCH" and not place.is_collection:
            return self._change(call, place, change_set)
        if call.method == "DELETE" and not place.is_collection:
            return self._remove(call, place)
        raise OdataError(405, NOT_ALLOWED, f"{call.method} is not allowed on {place.path}.")

    def finish(self, change_set: ChangeSet) -> None:
        """Check at the end of a change set that the vouchers it touched balance."""
        for voucher in change_set.vouchers:
            difference = self._rules.difference(voucher)
            if difference is not None:
                raise business_refusal(f"Voucher.NOTBALANCED: The voucher does not balance: {difference}.")

    def _create(self, call: Call, place: Place, change_set: ChangeSet | None) -> Answer:
        entity_type = place.entity_type
        self._allow(entity_type, "insert", place)
        if place.nav is not None and (place.parent is None or not place.nav.inserts):
            raise OdataError(405, NOT_ALLOWED, f"POST is not allowed on {place.path}.")
        if "if-match" in call.headers and place.parent is not None:
            self._match(call, place.parent, change_set)
        columns = self._columns(call, entity_type, ability="insert")
        row = self._creates.create(entity_type, columns, parent=place.parent)
        require(row.values, entity_type)
        if change_set is not None and entity_type.name in ("Voucher", "VoucherRow"):
            voucher = row if entity_type.name == "Voucher" else place.parent
            if voucher is not None and voucher not in change_set.vouchers:
                change_set.vouchers.append(voucher)
        return self._shown(row, 201, f"created {self._name(row)}", call=call)

    def _change(self, call: Call, place: Place, change_set: ChangeSet | None) -> Answer:
        entity_type = place.entity_type
        self._allow(entity_type, "update", place)
        if place.row is None:
            return self._upsert(call, place)
        columns = self._columns(call, entity_type, ability="update")
        self._match(call, place.row, change_set, upsert=True)
        self._store.change(place.row, columns)
        self._creates.settle(entity_type, place.row, changed=set(columns))
        return self._shown(place.row, 200, f"changed {self._name(place.row)}: {', '.join(sorted(columns))}", call=call)

    def _upsert(self, call: Call, place: Place) -> Answer:
        absent = OdataError(404, NOT_FOUND, f"{place.path} does not exist.")
        if self._switches.missing_if_match != "upsert" or "if-match" in call.headers or place.hidden:
            raise absent
        if place.key is None or place.nav is not None:
            raise absent
        columns = self._columns(call, place.entity_type, ability="insert")
        columns |= dict(zip((key.column for key in place.entity_type.keys), place.key, strict=True))
        require(columns, place.entity_type)
        row = self._creates.create(place.entity_type, columns, parent=None)
        return self._shown(row, 201, f"created {self._name(row)} by upsert", call=call)

    def _remove(self, call: Call, place: Place) -> Answer:
        self._allow(place.entity_type, "delete", place)
        row = _existing(place)
        self._match(call, row, None)
        name = self._name(row)
        self._creates.remove(row, parent=place.parent)
        return Answer(204, effects=[f"removed {name}"])

    def _act(self, call: Call, place: Place, action: str) -> Answer:
        row = _existing(place)
        if call.body.strip():
            parse_object(call.body, call.headers)
        self._match(call, row, None)
        if row.values.get("Objstate") == "Cancelled":
            raise business_refusal(f"{row.table}.STATE: {action} is not possible in state Cancelled.")
        self._store.change(row, {"Objstate": "Cancelled"})
        return self._shown(row, 200, f"cancelled {self._name(row)}", call=call)

    def _match(self, call: Call, row: Row, change_set: ChangeSet | None, *, upsert: bool = False) -> None:
        wanted = call.headers.get("if-match")
        if wanted is None:
            if upsert and self._switches.missing_if_match == "upsert":
                return
            detail = ("HEADER", "If-Match is missing.")
            raise OdataError(428, MISSING_PRECONDITION, "A precondition header is required.", detail=detail)
        if wanted.startswith("$") and change_set is not None:
            wanted = change_set.made[wanted[1:]].etag if wanted[1:] in change_set.made else ""
        if wanted not in ("*", row.etag):
            raise OdataError(412, PRECONDITION_FAILED, "The record was changed by another user.")

    def _columns(self, call: Call, entity_type: EntityType, *, ability: str) -> dict[str, Any]:
        texts = "ieee754compatible=true" in call.headers.get("content-type", "").lower()
        given = parse_object(call.body, call.headers)
        return read_values(given, entity_type, ability=ability, enums=self._schema.enums, texts_as_decimals=texts)

    def _allow(self, entity_type: EntityType, ability: str, place: Place) -> None:
        if ability not in entity_type.abilities:
            raise OdataError(405, NOT_ALLOWED, f"{ability} is not allowed on {place.path}.")

    def _shown(self, row: Row, status: int, effect: str, *, call: Call) -> Answer:
        row.read = True
        entity_type = self._schema.types[row.table]
        content = {"@odata.context": f"$metadata#{row.table}/$entity"} | present(row, entity_type)
        headers = {"content-type": JSON, "etag": row.etag}
        return Answer(status, content, headers, [effect], row)

    def _name(self, row: Row) -> str:
        key = self._store.key(self._schema.types[row.table], row.values)
        return f"{row.table} {'/'.join(str(part) for part in key)}"


def _existing(place: Place) -> Row:
    if place.row is None:
        raise OdataError(404, NOT_FOUND, f"{place.path} does not exist.")
    return place.row
