"""Supplier invoices wherever they are: among the proposals, finally posted, or cancelled."""

from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.supplier_invoices import FoundInvoice, SupplierInvoices
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.ifs.conftest import OpenIfs

NAMED = {"supplier_invoice": {"service": "ManSuppInvoiceHandling", "set": "ManSuppInvoiceSet"}}


@pytest.fixture(params=[{}, NAMED], ids=["unnamed", "named"])
def invoices(ifs: IfsSandbox, open_client: OpenIfs, request: pytest.FixtureRequest) -> SupplierInvoices:
    return SupplierInvoices(open_client(ifs, sets=request.param))


def entered(ifs: IfsSandbox, **attributes: Any) -> int:
    return ifs.people.add_invoice("10", "S-1001", "NO-77", VoucherText="X:1:a", **attributes)


def test_one_among_the_proposals_is_found_with_its_text(ifs: IfsSandbox, invoices: SupplierInvoices) -> None:
    """By number, and by its id."""
    invoice_id = entered(ifs)
    found = invoices.find("10", "S-1001", "NO-77")
    assert found == invoices.read("10", invoice_id) == FoundInvoice("10", invoice_id, "X:1:a", is_proposal=True)
    assert found is not None
    assert found.word() == f"10^{invoice_id}"


def test_one_that_was_finally_posted_is_found_where_a_set_shows_it(ifs: IfsSandbox, invoices: SupplierInvoices) -> None:
    """Without such a set nothing finds it by its number, and by its id it is only gone."""
    invoice_id = entered(ifs)
    ifs.people.final_post("10", invoice_id)
    text = "X:1:a" if invoices.shows_posted else None
    gone = FoundInvoice("10", invoice_id, text, is_proposal=False)
    assert invoices.find("10", "S-1001", "NO-77") == (gone if invoices.shows_posted else None)
    assert invoices.read("10", invoice_id) == gone


def test_a_cancelled_one_does_not_count(ifs: IfsSandbox, invoices: SupplierInvoices) -> None:
    """Neither by its number nor by its id."""
    invoice_id = entered(ifs)
    ifs.people.cancel_invoice("10", invoice_id)
    assert (invoices.find("10", "S-1001", "NO-77"), invoices.read("10", invoice_id)) == (None, None)


def test_two_of_one_number_are_for_a_person(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Finally posted ones too."""
    for _ in range(2):
        ifs.people.final_post("10", entered(ifs))
    with pytest.raises(RecordError, match="2 invoices NO-77 of supplier S-1001") as caught:
        SupplierInvoices(open_client(ifs, sets=NAMED)).find("10", "S-1001", "NO-77")
    assert caught.value.cause is Cause.DUPLICATE_SUSPECTED
