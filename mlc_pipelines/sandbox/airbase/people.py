"""What people do in Airbase's screens: approve, pay, make vendors, change terms, rotate tokens, resend events."""

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

from mlc_pipelines.sandbox.airbase.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.airbase.records import Vendor
from mlc_pipelines.sandbox.airbase.rows import Rows
from mlc_pipelines.sandbox.airbase.seed_documents import Wish, add_payment, add_request, make_entry
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.switches import EVENTS
from mlc_pipelines.sandbox.airbase.tokens import TokenOffice

WHERE = ("both", "payments", "ledger_entries")
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

    def __init__(self, store: Store, *, tokens: TokenOffice, office: DeliveryOffice) -> None:
        self.store = store
        self._tokens = tokens
        self._office = office
        self._rows = Rows(store)

    def actions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the actions by name, for the control endpoint."""
        names = [name for name in vars(People) if not name.startswith("_") and name != "actions"]
        return {name: getattr(self, name) for name in names}

    @_act
    def create_request(self, **wish: Any) -> str:
        """Ask for something: currency, subsidiary, vendor (id or reference), amount, account, kind, coded."""
        return add_request(self.store, self._wish(wish), dice=self._dice()).id

    @_act
    def approve_requests(self, count: int = 1, **wish: Any) -> list[str]:
        """Approve requests that wait; where there are too few, or a wish is given, new ones are made first."""
        waiting = [] if wish else [key for key, row in self.store.requests.items() if row.status == "pending"]
        chosen = waiting[:count]
        while len(chosen) < count:
            chosen.append(add_request(self.store, self._wish(wish), dice=self._dice()).id)
        return [self._approve(key) for key in chosen]

    @_act
    def approve_request(self, request_id: str) -> str:
        """Approve this request."""
        return self._approve(request_id)

    @_act
    def withdraw_approval(self, request_id: str, silently: bool = False) -> str:
        """Take an approval back."""
        row = self.store.requests[request_id]
        if row.status != "approved":
            raise ValueError(f"{request_id} is {row.status}, not approved")
        row.status, row.approved_at = "withdrawn", None
        if not silently:
            self._office.emit("purchase_request_withdrawn", self._rows.request(row))
        return row.id

    @_act
    def pay(self, count: int = 1, *, where: str = "both", **wish: Any) -> list[dict[str, str | None]]:
        """Pay: a payment, a ledger entry ready to sync, or both; return their ids. Wishes as in create_request."""
        if where not in WHERE:
            raise ValueError(f"where is one of {', '.join(WHERE)}, not {where!r}")
        made = []
        for _ in range(count):
            entry = make_entry(self.store, self._wish(wish), dice=self._dice())
            payment = None
            if where != "payments":
                self.store.entries[entry.airbase_id] = entry
            if where != "ledger_entries":
                payment = add_payment(self.store, entry)
                self._office.emit("payment_completed", self._rows.payment(payment))
            shown = None if where == "payments" else entry.airbase_id
            made.append({"payment": payment.id if payment else None, "ledger_entry": shown})
        return made

    @_act
    def create_vendor(
        self, name: str, email: str | None = None, subsidiary: str = "10", term: str | None = "Net 30"
    ) -> str:
        """Make a vendor that no ERP knows."""
        home = self.store.subsidiary(subsidiary)
        if home is None:
            raise KeyError(subsidiary)
        made = Vendor(self.store.new_id(), name, email=email, subsidiaries=[home], created_in_airbase=True)
        made.payment_term, made.term_changed = term, self.store.now() if term else None
        self.store.vendors[made.airbase_id] = made
        self._office.emit("vendor_created", self._rows.vendor(made))
        return made.airbase_id

    @_act
    def rename_vendor(self, vendor: str, name: str) -> str:
        """Give a vendor another name."""
        found = self._vendor(vendor)
        found.name = name
        return found.airbase_id

    @_act
    def deactivate_vendor(self, vendor: str) -> str:
        """Make a vendor inactive."""
        found = self._vendor(vendor)
        found.is_active = False
        return found.airbase_id

    @_act
    def relink_vendor(self, vendor: str, erp_reference_id: str) -> str:
        """Change the ERP reference in the portal, the only place where a wrong link is mended."""
        if self.store.vendor(erp_reference_id) is not None:
            raise ValueError(f"{erp_reference_id} is linked already")
        found = self._vendor(vendor)
        found.erp_reference_id = erp_reference_id
        return found.airbase_id

    @_act
    def set_vendor_term(self, vendor: str, term: str | None) -> str:
        """Agree on another payment term with a vendor (id or ERP reference)."""
        found = self._vendor(vendor)
        found.payment_term, found.term_changed = term, self.store.now()
        self._office.emit("vendor_payment_terms_updated", self._rows.terms(found))
        return found.airbase_id

    @_act
    def sync_entry_elsewhere(self, entry_id: str, erp_reference_id: str = "OTHER-ERP-1") -> str:
        """Let another connector complete an entry."""
        entry = self.store.entries[entry_id]
        entry.status, entry.erp_reference_id = "sync_complete", erp_reference_id
        return entry.airbase_id

    @_act
    def edit_order(self, po_number: str, **changes: Any) -> str:
        """Change a purchase order in the screens; fields as in the API."""
        order = self.store.order(po_number)
        if order is None:
            raise KeyError(po_number)
        order.body.update(changes)
        return order.id

    @_act
    def rename_account(self, erp_reference_id: str, name: str) -> str:
        """Give a GL account another name."""
        account = self.store.account(erp_reference_id)
        if account is None:
            raise KeyError(erp_reference_id)
        account.name = name
        return account.airbase_id

    @_act
    def revoke_token(self, which: str = "token") -> int:
        """Revoke a token by value, or `token` or `token_next`; return its number."""
        return self._tokens.revoke(which)

    @_act
    def rotate_token(self) -> str:
        """Make one more token and return it; the older ones work until they are revoked."""
        return self._tokens.issue(f"airbase-sandbox-{self.store.new_id()}").value

    @_act
    def subscribe(self, url: str | None, events: Sequence[str] = EVENTS) -> str | None:
        """Set up the webhook by hand; `{event}` in the address becomes the event's name. None ends it."""
        unknown = set(events) - set(EVENTS)
        if unknown:
            raise ValueError(f"unknown events: {', '.join(sorted(unknown))}")
        self._office.url, self._office.events = url, tuple(events)
        return url

    @_act
    def rotate_webhook_secret(self, secret: str | None = None) -> str:
        """Give the subscription another secret and return it."""
        self._office.signing.secret = secret or f"airbase-sandbox-{self.store.new_id()}"
        return self._office.signing.secret

    @_act
    def deliver_again(self, event_id: str | None = None) -> int:
        """Send an event once more, or the last one; return how often."""
        found = [row for row in self._office.sent if event_id in (None, row.event_id)][-1:]
        for delivery in found:
            self._office.again(delivery)
        return len(found)

    @_act
    def hold_events(self) -> bool:
        """Keep events back until they are released."""
        self._office.hold()
        return True

    @_act
    def release_events(self, reverse: bool = False) -> int:
        """Send what was kept back, the last one first if asked; return how many."""
        return self._office.release(reverse=reverse)

    @_act
    def lose_events(self, count: int = 1) -> int:
        """Let the next events never arrive."""
        self._office.lose(count)
        return count

    def _approve(self, request_id: str) -> str:
        row = self.store.requests[request_id]
        if row.status == "approved":
            raise ValueError(f"{request_id} is approved already")
        row.status, row.approved_at = "approved", self.store.now()
        self._office.emit("purchase_request_approved", self._rows.request(row))
        return row.id

    def _vendor(self, key: str) -> Vendor:
        found = self.store.vendors.get(key) or self.store.vendor(key)
        if found is None:
            raise KeyError(key)
        return found

    def _dice(self) -> random.Random:
        return random.Random(self.store.new_id())

    def _wish(self, given: Mapping[str, Any]) -> Wish:
        wish = dict(given)
        if "vendor" in wish:
            wish["vendor"] = self._vendor(wish["vendor"])
        if "amount" in wish:
            wish["amount"] = Decimal(str(wish["amount"]))
        return Wish(**wish)
