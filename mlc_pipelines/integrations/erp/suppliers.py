"""Suppliers at the ERP's end: collected for those who are sent to a spend system, and made for those born there."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import fingerprint
from mlc_pipelines.flows.flow import Outgoing, Sighting
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.suppliers import NewSupplier, Supplier, Suppliers
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

    def __init__(self, ifs: IfsClient) -> None:
        self._suppliers = Suppliers(ifs)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for suppliers of that very name; two of them need a person."""
        found = {}
        for outgoing in batch:
            name = outgoing.payload["name"]
            named = self._suppliers.find_by_name(name)
            if len(named) > 1:
                ids = ", ".join(supplier.id for supplier in named)
                raise RecordError(
                    f"vendor {name}: IFS has {len(named)} suppliers so named: {ids}; link one",
                    cause=Cause.DUPLICATE_SUSPECTED,
                )
            if named:
                found[outgoing.entry.id] = Landed(named[0].id, {"linked": "by name"})
        return found

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
