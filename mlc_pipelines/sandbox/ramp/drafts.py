"""Draft bills: made by API or by people, completed and submitted for approval, never deleted."""

from mlc_pipelines.sandbox.ramp.answers import Answer, RefusalError, not_found
from mlc_pipelines.sandbox.ramp.attachments import keep_attachment
from mlc_pipelines.sandbox.ramp.bill_fields import bill_fields, default_currency, with_fields
from mlc_pipelines.sandbox.ramp.bill_life import edit_memo, submit
from mlc_pipelines.sandbox.ramp.bill_rows import SHARED_FILTERS, as_bill, as_draft, passes_shared
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.records import Bill
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import read_body

READ, WRITE = "bills:read", "bills:write"


class DraftEndpoints:
    """What /bills/drafts answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room; there is no DELETE, so that it answers 405."""
        path = "/bills/drafts"
        return [
            Endpoint("GET", path, READ, self._list),
            Endpoint("POST", path, WRITE, self._create),
            Endpoint("GET", f"{path}/{{id}}", READ, lambda call: Answer(200, as_draft(self._store, self._find(call)))),
            Endpoint("PATCH", f"{path}/{{id}}", WRITE, self._change),
            Endpoint("POST", f"{path}/{{id}}/attachments", WRITE, self._attach),
            Endpoint("POST", f"{path}/{{id}}/submit", WRITE, self._submit),
        ]

    def _list(self, call: Call) -> Answer:
        filters = call.filters(SHARED_FILTERS)
        found = [draft for draft in self._store.drafts.named(filters) if passes_shared(draft, filters)]
        return call.page(found, render=lambda draft: as_draft(self._store, draft))

    def _create(self, call: Call) -> Answer:
        store = self._store
        body = read_body(call.json(), bill_fields(store.switches), required=["vendor_id"])
        blank = Bill("", 0, body["vendor_id"], default_currency(store, body), store.now())
        made = with_fields(store, blank, body)
        made.id, made.seq = store.new_id(), store.next_number()
        store.drafts[made.id] = made
        call.note(f"created draft {made.id}")
        return Answer(201, as_draft(store, made))

    def _change(self, call: Call) -> Answer:
        found = self._find(call)
        body = read_body(call.json(), bill_fields(self._store.switches))
        if call.someone_edits():
            edit_memo(found)
        self._store.drafts.change(found, with_fields(self._store, found, body))
        call.note(f"changed draft {found.id}")
        return Answer(200, as_draft(self._store, found))

    def _attach(self, call: Call) -> Answer:
        found = self._find(call)
        made = keep_attachment(
            found,
            body=call.body,
            content_type=call.request.headers.get("content-type", ""),
            new_id=self._store.new_id(),
        )
        call.note(f"attached {made['id']} to draft {found.id}")
        return Answer(201, made)

    def _submit(self, call: Call) -> Answer:
        found = self._find(call)
        if call.body:
            read_body(call.json(), {})
        if self._store.switches.submit_refused:
            message = "Payment method and payee contact must be set up before the draft is submitted"
            raise RefusalError(400, "BILL_PAY_7145", message)
        if call.someone_edits():
            edit_memo(found)
        made = submit(self._store, found)
        call.note(f"submitted draft {made.draft_bill_id} as bill {made.id}")
        return Answer(200, as_bill(self._store, made))

    def _find(self, call: Call) -> Bill:
        found = self._store.drafts.get(call.key())
        if found is None:
            raise not_found("draft bill", call.key())
        return found
