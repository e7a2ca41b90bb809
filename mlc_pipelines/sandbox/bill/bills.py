"""Bills: create, bulk, list, get, PATCH, PUT, archive, restore, and payments made outside."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from mlc_pipelines.sandbox.bill.answers import Answer, Problem, invalid, not_found
from mlc_pipelines.sandbox.bill.bill_fields import KIND_OF, BillReader, Draft
from mlc_pipelines.sandbox.bill.filters import PLAIN_RULES, Filterable, Rules, moment
from mlc_pipelines.sandbox.bill.gate import AP, Call, Endpoint
from mlc_pipelines.sandbox.bill.lists import PARAMETERS
from mlc_pipelines.sandbox.bill.records import ZERO, Bill, Line
from mlc_pipelines.sandbox.bill.rows import Rows
from mlc_pipelines.sandbox.bill.store import Store
from mlc_pipelines.sandbox.bill.validation import ProblemError, rows_of, settled

PATH = f"{AP}/v3/bills"


def _day(value: str) -> date:
    return moment(value).date()


def _coded(name: str) -> Filterable:
    def find(bill: Bill) -> list[str]:
        held = [bill.classifications, *(line.classifications for line in bill.lines)]
        return [coding[name] for coding in held if name in coding]

    return Filterable(find, ("eq", "in"))


RULES: Rules = {
    **PLAIN_RULES,
    "vendorId": Filterable(lambda row: row.vendor_id, ("eq", "in")),
    "dueDate": Filterable(lambda row: row.due_date, ("eq", "ne", "gt", "gte", "lt", "lte"), _day),
    "paymentStatus": Filterable(lambda row: row.payment_status, ("eq", "ne", "in")),
    "payFromChartOfAccountId": Filterable(lambda row: row.pay_from, ("eq", "in")),
    **{f"classifications.{name}": _coded(name) for name in KIND_OF if name != "jobId"},
}


class BillEndpoints:
    """Bills of the organization; two may have the same vendor and number."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows = Rows(store)
        self._reader = BillReader(store)

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        return [
            Endpoint("POST", PATH, self._create, has_body=True),
            Endpoint("POST", f"{PATH}/bulk", self._create_many, has_body=True),
            Endpoint("GET", PATH, self._list, parameters=PARAMETERS),
            Endpoint("GET", f"{PATH}/{{id}}", self._show),
            Endpoint("PATCH", f"{PATH}/{{id}}", self._change, has_body=True),
            Endpoint("PUT", f"{PATH}/{{id}}", self._replace, has_body=True),
            Endpoint("POST", f"{PATH}/{{id}}/archive", self._archive),
            Endpoint("POST", f"{PATH}/{{id}}/restore", self._restore),
        ]

    def _create(self, call: Call) -> Answer:
        body = call.json()
        return Answer(201, self._add(call, settled(lambda: self._reader.read(body))))

    def _create_many(self, call: Call) -> Answer:
        bodies = call.json()
        drafts = settled(lambda: self._read_many(bodies))
        return Answer(201, [self._add(call, draft) for draft in drafts])

    def _read_many(self, bodies: Any) -> list[Draft]:
        drafts: list[Draft] = rows_of(self._reader.read, most=self._store.switches.bulk_bills)(bodies)
        seen: set[tuple[str, str]] = set()
        for place, draft in enumerate(drafts):
            key = (draft.vendor.id, draft.values["invoice"]["invoiceNumber"])
            if key in seen and self._store.switches.refuse_duplicate_invoice_numbers:
                raise ProblemError(Problem(f"The number {key[1]} comes twice.", f"[{place}].invoice.invoiceNumber"))
            seen.add(key)
        return drafts

    def _list(self, call: Call) -> Answer:
        return call.page(self._store.bills.values(), rules=RULES, render=self._rows.bill)

    def _show(self, call: Call) -> Answer:
        return Answer(200, self._rows.bill(self._found(call)))

    def _change(self, call: Call) -> Answer:
        return self._write(call, partial=True)

    def _replace(self, call: Call) -> Answer:
        return self._write(call, partial=False)

    def _write(self, call: Call, *, partial: bool) -> Answer:
        bill, body = self._found(call), call.json()
        if bill.archived:
            raise invalid("The bill is archived.")
        draft = settled(lambda: self._reader.read(body, bill=bill, partial=partial))
        if call.someone_edits():
            bill.description = f"{bill.description or ''} (checked)".strip()
        lines = self._new_lines(bill, draft, partial=partial)
        if lines != bill.lines:
            self._check_lines(bill, lines)
        bill.lines = lines
        if not partial:
            bill.description = bill.pay_from = bill.purchase_order_number = None
            bill.classifications = {}
        put_values(bill, draft.values)
        self._store.touch(bill)
        call.note(f"changed bill {bill.id}")
        self._store.emit("bill.updated", {"bill": self._rows.bill(bill)})
        return Answer(200, self._rows.bill(bill))

    def _new_lines(self, bill: Bill, draft: Draft, *, partial: bool) -> list[Line]:
        if draft.lines is None:
            return bill.lines
        if not partial or self._store.switches.patch_lines == "replace":
            return draft.lines
        sent = {line.id: line for line in draft.lines}
        kept = [sent.pop(line.id, line) for line in bill.lines]
        return [*kept, *sent.values()]

    def _check_lines(self, bill: Bill, lines: list[Line]) -> None:
        if bill.payment_status != "UNPAID":
            raise invalid(f"The bill is {bill.payment_status}.", where="billLineItems")
        if sum((line.amount for line in lines), ZERO) <= 0:
            raise invalid("The sum of the lines must be above zero.", where="billLineItems")

    def _archive(self, call: Call) -> Answer:
        return self._set_archived(call, archived=True)

    def _restore(self, call: Call) -> Answer:
        return self._set_archived(call, archived=False)

    def _set_archived(self, call: Call, *, archived: bool) -> Answer:
        bill = self._found(call)
        if bill.archived != archived:
            set_bill_archived(self._store, bill, archived=archived)
            call.note(f"{'archived' if archived else 'restored'} bill {bill.id}")
        return Answer(200, self._rows.bill(bill))

    def _found(self, call: Call) -> Bill:
        found = self._store.bills.get(call.key())
        if found is None:
            raise not_found("Bill", call.key())
        return found

    def _add(self, call: Call, draft: Draft) -> dict[str, Any]:
        bill = add_bill(self._store, draft, by=call.session.user_id if call.session else "")
        call.note(f"created bill {bill.id}")
        return self._rows.bill(bill)


def add_bill(store: Store, draft: Draft, *, by: str) -> Bill:
    """Make a bill of what was read and tell it."""
    bill = Bill(**store.stamps("00n"), vendor_id=draft.vendor.id, lines=draft.lines or [], created_by=by)
    put_values(bill, draft.values)
    store.bills[bill.id] = bill
    store.emit("bill.created", {"bill": Rows(store).bill(bill)})
    return bill


def put_values(bill: Bill, values: Mapping[str, Any]) -> None:
    """Write the header fields that were sent."""
    invoice = values.get("invoice", {})
    bill.invoice_number = invoice.get("invoiceNumber", bill.invoice_number)
    bill.invoice_date = invoice.get("invoiceDate", bill.invoice_date)
    bill.due_date = values.get("dueDate", bill.due_date)
    bill.description = values.get("description", bill.description)
    bill.classifications = values.get("classifications", bill.classifications)
    bill.pay_from = values.get("payFromChartOfAccountId", bill.pay_from)
    bill.purchase_order_number = values.get("purchaseOrderNumber", bill.purchase_order_number)


def set_bill_archived(store: Store, bill: Bill, *, archived: bool) -> None:
    """Archive or restore a bill and tell it."""
    bill.archived = archived
    store.touch(bill)
    store.emit(f"bill.{'archived' if archived else 'restored'}", {"bill": Rows(store).bill(bill)})
