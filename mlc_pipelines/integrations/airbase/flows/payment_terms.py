"""Payment terms: what is agreed with a vendor in Airbase, compared with the supplier's term in IFS."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.content import encode, fingerprint
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.integrations.airbase.desk import VENDOR_LINK, Desk
from mlc_pipelines.integrations.airbase.models import read_object
from mlc_pipelines.integrations.airbase.pointers import text_at
from mlc_pipelines.integrations.airbase.posting import unread_record
from mlc_pipelines.integrations.erp.suppliers import SupplierSource
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import loosely

SUPPLIER_TERM = "supplier_term"
TERM_WORD = "payment_term"


class PaymentTermsToIfs:
    """Says for each vendor whether IFS has the term that was agreed; a person changes it where it has not.

    IFS keeps terms per company below the supplier, and nothing of ours writes there.
    """

    name = "payment_terms"
    sentence = "Payment terms agreed in Airbase are compared with IFS; a supplier with another term is held."
    kind = "payment_term"
    assets = Assets(
        collect=Asset("vendor_terms", "Payment terms of vendors as Airbase has them.", ("airbase",)),
        translate=Asset("compared_terms", "The same terms in IFS's codes; those that differ there are held."),
        deliver=Asset("agreed_terms", "Payment terms on which both sides agree.", ("ifs",)),
    )
    deliver_batch = 100
    confirm_batch = 1
    amends = True
    settle_after = 0.0  # nothing is written

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._fields = desk.settings.vendor_terms
        self._source = SupplierSource(desk.ifs)
        self._terms: Mapping[str, str] = {}
        self._words: Mapping[str, str] = {}
        self._links: Mapping[str, str] = {}

    def feeds(self) -> Sequence[str]:
        """One feed, where the tenant has named the path."""
        return ["terms"] if self._desk.settings.paths.vendor_terms else []

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List the terms of all vendors; those that look as before are not read again."""
        for raw in self._desk.airbase.vendor_terms():
            yield Sighting(self._key(raw), tag=digest(raw), carry=raw)

    def _key(self, raw: bytes) -> str:
        """Name a term by its vendor; one that names none, or cannot be read, by its content."""
        try:
            row: Any = read_object(raw, "payment term")
        except RecordError:
            row = loosely(raw)
        return text_at(row, self._fields.vendor_id) or text_at(row, self._fields.vendor) or digest(raw)

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing: the list of this very run has it."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the term from the list."""
        try:
            row = read_object(sighting.carry, "payment term")
        except RecordError as error:
            return unread_record(sighting, sighting.carry, error)
        supplier, term = text_at(row, self._fields.vendor), text_at(row, self._fields.pointer)
        name = text_at(row, self._fields.vendor_name) or supplier
        return SourceRecord(
            key=sighting.key,
            company="",
            content=sighting.carry,
            fingerprint=fingerprint([supplier, term]),
            tag=sighting.tag,
            label=name or sighting.key,
            partner=name,
        )

    def prepare(self) -> None:
        """Read the suppliers' terms and the table of words; a change of either releases what waits for it."""
        if not self.feeds():
            return
        self._terms = {supplier.id: supplier.pay_term or "" for supplier in self._source.all()}
        self._words = self._desk.table("payment_terms") or {}
        self._links = self._desk.dictionary.known(VENDOR_LINK)
        self._desk.dictionary.learn(SUPPLIER_TERM, self._terms)
        self._desk.dictionary.learn(TERM_WORD, self._words)

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Compare a term with that of the supplier."""
        row = read_object(entry.source, "payment term")
        vendor_id, term = text_at(row, self._fields.vendor_id), text_at(row, self._fields.pointer)
        supplier = text_at(row, self._fields.vendor) or self._links.get(vendor_id, "")
        if not term:
            return Ignored(Cause.NOT_READY, f"no payment term is agreed with vendor {entry.label}")
        if not supplier:
            raise RecordError(
                f"vendor {entry.label} is not linked to a supplier; see the suppliers flow",
                cause=Cause.VENDOR_UNKNOWN,
                key=f"{VENDOR_LINK}:{vendor_id}",
            )
        if term not in self._words:
            raise RecordError(
                f"vendor {entry.label}: payment term {term!r} has no IFS code; add it to mapping.payment_terms",
                cause=Cause.VENDOR_CONFLICT,
                key=f"{TERM_WORD}:{term}",
            )
        code, there = self._words[term], self._terms.get(supplier)
        if there != code:
            said = "IFS has no such supplier" if there is None else f"IFS has {there or 'none'}"
            raise RecordError(
                f"vendor {entry.label}: {term!r} is agreed in Airbase, which is {code}; {said} for supplier "
                f"{supplier}; set payment term {code} in IFS, or correct the vendor in Airbase",
                cause=Cause.VENDOR_CONFLICT,
                key=f"{SUPPLIER_TERM}:{supplier}",
            )
        return Translated(encode({"supplier": supplier, "pay_term": code}), supplier)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Nothing to look for: the comparison has read both sides."""
        return {}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Note what IFS has already; nothing is written."""
        return [Landed(f"{o.payload['supplier']}^{o.payload['pay_term']}", {"written": "nothing"}) for o in batch]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Nothing: Airbase is not told."""
        return [Landed("") for _ in batch]
