"""The shared world: exact amounts, real references, the same for the same seed."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from mlc_pipelines.sandbox.world import CURRENCY_DIGITS, World

WORLD = World.make(invoices=400)


def test_the_same_seed_is_the_same_world() -> None:
    """A seed names one world, and a longer list of invoices starts with the shorter one."""
    assert World.make(seed=4) == World.make(seed=4)
    assert World.make(seed=4) != World.make(seed=5)
    assert World.make(invoices=400).invoices[:50] == World.make(invoices=50).invoices
    assert len(World.make(invoices=0).invoices) == 1


def test_lines_add_up_to_the_net_amount() -> None:
    """Each invoice has one to five lines that add up exactly, in the currency's own digits."""
    for invoice in WORLD.invoices:
        assert sum(line.amount for line in invoice.lines) == invoice.net
        assert 1 <= len(invoice.lines) <= 5
        smallest = Decimal(1).scaleb(-CURRENCY_DIGITS[invoice.currency])
        for amount in (invoice.net, invoice.vat, *(line.amount for line in invoice.lines)):
            assert amount == amount.quantize(smallest)


def test_credit_notes_are_negative() -> None:
    """About one in 25 is a credit note, negative in every amount; the rest is positive."""
    for invoice in WORLD.invoices:
        sign = -1 if invoice.type == "SUPPCREDIT" else 1
        assert all(line.amount * sign > 0 for line in invoice.lines)
        assert invoice.vat * sign >= 0
    assert Counter(invoice.type for invoice in WORLD.invoices)["SUPPCREDIT"] == 16


def test_invoice_numbers_are_unique_per_supplier_only() -> None:
    """A number comes once per supplier and series, but several suppliers use the same one."""
    names = [(invoice.supplier, invoice.series, invoice.number) for invoice in WORLD.invoices]
    assert len(set(names)) == len(names)
    assert len({invoice.number for invoice in WORLD.invoices}) < len(names)


def test_documents_refer_to_what_exists() -> None:
    """Suppliers, accounts, code parts, terms and orders of every document exist in its company."""
    accounts = {(one.company, one.code) for one in WORLD.accounts}
    parts = {(one.company, one.part, one.code) for one in WORLD.code_parts}
    terms = {(one.company, one.code) for one in WORLD.terms}
    orders = {(one.order_no, one.supplier) for one in WORLD.orders}
    for invoice in WORLD.invoices:
        assert WORLD.supplier(invoice.supplier).currency == invoice.currency
        assert (invoice.company, invoice.pay_term) in terms
        assert invoice.order_no is None or (invoice.order_no, invoice.supplier) in orders
        for line in invoice.lines:
            assert (invoice.company, line.account) in accounts
            assert (invoice.company, "B", line.cost_center) in parts
            assert (invoice.company, "C", line.plant) in parts
            assert line.project is None or (invoice.company, "D", line.project) in parts


def test_dates_lie_in_the_two_months_before_the_first_day() -> None:
    """Invoices are from the last sixty days, changed after their date and before the first day."""
    for invoice in WORLD.invoices:
        assert date(2026, 9, 15) < invoice.invoice_date < WORLD.as_of.date()
        assert invoice.due_date >= invoice.invoice_date
        assert invoice.invoice_date <= invoice.modified.date() <= WORLD.as_of.date()


def test_the_awkward_cases_are_there() -> None:
    """Missing e-mails, a missing country, a quote in an id, unmapped accounts, an expired account, cancelled ones."""
    assert len(WORLD.suppliers) == 25
    assert sum(one.email is None for one in WORLD.suppliers) == 2
    assert sum(one.country is None for one in WORLD.suppliers) == 1
    assert WORLD.supplier("S-10'4").name == "O'Dwyer Precision Ltd"
    used = Counter(line.account in WORLD.unmapped_accounts for invoice in WORLD.invoices for line in invoice.lines)
    assert 0.02 < used[True] / used.total() < 0.09
    assert any(one.valid_until < WORLD.as_of.date() for one in WORLD.accounts)
    states = Counter(invoice.state for invoice in WORLD.invoices)
    assert 0 < states["Cancelled"] < states["Preliminary"] < states["Balanced"]
    assert {invoice.currency for invoice in WORLD.invoices} == {"EUR", "USD", "JPY"}


@pytest.mark.parametrize("company", ["10", "20"])
def test_each_company_has_its_books(company: str) -> None:
    """Each company has forty accounts, twelve cost centers and at least one plant."""
    assert WORLD.company(company).currency in ("EUR", "USD")
    assert sum(one.company == company for one in WORLD.accounts) == 40
    counted = Counter(one.part for one in WORLD.code_parts if one.company == company)
    assert (counted["B"], counted["D"]) == (12, 4)
    assert counted["C"] >= 1
