"""Which document of Ramp is ours, and which holds go on by themselves once the settings are completed."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.connections.settings import Connection, load_connection
from mlc_pipelines.errors import Cause
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ifs.client import open_ifs
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.integrations.ramp.desk import Desk
from mlc_pipelines.integrations.ramp.flows.bills import BillsToRamp
from mlc_pipelines.integrations.ramp.flows.vouchers import VouchersToIfs
from mlc_pipelines.integrations.ramp.models import Bill
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.wire.memory import unguarded
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.integrations.ramp.builders import bill_row, new_bill, vendor_and_entity
from mlc_pipelines_tests.integrations.ramp.conftest import Drawer, QuickClock, Unlimited
from mlc_pipelines_tests.ledger.builders import hold, receive

FILE = """
name: acme
integration: ramp
companies: ["10", "20"]
ifs: {base_url: "http://127.0.0.1:9", token_url: "http://127.0.0.1:9/token", credential: acme/ifs, open_periods: []}
ramp: {base_url: "http://127.0.0.1:9", credential: acme/ramp%s}
"""
VOUCHERS = ", vouchers: {voucher_type: M, user_group: AC, credit_account: {%s}}"


class HeedlessRamp(RampClient):
    """A Ramp that does not know the filter by remote id, as its API was described in 2025."""

    def drafts(self, **filters: Any) -> Iterator[Bill]:
        filters.pop("remote_id", None)
        return super().drafts(**filters)

    def bills(self, **filters: Any) -> Iterator[Bill]:
        filters.pop("remote_id", None)
        return super().bills(**filters)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def books(ledger: Ledger) -> Books:
    """Books that know the entities already, so that Ramp need not be asked."""
    opened = ledger.books("acme")
    opened.dictionary.learn("entity", {"10": "e-10", "20": "e-20"})
    opened.dictionary.learn("entity_name", {"10": "10", "20": "20"})
    return opened


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connection(folder: Path, *, mapping: str = "", vouchers: str = "") -> Connection:
    """Write the connection file and read it."""
    path = folder / "acme.yaml"
    path.write_text(FILE % (VOUCHERS % vouchers if vouchers else "") + mapping)
    return load_connection(path, {"ifs": IfsSettings, "ramp": RampSettings})


def desk(settings: Connection, books: Books, ramp: RampClient, closing: ExitStack) -> Desk:
    ifs = open_ifs(
        settings.section(IfsSettings),
        vault_get=SecretStr,
        tokens=Drawer(),
        budget=Unlimited(),
        guard=unguarded,
        clock=QuickClock(),
    )
    closing.callback(ifs.close)
    return Desk(settings, books, ifs, ramp)


def test_a_filter_that_is_not_heeded_finds_no_stranger(
    client: RampClient, books: Books, tmp_path: Path, closing: ExitStack
) -> None:
    """Among all drafts only the one with our reference is ours; where there is none, nothing is found."""
    parties = vendor_and_entity(client)
    client.create_draft(new_bill(*parties, remote_id="10^1", invoice_number="OTHER"))
    ours = client.create_draft(new_bill(*parties, remote_id="10^2", invoice_number="OURS"))
    heedless = HeedlessRamp(client._http)
    flow = BillsToRamp(desk(connection(tmp_path), books, heedless, closing))
    sent, new = receive(books, "10^2", "10^3", flow="bills")
    found = flow.find([Outgoing(sent), Outgoing(new)])
    assert {id_: landed.external_id for id_, landed in found.items()} == {sent.id: ours.id}


def test_a_document_that_cannot_be_read_is_still_ours() -> None:
    """An unreadable row keeps its reference, so that looking it up does not make a second one."""
    row = Bill.listed(bill_row(remote_id="10^2", issued_at="soon"))
    assert row.problem is not None
    assert row.remote_id == "10^2"


def released(books: Books, flow: str) -> list[str]:
    return [entry.key for entry in books.entries.released(flow)]


@pytest.mark.parametrize("table", ['tax_accounts: {"20": "2510"}', 'tax_accounts: {"*": "2510"}'])
def test_a_tax_account_releases_the_invoices_that_waited(
    books: Books, client: RampClient, tmp_path: Path, closing: ExitStack, table: str
) -> None:
    """Whether the table names the company or every company, the hold goes on; another company's stays."""
    for key, company in (("20^1", "20"), ("30^1", "30")):
        (entry,) = receive(books, key, flow="bills")
        hold(books, entry, cause=Cause.TAX_UNMAPPED, key=f"tax_account:{company}")
    BillsToRamp(desk(connection(tmp_path), books, client, closing)).prepare()
    assert released(books, "bills") == []
    settings = connection(tmp_path, mapping=f"mapping:\n  {table}\n")
    BillsToRamp(desk(settings, books, client, closing)).prepare()
    assert released(books, "bills") == ["20^1"]


def test_a_corrected_allocation_releases_the_invoices_that_waited(
    books: Books, client: RampClient, tmp_path: Path, closing: ExitStack
) -> None:
    """A rule that could not be read holds an invoice only until it is written anew."""
    text = 'mapping:\n  allocations: {"CodeB:900": "%s"}\n'
    BillsToRamp(desk(connection(tmp_path, mapping=text % "oops"), books, client, closing)).prepare()
    (entry,) = receive(books, "10^1", flow="bills")
    hold(books, entry, cause=Cause.DIMENSION_UNMAPPED, key="allocation:CodeB:900")
    BillsToRamp(desk(connection(tmp_path, mapping=text % "oops"), books, client, closing)).prepare()
    assert released(books, "bills") == []
    BillsToRamp(desk(connection(tmp_path, mapping=text % "300=60 310=40"), books, client, closing)).prepare()
    assert released(books, "bills") == ["10^1"]


@pytest.mark.parametrize("credit", ['"20": "2400"', '"*": "2400"'])
def test_a_credit_account_releases_the_bills_that_waited(
    books: Books, client: RampClient, tmp_path: Path, closing: ExitStack, credit: str
) -> None:
    """Completing the voucher settings is enough; nobody has to replay."""
    (entry,) = receive(books, "b-1", flow="vouchers")
    hold(books, entry, key="credit_account:20")
    VouchersToIfs(desk(connection(tmp_path, vouchers='"10": "2400"'), books, client, closing)).prepare()
    assert released(books, "vouchers") == []
    VouchersToIfs(desk(connection(tmp_path, vouchers=credit), books, client, closing)).prepare()
    assert released(books, "vouchers") == ["b-1"]
