"""What every BILL flow is handed: both clients, the settings, the clock, and the connection's dictionary."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import ConfigurationError, RecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.integrations.bill.client import BillClient
from mlc_pipelines.integrations.bill.mapping import UNREADABLE
from mlc_pipelines.integrations.bill.matching import dimension_kinds
from mlc_pipelines.integrations.bill.models import VendorRow
from mlc_pipelines.integrations.bill.settings import BillSettings
from mlc_pipelines.integrations.erp.dimensions import mapped_code_parts
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.rows import Unread

OVERLAP = timedelta(minutes=10)
"""Lists by time of change are read from so much before the last one seen (assumed)."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection's clients and settings."""

    connection: Connection
    books: Books
    ifs: IfsClient
    bill: BillClient
    clock: Clock

    @property
    def dictionary(self) -> Dictionary:
        """What the connection knows of names."""
        return self.books.dictionary

    @property
    def settings(self) -> BillSettings:
        """The connection's `bill` section."""
        return self.connection.section(BillSettings)

    def table(self, name: str) -> dict[str, str] | None:
        """Give a mapping table of the connection file; None where it has none of that name."""
        table = self.connection.mapping.table(name)
        return dict(table) if table is not None else None

    def dimensions(self) -> dict[str, str]:
        """Give what each mapped code part is in BILL, by its letter."""
        try:
            return dimension_kinds(mapped_code_parts(self.connection))
        except ValueError as error:
            raise ConfigurationError(f"{self.connection.path}: mapping.dimensions: {error}") from error

    def currencies(self, vendors: Iterable[str]) -> dict[str, str]:
        """Give the currency of each vendor in use; those changed since the last time are asked for, and learned.

        Of these `vendors`, one that was never listed is asked for by its id; one that cannot be read has no currency.
        """
        dictionary, until = self.dictionary, self.dictionary.known("vendors_read").get("until")
        found = dictionary.known("vendor_currency")
        now = self.clock.now()
        newest = min(now, datetime.fromisoformat(until)) if until else None
        for row in self.bill.vendor_rows(updated_since=newest - OVERLAP if newest else None):
            if isinstance(row, Unread):
                found |= {row.name: UNREADABLE} if row.name else {}
                continue
            found[row.id] = self._currency(row)
            if row.updated and LONG_AGO < row.updated <= now:  # one wrong time must not hide what comes until then
                newest = max(newest or row.updated, row.updated)
        for vendor in sorted(set(vendors) - found.keys()):
            with suppress(RecordError):  # its invoices are held for it
                found[vendor] = self._currency(self.bill.vendor(vendor))
        dictionary.learn("vendor_currency", found)
        dictionary.learn("vendors_read", {"until": newest.isoformat()} if newest else {})
        return found

    def _currency(self, vendor: VendorRow) -> str:
        return vendor.bill_currency or self.settings.home_currency
