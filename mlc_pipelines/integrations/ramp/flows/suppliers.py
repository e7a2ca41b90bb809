"""Suppliers: vendors born in Ramp, compared with IFS; made there only where the policy says so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint, kept_parts
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.erp.suppliers import SupplierBirths, SupplierSource, agreeing, born_id
from mlc_pipelines.integrations.ramp.desk import Desk
from mlc_pipelines.integrations.ramp.errors import AbsentError
from mlc_pipelines.integrations.ramp.models import Vendor
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread

OVERLAP = timedelta(days=1)


class SuppliersToIfs:
    """Looks at each vendor of Ramp: known and equal, known and different, or new."""

    name = "suppliers"
    sentence = "Vendors born in Ramp are compared with IFS suppliers; new ones are held, or made there by policy."
    kind = "supplier"
    assets = Assets(
        collect=Asset("ramp_vendors", "Vendors as Ramp has them, with the supplier each is linked to.", ("ramp",)),
        translate=Asset("compared_vendors", "Vendors compared with suppliers: known, in conflict, or new."),
        deliver=Asset("new_suppliers", "Suppliers made in IFS of vendors born in Ramp.", ("ifs",)),
        confirm=Asset("vendor_links", "The supplier's id on the vendor in Ramp.", ("ramp",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._source = SupplierSource(desk.ifs)
        self._births = SupplierBirths(desk.ifs, desk.dictionary)
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: Ramp's vendors are global."""
        return ["vendors"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List vendors created since a day before the watermark; changes come by webhook."""
        moment = since - OVERLAP if since is not None else None
        for vendor in self._desk.ramp.vendors_carried(from_created_at=moment):
            if isinstance(vendor, Unread):
                yield Sighting.of_unread(vendor)
                continue
            tag = fingerprint(_what_matters(vendor))
            yield Sighting(vendor.id, tag=tag, position=vendor.created_at, carry=vendor)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A vendor that was changed or activated."""
        return Sighting(object_id)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Put the vendor and the supplier it names side by side."""
        try:
            vendor: Vendor = sighting.carry or self._desk.ramp.vendor(sighting.key)
        except AbsentError:
            return None
        supplier = self._source.read(vendor.external_vendor_id or vendor.accounting_vendor_remote_id)
        content = {"vendor": msgspec.Raw(vendor.raw), "supplier": msgspec.Raw(supplier.raw) if supplier else None}
        return SourceRecord(
            key=vendor.id,
            company="",
            content=msgspec.json.encode(content),
            fingerprint=fingerprint([_what_matters(vendor), supplier.id if supplier else None]),
            tag=fingerprint(_what_matters(vendor)),
            label=vendor.name or vendor.id,
            partner=vendor.name or "",
        )

    def prepare(self) -> None:
        """Learn which vendors have a supplier by now: one held for want of it is looked at again."""
        bound = self._desk.dictionary.bound("vendor")
        self._desk.dictionary.learn("supplier_of", {vendor: supplier for supplier, vendor in bound.items()})

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Decide on a vendor: known, in conflict, or new."""
        there, here = kept_parts(entry.source, "vendor", "supplier")
        vendor = Vendor.parse(there)
        supplier = self._source.supplier(here) if here != b"null" else None
        if supplier is not None:
            return agreeing("Ramp", {"name": vendor.name, "country": vendor.country}, supplier)
        known = self._desk.dictionary.by_external_id("vendor", vendor.id)
        if known is not None:
            return Ignored(Cause.ALREADY_KNOWN, f"vendor {vendor.name} is supplier {known.key} since it was read")
        if self._desk.settings.new_vendors == "hold":
            raise RecordError(
                f"vendor {vendor.name} was made in Ramp; make the supplier in IFS, or set ramp.new_vendors to create",
                cause=Cause.BORN_IN_TARGET,
                key=f"supplier_of:{vendor.id}",
            )
        if not vendor.name or not vendor.country:
            raise RecordError(
                f"vendor {vendor.id} has no name or country; complete it in Ramp", cause=Cause.SUPPLIER_INCOMPLETE
            )
        return Translated(
            encode({"id": born_id("R", vendor.id), "name": vendor.name, "country": vendor.country}), vendor.id
        )

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for suppliers of that very name; one that is surely the same is taken, others need a person."""
        return self._births.find(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the supplier, or leave the one of that name as it is."""
        (outgoing,) = batch
        return [self._births.deliver(outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Write the supplier's id on the vendor, unless it is there."""
        (outgoing,) = batch
        supplier_id = outgoing.entry.external_id or ""
        if self._desk.ramp.vendor(outgoing.entry.key).external_vendor_id != supplier_id:
            self._desk.ramp.link_vendor(outgoing.entry.key, supplier_id)
        return [Landed(supplier_id)]


def _what_matters(vendor: Vendor) -> list[Any]:
    return [
        vendor.name,
        vendor.country,
        vendor.external_vendor_id,
        vendor.accounting_vendor_remote_id,
        vendor.is_active,
    ]
