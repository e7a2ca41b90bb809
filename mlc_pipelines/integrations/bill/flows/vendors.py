"""Vendors: IFS suppliers become vendors in BILL, twenty in a call; those already there are adopted, never doubled."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.suppliers import Suppliers
from mlc_pipelines.integrations.bill.desk import Desk
from mlc_pipelines.integrations.bill.mapping import changes, short_name, to_vendor
from mlc_pipelines.integrations.bill.models import Vendor
from mlc_pipelines.integrations.bill.vendor_client import MOST_AT_ONCE
from mlc_pipelines.integrations.erp.suppliers import SupplierSource
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated


class VendorsToBill:
    """Sends suppliers as vendors. BILL has no key of ours for them: the binding is the only link."""

    name = "vendors"
    sentence = "IFS suppliers become vendors in BILL; one of the same name and country there is taken as the same."
    kind = "vendor"
    assets = Assets(
        collect=Asset("suppliers", "Suppliers as IFS has them.", ("ifs",)),
        translate=Asset("coded_suppliers", "The same suppliers as vendors; incomplete ones are held."),
        deliver=Asset("vendors", "Vendors in BILL.", ("bill",)),
    )
    deliver_batch = MOST_AT_ONCE
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._source = SupplierSource(desk.ifs)
        self._suppliers = Suppliers(desk.ifs)
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
        """Take the supplier from the list, which has all of it."""
        return self._source.record(sighting)

    def prepare(self) -> None:
        """Nothing to open: the supplier carries all a vendor needs."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a vendor, or hold the supplier for what it lacks."""
        supplier = self._source.supplier(entry.source)
        return Translated(encode(to_vendor(supplier, self._desk.settings.home_currency)), supplier.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for each vendor by exact name and country."""
        return {o.entry.id: Landed(vendor.id) for o in batch if (vendor := self._vendor_of(o)) is not None}

    def _vendor_of(self, outgoing: Outgoing) -> Vendor | None:
        """Find the one vendor that may be this supplier: several need a person, another supplier's is none of it."""
        key, payload = outgoing.entry.key, outgoing.payload
        there = self._desk.bill.vendors_named(payload["name"])
        here = [vendor for vendor in there if vendor.address.country in (None, payload["address"]["country"])]
        fitting = [vendor for vendor in here if self._is_free(vendor, key)]
        marked = [vendor for vendor in fitting if vendor.short_name == short_name(key)]
        if fitting and not marked:
            self._refuse_namesakes(key, payload["name"], fitting)
        if len(marked or fitting) > 1:
            ids = ", ".join(vendor.id for vendor in fitting)
            raise RecordError(
                f"supplier {key}: BILL has {len(fitting)} vendors {payload['name']!r} ({ids}); archive all but one",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=f"supplier:{key}",
            )
        return next(iter(marked or fitting), None)

    def _refuse_namesakes(self, key: str, name: str, vendors: Sequence[Vendor]) -> None:
        """Hold a supplier whose vendor may as well be another supplier's of that name: its bills would be paid there.

        One that has a vendor of its own, or is in another country than these, is not meant.
        """
        countries = {vendor.address.country for vendor in vendors}
        others = [supplier for supplier in self._suppliers.find_by_name(name) if supplier.id != key]
        bound = self._desk.dictionary.bound_among(self.kind, [supplier.id for supplier in others])
        alike = [
            supplier.id
            for supplier in others
            if supplier.id not in bound and (supplier.country in countries or None in (supplier.country, *countries))
        ]
        if alike:
            there = ", ".join(vendor.id for vendor in vendors)
            raise RecordError(
                f"supplier {key}: vendor {there} of BILL is called {name}, and so are suppliers {', '.join(alike)}; "
                f"write the right one's id ({short_name(key)}, or the other's) into the vendor's short name in BILL",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=f"supplier:{key}",
            )

    def _is_free(self, vendor: Vendor, supplier_id: str) -> bool:
        if _is_anothers(vendor, supplier_id):
            return False
        binding = self._desk.dictionary.by_external_id(self.kind, vendor.id)
        return binding is None or binding.key == supplier_id

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Bring those that are there up to date, one by one, then make the others in one call."""
        landed = {}
        for outgoing in batch:
            if outgoing.bound is not None:
                landed[outgoing.entry.id] = self._brought_up_to_date(outgoing, outgoing.bound)
        new = [outgoing for outgoing in batch if outgoing.bound is None]
        if new:
            ids = self._desk.bill.create_vendors([outgoing.payload for outgoing in new])
            landed |= {outgoing.entry.id: Landed(id_) for outgoing, id_ in zip(new, ids, strict=True)}
        return [landed[outgoing.entry.id] for outgoing in batch]

    def _brought_up_to_date(self, outgoing: Outgoing, vendor_id: str) -> Landed:
        vendor, supplier = self._desk.bill.vendor(vendor_id), outgoing.entry.key
        is_cut = short_name(supplier).startswith(vendor.short_name or "")  # how long BILL keeps it is not known
        if _is_anothers(vendor, supplier) and not is_cut:
            raise RecordError(
                f"supplier {supplier}: somebody gave its vendor {vendor_id} {vendor.name} the short name "
                f"{vendor.short_name} in BILL; correct it there, or the bills of {supplier} go to that vendor",
                cause=Cause.VENDOR_CONFLICT,
            )
        wanted = changes(vendor, outgoing.payload, self._desk.settings)
        if not wanted:
            return Landed(vendor_id, {"linked": "yes"})
        self._desk.bill.update_vendor(vendor_id, wanted)
        return Landed(vendor_id, {"amended": ", ".join(sorted(wanted))})

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: IFS is not told."""
        return [Landed("") for _ in batch]


def _is_anothers(vendor: Vendor, supplier_id: str) -> bool:
    """Tell whether a vendor's short name says that it is another supplier's."""
    named = vendor.short_name or ""
    return named.startswith(short_name("")) and named != short_name(supplier_id)
