"""The first day: what is in Stampli, and that files tell it to the cent."""

from collections import Counter
from decimal import Decimal

import paramiko

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import INVOICES, ORDERS, VENDORS
from mlc_pipelines.sandbox.stampli.records import CREDIT, WORDS
from mlc_pipelines.sandbox.stampli.seed import make_invoices
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.stampli.caller import fetched, rows, totals, xml_rows


def test_files_tell_every_invoice_to_the_cent(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """What is read over SFTP is what stands in Stampli: totals, statuses and lines."""
    found = [row for name in sorted(sftp.listdir(INVOICES)) for row in rows(fetched(sftp, name), stampli.columns)]
    told = totals(found)
    assert len(told) == len(stampli.invoices) == 40
    for invoice in stampli.invoices.values():
        lines = [(line.account, line.cost_center, line.amount) for line in invoice.lines]
        assert told[invoice.id] == (invoice.total, WORDS[invoice.status], lines)


def test_xml_tells_the_same_as_csv(stampli: StampliSandbox) -> None:
    """Both layouts carry the same invoices."""
    plain = stampli.drop.read(stampli.people.export_invoices("csv", which="all", per_file=100)[0])
    tree = stampli.drop.read(stampli.people.export_invoices("xml", which="all", per_file=100)[0])
    assert totals(xml_rows(tree)) == totals(rows(plain, stampli.columns))
    first, same = rows(plain, stampli.columns)[0], xml_rows(tree)[0]
    apart = {"exported_at", "description"}
    assert {name: first[name] for name in set(first) - apart} == {name: same[name] for name in set(first) - apart}


def test_sums_are_exact(stampli: StampliSandbox) -> None:
    """Lines, tax and freight make the total that the file names, in the currency's places."""
    for invoice in stampli.invoices.values():
        assert invoice.total == sum((line.amount for line in invoice.lines), invoice.tax + invoice.freight)
        places = 0 if invoice.currency == "JPY" else 2
        for amount in (invoice.total, invoice.tax, *(line.amount for line in invoice.lines)):
            assert amount == round(amount, places)


def test_there_is_one_of_every_kind(stampli: StampliSandbox) -> None:
    """Forty invoices hold each case that a connector must tell apart."""
    invoices = list(stampli.invoices.values())
    known = {supplier.id for supplier in stampli.world.suppliers}
    names = {supplier.name for supplier in stampli.world.suppliers}
    assert {invoice.currency for invoice in invoices} == {"EUR", "USD", "JPY"}
    assert {invoice.status for invoice in invoices} == set(WORDS)
    assert any(invoice.type == CREDIT and invoice.total < 0 for invoice in invoices)
    assert any(not invoice.vendor_id and invoice.vendor_name in names for invoice in invoices)
    assert Counter(i.vendor_id for i in invoices if i.vendor_id and i.vendor_id not in known) == {"S-7701": 2}
    assert any(not invoice.vendor_id and invoice.vendor_name not in names for invoice in invoices)
    assert any(invoice.freight > 0 and invoice.tax > 0 for invoice in invoices)
    assert any(invoice.number.startswith("0") for invoice in invoices)
    assert sum(any(line.account == "6990" for line in invoice.lines) for invoice in invoices) == 1
    twins = [invoice.vendor_id for invoice in invoices if invoice.number == "INV-2026-100"]
    assert len(twins) == len(set(twins)) == 2
    assert len({(invoice.vendor_name, invoice.number) for invoice in invoices}) == len(invoices)


def test_a_longer_list_begins_with_the_shorter(stampli: StampliSandbox) -> None:
    """The same seed gives the same invoices, however many are asked for."""
    world = stampli.world
    assert make_invoices(world, seed=1, count=60)[:40] == make_invoices(world, seed=1, count=40)
    assert make_invoices(world, seed=2, count=40) != make_invoices(world, seed=1, count=40)


def test_vendors_and_orders_are_exported_too(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """Reference files name every supplier of the world and every line of its orders."""
    (vendors,), (orders,) = sftp.listdir(VENDORS), sftp.listdir(ORDERS)
    told = rows(fetched(sftp, vendors, folder=VENDORS), stampli.vendor_columns)
    assert [row["vendor_name"] for row in told] == [supplier.name for supplier in stampli.world.suppliers]
    lines = rows(fetched(sftp, orders, folder=ORDERS), stampli.order_columns)
    assert len(lines) == sum(len(order.lines) for order in stampli.world.orders)
    one = stampli.world.orders[0]
    amounts = [Decimal(row["amount"]) for row in lines if row["po_number"] == one.order_no]
    assert sum(amounts) == sum(line.quantity * line.price for line in one.lines)


def test_the_first_day_can_be_chosen() -> None:
    """So many invoices, so many to a file, CSV and XML by turns, or no export at all."""
    sandbox = StampliSandbox(world=World.make(invoices=1), invoices=5, per_file=2, layout="both")
    try:
        assert [path[-6:] for path in sandbox.files(INVOICES)] == ["01.csv", "02.xml", "03.csv"]
    finally:
        sandbox.stop()
    empty = StampliSandbox(world=World.make(invoices=1), exported=False)
    try:
        assert empty.files() == {}
    finally:
        empty.stop()
