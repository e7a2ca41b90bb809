"""Suppliers at the ERP's end: collected for those who are sent to a spend system, and made for those born there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.flows.flow import Outgoing, Sighting
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.suppliers import NewSupplier, Supplier, Suppliers
from mlc_pipelines.ledger.bindings import Dictionary
from mlc_pipelines.ledger.records import Ignored, Landed, SourceRecord
from mlc_pipelines.wire.rows import Unread


class SupplierSource:
    """Reads suppliers for flows that send them; a supplier is global in IFS, so there is one feed."""

    def __init__(self, ifs: IfsClient) -> None:
        self._suppliers = Suppliers(ifs)

    def sightings(self, since: datetime | None) -> Iterator[Sighting]:
        """List suppliers changed since, or all where the tenant names no modified attribute."""
        for supplier in self._suppliers.changed_since(since):
            if isinstance(supplier, Unread):
                yield Sighting.of_unread(supplier)
                continue
            yield Sighting(supplier.id, tag=supplier.etag, position=supplier.modified, carry=supplier)

    def record(self, sighting: Sighting) -> SourceRecord:
        """Take the supplier from the list, which has all of it."""
        supplier: Supplier = sighting.carry
        matters = [
            *(supplier.name, supplier.country, supplier.currency, supplier.email, supplier.phone),
            *(supplier.address, supplier.city, supplier.state, supplier.zip_code),
        ]
        return SourceRecord(
            key=supplier.id,
            company="",
            content=supplier.raw,
            fingerprint=fingerprint(matters),
            tag=supplier.etag,
            label=supplier.id,
            partner=supplier.name or "",
        )

    def supplier(self, source: bytes) -> Supplier:
        """Read a supplier back from our copy."""
        return self._suppliers.parse(source)

    def read(self, supplier_id: str | None) -> Supplier | None:
        """Read a supplier as IFS has it now; None without an id, and when there is none."""
        try:
            return self._suppliers.read(supplier_id) if supplier_id else None
        except AbsentError:
            return None

    def all(self) -> Iterator[Supplier]:
        """Read all suppliers, to compare them with a spend system's vendors."""
        return self._suppliers.all()


class SupplierBirths:
    """Makes suppliers of vendors born in a spend system; a payload is NewSupplier's fields, its id our choice.

    The id is derived from the vendor's, the same each time, so that a second create would be refused.
    """

    def __init__(self, ifs: IfsClient, dictionary: Dictionary | None = None) -> None:
        self._suppliers = Suppliers(ifs)
        self._dictionary = dictionary
        self._taken: dict[str, str] = {}  # supplier → vendor, while nothing is written down yet

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for the supplier that we made, or else for one of that very name; two of them need a person.

        With a dictionary, so does one in another country than the vendor says it is in, or that is another vendor.
        """
        found = {}
        for outgoing in batch:
            named = self._suppliers.find_by_name(outgoing.payload["name"])
            ours = [supplier for supplier in named if supplier.id == outgoing.payload["id"]]
            if ours:
                found[outgoing.entry.id] = Landed(ours[0].id)
            elif named:
                found[outgoing.entry.id] = Landed(self._meant(outgoing, named).id, {"linked": "by name"})
        return found

    def _meant(self, outgoing: Outgoing, named: Sequence[Supplier]) -> Supplier:
        vendor, name = outgoing.entry.key, outgoing.payload["name"]
        against = {supplier.id: self._told_apart(outgoing, supplier) for supplier in named}
        fitting = [supplier for supplier in named if against[supplier.id] is None]
        if len(fitting) == 1:
            return fitting[0]
        seen = ", ".join(f"{supplier} ({why})" if why else supplier for supplier, why in against.items())
        raise RecordError(
            f"vendor {vendor} {name}: IFS has {len(named)} suppliers so named, and none is surely the same: {seen}; "
            "link one, or make one for this vendor and link that",
            cause=Cause.DUPLICATE_SUSPECTED,
            key=f"supplier_of:{vendor}",
        )

    def _told_apart(self, outgoing: Outgoing, supplier: Supplier) -> str | None:
        """Say why a supplier of the same name is not this vendor; None where nothing speaks against it."""
        if self._dictionary is None:
            return None
        vendor, country = outgoing.entry.key, outgoing.payload.get("country")
        if country and supplier.country and country != supplier.country:
            return f"in {supplier.country}, the vendor is in {country}"
        sent = self._dictionary.by_key("vendor", supplier.id)
        born = self._dictionary.by_external_id("supplier", supplier.id)
        holders = {
            sent.external_id if sent else vendor,
            born.key if born else vendor,
            self._taken.setdefault(supplier.id, vendor),
        } - {vendor}
        return f"it is vendor {min(holders)}" if holders else None

    def deliver(self, outgoing: Outgoing) -> Landed:
        """Make the supplier, unless it is there."""
        if outgoing.bound is not None:
            return Landed(outgoing.bound, {"linked": "by name"})
        return Landed(self._suppliers.create(NewSupplier(**outgoing.payload)).id)


def born_id(prefix: str, vendor_id: str) -> str:
    """Derive the id of a supplier from its vendor's: `R-1F0C6A2B44`, at most 20 characters as IFS takes them."""
    return f"{prefix}-{''.join(sign for sign in vendor_id if sign.isalnum())[-10:].upper()}"


def agreeing(system: str, vendor: Mapping[str, str | None], supplier: Supplier) -> Ignored:
    """Compare a known vendor (name, country) with its supplier: equal is ignored, a difference is for a person."""
    here = {"name": supplier.name, "country": supplier.country}
    differs = [
        f"{what} is {there!r} in {system} and {here[what]!r} in IFS"
        for what, there in vendor.items()
        if there and here.get(what) and there != here[what]
    ]
    if differs:
        raise RecordError(
            f"vendor {vendor['name']} and supplier {supplier.id}: {'; '.join(differs)}; make them agree",
            cause=Cause.VENDOR_CONFLICT,
            key=f"vendor:{supplier.id}",
        )
    return Ignored(Cause.ALREADY_KNOWN, f"vendor {vendor['name']} is supplier {supplier.id}, and they agree")
