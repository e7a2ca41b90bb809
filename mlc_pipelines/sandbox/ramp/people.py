"""What people do in Ramp's screens: submit, approve, reject, pay, archive, edit, and make records of their own."""

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

from mlc_pipelines.sandbox.ramp import bill_life
from mlc_pipelines.sandbox.ramp.answers import RefusalError
from mlc_pipelines.sandbox.ramp.bill_fields import bill_fields, with_fields
from mlc_pipelines.sandbox.ramp.coding import CATEGORY, check_coding
from mlc_pipelines.sandbox.ramp.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.ramp.money import check_places
from mlc_pipelines.sandbox.ramp.records import Bill, Line, Selection
from mlc_pipelines.sandbox.ramp.store import Entity, Store
from mlc_pipelines.sandbox.ramp.tokens import TokenOffice
from mlc_pipelines.sandbox.ramp.validation import read_body
from mlc_pipelines.sandbox.ramp.vendors import make_vendor

PAYMENT_DAYS = 30
P = ParamSpec("P")
R = TypeVar("R")


def _act(method: Callable[P, R]) -> Callable[P, R]:
    """Do it under the store's lock; what the API would refuse is a ValueError for a person."""

    @functools.wraps(method)
    def act(*args: P.args, **given: P.kwargs) -> R:
        people: Any = args[0]
        with people.store.lock:
            try:
                return method(*args, **given)
            except RefusalError as refusal:
                raise ValueError(refusal.message) from refusal

    return act


class People:
    """Every method is one thing a person does; arguments and results are plain JSON values."""

    def __init__(self, store: Store, *, tokens: TokenOffice, office: DeliveryOffice) -> None:
        self.store = store
        self._tokens = tokens
        self._office = office

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the actions by name, for the control endpoint."""
        names = [name for name in vars(People) if not name.startswith("_") and name != "actions"]
        return {name: getattr(self, name) for name in names}

    @_act
    def submit_drafts(self, ids: Iterable[str] | str = "all") -> list[str]:
        """Submit drafts that have what is needed, or these; return the ids of the bills."""
        chosen = [
            draft
            for draft in list(self.store.drafts.values())
            if (ids == "all" and not bill_life.missing_to_submit(draft)) or draft.id in ids
        ]
        return [bill_life.submit(self.store, draft).id for draft in chosen]

    @_act
    def approve_bills(self, ids: Iterable[str] | str = "all") -> list[str]:
        """Approve every bill that waits for it, or these (bill or draft ids); return the ids of the bills."""
        chosen = self._chosen(ids, waiting=lambda bill: bill.approval_status == "PENDING")
        for bill in chosen:
            bill_life.approve(self.store, bill)
        return [bill.id for bill in chosen]

    @_act
    def reject_bill(self, bill_id: str) -> str:
        """Reject a bill that waits for approval."""
        bill = self._bill(bill_id)
        bill_life.reject(self.store, bill)
        return bill.id

    @_act
    def pay_bills(self, ids: Iterable[str] | str = "all", method: str = "ACH") -> list[str]:
        """Pay every approved bill, or these; return the ids of the bills."""
        chosen = self._chosen(ids, waiting=lambda bill: bill.approval_status == "APPROVED" and bill.status == "OPEN")
        for bill in chosen:
            bill_life.pay(self.store, bill, method=method)
        return [bill.id for bill in chosen]

    @_act
    def return_payment(self, bill_id: str) -> str:
        """Let the bank send the payment of a bill back."""
        bill = self._bill(bill_id)
        bill_life.give_back(self.store, bill)
        return bill.id

    @_act
    def archive_bill(self, bill_id: str) -> str:
        """Archive a bill that is not paid."""
        bill = self._bill(bill_id)
        bill_life.archive(self.store, bill)
        return bill.id

    @_act
    def edit_draft(self, draft_id: str, **changes: Any) -> str:
        """Change a draft; fields as in the API."""
        draft = self.store.drafts[draft_id]
        body = read_body(changes, bill_fields(self.store.switches))
        self.store.drafts.change(draft, with_fields(self.store, draft, body))
        return draft.id

    @_act
    def mail_in_draft(self, vendor_id: str, invoice_number: str, amount: str, currency: str = "USD") -> str:
        """Let Ramp's mail intake make a draft of an invoice; it knows neither our reference nor our codes."""
        store = self.store
        made = Bill(store.new_id(), store.next_number(), store.vendors[vendor_id].id, currency, store.now())
        made.invoice_number, made.lines = invoice_number, [_line(amount, currency)]
        store.drafts[made.id] = made
        return made.id

    @_act
    def create_bill_in_ramp(
        self,
        vendor_id: str | None = None,
        *,
        amount: str = "100.00",
        currency: str | None = None,
        invoice_number: str | None = None,
        company: str | None = None,
        coding: Mapping[str, str] | None = None,
        approved: bool = True,
    ) -> str:
        """Make a bill that has no remote id, coded with uploaded options; return its id.

        Without a coding the line takes the first active expense account and the first option of every other field.
        """
        store = self.store
        vendor = store.vendors[vendor_id] if vendor_id else next(iter(store.vendors.values()))
        entity = self._entity(company)
        made = Bill(store.new_id(), store.next_number(), vendor.id, currency or entity.currency, store.now())
        line = _line(amount, made.currency)
        line.selections = self._coding(coding)
        check_coding(store, [line])
        made.lines, made.entity_id, made.vendor_contact_id = [line], entity.id, vendor.contacts[0].id
        made.invoice_number = invoice_number or f"R-{store.next_number():05d}"
        made.issued_at = made.posting_date = store.now().date()
        made.due_at = made.issued_at + timedelta(days=PAYMENT_DAYS)
        store.drafts[made.id] = made
        bill_life.submit(store, made)
        made.draft_bill_id = None
        if approved:
            bill_life.approve(store, made)
        return made.id

    @_act
    def recode_bill(self, bill_id: str, field: str, option: str, line: int = 0) -> str:
        """Change one coding of one line."""
        bill = self._bill(bill_id)
        found = bill.lines[line]
        others = [given for given in found.selections if given.field_external_id != field]
        changed = [*others, Selection(field, option)]
        check_coding(self.store, [Line(found.amount, found.memo, changed)])
        found.selections = changed
        self.store.emit("bills.updated", bill.id)
        bill_life.announce_ready(self.store, bill)
        return bill.id

    @_act
    def add_vendor(
        self, name: str, country: str = "DE", state: str | None = None, email: str | None = None, **address: Any
    ) -> str:
        """Add a vendor that no ERP knows; return its id."""
        store = self.store
        contact = {"email": email or "billing@vendor.example"}
        made = make_vendor(store, name=name, country=country, state=state, contact=contact, linked_to=None)
        made.address = address or None
        made.vendor_owner_id = store.owner_id
        store.emit("vendors.activated", made.id)
        return made.id

    @_act
    def rename_vendor(self, vendor_id: str, name: str) -> str:
        """Give a vendor another name."""
        self.store.vendors[vendor_id].name = name
        self.store.emit("vendors.updated", vendor_id)
        return vendor_id

    @_act
    def deactivate_vendor(self, vendor_id: str) -> str:
        """Make a vendor inactive; no new bill can name it."""
        self.store.vendors[vendor_id].is_active = False
        self.store.emit("vendors.updated", vendor_id)
        return vendor_id

    @_act
    def add_account(self, name: str, classification: str = "EXPENSE", code: str | None = None) -> str:
        """Add a GL account that no ERP knows; return Ramp's id."""
        made = self.store.add_row(self.store.books.accounts, external_id=self.store.new_id(), name=name)
        made.classification, made.code = classification, code
        return made.ramp_id

    @_act
    def revoke_tokens(self) -> int:
        """Revoke every token; return how many there were."""
        return self._tokens.revoke_all()

    @_act
    def redeliver(self, event_id: str) -> int:
        """Send an event once more to whoever got it; return how often."""
        found = [delivery for delivery in self.store.deliveries if delivery.event_id == event_id]
        for delivery in found:
            self._office.again(delivery)
        return len(found)

    def _chosen(self, ids: Iterable[str] | str, *, waiting: Callable[[Bill], bool]) -> list[Bill]:
        if ids == "all":
            return [bill for bill in self.store.bills.values() if waiting(bill) and bill.archived_at is None]
        return [self._bill(key) for key in ([ids] if isinstance(ids, str) else ids)]

    def _bill(self, key: str) -> Bill:
        if key in self.store.bills:
            return self.store.bills[key]
        if key in self.store.drafts:
            return bill_life.submit(self.store, self.store.drafts[key])
        for bill in self.store.bills.values():
            if bill.draft_bill_id == key:
                return bill
        raise KeyError(key)

    def _entity(self, company: str | None) -> Entity:
        name = self.store.world.company(company).name if company else None
        return next(entity for entity in self.store.entities.values() if name in (None, entity.name))

    def _coding(self, coding: Mapping[str, str] | None) -> list[Selection]:
        if coding is not None:
            return [Selection(field, option) for field, option in coding.items()]
        books = self.store.books
        accounts = [row for row in books.accounts.values() if row.is_active and row.classification == "EXPENSE"]
        chosen = [Selection(CATEGORY, accounts[0].id)] if accounts else []
        for field in books.fields.values():
            options = [row for row in books.options.values() if row.field_id == field.ramp_id and row.is_active]
            if field.is_active and options:
                chosen.append(Selection(field.id, options[0].id))
        return chosen


def _line(amount: str, currency: str) -> Line:
    made = Line(Decimal(str(amount)))
    check_places(made.amount, currency)
    return made
