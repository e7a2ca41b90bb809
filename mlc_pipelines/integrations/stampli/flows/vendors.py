"""Vendors: Stampli's list, remembered, compared with suppliers, and made suppliers only where the policy says so."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.erp.suppliers import SupplierBirths, agreeing
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.feeds import VendorFeed
from mlc_pipelines.integrations.stampli.files import FILE_KEY, original, whole_file
from mlc_pipelines.integrations.stampli.mapping import to_supplier, vendor_sides
from mlc_pipelines.integrations.stampli.models import Vendor, key_of, read_vendor
from mlc_pipelines.integrations.stampli.opening_words import open_vendors
from mlc_pipelines.integrations.stampli.raw import RawRecord
from mlc_pipelines.integrations.stampli.reference import Listing, ReferenceFiles
from mlc_pipelines.integrations.stampli.values import normalised
from mlc_pipelines.integrations.stampli.vendors import VENDOR_TABLE, Vendors, vendor_key
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

_MANY = 1_000_000


class VendorsToIfs:
    """Looks at each vendor of a list: known and equal, known and different, or new."""

    name = "vendors"
    sentence = "Vendors of Stampli's list are compared with suppliers; new ones are remembered, held, or made."
    kind = "vendor"
    assets = Assets(
        collect=Asset("stampli_vendors", "Vendors of the reference files.", ("sftp",)),
        translate=Asset("compared_vendors", "The same vendors, compared with suppliers: known, in conflict, or new."),
        deliver=Asset("new_suppliers", "Suppliers made in IFS of vendors that only Stampli had.", ("ifs",)),
    )
    deliver_batch = 1
    confirm_batch = 1
    amends = True

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._feed = desk.settings.feeds.vendors
        self._files = ReferenceFiles(desk, self.name, self._feed, Listing("vendor_id", _key, read_vendor))
        self._births = SupplierBirths(desk.ifs)
        self._vendors = Vendors()
        self.settle_after = desk.settings.ifs_settle_after_seconds

    def feeds(self) -> Sequence[str]:
        """One feed, if there is a folder of vendors at all."""
        return self._files.feeds()

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """Poll the folder."""
        return self._files.sightings()

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Stampli has no webhooks."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Write down a vendor as the file has it."""
        return self._files.record(sighting)

    def prepare(self) -> None:
        """Bring files to their end and read the suppliers, if there is anything to compare."""
        self._files.finish()
        if self._feed is None or not self._desk.has_work(self.name):
            return
        self._remember(self._feed)
        self._vendors = open_vendors(self._desk)
        wanted = self._desk.wanted(self.name).get("supplier_of", set())
        found = {key: "there" for key in wanted if self._vendors.find(*_parted(key)) is not None}
        self._desk.books.dictionary.learn("supplier_of", found)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Decide on a vendor: known, in conflict, or new."""
        about_file = whole_file(entry.source, self._desk.books)
        if about_file is not None:
            return about_file
        if self._feed is None:
            return Ignored(Cause.NOT_OURS, "no folder of vendors is set any more")
        vendor = read_vendor(original(entry.source, self._feed), self._feed)
        known = self._vendors.find(vendor.id, vendor.name)
        if known is not None:
            return agreeing("Stampli", vendor_sides(vendor), self._vendors.by_id[known.supplier])
        if self._feed.new == "remember":
            return Ignored(Cause.BORN_IN_TARGET, f"vendor {vendor.name} is no supplier yet", _supplier_of(vendor))
        if self._feed.new == "hold":
            raise RecordError(
                f"vendor {vendor.id} {vendor.name} is in Stampli only; make the supplier in IFS, or add it to "
                "mapping.vendors",
                cause=Cause.BORN_IN_TARGET,
                key=_supplier_of(vendor),
            )
        supplier_id = self._vendors.born(vendor.id, vendor.name)
        made = to_supplier(supplier_id, vendor.name, vendor.details, self._desk.settings.vendor_country)
        return Translated(encode(made), supplier_id)

    def _remember(self, feed: VendorFeed) -> None:
        """Keep the whole list as reference data: suppliers made of invoices take country and address from it."""
        told: dict[str, str] = {}
        for entry in self._desk.books.reports.select(flow=self.name, limit=_MANY):
            with contextlib.suppress(RecordError):  # it is held, and told of there
                if not entry.key.startswith(FILE_KEY):
                    vendor = read_vendor(original(entry.source, feed), feed)
                    told[normalised(vendor.id)] = encode(vendor.details).decode()
        self._desk.books.dictionary.learn(VENDOR_TABLE, told)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look for suppliers of that very name; two of them need a person."""
        return self._births.find(batch)

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Make the supplier, or leave the one of that name as it is."""
        (outgoing,) = batch
        return [self._births.deliver(outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Stampli is told nothing."""
        return [Landed(outgoing.entry.external_id or "") for outgoing in batch]


def _key(raw: RawRecord) -> str | None:
    number = raw.get("vendor_id")
    return key_of(number) if number else None


def _supplier_of(vendor: Vendor) -> str:
    return f"supplier_of:{vendor_key(vendor.id, vendor.name).partition(':')[2]}"


def _parted(key: str) -> tuple[str | None, str | None]:
    vendor_id, _, name = key.partition("|")
    return vendor_id or None, name or None
