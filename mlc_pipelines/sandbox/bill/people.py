"""What people do in BILL's screens: approve, pay, void, type bills in, keep vendors and accounts, mind webhooks."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

from mlc_pipelines.sandbox.bill.bill_fields import BillReader
from mlc_pipelines.sandbox.bill.bills import add_bill, set_bill_archived
from mlc_pipelines.sandbox.bill.classifications import set_archived
from mlc_pipelines.sandbox.bill.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.bill.payments import advance, end, fail, label, schedule
from mlc_pipelines.sandbox.bill.records import Bill, Vendor
from mlc_pipelines.sandbox.bill.rows import Rows
from mlc_pipelines.sandbox.bill.seed import add_account
from mlc_pipelines.sandbox.bill.sessions import SessionOffice
from mlc_pipelines.sandbox.bill.store import Store, rounded
from mlc_pipelines.sandbox.bill.validation import ProblemError
from mlc_pipelines.sandbox.bill.vendors import add_vendor, set_vendor_archived

FAILED = "DISBURSEMENT_FAILED_ACTION_NEEDED"
P = ParamSpec("P")
R = TypeVar("R")


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

    def __init__(self, store: Store, *, sessions: SessionOffice, office: DeliveryOffice) -> None:
        self.store = store
        self._sessions = sessions
        self._office = office
        self._rows = Rows(store)

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the actions by name, for the control endpoint."""
        names = [name for name in vars(People) if not name.startswith("_") and name != "actions"]
        return {name: getattr(self, name) for name in names}

    @_act
    def approve_bills(self, bill_ids: Sequence[str] | None = None) -> list[str]:
        """Approve these bills, or all that wait; return their ids."""
        waiting = [
            bill.id for bill in self.store.bills.values() if not bill.archived and bill.approval_status != "APPROVED"
        ]
        return [self._decide(key, "APPROVED") for key in (waiting if bill_ids is None else bill_ids)]

    @_act
    def deny_bill(self, bill_id: str) -> str:
        """Deny a bill."""
        return self._decide(bill_id, "DENIED")

    @_act
    def schedule_payments(
        self, bill_ids: Sequence[str] | None = None, *, amount: str | None = None, together: bool = False
    ) -> list[str]:
        """Schedule payments for these bills, or all approved ones that owe; return the ids of the payments.

        An amount is paid on each bill instead of all it owes; together makes one payment per vendor.
        """
        return self._schedule(bill_ids, amount=amount, together=together)

    @_act
    def process_payments(self, payment_ids: Sequence[str] | None = None, *, status: str = "PROCESSED") -> list[str]:
        """Bring these payments, or all that are scheduled, to PROCESSED or another step of the ordinary way."""
        waiting = [row.id for row in self.store.payments.values() if row.single_status == "SCHEDULED"]
        return self._advance(waiting if payment_ids is None else payment_ids, status)

    @_act
    def pay_bills(
        self, bill_ids: Sequence[str] | None = None, *, amount: str | None = None, together: bool = False
    ) -> list[str]:
        """Schedule and process payments, as in schedule_payments; the bills are then PAID, or PARTIAL."""
        return self._advance(self._schedule(bill_ids, amount=amount, together=together), "PROCESSED")

    @_act
    def clear_payments(self, payment_ids: Sequence[str] | None = None) -> list[str]:
        """Let these payments, or all that are processed, clear at the bank."""
        waiting = [row.id for row in self.store.payments.values() if row.single_status == "PROCESSED"]
        return self._advance(waiting if payment_ids is None else payment_ids, "CLEARED")

    @_act
    def void_payment(self, payment_id: str, *, status: str = "VOIDED") -> str:
        """Void a payment, or cancel it (CANCELED); its bills owe the money again."""
        end(self.store, self.store.payments[payment_id], status)
        return payment_id

    @_act
    def fail_disbursement(self, payment_id: str, *, status: str = FAILED, with_id: bool = True) -> str:
        """Let the vendor's bank refuse a payment; the bills stay paid until somebody voids it."""
        fail(self.store, self.store.payments[payment_id], status=status, with_id=with_id)
        return payment_id

    @_act
    def set_payment_status(self, payment_id: str, status: str) -> str:
        """Give a payment any single status; bills stay as they are."""
        label(self.store, self.store.payments[payment_id], status)
        return payment_id

    @_act
    def enter_bill(
        self, vendor: str, amount: str, *, invoice_number: str, description: str | None = None, days: int = 30
    ) -> str:
        """Type a bill of one line in by hand, for a vendor by id or name."""
        today = self.store.now().date()
        body: dict[str, Any] = {
            "vendorId": self._vendor(vendor).id,
            "dueDate": (today + timedelta(days=days)).isoformat(),
            "invoice": {"invoiceNumber": invoice_number, "invoiceDate": today.isoformat()},
            "billLineItems": [{"amount": Decimal(str(amount))}],
        }
        try:
            draft = BillReader(self.store).read(body | ({"description": description} if description else {}))
        except ProblemError as error:
            raise ValueError(str(error)) from error
        return add_bill(self.store, draft, by=self._sessions.credentials.user_id).id

    @_act
    def edit_bill(
        self,
        bill_id: str,
        *,
        description: str | None = None,
        due_date: str | None = None,
        invoice_number: str | None = None,
        first_line: str | None = None,
    ) -> str:
        """Change a bill in the screens; `first_line` is the new amount of its first line."""
        bill = self.store.bills[bill_id]
        bill.description = description if description is not None else bill.description
        bill.due_date = date.fromisoformat(due_date) if due_date else bill.due_date
        bill.invoice_number = invoice_number or bill.invoice_number
        if first_line is not None:
            bill.lines[0].amount = rounded(Decimal(str(first_line)), self.store.currency(bill))
            bill.lines[0].quantity = bill.lines[0].price = None
        return self._tell_bill(bill)

    @_act
    def archive_bill(self, bill_id: str) -> str:
        """Put a bill away."""
        set_bill_archived(self.store, self.store.bills[bill_id], archived=True)
        return bill_id

    @_act
    def create_vendor(self, name: str, *, country: str = "US", currency: str = "USD", email: str | None = None) -> str:
        """Make a vendor that no ERP knows; a name may be there already."""
        address = {"line1": "1 Front St", "city": "Springfield", "zipOrPostalCode": "10101", "country": country}
        values: dict[str, Any] = {"name": name, "address": address, "billCurrency": currency}
        return add_vendor(self.store, values | ({"email": email} if email else {})).id

    @_act
    def rename_vendor(self, vendor: str, name: str) -> str:
        """Give a vendor (id or name) another name."""
        found = self._vendor(vendor)
        found.name = name
        self.store.touch(found)
        self.store.emit("vendor.updated", {"vendor": self._rows.vendor(found)})
        return found.id

    @_act
    def archive_vendor(self, vendor: str, *, archived: bool = True) -> str:
        """Put a vendor (id or name) away, or bring it back."""
        found = self._vendor(vendor)
        set_vendor_archived(self.store, found, archived=archived)
        return found.id

    @_act
    def add_account(self, number: str, name: str) -> str:
        """Make an account in BILL."""
        return add_account(self.store, number, name)

    @_act
    def archive_account(self, number: str) -> str:
        """Put an account away, and all below it."""
        rows = self.store.classifications["chart-of-accounts"].values()
        found = next((row for row in rows if row.number == number and not row.archived), None)
        if found is None:
            raise KeyError(number)
        set_archived(self.store, found, archived=True)
        return found.id

    @_act
    def revoke_sessions(self) -> int:
        """End every session; return how many there were."""
        return self._sessions.end_all()

    @_act
    def rotate_sync_token(self) -> str:
        """Make another value for the sync token and return it; open sessions go on."""
        self._sessions.credentials.token_value = f"bill-sandbox-sync-{self.store.new_uuid()}"
        return self._sessions.credentials.token_value

    @_act
    def disable_subscription(self, subscription_id: str | None = None) -> list[str]:
        """Disable this subscription, or all; return their ids."""
        chosen = [subscription_id] if subscription_id else list(self.store.subscriptions)
        for key in chosen:
            self.store.subscriptions[key].enabled = False
        return chosen

    @_act
    def deliver_again(self, event_id: str | None = None) -> int:
        """Send an event once more, or the last one; return how often."""
        found = [row for row in self.store.notifications if event_id in (None, row.event_id)][-1:]
        for notification in found:
            self._office.again(notification)
        return len(found)

    @_act
    def hold_events(self) -> bool:
        """Keep events back until they are released."""
        self._office.hold()
        return True

    @_act
    def release_events(self, *, reverse: bool = False) -> int:
        """Send what was kept back, the last one first if asked; return how many."""
        return self._office.release(reverse=reverse)

    @_act
    def lose_events(self, count: int = 1) -> int:
        """Let the next events never arrive."""
        self._office.lose(count)
        return count

    def _decide(self, bill_id: str, status: str) -> str:
        bill = self.store.bills[bill_id]
        bill.approval_status = status
        return self._tell_bill(bill)

    def _tell_bill(self, bill: Bill) -> str:
        self.store.touch(bill)
        self.store.emit("bill.updated", {"bill": self._rows.bill(bill)})
        return bill.id

    def _schedule(self, bill_ids: Sequence[str] | None, *, amount: str | None, together: bool) -> list[str]:
        parts = [(bill, self._share(bill, amount)) for bill in self._payable(bill_ids)]
        groups: dict[str, list[tuple[Bill, Decimal]]] = {}
        for bill, share in parts:
            groups.setdefault(bill.vendor_id if together else bill.id, []).append((bill, share))
        return [schedule(self.store, group).id for group in groups.values()]

    def _payable(self, bill_ids: Sequence[str] | None) -> list[Bill]:
        if bill_ids is not None:
            return [self.store.bills[key] for key in bill_ids]
        bills = self.store.bills.values()
        approved = [bill for bill in bills if bill.approval_status == "APPROVED" and not bill.archived]
        return [bill for bill in approved if bill.due > bill.scheduled]

    def _share(self, bill: Bill, amount: str | None) -> Decimal:
        left = bill.due - bill.scheduled
        share = left if amount is None else Decimal(str(amount))
        if bill.archived or share != rounded(share, self.store.currency(bill)) or not 0 < share <= left:
            raise ValueError(f"{share:f} can not be paid on bill {bill.id}: {left:f} is left, {bill.payment_status}")
        return share

    def _advance(self, payment_ids: Sequence[str], status: str) -> list[str]:
        for key in payment_ids:
            advance(self.store, self.store.payments[key], status)
        return list(payment_ids)

    def _vendor(self, key: str) -> Vendor:
        vendors = self.store.vendors
        found = vendors.get(key) or next((row for row in vendors.values() if row.name == key), None)
        if found is None:
            raise KeyError(key)
        return found
