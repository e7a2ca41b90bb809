"""Spend vendors: whom a bill is paid to, with their contacts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ramp.answers import Answer, RefusalError, invalid, not_found, stamp
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.money import as_answer
from mlc_pipelines.sandbox.ramp.queries import moment, truth, uuid_text, words
from mlc_pipelines.sandbox.ramp.records import Contact, Vendor
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import (
    Check,
    boolean,
    country,
    identifier,
    mail_address,
    read_body,
    shape,
    text,
)

READ, WRITE = "vendors:read", "vendors:write"
LINKS = ("accounting_vendor_remote_id", "vendor_tracking_category_option_id")
contact = shape({"email": mail_address, "first_name": text(), "last_name": text(), "phone": text()}, required=["email"])
address = shape(
    {
        "address_line_1": text(least=1),
        "address_line_2": text(),
        "city": text(least=1),
        "postal_code": text(least=1),
        "state": text(),
        "country": country,
    },
    required=["address_line_1", "city", "postal_code"],
)
BOTH: dict[str, Check] = {
    "country": country,
    "state": text(),
    "address": address,
    "external_vendor_id": text(least=1),
    "accounting_vendor_remote_id": text(least=1),
    "vendor_tracking_category_option_id": identifier,
}
CREATE: dict[str, Check] = {
    **BOTH,
    "name": text(least=1),
    "business_vendor_contacts": contact,  # one object in spite of its name
    "vendor_owner_id": identifier,
    "request_payment_details": boolean,
    "request_tax_details": boolean,
}
CHANGE: dict[str, Check] = {**BOTH, "description": text(least=1), "is_active": boolean}


class VendorEndpoints:
    """What /vendors answers; a vendor made here is approved at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        return [
            Endpoint("GET", "/vendors", READ, self._list),
            Endpoint("POST", "/vendors", WRITE, self._create),
            Endpoint("GET", "/vendors/{id}", READ, lambda call: Answer(200, as_vendor(self._store, self._find(call)))),
            Endpoint("PATCH", "/vendors/{id}", WRITE, self._change),
            Endpoint("DELETE", "/vendors/{id}", WRITE, self._delete),
            Endpoint("GET", "/vendors/{id}/contacts", READ, self._contacts),
            Endpoint("GET", "/vendors/{id}/contacts/{contact}", READ, self._contact),
            Endpoint("GET", "/vendors/{id}/accounts", READ, self._accounts),
        ]

    def _list(self, call: Call) -> Answer:
        filters = call.filters(
            {
                "name": str,
                "is_active": truth,
                "from_created_at": moment,
                "vendor_owner_id": uuid_text,
                "external_vendor_id": str,
                "accounting_vendor_remote_ids": words,
                "merchant_id": uuid_text,
            }
        )
        found = [vendor for vendor in self._store.vendors.values() if self._passes(vendor, filters)]
        return call.page(found, render=lambda vendor: as_vendor(self._store, vendor))

    def _passes(self, vendor: Vendor, filters: dict[str, Any]) -> bool:
        created: datetime = filters.get("from_created_at", vendor.created_at)
        remote = _accounting_id(self._store, vendor)
        return (
            vendor.name == filters.get("name", vendor.name)
            and vendor.is_active is filters.get("is_active", vendor.is_active)
            and vendor.created_at >= created
            and vendor.vendor_owner_id == filters.get("vendor_owner_id", vendor.vendor_owner_id)
            and vendor.external_vendor_id == filters.get("external_vendor_id", vendor.external_vendor_id)
            and ("accounting_vendor_remote_ids" not in filters or remote in filters["accounting_vendor_remote_ids"])
            and "merchant_id" not in filters
        )

    def _create(self, call: Call) -> Answer:
        required = ["name", "country", "business_vendor_contacts"]
        if self._store.switches.owner_required:
            required.append("vendor_owner_id")
        body = read_body(call.json(), CREATE, required=required)
        _check_state(body["country"], body.get("state"))
        made = make_vendor(
            self._store,
            name=body["name"],
            country=body["country"],
            state=body.get("state"),
            contact=body["business_vendor_contacts"],
            linked_to=self._linked(body),
        )
        made.address = body.get("address")
        made.external_vendor_id = body.get("external_vendor_id")
        made.vendor_owner_id = body.get("vendor_owner_id") or self._store.owner_id
        call.note(f"created vendor {made.id}")
        return Answer(200, as_vendor(self._store, made))

    def _change(self, call: Call) -> Answer:
        found = self._find(call)
        body = read_body(call.json(), CHANGE)
        if not body:
            raise invalid({"_schema": ["Nothing to change."]})
        _check_state(body.get("country") or found.country, body.get("state") or found.state)
        linked = self._linked(body)
        if linked is not None:
            found.accounting_vendor = linked
        if body.get("description") is not None:
            found.name = body["description"]
        for name in ("country", "is_active"):
            if body.get(name) is not None:
                setattr(found, name, body[name])
        for name in ("state", "address", "external_vendor_id"):
            if name in body:
                setattr(found, name, body[name])
        self._store.emit("vendors.updated", found.id)
        call.note(f"changed vendor {found.id}")
        return Answer(200, as_vendor(self._store, found))

    def _delete(self, call: Call) -> Answer:
        found = self._find(call)
        used = [*self._store.bills.values(), *self._store.drafts.values()]
        if any(bill.vendor_id == found.id for bill in used):
            raise RefusalError(400, "DEVELOPER_7001", "The vendor has bills and cannot be deleted")
        del self._store.vendors[found.id]
        call.note(f"deleted vendor {found.id}")
        return Answer(204)

    def _linked(self, body: dict[str, Any]) -> str | None:
        if all(body.get(name) for name in LINKS):
            raise invalid({name: ["Give one of both links, not both."] for name in LINKS})
        store = self._store
        if remote_id := body.get("accounting_vendor_remote_id"):
            row = store.accounting_vendor(remote_id)
            if row is None or not row.is_active:
                raise invalid({"accounting_vendor_remote_id": [f"{remote_id} not found"]})
            return row.ramp_id
        if option_id := body.get("vendor_tracking_category_option_id"):
            if option_id not in store.books.vendors:
                raise invalid({"vendor_tracking_category_option_id": [f"{option_id} not found"]})
            return str(option_id)
        return None

    def _contacts(self, call: Call) -> Answer:
        default = self._find(call).contacts[:1]
        return call.page(self._find(call).contacts, render=lambda person: as_contact(person, default=person in default))

    def _contact(self, call: Call) -> Answer:
        for place, person in enumerate(self._find(call).contacts):
            if person.id == call.key("contact"):
                return Answer(200, as_contact(person, default=place == 0))
        raise not_found("contact", call.key("contact"))

    def _accounts(self, call: Call) -> Answer:
        self._find(call)
        return call.page([], render=lambda row: {})

    def _find(self, call: Call) -> Vendor:
        found = self._store.vendors.get(call.key())
        if found is None:
            raise not_found("vendor", call.key())
        return found


def make_vendor(
    store: Store, *, name: str, country: str, state: str | None, contact: dict[str, Any], linked_to: str | None
) -> Vendor:
    """Add a vendor; linked to nothing, Ramp makes an accounting vendor of the same name."""
    if linked_to is None and store.active_connection() is not None:
        linked_to = store.add_row(store.books.vendors, external_id=store.new_id(), name=name).ramp_id
    person = Contact(store.new_id(), store.next_number(), **contact)
    made = Vendor(store.new_id(), store.next_number(), name, country, store.now(), contacts=[person], state=state)
    made.accounting_vendor = linked_to
    store.vendors[made.id] = made
    return made


def _check_state(country_code: str, state: str | None) -> None:
    if country_code == "US" and not state:
        raise RefusalError(400, "DEVELOPER_7080", "state is required for vendors in the US")


def _accounting_id(store: Store, vendor: Vendor) -> str | None:
    row = store.books.vendors.get(vendor.accounting_vendor or "")
    return None if row is None else row.id


def as_vendor(store: Store, vendor: Vendor) -> dict[str, Any]:
    """Return a vendor row; there is no updated_at."""
    spend = as_answer(Decimal(0), "USD")  # spend is not added up here
    used = any(bill.vendor_id == vendor.id for bill in (*store.bills.values(), *store.drafts.values()))
    return {
        "id": vendor.id,
        "name": vendor.name,
        "name_legal": None,
        "country": vendor.country,
        "state": vendor.state,
        "is_active": vendor.is_active,
        "is_deletable": not used,
        "contacts": [person.id for person in vendor.contacts],
        "accounting_vendor_remote_id": _accounting_id(store, vendor),
        "external_vendor_id": vendor.external_vendor_id,
        "vendor_owner_id": vendor.vendor_owner_id,
        "vendor_type": "BUSINESS",
        "created_at": stamp(vendor.created_at),
        "address": vendor.address,
        "tax_address": None,
        "federal_tax_classification": None,
        "merchant_id": None,
        "total_spend_all_time": spend,
        "total_spend_last_30_days": spend,
        "total_spend_last_365_days": spend,
        "total_spend_ytd": spend,
    }


def as_contact(person: Contact, *, default: bool) -> dict[str, Any]:
    """Return a contact row."""
    return {
        "id": person.id,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "phone": person.phone,
        "is_default": default,
    }
