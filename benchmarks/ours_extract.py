"""Our reading of the feed: the real client, road and ledger, and a flow as an integration would write it.

`python -m benchmarks.ours_extract URL --page-size N` runs it once; `benchmarks.extract` does so beside the others.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.rivals.watch import Watch
from mlc_pipelines.connections.budgets import SharedBudget
from mlc_pipelines.connections.tokens import SealedTokens
from mlc_pipelines.connections.vault import KeyRing, Vault
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.flows.road import Road
from mlc_pipelines.ifs.client import IfsClient, open_ifs
from mlc_pipelines.ifs.records import TypedReader
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.database import open_engine, reading, upgrade
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.moments import instant

SET = "posting_proposal"
NAME = "acme"
_A_MINUTE = 100_000


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line; what it is coded with."""

    row: int = msgspec.field(name="RowId")
    account: str = msgspec.field(name="Account")
    amount: Decimal = msgspec.field(name="CurrencyAmount")
    text: str | None = msgspec.field(name="Text")
    code_b: str | None = msgspec.field(name="CodeB")
    code_c: str | None = msgspec.field(name="CodeC")
    code_d: str | None = msgspec.field(name="CodeD")
    code_e: str | None = msgspec.field(name="CodeE")
    process_code: str | None = msgspec.field(name="ProcessCode")
    optional_code: str | None = msgspec.field(name="OptionalCode")


class Invoice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All 27 fields with their types, and the lines."""

    etag: str = msgspec.field(name="@odata.etag")
    luname: str
    keyref: str
    grants: str | None
    company: str
    invoice_id: int
    supplier: str
    party_type: str
    series: str
    number: str
    invoice_type: str
    invoice_date: date
    due_date: date
    pay_term: str | None
    currency: str
    rate: Decimal
    net: Decimal
    vat: Decimal
    gross: Decimal
    po_reference: str | None
    text: str | None
    creator: str | None
    created: date | None
    advance: bool
    sent: str | None
    state: str
    modified: str
    lines: tuple[Line, ...]


_NAMES = {
    "luname": "luname",
    "keyref": "keyref",
    "grants": "Objgrants",
    "rate": "CurrRate",
    "gross": "GrossAmount",
    "creator": "Creator",
    "created": "CreationDate",
    "advance": "AdvInv",
    "lines": "PostingProposalLines",
}


class WholeInvoices:
    """Takes invoices whose list has all of them, lines included."""

    name = "invoices"
    sentence = "Supplier invoices as the feed has them."
    kind = "invoice"
    assets = Assets(Asset("read", "As read."), Asset("coded", "As coded."), Asset("kept", "As kept."))
    deliver_batch = 1
    confirm_batch = 1
    amends = True
    settle_after = 0.0

    def __init__(self, ifs: IfsClient) -> None:
        self._ifs = ifs
        self._reader = TypedReader(Invoice, ifs.settings.names(SET) | _NAMES, where="invoice")

    def feeds(self) -> Sequence[str]:
        """One company."""
        return ["10"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List what changed, oldest change first, and read every field."""
        for raw in self._ifs.changed(SET, since=since, where=[("company", "eq", feed)]):
            invoice = self._reader.read(raw)
            position = instant(invoice.modified)
            yield Sighting(f"{invoice.company}^{invoice.invoice_id}", invoice.etag, position, (raw, invoice))

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Take the invoice from the list."""
        raw, invoice = sighting.carry
        matters = msgspec.structs.replace(invoice, etag="", sent=None, state="", modified="")
        return SourceRecord(
            key=sighting.key,
            company=invoice.company,
            content=raw,
            fingerprint=digest(msgspec.json.encode(matters)),
            tag=sighting.tag,
            label=invoice.number,
            partner=invoice.supplier,
            amount=invoice.net + invoice.vat,
            currency=invoice.currency,
            dated=invoice.invoice_date,
        )

    def prepare(self) -> None:
        """Nothing."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Only reading is measured."""
        raise NotImplementedError

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Only reading is measured."""
        raise NotImplementedError

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Only reading is measured."""
        raise NotImplementedError

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Only reading is measured."""
        raise NotImplementedError


@contextmanager
def reading_road(url: str, folder: Path, *, page_size: int) -> Iterator[Road]:
    """Lay the road from a feed into a fresh ledger in a folder; vault, tokens and budget are as for any tenant."""
    clock = SystemClock()
    engine, quick = (open_engine(f"sqlite:///{folder / 'mlc.db'}", durable=durable) for durable in (True, False))
    upgrade(engine)
    vault = Vault(engine, KeyRing.from_environment({}, folder, create=True), clock=clock, environ={})
    for name in ("client_id", "client_secret"):
        vault.set(f"it/{name}", SecretStr("feed"))
    settings = IfsSettings(
        base_url=url,
        token_url=f"{url}/token",
        credential="it",
        page_size=page_size,
        requests_per_minute=_A_MINUTE,
    )
    budget = SharedBudget(quick, "ifs", limit=_A_MINUTE, window_seconds=60, burst=100, clock=clock)
    tokens = SealedTokens(engine, vault, clock=clock)
    ledger = Ledger(engine, clock)
    ifs = open_ifs(
        settings,
        vault_get=vault.get,
        tokens=tokens,
        budget=budget,
        clock=clock,
        guard=lambda: ledger.leases.guard(NAME),
    )
    with ifs:
        yield Road(WholeInvoices(ifs), ledger, ledger.books(NAME))
    for each in (engine, quick):
        each.dispose()


def main() -> None:
    """Read once, and tell what it took and what the ledger has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--page-size", type=int, required=True)
    given = parser.parse_args()
    logging.disable()
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        with reading_road(given.url, Path(folder), page_size=given.page_size) as road:
            with watch:
                collect(road)
            with reading(road.ledger.engine) as connection:
                ids = "SELECT count(*), sum(CAST(substr(key, 4) AS INTEGER)) FROM entries WHERE key LIKE '10^%'"
                records, id_sum = connection.execute(text(ids)).one()
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    watch.tell(records=records, id_sum=id_sum, ledger_bytes=size)


if __name__ == "__main__":
    main()
