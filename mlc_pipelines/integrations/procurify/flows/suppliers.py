"""Suppliers: vendors of Procurify are matched with suppliers of IFS; new ones are made there only by policy."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.erp.suppliers import SupplierBirths, SupplierSource, agreeing
from mlc_pipelines.integrations.procurify.desk import Desk
from mlc_pipelines.integrations.procurify.mapping import to_supplier
from mlc_pipelines.integrations.procurify.matching import Ladder, Match, country_code, plain, said
from mlc_pipelines.integrations.procurify.models import Vendor
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread


class SuppliersToIfs:
    """Looks at each vendor: matched and equal, matched and different, or new."""

    name = "suppliers"
    sentence = "Vendors of Procurify are matched with IFS suppliers; new ones are held, or made there by policy."
    kind = "supplier"
    assets = Assets(
        collect=Asset(
            "procurify_vendors", "Vendors as Procurify has them, preferred and regular ones.", ("procurify",)
        ),
        translate=Asset("matched_vendors", "Vendors with the supplier each is: matched, in conflict, or new."),
        deliver=Asset("new_suppliers", "Suppliers made in IFS of vendors born in Procurify.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = False

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._source = SupplierSource(desk.ifs)
        self._births = SupplierBirths(desk.ifs)
        self._ladder = Ladder(())
        self._currencies: dict[str, str] = {}
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed: vendors are global."""
        return ["vendors"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List all vendors that take part: there is no filter by time of change (documented)."""
        for vendor in self._desk.procurify.vendors():
            if isinstance(vendor, Unread):
                yield Sighting.of_unread(vendor)
                continue
            yield Sighting(vendor.id, tag=fingerprint(vendor.matters()), carry=vendor)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: Procurify sends no events."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the vendor from the list, which has all of it."""
        vendor: Vendor = sighting.carry
        return SourceRecord(
            key=vendor.id,
            company="",
            content=vendor.raw,
            fingerprint=fingerprint(vendor.matters()),
            tag=sighting.tag,
            label=vendor.name or vendor.id,
            partner=vendor.name or "",
        )

    def prepare(self) -> None:
        """Read the suppliers of IFS and match every vendor known; the matches go into the dictionary, for bills."""
        desk, dictionary = self._desk, self._desk.dictionary
        confirmed, countries = desk.table("suppliers"), desk.table("countries")
        self._ladder = Ladder(self._source.all(), dictionary.bound(self.kind), confirmed, countries)
        matched = {entry.key: self._matched(entry) for entry in desk.entries(self.name)}
        found = {vendor: supplier for vendor, supplier in matched.items() if supplier is not None}
        pairs = {vendor: number for vendor, number in confirmed.items() if number in self._ladder.known}
        dictionary.learn(self.kind, pairs | {vendor: supplier.id for vendor, supplier in found.items()})
        dictionary.learn("vendor", {
            supplier.id: fingerprint([supplier.name, supplier.country]) for supplier in found.values()
        })  # fmt: skip
        dictionary.learn("country", {name: code for name, code in countries.items() if code})
        if desk.settings.new_suppliers == "create":
            self._currencies = {str(row.id): row.name for row in desk.procurify.currencies() if row.id and row.name}

    def _matched(self, entry: Entry) -> Supplier | None:
        try:
            return self._ladder.match(self._vendor(entry)).supplier
        except RecordError:  # held as unreadable, and matched with nobody
            return None

    def _vendor(self, entry: Entry) -> Vendor:
        return Vendor.parse(entry.source, tax_field=self._desk.settings.vendor_tax_field)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Decide on a vendor: matched, in conflict, or new."""
        vendor = self._vendor(entry)
        settings = self._desk.settings
        if vendor.type not in {str(kind) for kind in settings.vendor_types}:
            return Ignored(Cause.NOT_OURS, f"vendor {vendor.name} is of type {vendor.type}, which takes no part")
        match = self._ladder.match(vendor)
        country = country_code(vendor.country, self._desk.table("countries"))
        if match.supplier is not None:
            # The same name in other letters is the same name.
            here = match.supplier.name
            name = here if plain(vendor.name or "") == plain(here) else vendor.name
            return agreeing("Procurify", {"name": name, "country": country}, match.supplier)
        self._refuse_guesses(vendor, match, create=settings.new_suppliers == "create")
        currency = self._currencies.get(vendor.currency or "")
        return Translated(encode(to_supplier(vendor, country=country, currency=currency)), vendor.id)

    def _refuse_guesses(self, vendor: Vendor, match: Match, *, create: bool) -> None:
        """Hold a vendor that somebody has to look at before a supplier may be made of it."""
        key = f"{self.kind}:{vendor.id}"
        remedy = "enter the supplier's number as external id in Procurify, or add the pair to mapping.suppliers"
        if vendor.external_id:
            raise RecordError(
                f"vendor {vendor.name}: external id {vendor.external_id} is no supplier in IFS; correct it",
                cause=Cause.VENDOR_UNKNOWN,
                key=key,
            )
        if match.proposals:
            raise RecordError(
                f"vendor {vendor.name} may be {said(match.proposals)}; {remedy}",
                cause=Cause.DUPLICATE_SUSPECTED,
                key=key,
            )
        if not create:
            raise RecordError(
                f"vendor {vendor.name} is no supplier in IFS; make one and {remedy}, or set "
                "procurify.new_suppliers to create",
                cause=Cause.BORN_IN_TARGET,
                key=key,
            )

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for the supplier by the number that we gave it; somebody else may have that number in IFS."""
        there = {outgoing.entry.id: self._made(outgoing) for outgoing in batch}
        return {entry: Landed(supplier.id) for entry, supplier in there.items() if supplier is not None}

    def _made(self, outgoing: Outgoing) -> Supplier | None:
        name, country = outgoing.payload["name"], outgoing.payload["country"]
        there = self._source.read(outgoing.payload["id"])
        if there is None or (plain(there.name) == plain(name) and there.country in {None, country}):
            return there
        raise RecordError(
            f"vendor {name} ({country}): supplier {there.id} is {there.name} ({there.country}) in IFS, and has the "
            f"number to be given; name the vendor's supplier in mapping.suppliers: {there.id} if they are the same, "
            "else one made by hand",
            cause=Cause.DUPLICATE_SUSPECTED,
            key=f"{self.kind}:{outgoing.entry.key}",
        )

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the supplier."""
        (outgoing,) = batch
        return [self._births.deliver(outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: Procurify is never written."""
        return [Landed("") for _ in batch]
