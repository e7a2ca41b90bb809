"""Vendors: the list, single writes and the bulk upsert that also links a vendor to the ERP, once."""

from typing import Any

from mlc_pipelines.sandbox.airbase.answers import Answer, invalid, not_found
from mlc_pipelines.sandbox.airbase.bulk import Plan, bulk_upsert
from mlc_pipelines.sandbox.airbase.gate import Call, Endpoint
from mlc_pipelines.sandbox.airbase.records import Vendor
from mlc_pipelines.sandbox.airbase.references import subsidiary_list
from mlc_pipelines.sandbox.airbase.rows import Rows
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.validation import (
    Field,
    ProblemError,
    email,
    flag,
    read_body,
    read_fields,
    text,
    word,
)

PATH = "/v1/accounting/vendors/"
IMMUTABLE = "This field can not be changed after creation."


class VendorEndpoints:
    """The vendors of the accounting API."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = Rows(store)
        self._fields = {
            "name": Field(word, required=True),
            "erp_reference_id": Field(text),
            "erp_parent_reference_id": Field(text, nullable=True),
            "is_active": Field(flag),
            "email": Field(email, nullable=True),
            "subsidiary_reference_ids": Field(subsidiary_list(store)),
        }
        self._bulk_fields = {"airbase_id": Field(word), "id": Field(word), **self._fields}

    def endpoints(self) -> list[Endpoint]:
        """Return what is offered; a single vendor can be changed but not read."""
        return [
            Endpoint("GET", PATH, self._list),
            Endpoint("POST", PATH, self._create),
            Endpoint("PATCH", f"{PATH}{{id}}/", self._change),
            Endpoint("POST", f"{PATH}bulk_upsert/", self._bulk),
        ]

    def _list(self, call: Call) -> Answer:
        filters = call.filters("erp_reference_id")
        wanted = filters.get("erp_reference_id")
        rows = [row for row in self._store.vendors.values() if wanted in (None, row.erp_reference_id)]
        return call.page(sorted(rows, key=lambda row: row.airbase_id), render=self._rows.vendor)

    def _create(self, call: Call) -> Answer:
        body = read_body(call.json(), self._fields)
        self._check_free(body, of=None)
        made = self._make(body)
        call.note(f"created vendor {made.airbase_id}")
        return Answer(201, self._rows.vendor(made))

    def _change(self, call: Call) -> Answer:
        vendor = self._store.vendors.get(call.key())
        if vendor is None:
            raise not_found()
        body = read_body(call.json(), self._fields, partial=True)
        if call.someone_edits():
            vendor.email = "moved.meanwhile@vendor.example"
        if "erp_reference_id" in body and (self._store.switches.linking != "both" or vendor.erp_reference_id):
            raise invalid({"erp_reference_id": [IMMUTABLE]})
        self._check_free(body, of=vendor)
        _apply(vendor, body)
        call.note(f"changed vendor {vendor.airbase_id}")
        return Answer(200, self._rows.vendor(vendor))

    def _bulk(self, call: Call) -> Answer:
        given: set[str] = set()
        return bulk_upsert(
            call,
            prepare=lambda entity: self._prepare(entity, given=given),
            leaves_out=self._store.switches.bulk_leaves_out,
        )

    def _prepare(self, entity: Any, *, given: set[str]) -> Plan:
        is_update = isinstance(entity, dict) and entity.get("airbase_id") is not None
        body = read_fields(entity, self._bulk_fields, partial=is_update)
        airbase_id, reference = body.pop("airbase_id", None), body.get("erp_reference_id", "")
        body.pop("id", None)
        if reference and reference in given:
            raise ProblemError({"erp_reference_id": ["The same reference twice in one batch."]})
        given.add(reference)
        vendor = self._store.vendors.get(airbase_id) if airbase_id else self._store.vendor(reference)
        if vendor is None:
            if airbase_id:
                raise ProblemError({"airbase_id": ["Unknown vendor."]})
            return lambda: (True, self._rows.vendor(self._make(body)))
        self._check_link(vendor, reference=reference)
        return lambda: (False, self._rows.vendor(_apply(vendor, body)))

    def _check_link(self, vendor: Vendor, *, reference: str) -> None:
        if reference == vendor.erp_reference_id or not reference:
            return
        if vendor.erp_reference_id or self._store.switches.linking == "never":
            raise ProblemError({"erp_reference_id": [IMMUTABLE]})
        if self._store.vendor(reference) is not None:
            raise ProblemError({"erp_reference_id": ["vendor with this erp_reference_id already exists."]})

    def _check_free(self, body: dict[str, Any], *, of: Vendor | None) -> None:
        holder = self._store.vendor(body.get("erp_reference_id", ""))
        if holder is not None and holder is not of:
            raise invalid({"erp_reference_id": ["vendor with this erp_reference_id already exists."]})

    def _make(self, body: dict[str, Any]) -> Vendor:
        made = _apply(Vendor(self._store.new_id(), name=body["name"]), body)
        self._store.vendors[made.airbase_id] = made
        return made


def _apply(vendor: Vendor, body: dict[str, Any]) -> Vendor:
    for name, value in body.items():
        if name == "subsidiary_reference_ids":
            vendor.subsidiaries = value
        elif name == "erp_parent_reference_id":
            vendor.erp_parent_reference_id = value or ""
        elif name != "erp_reference_id" or value:
            setattr(vendor, name, value)
    return vendor
