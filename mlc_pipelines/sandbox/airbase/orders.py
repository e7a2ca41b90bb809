"""Purchase orders: pushed by the ERP under their unique number, at a made-up path."""

from typing import Any

from mlc_pipelines.sandbox.airbase.answers import Answer, RefusalError, invalid, not_found, wrong_reference
from mlc_pipelines.sandbox.airbase.gate import Call, Endpoint
from mlc_pipelines.sandbox.airbase.records import PurchaseOrder
from mlc_pipelines.sandbox.airbase.rows import Rows
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.validation import Field, amount, day, nested, one_of, read_body, rows_of, text, word

REFERENCE = nested({"erp_reference_id": Field(word, required=True)})
TAG = nested({"type": Field(word, required=True), "erp_reference_id": Field(word, required=True)})
LINE = nested(
    {
        "line_number": Field(word, required=True),
        "description": Field(text, required=True),
        "quantity": Field(amount, required=True),
        "unit_price": Field(amount, required=True),
        "amount": Field(amount, required=True),
        "account": Field(REFERENCE, nullable=True),
        "tags": Field(rows_of(TAG)),
    }
)
FIELDS = {
    "po_number": Field(word, required=True),
    "vendor": Field(REFERENCE, required=True),
    "subsidiary": Field(REFERENCE, required=True),
    "currency": Field(word, required=True),
    "issued_date": Field(day, required=True),
    "status": Field(one_of("open", "closed", "cancelled"), required=True),
    "memo": Field(text, nullable=True),
    "lines": Field(rows_of(LINE, least=1), required=True),
}


class OrderEndpoints:
    """Purchase orders in the body form the ERP side chose."""

    def __init__(self, store: Store, *, path: str) -> None:
        self._store = store
        self._rows = Rows(store)
        self._path = path

    def endpoints(self) -> list[Endpoint]:
        """Return what is offered."""
        return [
            Endpoint("GET", self._path, self._list),
            Endpoint("POST", self._path, self._create),
            Endpoint("GET", f"{self._path}{{id}}/", self._get),
            Endpoint("PATCH", f"{self._path}{{id}}/", self._change),
        ]

    def _list(self, call: Call) -> Answer:
        wanted = call.filters("po_number").get("po_number")
        rows = [order for order in self._store.orders.values() if wanted in (None, order.po_number)]
        return call.page(sorted(rows, key=lambda order: order.id), render=self._rows.order)

    def _get(self, call: Call) -> Answer:
        return Answer(200, self._rows.order(self._find(call)))

    def _create(self, call: Call) -> Answer:
        body = read_body(call.json(), FIELDS)
        self._check_references(body)
        if call.someone_edits() and self._store.order(body["po_number"]) is None:
            self._make({**body, "memo": "Entered by hand"})
        if self._store.order(body["po_number"]) is not None:
            text = f"Purchase order with po_number {body['po_number']} already exists."
            raise RefusalError(self._store.switches.duplicate_order_status, {"po_number": [text]})
        made = self._make(body)
        call.note(f"created purchase order {made.po_number}")
        return Answer(201, self._rows.order(made))

    def _change(self, call: Call) -> Answer:
        order = self._find(call)
        body = read_body(call.json(), FIELDS, partial=True)
        if body.get("po_number", order.po_number) != order.po_number:
            raise invalid({"po_number": ["This field can not be changed after creation."]})
        self._check_references(body)
        if call.someone_edits():
            order.body["memo"] = "Edited meanwhile"
        order.body.update(body)
        call.note(f"changed purchase order {order.po_number}")
        return Answer(200, self._rows.order(order))

    def _make(self, body: dict[str, Any]) -> PurchaseOrder:
        memo = {"memo": None} if "memo" not in body else {}
        lines = [{"tags": [], **line} for line in body["lines"]]
        made = PurchaseOrder(f"po_{self._store.new_number()}", {**body, **memo, "lines": lines})
        self._store.orders[made.id] = made
        return made

    def _find(self, call: Call) -> PurchaseOrder:
        found = self._store.orders.get(call.key())
        if found is None:
            raise not_found()
        return found

    def _check_references(self, body: dict[str, Any]) -> None:
        problems: dict[str, Any] = {}
        for name, find in (("vendor", self._store.vendor), ("subsidiary", self._store.subsidiary)):
            if name in body and find(body[name]["erp_reference_id"]) is None:
                problems[name] = {"erp_reference_id": [f"Unknown {name}."]}
        if "currency" in body and body["currency"] not in {row.iso_code for row in self._store.currencies}:
            problems["currency"] = ["Unknown currency."]
        unknown = [self._lacks_account(line) for line in body.get("lines", [])]
        if any(unknown):
            problem = {"account": {"erp_reference_id": ["Unknown account."]}}
            problems["lines"] = [problem if missing else {} for missing in unknown]
        if problems:
            raise wrong_reference(problems)

    def _lacks_account(self, line: dict[str, Any]) -> bool:
        account = line.get("account")
        return account is not None and self._store.account(account["erp_reference_id"]) is None
