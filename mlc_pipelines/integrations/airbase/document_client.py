"""The document side of Airbase: purchase orders, requests, payments, payment terms, and ledger entries."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mlc_pipelines.errors import ConfigurationError, OutcomeUnknownError
from mlc_pipelines.integrations.airbase.errors import AbsentError
from mlc_pipelines.integrations.airbase.models import SYNC_COMPLETE, LedgerEntry, read_entry, read_object
from mlc_pipelines.integrations.airbase.vendor_client import VendorCalls
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.bodies import BROKEN
from mlc_pipelines.wire.rows import one, readable


class DocumentCalls(VendorCalls):
    """Calls to documents. What is gated is given as JSON: only the tenant's pointers know its form."""

    def ledger_entries(self, status: str) -> Iterator[bytes]:
        """List ledger entries of a status; it is always named, for without it only the ready ones come."""
        return self.rows(self._paths.ledger_entries, {"status": status})

    def ledger_entry(self, entry_id: str) -> LedgerEntry:
        """Read what became of an entry."""
        return read_entry(self.call("GET", _below(self._paths.ledger_entries, entry_id)))

    def entry(self, entry_id: str) -> bytes | None:
        """Read one ledger entry as it is listed; None when there is none."""
        return self._one(self._paths.ledger_entries, entry_id)

    def complete_entry(self, entry_id: str, erp_reference_id: str) -> None:
        """Tell Airbase that an entry is booked, and as what."""
        body = {"status": SYNC_COMPLETE, "erp_reference_id": erp_reference_id}
        self.call("PATCH", _below(self._paths.ledger_entries, entry_id), body=body, repeatable=True)

    def requests(self, filters: Mapping[str, str]) -> Iterator[bytes]:
        """List purchase requests."""
        return self.rows(self._gated("purchase_requests"), filters)

    def request(self, request_id: str) -> bytes | None:
        """Read one purchase request; None when there is none."""
        return self._one(self._gated("purchase_requests"), request_id)

    def payments(self) -> Iterator[bytes]:
        """List payments."""
        return self.rows(self._gated("payments"))

    def payment(self, payment_id: str) -> bytes | None:
        """Read one payment; None when there is none."""
        return self._one(self._gated("payments"), payment_id)

    def vendor_terms(self) -> Iterator[bytes]:
        """List the payment terms of vendors."""
        return self.rows(self._gated("vendor_terms"))

    def orders(self, *, lookup: str, number: str) -> list[Mapping[str, Any]]:
        """Look purchase orders up by number; `lookup` is both the filter and the key that holds it."""
        found = map(_order, self.rows(self._gated("purchase_orders"), {lookup: number}))
        return [order for order in found if str(order.get(lookup)) == number]

    def all_orders(self) -> Iterator[Mapping[str, Any]]:
        """List purchase orders."""
        return readable(self.rows(self._gated("purchase_orders")), _order)

    def order(self, order_id: str) -> Mapping[str, Any] | None:
        """Read one purchase order; None when there is none."""
        raw = self._one(self._gated("purchase_orders"), order_id)
        return _order(raw) if raw is not None else None

    def create_order(self, body: Mapping[str, Any]) -> str:
        """Make a purchase order and give its id."""
        made = self.call("POST", self._gated("purchase_orders"), body=body)
        try:
            return id_of(msgspec.json.decode(made, type=dict[str, Any]))
        except BROKEN as error:
            raise OutcomeUnknownError(
                "airbase: the answer to a new purchase order has no id; look for it before sending again"
            ) from error

    def change_order(self, order_id: str, body: Mapping[str, Any]) -> None:
        """Change a purchase order; a change says how it shall be, so it may be sent twice."""
        self.call("PATCH", _below(self._gated("purchase_orders"), order_id), body=body, repeatable=True)

    def _one(self, path: str, record_id: str) -> bytes | None:
        try:
            return one(self.call("GET", _below(path, record_id)), f"airbase: {path}")
        except AbsentError:
            return None

    def _gated(self, name: str) -> str:
        path: str = getattr(self._paths, name)
        if not path:
            raise ConfigurationError(f"airbase: paths.{name} is not set; this resource is not used without it")
        return path


def id_of(record: Mapping[str, Any]) -> str:
    """Give the id of a record; ValueError when it has none."""
    found = record.get("airbase_id") or record.get("id")
    if not found:
        raise ValueError("no id")
    return str(found)


def _order(raw: bytes) -> Mapping[str, Any]:
    return read_object(raw, "purchase order")


def _below(path: str, record_id: str) -> str:
    return f"{path}{segment(record_id)}/"
