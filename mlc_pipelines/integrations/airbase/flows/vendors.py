"""Vendors: IFS suppliers become vendors in Airbase, or are linked to those that are there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.suppliers import Supplier, Suppliers
from mlc_pipelines.integrations.airbase.desk import Desk
from mlc_pipelines.integrations.airbase.mapping import to_vendor, upserted
from mlc_pipelines.integrations.airbase.models import Vendor
from mlc_pipelines.integrations.airbase.vendor_client import BATCH_MOST
from mlc_pipelines.integrations.erp.suppliers import SupplierSource
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

FEW = 3
"""So many vendors are looked up by their reference; for more of them the whole list is read, 250 in a call."""


class VendorsToAirbase:
    """Sends suppliers; the supplier's id is the vendor's `erp_reference_id`."""

    name = "vendors"
    sentence = "IFS suppliers become vendors in Airbase; one known there by its exact name is linked."
    kind = "vendor"
    assets = Assets(
        collect=Asset("suppliers", "Suppliers as IFS has them.", ("ifs",)),
        translate=Asset("coded_vendors", "The same suppliers as vendors, with the subsidiaries that may use them."),
        deliver=Asset("vendors", "Vendors in Airbase, linked to their supplier.", ("airbase",)),
    )
    deliver_batch = BATCH_MOST
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._source = SupplierSource(desk.ifs)
        self._suppliers = Suppliers(desk.ifs)
        self._seen: dict[str, Vendor] = {}
        self._subsidiaries: Sequence[str] = ()
        self.settle_after = desk.settings.settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: a supplier is global in IFS."""
        return ["all"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List suppliers changed since."""
        return self._source.sightings(since)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: IFS sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the supplier from the list; what Airbase is not told of it is no change."""
        supplier: Supplier = sighting.carry
        return replace(self._source.record(sighting), fingerprint=fingerprint([supplier.name, supplier.email]))

    def prepare(self) -> None:
        """Read which subsidiaries Airbase has."""
        self._desk.vendors.forget()
        self._subsidiaries = list(self._desk.entities().values())

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a vendor."""
        supplier = self._source.supplier(entry.source)
        return Translated(encode(to_vendor(supplier, self._subsidiaries)), supplier.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for vendors that are as wanted; those to be linked or changed are kept for `deliver`.

        They are known by reference, then by exact name if exactly one such vendor has no reference.
        """
        known = self._candidates([outgoing.entry.key for outgoing in batch])
        by_reference = {vendor.reference: vendor for vendor in known if vendor.reference}
        unlinked: dict[str, list[Vendor]] = {}
        for vendor in known:
            if not vendor.reference:
                unlinked.setdefault(vendor.name, []).append(vendor)
        found = {}
        for outgoing in batch:
            key, name = outgoing.entry.key, outgoing.payload["name"]
            there = by_reference.get(key) or self._of_that_name(key, name, unlinked.get(name, []))
            if there is not None:
                self._seen[key] = there
                if upserted(key, outgoing.payload, there) is None:
                    found[outgoing.entry.id] = Landed(there.id, {"unchanged": "yes"})
        return found

    def _candidates(self, keys: Sequence[str]) -> list[Vendor]:
        if len(keys) > FEW:
            there = list(self._desk.vendors.all().values())
            unread = self._desk.vendors.unread()
            if unread:  # one of them may be what is looked for; a few at a time are asked for by reference
                raise RecordError(unread[0].problem, cause=Cause.UNREADABLE)
            return there
        referred = [vendor for key in keys for vendor in self._desk.airbase.vendors(reference=key)]
        return [*referred, *self._desk.airbase.vendors(reference="")]

    def _of_that_name(self, key: str, name: str, alike: Sequence[Vendor]) -> Vendor | None:
        """Give the one vendor to link. A wrong link can only be mended in the portal, so two of a name are held."""
        if not alike:
            return None
        suppliers = self._suppliers.find_by_name(name)
        if len(alike) > 1 or len(suppliers) > 1:
            raise RecordError(
                f"supplier {key}: {len(alike)} vendors without a link and {len(suppliers)} suppliers are called "
                f"{name}; link the right ones in Airbase's portal",
                cause=Cause.DUPLICATE_SUSPECTED,
            )
        return alike[0]

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Link and change vendors in one bulk call, make new ones in another; those that are as wanted are left alone.

        A vendor that an answer names in neither list counts as failed (seen in public code). The others are done
        then; they are found and left alone when what is left of the batch is sent again.
        """
        there = self._there(batch)
        entities = {o.entry.key: upserted(o.entry.key, o.payload, there.get(o.entry.key)) for o in batch}
        done = self._upsert(entities.values())
        by_id = {vendor.id: vendor for vendor in done}
        by_reference = {vendor.reference: vendor for vendor in done if vendor.reference}
        landed: list[Landed] = []
        missing: list[str] = []
        for key, entity in entities.items():
            vendor = there.get(key)
            made = by_id.get(vendor.id) if vendor else by_reference.get(key)
            if entity is None and vendor is not None:
                landed.append(Landed(vendor.id, {"unchanged": "yes"}))
            elif made is not None:
                landed.append(Landed(made.id))
            else:
                missing.append(key)
        if missing:
            self._desk.vendors.forget()
            raise RecordError(
                f"airbase: the answer to a bulk call names {', '.join(missing[:5])} neither as created nor as updated; "
                "look at the vendor in Airbase",
                cause=Cause.REJECTED_BY_TARGET,
            )
        return landed

    def _upsert(self, entities: Iterable[Mapping[str, Any] | None]) -> list[Vendor]:
        """Send changes first, which may be sent twice, then what is new: a lost answer leaves only that open."""
        wanted = [entity for entity in entities if entity is not None]
        parts = ([e for e in wanted if "airbase_id" in e], [e for e in wanted if "airbase_id" not in e])
        done: list[Vendor] = []
        for part in parts:
            if part:
                try:
                    done += self._desk.airbase.upsert_vendors(part)
                except (OutcomeUnknownError, RecordError):
                    self._desk.vendors.forget()
                    raise
        self._desk.vendors.keep(done)
        return done

    def _there(self, batch: Sequence[Outgoing]) -> dict[str, Vendor]:
        """Give the vendors that a batch amends as they are now, by supplier; one that was relinked needs a person."""
        there = {o.entry.key: self._seen.pop(o.entry.key) for o in batch if o.entry.key in self._seen}
        unseen = {o.entry.key: o.bound for o in batch if o.bound is not None and o.entry.key not in there}
        known = {vendor.id: vendor for vendor in self._candidates(list(unseen))} if unseen else {}
        for key, bound in unseen.items():
            vendor = known.get(bound or "")
            if vendor is None or vendor.reference not in ("", key):
                raise RecordError(
                    f"supplier {key}: vendor {bound} has lost its reference; correct the link in Airbase's portal",
                    cause=Cause.VENDOR_CONFLICT,
                )
            there[key] = vendor
        return there

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]
