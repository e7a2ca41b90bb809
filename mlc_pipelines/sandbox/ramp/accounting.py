"""GL accounts, custom fields, field options and accounting vendors: the ledger's words for a coding."""

from typing import Any

from mlc_pipelines.sandbox.ramp import uploads
from mlc_pipelines.sandbox.ramp.answers import Answer, invalid, not_found, stamp
from mlc_pipelines.sandbox.ramp.coding import CATEGORY
from mlc_pipelines.sandbox.ramp.connection import READ, WRITE, require_connection
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.queries import QueryCheck, one_of, truth, uuid_text
from mlc_pipelines.sandbox.ramp.records import CustomField, LedgerRow
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import boolean, choice, identifier, read_body, rows, shape, text

CLASSIFICATIONS = ("ANY", "ASSET", "CREDCARD", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE", "UNKNOWN")
INPUT_TYPES = ("BOOLEAN", "FREE_FORM_TEXT", "SINGLE_CHOICE")
REQUIRED_FOR = (
    "BILL", "BILL_PAYMENT", "INVOICE", "PURCHASE_ORDER", "REIMBURSEMENT", "TRANSACTION", "VENDOR_CREDIT",
)  # fmt: skip
VISIBILITIES = ("HIDDEN", "VISIBLE")
LIST_FILTERS: dict[str, QueryCheck] = {"remote_id": str, "is_active": truth, "code": str, "is_synced": truth}
word = text(least=1)


class AccountEndpoints:
    """What /accounting/accounts answers; ids in paths are Ramp's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        path = "/accounting/accounts"
        return [
            Endpoint("GET", path, READ, self._list),
            Endpoint("POST", path, WRITE, self._upload),
            Endpoint("GET", f"{path}/{{id}}", READ, lambda call: self._row(uploads.find(call, self._rows))),
            Endpoint("PATCH", f"{path}/{{id}}", WRITE, self._change),
            Endpoint("DELETE", f"{path}/{{id}}", WRITE, self._retire),
        ]

    @property
    def _rows(self) -> dict[str, LedgerRow]:
        return self._store.books.accounts

    def _row(self, row: LedgerRow) -> Answer:
        return Answer(200, as_account(row))

    def _list(self, call: Call) -> Answer:
        return call.page(uploads.matching(self._rows, call.filters(LIST_FILTERS)), render=as_account)

    def _upload(self, call: Call) -> Answer:
        require_connection(self._store)
        account = shape(
            {"id": word, "name": word, "classification": choice(*CLASSIFICATIONS), "code": text()},
            required=["id", "name", "classification"],
        )
        fields = {"gl_accounts": rows(account, least=1, most=uploads.BATCH_MOST)}
        wanted = read_body(call.json(), fields, required=["gl_accounts"])["gl_accounts"]
        added = uploads.upload(call, self._store, rows=self._rows, wanted=wanted, where="gl_accounts", named="name")
        return uploads.uploaded(added, where="gl_accounts", render=as_account)

    def _change(self, call: Call) -> Answer:
        fields = {"name": word, "code": text()}
        return self._row(uploads.change(call, self._store, rows=self._rows, fields=fields, named="name"))

    def _retire(self, call: Call) -> Answer:
        return uploads.retire(call, self._store, rows=self._rows)


class AccountingVendorEndpoints:
    """What /accounting/vendors answers: vendors as a coding choice, not as payees."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        path = "/accounting/vendors"
        return [
            Endpoint("GET", path, READ, self._list),
            Endpoint("POST", path, WRITE, self._upload),
            Endpoint("GET", f"{path}/{{id}}", READ, lambda call: self._row(uploads.find(call, self._rows))),
            Endpoint("PATCH", f"{path}/{{id}}", WRITE, self._change),
            Endpoint("DELETE", f"{path}/{{id}}", WRITE, self._retire),
        ]

    @property
    def _rows(self) -> dict[str, LedgerRow]:
        return self._store.books.vendors

    def _row(self, row: LedgerRow) -> Answer:
        return Answer(200, as_accounting_vendor(row))

    def _list(self, call: Call) -> Answer:
        return call.page(uploads.matching(self._rows, call.filters(LIST_FILTERS)), render=as_accounting_vendor)

    def _upload(self, call: Call) -> Answer:
        require_connection(self._store)
        vendor = shape({"id": word, "name": word, "code": text()}, required=["id", "name"])
        fields = {"vendors": rows(vendor, least=1, most=uploads.BATCH_MOST)}
        wanted = read_body(call.json(), fields, required=["vendors"])["vendors"]
        added = uploads.upload(call, self._store, rows=self._rows, wanted=wanted, where="vendors", named="name")
        return uploads.uploaded(added, where="vendors", render=as_accounting_vendor)

    def _change(self, call: Call) -> Answer:
        fields = {"name": word, "code": text()}
        return self._row(uploads.change(call, self._store, rows=self._rows, fields=fields, named="name"))

    def _retire(self, call: Call) -> Answer:
        return uploads.retire(call, self._store, rows=self._rows)


class FieldEndpoints:
    """What /accounting/fields answers; posting the same id again returns and reactivates it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        path = "/accounting/fields"
        return [
            Endpoint("GET", path, READ, self._list),
            Endpoint("POST", path, WRITE, self._create),
            Endpoint("GET", f"{path}/{{id}}", READ, lambda call: Answer(200, as_field(self._find(call)))),
            Endpoint("PATCH", f"{path}/{{id}}", WRITE, self._change),
            Endpoint("DELETE", f"{path}/{{id}}", WRITE, self._retire),
        ]

    def _list(self, call: Call) -> Answer:
        filters = call.filters({"remote_id": str, "is_active": truth})
        found = list(self._store.books.fields.values())
        if "remote_id" in filters:
            found = [row for row in found if row.id == filters["remote_id"]]
        if "is_active" in filters:
            found = [row for row in found if row.is_active is filters["is_active"]]
        return call.page(found, render=as_field)

    def _create(self, call: Call) -> Answer:
        require_connection(self._store)
        fields = {
            "id": word,
            "name": word,
            "input_type": choice(*INPUT_TYPES),
            "is_splittable": boolean,
            "is_required_for": rows(choice(*REQUIRED_FOR)),
            "display_name": text(),
        }
        body = read_body(call.json(), fields, required=["id", "name", "input_type"])
        if body["id"] == CATEGORY:
            raise invalid({"id": [f"{CATEGORY} is built in"]})
        found = self._store.custom_field(body["id"])
        if found is None:
            found = self._add(body)
            call.note(f"created field {found.id}")
        found.is_active = True
        return Answer(201, as_field(found))

    def _add(self, body: dict[str, Any]) -> CustomField:
        store = self._store
        made = CustomField(
            id=body["id"],
            ramp_id=store.new_id(),
            seq=store.next_number(),
            name=body["name"],
            input_type=body["input_type"],
            created_at=store.now(),
            updated_at=store.now(),
            display_name=body.get("display_name") or body["name"],
            is_splittable=bool(body.get("is_splittable")),
            is_required_for=body.get("is_required_for") or [],
        )
        store.books.fields[made.ramp_id] = made
        return made

    def _change(self, call: Call) -> Answer:
        found = self._find(call)
        body = read_body(call.json(), {"name": word, "display_name": text(), "is_splittable": boolean})
        for name, value in body.items():
            setattr(found, name, value)
        found.updated_at = self._store.now()
        call.note(f"changed field {found.id}")
        return Answer(200, as_field(found))

    def _retire(self, call: Call) -> Answer:
        found = self._find(call)
        found.is_active = False
        found.updated_at = self._store.now()
        call.note(f"retired field {found.id}")
        return Answer(204)

    def _find(self, call: Call) -> CustomField:
        found = self._store.books.fields.get(call.key())
        if found is None:
            raise not_found("accounting field", call.key())
        return found


class OptionEndpoints:
    """What /accounting/field-options answers; `field_id` is Ramp's id of the field."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        path = "/accounting/field-options"
        return [
            Endpoint("GET", path, READ, self._list),
            Endpoint("POST", path, WRITE, self._upload),
            Endpoint("GET", f"{path}/{{id}}", READ, lambda call: self._row(uploads.find(call, self._rows))),
            Endpoint("PATCH", f"{path}/{{id}}", WRITE, self._change),
            Endpoint("PUT", f"{path}/{{id}}", WRITE, self._change),
            Endpoint("DELETE", f"{path}/{{id}}", WRITE, self._retire),
        ]

    @property
    def _rows(self) -> dict[str, LedgerRow]:
        return self._store.books.options

    def _row(self, row: LedgerRow) -> Answer:
        return Answer(200, as_option(row))

    def _list(self, call: Call) -> Answer:
        allowed = {**LIST_FILTERS, "field_id": uuid_text, "visibility": one_of(*VISIBILITIES)}
        filters = call.filters(allowed)
        if "field_id" not in filters:
            raise invalid({"field_id": ["required"]})
        found = self._field(filters["field_id"])
        mine = {key: row for key, row in self._rows.items() if row.field_id == found.ramp_id}
        return call.page(uploads.matching(mine, filters), render=as_option)

    def _upload(self, call: Call) -> Answer:
        require_connection(self._store)
        option = shape({"id": word, "value": word, "code": text()}, required=["id", "value"])
        fields = {"field_id": identifier, "options": rows(option, least=1, most=uploads.BATCH_MOST)}
        body = read_body(call.json(), fields, required=["field_id", "options"])
        found = self._field(body["field_id"])
        if found.input_type == "FREE_FORM_TEXT":
            raise invalid({"field_id": ["A free form text field has no options."]})
        added = uploads.upload(
            call,
            self._store,
            rows=self._rows,
            wanted=body["options"],
            where="options",
            named="value",
            field_id=found.ramp_id,
        )
        return uploads.uploaded(added, where="options", render=as_option)

    def _change(self, call: Call) -> Answer:
        fields = {"value": word, "code": text(), "visibility": choice(*VISIBILITIES), "display_name": text()}
        return self._row(uploads.change(call, self._store, rows=self._rows, fields=fields, named="value"))

    def _retire(self, call: Call) -> Answer:
        return uploads.retire(call, self._store, rows=self._rows)

    def _field(self, ramp_id: str) -> CustomField:
        found = self._store.books.fields.get(ramp_id)
        if found is None:
            raise not_found("accounting field", ramp_id)
        return found


def as_account(row: LedgerRow) -> dict[str, Any]:
    """Return a GL account row."""
    category = {"id": CATEGORY, "name": "Category", "ramp_id": row.ramp_id}
    return {
        **uploads.shared_row(row),
        "name": row.name,
        "classification": row.classification,
        "gl_account_category_info": category,
    }


def as_accounting_vendor(row: LedgerRow) -> dict[str, Any]:
    """Return an accounting vendor row."""
    return {**uploads.shared_row(row), "name": row.name, "is_synced": True}


def as_option(row: LedgerRow) -> dict[str, Any]:
    """Return a field option row."""
    return {**uploads.shared_row(row), "value": row.name, "display_name": row.name, "visibility": row.visibility}


def as_field(row: CustomField) -> dict[str, Any]:
    """Return a custom field row."""
    return {
        "id": row.id,
        "ramp_id": row.ramp_id,
        "name": row.name,
        "display_name": row.display_name,
        "input_type": row.input_type,
        "is_splittable": row.is_splittable,
        "is_required_for": row.is_required_for,
        "is_active": row.is_active,
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.updated_at),
    }
