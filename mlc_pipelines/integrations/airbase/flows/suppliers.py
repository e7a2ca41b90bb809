"""Suppliers: vendors born in Airbase, made in IFS where the policy says so, and linked back."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.airbase.desk import VENDOR_LINK, Desk
from mlc_pipelines.integrations.airbase.models import Vendor
from mlc_pipelines.integrations.erp.suppliers import SupplierBirths, born_id
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated


class SuppliersToIfs:
    """Looks at each vendor of Airbase: linked, inactive, or born there."""

    name = "suppliers"
    sentence = "Active vendors that no supplier is linked to are held, or made in IFS by policy and linked back."
    kind = "supplier"
    assets = Assets(
        collect=Asset(
            "airbase_vendors", "Vendors as Airbase has them, with the supplier each is linked to.", ("airbase",)
        ),
        translate=Asset("born_vendors", "Vendors told apart: linked, inactive, or born in Airbase."),
        deliver=Asset("new_suppliers", "Suppliers made in IFS of vendors born in Airbase.", ("ifs",)),
        confirm=Asset("vendor_links", "The supplier's id on the vendor in Airbase.", ("airbase",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._births = SupplierBirths(desk.ifs)
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: the whole list, for there is no filter by time of change."""
        return ["vendors"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List all vendors; those that look as before are not read again."""
        self._desk.vendors.forget()
        for vendor in self._desk.vendors.all().values():
            yield Sighting(vendor.id, tag=fingerprint(_what_matters(vendor)), carry=vendor)
        yield from map(Sighting.of_unread, self._desk.vendors.unread())

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: a single vendor can not be read; the list of this very run has it."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the vendor from the list."""
        vendor: Vendor = sighting.carry
        matters = fingerprint(_what_matters(vendor))
        return SourceRecord(
            key=vendor.id,
            company="",
            content=vendor.raw,
            fingerprint=matters,
            tag=matters,
            label=vendor.name,
            partner=vendor.name,
        )

    def prepare(self) -> None:
        """Learn which vendors are linked; payments wait for that."""
        self._desk.links()

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Decide on a vendor: linked, inactive, or born in Airbase."""
        vendor = Vendor.parse(entry.source)
        if vendor.reference:
            return Ignored(Cause.ALREADY_KNOWN, f"vendor {vendor.name} is supplier {vendor.reference}")
        if not vendor.is_active:
            return Ignored(Cause.NOT_READY, f"vendor {vendor.name} is not active in Airbase")
        if self._desk.settings.new_vendors == "hold":
            raise RecordError(
                f"vendor {vendor.name} was made in Airbase; make the supplier in IFS under this name and it "
                "is linked, or set airbase.new_vendors to create",
                cause=Cause.BORN_IN_TARGET,
                key=f"{VENDOR_LINK}:{vendor.id}",
            )
        usual = self._desk.settings.born_supplier.model_dump(exclude_none=True)
        email = {"email": vendor.email} if vendor.email else {}
        return Translated(encode({"id": born_id("A", vendor.id), "name": vendor.name, **email, **usual}), vendor.id)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for suppliers of that very name; two of them need a person."""
        return self._births.find(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the supplier, or leave the one of that name as it is."""
        (outgoing,) = batch
        return [self._births.deliver(outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Link the vendor to its supplier, unless it is; that a bulk call may fill an empty reference is assumed."""
        (outgoing,) = batch
        vendor_id, supplier = outgoing.entry.key, outgoing.entry.external_id or ""
        linked = {vendor.id for vendor in self._desk.airbase.vendors(reference=supplier)}
        if vendor_id in linked:
            return [Landed(supplier)]
        if linked:
            raise RecordError(
                f"vendor {vendor_id}: supplier {supplier} is linked to vendor {', '.join(sorted(linked))} already; "
                "correct the link in Airbase's portal",
                cause=Cause.VENDOR_CONFLICT,
            )
        try:
            done = self._desk.airbase.upsert_vendors([{"airbase_id": vendor_id, "erp_reference_id": supplier}])
        except RecordError as error:
            raise RecordError(
                f"{error}; link the vendor to supplier {supplier} in Airbase's portal, then replay", cause=error.cause
            ) from error
        if vendor_id not in {vendor.id for vendor in done if vendor.reference == supplier}:
            raise RecordError(
                f"vendor {vendor_id}: Airbase did not take supplier {supplier}; link it in the portal, then replay",
                cause=Cause.REJECTED_BY_TARGET,
            )
        self._desk.vendors.keep(done)
        return [Landed(supplier)]


def _what_matters(vendor: Vendor) -> list[object]:
    return [vendor.name, vendor.reference, vendor.is_active, vendor.email]
