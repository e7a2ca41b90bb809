"""Suppliers: vendors of BILL compared with IFS; those born in BILL are made in IFS only where the policy says so."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint, kept_parts
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.bill.desk import OVERLAP, Desk
from mlc_pipelines.integrations.bill.errors import AbsentError
from mlc_pipelines.integrations.bill.mapping import short_name, to_supplier
from mlc_pipelines.integrations.bill.models import Row, Vendor
from mlc_pipelines.integrations.bill.vendor_client import read_vendor
from mlc_pipelines.integrations.erp.suppliers import SupplierBirths, SupplierSource, agreeing, born_id
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread

OURS = "B"
"""What the ids of suppliers begin with that were made of vendors."""


class SuppliersToIfs:
    """Looks at each changed vendor of BILL: known and equal, known and different, or new."""

    name = "suppliers"
    sentence = "Vendors of BILL are compared with IFS suppliers; those born there are held, or made in IFS by policy."
    kind = "supplier"
    assets = Assets(
        collect=Asset("bill_vendors", "Vendors as BILL has them, with the supplier each is bound to.", ("bill",)),
        translate=Asset("compared_vendors", "Vendors compared with suppliers: known, in conflict, or new."),
        deliver=Asset("new_suppliers", "Suppliers made in IFS of vendors born in BILL.", ("ifs",)),
        confirm=Asset("vendor_short_names", "The supplier's id as the vendor's short name, for people.", ("bill",)),
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
        """One feed: vendors belong to the organization."""
        return ["vendors"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List vendors changed since a little before the watermark."""
        moment = since - OVERLAP if since is not None else None
        for row in self._desk.bill.vendor_rows(updated_since=moment):
            if isinstance(row, Unread):
                yield Sighting.of_unread(row)
                continue
            yield Sighting(row.id, tag=row.updated_time, position=row.updated, carry=row)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """A vendor that was made or changed."""
        return Sighting(object_id)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Put the vendor and the supplier it is bound to side by side."""
        row: Row | None = sighting.carry
        try:
            vendor = read_vendor(row.raw) if row is not None else self._desk.bill.vendor(sighting.key)
        except AbsentError:
            return None
        supplier = self._source.read(self._supplier_of(vendor.id))
        content = {"vendor": msgspec.Raw(vendor.raw), "supplier": msgspec.Raw(supplier.raw) if supplier else None}
        return SourceRecord(
            key=vendor.id,
            company="",
            content=msgspec.json.encode(content),
            fingerprint=fingerprint([_what_matters(vendor), supplier.id if supplier else None]),
            tag=vendor.updated_time,
            label=vendor.name or vendor.id,
            partner=vendor.name or "",
        )

    def _supplier_of(self, vendor_id: str) -> str | None:
        dictionary = self._desk.dictionary
        sent = dictionary.by_external_id("vendor", vendor_id)
        born = dictionary.by_key(self.kind, vendor_id) if sent is None else None
        return sent.key if sent else born.external_id if born else None

    def prepare(self) -> None:
        """Learn which vendors have a supplier by now: one held for want of it is looked at again."""
        bound = self._desk.dictionary.bound("vendor")
        self._desk.dictionary.learn("supplier_of", {vendor: supplier for supplier, vendor in bound.items()})

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Decide on a vendor: known, in conflict, or new."""
        there, here = kept_parts(entry.source, "vendor", "supplier")
        vendor = read_vendor(there)
        if here != b"null":
            both = {"name": vendor.name, "country": vendor.address.country}
            field_of = {"name": "name", "country": "address"}
            told = {
                what: said for what, said in both.items() if self._desk.settings.authority(field_of[what]) != "bill"
            }
            supplier = self._source.supplier(here)
            return agreeing("BILL", {"name": supplier.name, **told}, supplier)
        known = self._desk.dictionary.by_external_id("vendor", vendor.id)
        if known is not None:
            return Ignored(Cause.ALREADY_KNOWN, f"vendor {vendor.name} is supplier {known.key} since it was read")
        if vendor.archived:
            return Ignored(Cause.NOT_READY, f"vendor {vendor.name} is archived in BILL")
        if self._desk.settings.new_vendors == "hold":
            raise RecordError(
                f"vendor {vendor.name} was made in BILL; make the supplier in IFS, or set bill.new_vendors to create",
                cause=Cause.BORN_IN_TARGET,
                key=f"supplier_of:{vendor.id}",
            )
        return Translated(encode(to_supplier(vendor, born_id(OURS, vendor.id))), vendor.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for suppliers of that very name; one that is surely the same is taken, others need a person."""
        return self._births.find(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the supplier, or leave the one of that name as it is."""
        (outgoing,) = batch
        return [self._births.deliver(outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Show people the supplier's id, unless they use the short name for something of their own."""
        (outgoing,) = batch
        supplier_id = outgoing.entry.external_id or ""
        if not self._desk.bill.vendor(outgoing.entry.key).short_name:
            self._desk.bill.update_vendor(outgoing.entry.key, {"shortName": short_name(supplier_id)})
        return [Landed(supplier_id)]


def _what_matters(vendor: Vendor) -> list[Any]:
    """Give what a comparison depends on; our own short name is no change."""
    return [vendor.name, vendor.address.country, vendor.archived]
