"""Vendors: IFS suppliers become vendors in Ramp, first in its ledger side, then where bills name them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.suppliers import Suppliers
from mlc_pipelines.integrations.erp.suppliers import SupplierSource
from mlc_pipelines.integrations.ramp.desk import Desk, landed_as
from mlc_pipelines.integrations.ramp.mapping import to_vendor
from mlc_pipelines.integrations.ramp.models import NewVendor, Vendor
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

ALL = "all"


class AccountingVendorsToRamp:
    """Sends suppliers as accounting vendors, the choice of vendor in Ramp's ledger side."""

    name = "accounting_vendors"
    sentence = "IFS suppliers become accounting vendors in Ramp."
    kind = "accounting_vendor"
    assets = Assets(
        collect=Asset("suppliers", "Suppliers as IFS has them.", ("ifs",)),
        translate=Asset("coded_suppliers", "The same suppliers in Ramp's words."),
        deliver=Asset("accounting_vendors", "Accounting vendors in Ramp.", ("ramp",)),
    )
    deliver_batch = 500
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._source = SupplierSource(desk.ifs)
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: a supplier is global in IFS."""
        return [ALL]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List suppliers changed since."""
        return self._source.sightings(since)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the supplier from the list, which has all of it."""
        return self._source.record(sighting)

    def prepare(self) -> None:
        """Nothing to open: the record carries all that is needed."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Name the supplier."""
        supplier = self._source.supplier(entry.source)
        name = supplier.name or supplier.id
        return Translated(encode({"id": supplier.id, "name": name, "code": supplier.id}), supplier.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look the vendors up by supplier id: one by one for a few, in one list for many."""
        self._desk.ramp.ensure_connection(self._desk.settings.provider_name)
        few = len(batch) <= 3  # noqa: PLR2004  # a list of all costs a call per hundred vendors
        rows = [v for o in batch for v in self._desk.ramp.accounting_vendors(remote_id=o.entry.key)] if few else None
        there = {vendor.id: vendor for vendor in (rows if rows is not None else self._desk.ramp.accounting_vendors())}
        return {o.entry.id: Landed(there[o.entry.key].ramp_id) for o in batch if o.entry.key in there}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Upload the new ones in one call, rename the others one by one."""
        new = [outgoing for outgoing in batch if outgoing.bound is None]
        for outgoing in batch:
            if outgoing.bound is not None:
                self._desk.ramp.update_accounting_vendor(outgoing.bound, name=outgoing.payload["name"])
        if new:
            self._desk.ramp.create_accounting_vendors([outgoing.payload for outgoing in new])
        made = dict(self.find(new)) if new else {}
        made |= {o.entry.id: Landed(o.bound) for o in batch if o.bound is not None}
        return landed_as(batch, made, "accounting vendors")

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]


class VendorsToRamp:
    """Sends suppliers as spend vendors, linked to their accounting vendor; bills name these."""

    name = "vendors"
    sentence = "IFS suppliers become vendors in Ramp, linked to their accounting vendor."
    kind = "vendor"
    assets = Assets(
        collect=Asset("vendor_suppliers", "Suppliers as IFS has them, with what a vendor needs.", ("ifs",)),
        translate=Asset("coded_vendors", "The same suppliers as vendors; incomplete ones are held."),
        deliver=Asset("vendors", "Vendors in Ramp.", ("ramp",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._source = SupplierSource(desk.ifs)
        self._suppliers = Suppliers(desk.ifs)
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: a supplier is global in IFS."""
        return [ALL]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List suppliers changed since."""
        return self._source.sightings(since)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the supplier from the list, which has all of it."""
        return self._source.record(sighting)

    def prepare(self) -> None:
        """Nothing to open: the supplier carries all a vendor needs."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a vendor, or hold the supplier for what it lacks."""
        supplier = self._source.supplier(entry.source)
        return Translated(encode(to_vendor(supplier)), supplier.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for the vendor: by supplier id, then by name if exactly one active vendor is without a supplier."""
        return {o.entry.id: Landed(vendor.id) for o in batch if (vendor := self._vendor_of(o)) is not None}

    def _vendor_of(self, outgoing: Outgoing) -> Vendor | None:
        key, name = outgoing.entry.key, outgoing.payload["name"]
        ours = [
            vendor for vendor in self._desk.ramp.vendors(external_vendor_id=key) if vendor.external_vendor_id == key
        ]
        if ours:
            return _the_one(key, [vendor for vendor in ours if vendor.is_active] or ours)
        alike = [
            vendor
            for vendor in self._desk.ramp.vendors(name=name)
            if vendor.is_active and vendor.external_vendor_id is None and vendor.name == name
        ]
        if not alike:
            return None
        self._refuse_namesakes(key, name)
        return self._agreeing(outgoing, _the_one(key, alike))

    def _refuse_namesakes(self, key: str, name: str) -> None:
        """Refuse to link by a name that several suppliers have: each would take the vendor for its own."""
        suppliers = self._suppliers.find_by_name(name)
        if len(suppliers) > 1:
            ids = ", ".join(sorted(supplier.id for supplier in suppliers))
            raise RecordError(
                f"supplier {key}: IFS has {len(suppliers)} suppliers called {name} ({ids}), and Ramp a vendor of that "
                "name without a supplier; rename or deactivate it in Ramp, or give it the supplier's id, then replay",
                cause=Cause.DUPLICATE_SUSPECTED,
            )

    def _agreeing(self, outgoing: Outgoing, vendor: Vendor) -> Vendor:
        country = outgoing.payload["country"]
        if vendor.country not in (None, country):
            raise RecordError(
                f"supplier {outgoing.entry.key}: vendor {vendor.name} is in {vendor.country}, not {country}",
                cause=Cause.VENDOR_CONFLICT,
            )
        return vendor

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Create the vendor, or bring the one there up to date and link it."""
        (outgoing,) = batch
        vendor = NewVendor(**outgoing.payload, accounting_vendor_remote_id=outgoing.entry.key)
        if outgoing.bound is not None:
            self._refuse_anothers(outgoing.entry.key, self._desk.ramp.vendor(outgoing.bound))
            self._desk.ramp.update_vendor(outgoing.bound, vendor)
            return [Landed(outgoing.bound, {"amended": "yes"})]
        return [Landed(self._desk.ramp.create_vendor(vendor))]

    def _refuse_anothers(self, key: str, vendor: Vendor) -> None:
        if vendor.external_vendor_id not in (None, key):
            raise RecordError(
                f"supplier {key}: somebody linked its vendor {vendor.id} {vendor.name} in Ramp to supplier "
                f"{vendor.external_vendor_id}; correct the link in Ramp, or the bills of {key} go to that vendor",
                cause=Cause.VENDOR_CONFLICT,
            )

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]


def _the_one(key: str, fitting: Sequence[Vendor]) -> Vendor:
    if len(fitting) > 1:
        ids = ", ".join(vendor.id for vendor in fitting)
        raise RecordError(
            f"supplier {key}: Ramp has {len(fitting)} vendors for it ({ids}); deactivate all but one, then replay",
            cause=Cause.DUPLICATE_SUSPECTED,
        )
    return fitting[0]
