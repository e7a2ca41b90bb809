"""What people do in Procurify's screens: bills, vendors, orders, and the settings of the application."""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

from mlc_pipelines.sandbox.procurify.bill_records import (
    APPROVED,
    CONFIRMED,
    DENIED,
    DRAFT,
    PAID,
    WITHDRAWN,
    Bill,
    shares,
    tax_of,
)
from mlc_pipelines.sandbox.procurify.drafting import Wish, draft
from mlc_pipelines.sandbox.procurify.life import MOVES, move, pay
from mlc_pipelines.sandbox.procurify.orders import CANCELLED, CLOSED
from mlc_pipelines.sandbox.procurify.records import Vendor
from mlc_pipelines.sandbox.procurify.seed import REGULAR
from mlc_pipelines.sandbox.procurify.seed_orders import add_order
from mlc_pipelines.sandbox.procurify.store import Store
from mlc_pipelines.sandbox.procurify.tokens import TokenOffice

ACCOUNTANT, CONTROLLER = "ANNLIN", "TOMHEI"
MONEY = frozenset({"amount", "shipping", "freight", "off_by"})
P = ParamSpec("P")
R = TypeVar("R")
Key = int | str
"""A bill by id or uuid, an order by number or uuid, a vendor by id, ERP number or name."""


def _act(method: Callable[P, R]) -> Callable[P, R]:
    """Do it under the store's lock."""

    @functools.wraps(method)
    def act(*args: P.args, **given: P.kwargs) -> R:
        people: Any = args[0]
        with people.store.lock:
            return method(*args, **given)

    return act


class People:
    """Every method is one thing a person does; arguments and results are plain JSON values."""

    def __init__(self, store: Store, *, tokens: TokenOffice) -> None:
        self.store = store
        self._tokens = tokens

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the actions by name, for the control endpoint."""
        names = [name for name in vars(People) if not name.startswith("_") and name != "actions"]
        return {name: getattr(self, name) for name in names}

    @_act
    def new_bill(self, approve: bool = True, by: str | None = CONTROLLER, **wish: Any) -> int:
        """Enter a bill, approved at once unless told otherwise; the wish is that of `Wish`, amounts as text."""
        bill = self._draft(wish)
        return self._approve(bill, by=by) if approve else bill.id

    @_act
    def submit(self, bill: Key) -> int:
        """Hand in a draft."""
        return self._move(bill, CONFIRMED, by=ACCOUNTANT)

    @_act
    def approve(self, bill: Key, by: str | None = CONTROLLER) -> int:
        """Approve a bill, a draft too; the approver's department is the one that counts, None is the system."""
        return self._approve(self.store.bill(bill), by=by)

    @_act
    def approve_bills(self, count: int | None = None, by: str | None = CONTROLLER) -> list[int]:
        """Approve what was handed in."""
        waiting = [bill for bill in self.store.bills.values() if bill.status == CONFIRMED]
        return [self._approve(bill, by=by) for bill in waiting[:count]]

    @_act
    def deny(self, bill: Key, by: str = CONTROLLER) -> int:
        """Deny a bill that was submitted or approved."""
        return self._move(bill, DENIED, by=by)

    @_act
    def withdraw(self, bill: Key) -> int:
        """Take a bill back."""
        return self._move(bill, WITHDRAWN, by=ACCOUNTANT)

    @_act
    def pay(self, bill: Key, together_with: Sequence[Key] = (), status: int = PAID) -> int:
        """Pay approved bills with one payment, or bring them to 6, 7 or 8; return the payment's id."""
        bills = [self.store.bill(key) for key in (bill, *together_with)]
        return pay(self.store, bills, status, person=self.store.person(ACCOUNTANT))

    @_act
    def pay_bills(self, count: int | None = None) -> list[int]:
        """Pay approved bills, each on its own; return the payments' ids."""
        due = [bill for bill in self.store.bills.values() if bill.status in MOVES[PAID]]
        return [pay(self.store, [bill], PAID, person=self.store.person(ACCOUNTANT)) for bill in due[:count]]

    @_act
    def edit_bill(self, bill: Key, amount: str | None = None, note: str | None = None) -> int:
        """Change the first line's amount or the note, approved or not; return the new version."""
        found = self.store.bill(bill)
        if amount is not None:
            self._set_amount(found, Decimal(amount))
        if note is not None:
            found.note = note
        self._edited(found)
        return found.version

    @_act
    def recode_bill(self, bill: Key, account: str) -> int:
        """Charge every allocation to another account; return the new version."""
        found = self.store.bill(bill)
        for row in found.allocations:
            row.budget = self.store.budget(self.store.account(account), row.budget.department)
        self._edited(found)
        return found.version

    @_act
    def duplicate_invoice_number(self, bill: Key, number: str | None = None) -> int:
        """Enter the same invoice once more, perhaps spelled otherwise, and have it approved."""
        known = self.store.bill(bill)
        spelled = known.invoice_number if number is None else number
        wish = {"vendor": known.vendor.id, "currency": known.currency.name, "number": spelled}
        amount = str(known.lines[0].amount)
        return self._approve(self._draft({**wish, "amount": amount, "type": known.type}), by=CONTROLLER)

    @_act
    def sync_elsewhere(self, bill: Key) -> int:
        """Let another integration export a bill."""
        found = self.store.bill(bill)
        found.sync_status, found.last_export = "synced", self.store.now()
        self.store.touch(found)
        return found.id

    @_act
    def new_vendor(
        self,
        name: str,
        external_id: str | None = None,
        kind: int | str = REGULAR,
        currency: str = "EUR",
        country: str = "Germany",
    ) -> int:
        """Make a vendor."""
        money = self.store.currency(currency)
        made = Vendor(self.store.new_id("vendor"), name, kind, money, self.store.now(), country=country)
        made.external_id = external_id
        self.store.vendors[made.id] = made
        return made.id

    @_act
    def link_vendor(self, vendor: Key, external_id: str | None) -> int:
        """Enter, change or remove a vendor's external id."""
        found = self.store.vendor(vendor)
        found.external_id, found.modified = external_id, self.store.now()
        return found.id

    @_act
    def deactivate_vendor(self, vendor: Key) -> int:
        """Make a vendor inactive: it leaves the list."""
        found = self.store.vendor(vendor)
        found.active, found.modified = False, self.store.now()
        return found.id

    @_act
    def deactivate_account(self, code: str) -> int:
        """Make an account code inactive."""
        found = self.store.account(code)
        found.active = False
        return found.id

    @_act
    def approve_po(self, company: str = "10") -> int:
        """Approve what somebody wants to buy, so that it becomes an order; return its number."""
        dice = self._dice()
        source = dice.choice([row for row in self.store.world.orders if row.company == company])
        return add_order(self.store, source, dice=dice, at=self.store.now()).id

    @_act
    def edit_po(self, order: Key, quantity: str | None = None, note: str | None = None, cancel: bool = False) -> int:
        """Change the first line's quantity or the note, or cancel; return the new version."""
        found = self.store.order(order)
        if quantity is not None:
            found.lines[0].quantity = Decimal(quantity)
        if note is not None:
            found.note = note
        if cancel:
            found.state = CANCELLED
        found.version += 1
        self.store.touch(found)
        return found.version

    @_act
    def receive_po(self, order: Key, close: bool = False) -> int:
        """Receive everything ordered, and close the order if asked."""
        found = self.store.order(order)
        for line in found.lines:
            line.received = line.quantity
        if close:
            found.state, found.closed_at = CLOSED, self.store.now()
        self.store.touch(found)
        return found.id

    @_act
    def revoke_tokens(self) -> int:
        """Revoke every token; return how many."""
        return self._tokens.revoke_all()

    @_act
    def rotate_secret(self, secret: str) -> str:
        """Give the application another secret; tokens issued before work on."""
        self._tokens.secret = secret
        return secret

    @_act
    def deactivate_service_user(self, active: bool = False) -> bool:
        """Take the rights of the user the application acts for, or give them back: calls are 403 meanwhile."""
        self._tokens.user_is_active = active
        return active

    @_act
    def restrict_service_user(self, location: int | None) -> int | None:
        """Let that user see the bills of one location only, or of all again; nothing tells the reader."""
        self.store.visible_location = location
        return location

    def _draft(self, given: Mapping[str, Any]) -> Bill:
        wish: dict[str, Any] = {name: Decimal(str(given[name])) for name in MONEY & given.keys()}
        wish = {**given, **wish}
        return draft(self.store, Wish(**wish), dice=self._dice(), at=self.store.now())

    def _approve(self, bill: Bill, *, by: str | None) -> int:
        if bill.status == DRAFT:
            move(self.store, bill, CONFIRMED, person=bill.creator)
        move(self.store, bill, APPROVED, person=None if by is None else self.store.person(by))
        return bill.id

    def _move(self, key: Key, status: int, *, by: str) -> int:
        found = self.store.bill(key)
        move(self.store, found, status, person=self.store.person(by))
        return found.id

    def _set_amount(self, bill: Bill, amount: Decimal) -> None:
        line, bill.stated_total = bill.lines[0], None
        line.quantity, line.unit_cost, line.amount = Decimal(1), amount, amount
        line.tax = tax_of(amount, line.tax_percent, inclusive=line.inclusive, currency=bill.currency.name)
        parts = shares(amount, len(line.allocations)) if line.allocations else []
        for row, share in zip(line.allocations, parts, strict=True):
            row.amount = share

    def _edited(self, bill: Bill) -> None:
        bill.version += 1
        bill.editor = self.store.person(ACCOUNTANT)
        self.store.touch(bill)

    def _dice(self) -> random.Random:
        return random.Random(f"people {self.store.seed} {self.store.new_id('dice')}")
