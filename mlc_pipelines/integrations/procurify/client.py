"""Procurify's client: one method per endpoint we use, all of them reads, over one road to Procurify."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from pydantic import SecretStr

from mlc_pipelines.errors import RecordError
from mlc_pipelines.integrations.procurify.calls import Calls, TooManyPagesError, given, reader
from mlc_pipelines.integrations.procurify.errors import judge
from mlc_pipelines.integrations.procurify.models import Department, Order, Vendor, to_department
from mlc_pipelines.integrations.procurify.rows import (
    AccountCodeRow,
    BranchRow,
    CurrencyRow,
    DepartmentRow,
    ListedRow,
    moment,
)
from mlc_pipelines.integrations.procurify.settings import Feed, ProcurifySettings
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.wire.auth import ClientCredentials
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Budget, Slots, TokenStore
from mlc_pipelines.wire.rows import Unread, each, name_of, readable

CLIENT_HEADER = {"X-Procurify-Client": "api"}
SHORTEST_WINDOW = timedelta(hours=1)
EARLY = 300.0
_LISTED = reader(ListedRow, "row of the bill list")


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of the bill list: which bill, and which state of it. `problem` says why the row cannot be read."""

    key: str
    tag: str | None
    modified: datetime | None
    exported: bool
    raw: bytes
    problem: str | None = None

    @classmethod
    def parse(cls, raw: bytes, *, known_by: str) -> "Listed":
        """Read a row; one that cannot be read is known by `known_by`."""
        try:
            row = _LISTED(raw)
            changed = moment(row.last_modified_datetime, "last_modified_datetime")
        except (RecordError, ValueError) as error:
            return cls(known_by, None, None, exported=False, raw=raw, problem=str(error))
        tag = f"{row.uuid}^{row.version}^{row.last_modified_datetime}"
        return cls(str(row.id), tag, changed, exported=bool(row.last_export_date), raw=raw)


class ProcurifyClient(Calls):
    """All calls of one tenant to its Procurify; safe to use from several threads."""

    def bills_changed(self, first: datetime, last: datetime) -> Iterator[Listed]:
        """List the bills modified in a window, both ends included; a window of too many pages is cut in two."""
        yield from map(_listed, self._changed(first, last, seen=set()))

    def _changed(self, first: datetime, last: datetime, *, seen: set[str]) -> Iterator[bytes]:
        window = given(last_modified_datetime_0=_stamp(first), last_modified_datetime_1=_stamp(last))
        most = self._settings.most_pages if last - first > SHORTEST_WINDOW else None
        try:
            yield from self._rows(Feed.BILLS, window, order=self._settings.bill_order, seen=seen, most_pages=most)
        except TooManyPagesError:
            middle = first + (last - first) / 2
            yield from self._changed(first, middle, seen=seen)
            yield from self._changed(middle, last, seen=seen)

    def bills_dated(self, first: date, last: date) -> Iterator[Listed]:
        """List the bills of a span of invoice dates, as the account counts days."""
        window = given(invoice_date_0=first, invoice_date_1=last)
        yield from map(_listed, self._rows(Feed.BILLS, window, order=self._settings.bill_order))

    def bills(self) -> Iterator[Listed]:
        """List bills from the first, to see that they can be read."""
        yield from map(_listed, self._rows(Feed.BILLS))

    def bill(self, bill_id: str) -> bytes:
        """Read one bill in full, as JSON."""
        return self._one(Feed.BILL, bill_id)

    def orders_changed(self, first: date, last: date) -> Iterator[Order | Unread]:
        """List the orders modified from one day to another; the filter knows days only (documented)."""
        zone = self._settings.zone
        window = given(modified_date_0=first, modified_date_1=last)
        rows = self._rows(Feed.ORDERS, window, order=self._settings.order_order)
        return each(rows, lambda raw: Order.parse(raw, zone), names=("procurify_PO", "id"))

    def orders(self) -> Iterator[bytes]:
        """List orders from the first, to see that they can be read."""
        return self._rows(Feed.ORDERS)

    def order(self, order_id: str) -> bytes:
        """Read one order with its lines, as JSON."""
        return self._one(Feed.ORDER, order_id)

    def vendors(self) -> Iterator[Vendor | Unread]:
        """List active vendors of the types that take part; one that vanishes from it is inactive (documented)."""
        types = [("type__in", str(kind)) for kind in sorted(self._settings.vendor_types)]
        field = self._settings.vendor_tax_field
        return each(self._rows(Feed.VENDORS, types), lambda raw: Vendor.parse(raw, tax_field=field), names=("id",))

    def account_codes(self) -> Iterator[AccountCodeRow]:
        """List the account codes, inactive ones too."""
        return readable(self._rows(Feed.ACCOUNT_CODES), reader(AccountCodeRow, "account code"))

    def departments(self) -> Iterator[Department]:
        """List the departments with their locations."""
        return map(to_department, readable(self._rows(Feed.DEPARTMENTS), reader(DepartmentRow, "department")))

    def locations(self) -> Iterator[BranchRow]:
        """List the locations."""
        return readable(self._rows(Feed.LOCATIONS), reader(BranchRow, "location"))

    def currencies(self) -> Iterator[CurrencyRow]:
        """List the currencies: vendors name them by id."""
        return readable(self._rows(Feed.CURRENCIES), reader(CurrencyRow, "currency"))


def open_procurify(
    settings: ProcurifySettings,
    *,
    vault_get: Callable[[str], SecretStr],
    tokens: TokenStore,
    budget: Budget,
    slots: Slots,
    clock: Clock,
) -> ProcurifyClient:
    """Assemble the client of one tenant: its application, its share of calls, its time limits.

    Lists are asked once by the wire: their retries are made where a page can be made smaller.
    """
    auth = _auth(settings, vault_get=vault_get, tokens=tokens, clock=clock)

    def http(limits: Limits) -> HttpClient:
        return HttpClient(
            "procurify",
            settings.base_url,
            judge=judge,
            auth=auth,
            budget=budget,
            slots=slots,
            limits=limits,
            clock=clock,
            headers={"Accept": "application/json", **CLIENT_HEADER},
        )

    single = Limits(read_seconds=settings.read_seconds)
    return ProcurifyClient(http(single), http(replace(single, attempts=1)), auth=auth, settings=settings, clock=clock)


def _auth(
    settings: ProcurifySettings, *, vault_get: Callable[[str], SecretStr], tokens: TokenStore, clock: Clock
) -> ClientCredentials:
    """Sign in with a JSON body that names an audience (documented)."""
    return ClientCredentials(
        credential=settings.credential,
        token_url=settings.token_url,
        client_id=vault_get(f"{settings.credential}/client_id"),
        client_secret=vault_get(f"{settings.credential}/client_secret"),
        style="json",
        extra={"audience": settings.audience},
        store=tokens,
        clock=clock,
        refresh=refresh,
    )


def refresh(expires_in: int) -> float:
    """Refresh tokens five minutes before they end (they live a day, documented), short ones half way."""
    return expires_in - EARLY if expires_in > 2 * EARLY else 0.5 * expires_in


def _listed(raw: bytes) -> Listed:
    return Listed.parse(raw, known_by=name_of(raw, ["id"]) or f"row {digest(raw)[:16]}")


def _stamp(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
