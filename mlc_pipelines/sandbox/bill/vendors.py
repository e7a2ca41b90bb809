"""Vendors: create, bulk, list, get, PATCH, archive and restore."""

from collections.abc import Mapping
from typing import Any

from mlc_pipelines.sandbox.bill.answers import Answer, Problem, not_found
from mlc_pipelines.sandbox.bill.filters import PLAIN_RULES, Filterable, Rules
from mlc_pipelines.sandbox.bill.gate import AP, Call, Endpoint
from mlc_pipelines.sandbox.bill.lists import PARAMETERS
from mlc_pipelines.sandbox.bill.records import Vendor
from mlc_pipelines.sandbox.bill.rows import Rows
from mlc_pipelines.sandbox.bill.store import Store
from mlc_pipelines.sandbox.bill.validation import (
    Field,
    ProblemError,
    anything,
    email,
    flag,
    matching,
    nested,
    one_of,
    read_fields,
    rows_of,
    settled,
    text,
    word,
)

PATH = f"{AP}/v3/vendors"
BULK = 20
COUNTRY = matching("[A-Z]{2}", "A country of two capital letters is required.")
CURRENCY = matching("[A-Z]{3}", "A currency of three capital letters is required.")
ADDRESS: Mapping[str, Field] = {
    "line1": Field(word, required=True),
    "line2": Field(text),
    "city": Field(word, required=True),
    "stateOrProvince": Field(text),
    "zipOrPostalCode": Field(word, required=True),
    "country": Field(COUNTRY, required=True),
}
BANK_ACCOUNT = {name: Field(word) for name in ("nameOnAccount", "accountNumber", "routingNumber", "type")}
PAYMENT: Mapping[str, Field] = {
    "payeeName": Field(word),
    "email": Field(email),
    "type": Field(word),
    "bankCountry": Field(COUNTRY),
    "paymentCurrency": Field(CURRENCY),
    "bankAccount": Field(nested(BANK_ACCOUNT)),
    "regulatoryFields": Field(anything),
    "paymentPurpose": Field(anything),
}
ADDITIONAL: Mapping[str, Field] = {
    "taxId": Field(text),
    "companyName": Field(text),
    "track1099": Field(flag),
    "combinePayments": Field(flag),
}
# field, how it is read, where it is kept
FIELDS: Mapping[str, tuple[Field, str]] = {
    "name": (Field(word, required=True), "name"),
    "address": (Field(nested(ADDRESS), required=True), "address"),
    "accountType": (Field(one_of("BUSINESS", "PERSON", "NONE")), "account_type"),
    "email": (Field(email), "email"),
    "phone": (Field(word), "phone"),
    "shortName": (Field(text), "short_name"),
    "accountNumber": (Field(text), "account_number"),
    "billCurrency": (Field(CURRENCY), "bill_currency"),
    "paymentInformation": (Field(nested(PAYMENT)), "payment_information"),
    "additionalInfo": (Field(nested(ADDITIONAL)), "additional_info"),
    "autoPay": (Field(anything), "auto_pay"),
}
BODY = {name: held[0] for name, held in FIELDS.items()}
CHANGES = BODY | {"address": Field(nested(ADDRESS, partial=True))}
SAME = ("eq", "ne", "in")
RULES: Rules = {
    **PLAIN_RULES,
    "name": Filterable(lambda row: row.name, ("eq", "sw")),
    "accountType": Filterable(lambda row: row.account_type, SAME),
    "address.country": Filterable(lambda row: row.address.get("country"), SAME),
    "billCurrency": Filterable(lambda row: row.bill_currency, SAME),
}


class VendorEndpoints:
    """Vendors of the organization; no two need differ in name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = Rows(store)

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        return [
            Endpoint("POST", PATH, self._create, has_body=True),
            Endpoint("POST", f"{PATH}/bulk", self._create_many, has_body=True),
            Endpoint("GET", PATH, self._list, parameters=PARAMETERS),
            Endpoint("GET", f"{PATH}/{{id}}", self._show),
            Endpoint("PATCH", f"{PATH}/{{id}}", self._change, has_body=True),
            Endpoint("POST", f"{PATH}/{{id}}/archive", self._archive),
            Endpoint("POST", f"{PATH}/{{id}}/restore", self._restore),
        ]

    def _create(self, call: Call) -> Answer:
        values = settled(lambda: self._read(call.json()))
        return Answer(201, self._add(call, values))

    def _create_many(self, call: Call) -> Answer:
        bodies = call.json()
        read = settled(lambda: rows_of(self._read, most=BULK)(bodies))
        return Answer(201, [self._add(call, values) for values in read])

    def _list(self, call: Call) -> Answer:
        rules = {**RULES, "paymentStatus": Filterable(self._owed, SAME)}
        return call.page(self._store.vendors.values(), rules=rules, render=self._rows.vendor)

    def _owed(self, vendor: Vendor) -> str:
        owed = any(bill.due > 0 and not bill.archived for bill in self._store.bills_of(vendor.id))
        return "UNPAID" if owed else "PAID"

    def _show(self, call: Call) -> Answer:
        return Answer(200, self._rows.vendor(self._found(call)))

    def _change(self, call: Call) -> Answer:
        vendor = self._found(call)
        body = call.json()
        values = settled(lambda: self._read_changes(body, vendor))
        if call.someone_edits():
            vendor.phone = f"{vendor.phone or '555 0100'} ext. 7"
        if "address" in values:
            values["address"] = vendor.address | values["address"]
        self._put(vendor, values)
        self._store.touch(vendor)
        call.note(f"changed vendor {vendor.id}")
        self._store.emit("vendor.updated", {"vendor": self._rows.vendor(vendor)})
        return Answer(200, self._rows.vendor(vendor))

    def _archive(self, call: Call) -> Answer:
        return self._set_archived(call, archived=True)

    def _restore(self, call: Call) -> Answer:
        return self._set_archived(call, archived=False)

    def _set_archived(self, call: Call, *, archived: bool) -> Answer:
        vendor = self._found(call)
        if vendor.archived != archived:
            set_vendor_archived(self._store, vendor, archived=archived)
            call.note(f"{'archived' if archived else 'restored'} vendor {vendor.id}")
        return Answer(200, self._rows.vendor(vendor))

    def _found(self, call: Call) -> Vendor:
        found = self._store.vendors.get(call.key())
        if found is None:
            raise not_found("Vendor", call.key())
        return found

    def _read(self, body: Any) -> dict[str, Any]:
        values = read_fields(body, BODY)
        if self._store.switches.us_vendor_contact and values["address"]["country"] == "US":
            missing = [name for name in ("email", "phone") if name not in values]
            if missing:
                raise ProblemError(*(Problem("Required for vendors in the United States.", name) for name in missing))
        return values

    def _read_changes(self, body: Any, vendor: Vendor) -> dict[str, Any]:
        values = read_fields(body, CHANGES, partial=True)
        other = values.get("billCurrency", vendor.bill_currency) != vendor.bill_currency
        if other and any(self._store.bills_of(vendor.id)):
            raise ProblemError(Problem("May not change once there are bills.", "billCurrency"))
        return values

    def _add(self, call: Call, values: Mapping[str, Any]) -> dict[str, Any]:
        vendor = add_vendor(self._store, values)
        call.note(f"created vendor {vendor.id}")
        return self._rows.vendor(vendor)

    def _put(self, vendor: Vendor, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(vendor, FIELDS[name][1], value)


def add_vendor(store: Store, values: Mapping[str, Any]) -> Vendor:
    """Make a vendor of the API's fields and tell it."""
    kept = {FIELDS[name][1]: value for name, value in values.items()}
    vendor = Vendor(**store.stamps("009"), **kept)
    store.vendors[vendor.id] = vendor
    store.emit("vendor.created", {"vendor": Rows(store).vendor(vendor)})
    return vendor


def set_vendor_archived(store: Store, vendor: Vendor, *, archived: bool) -> None:
    """Archive or restore a vendor and tell it."""
    vendor.archived = archived
    store.touch(vendor)
    store.emit(f"vendor.{'archived' if archived else 'restored'}", {"vendor": Rows(store).vendor(vendor)})
