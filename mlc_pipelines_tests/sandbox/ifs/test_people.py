"""What people do in IFS, what the fault profiles do to callers, and the first day that comes back."""

from decimal import Decimal

import httpx
import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.sandbox.ifs.caller import (
    CREDIT,
    DEBIT,
    FIRST,
    NEW_PROPOSAL,
    NEW_VOUCHER,
    PROPOSALS,
    VOUCHERS,
    Caller,
)
from mlc_pipelines_tests.sandbox.ifs.test_batch import voucher


def test_someone_edits_an_invoice(ifs: IfsSandbox, caller: Caller) -> None:
    """An edit moves ModifiedDate and ETag, so a poll since the last change finds exactly this invoice."""
    before = caller.read(FIRST)
    latest = max(row["ModifiedDate"] for row in caller.rows(PROPOSALS))
    ifs.people.edit_invoice("10", 48201, DueDate="2026-12-24", NetCurrAmount="12.50", lines=None)
    after = caller.read(FIRST)
    assert (after["DueDate"], after["NetCurrAmount"], after["Objstate"]) == (
        "2026-12-24",
        Decimal("12.50"),
        "Preliminary",
    )
    assert after["@odata.etag"] != before["@odata.etag"]
    changed = caller.rows(f"{PROPOSALS}?$filter=ModifiedDate gt {latest}")
    assert [row["InvoiceId"] for row in changed] == [48201]


def test_someone_codes_an_invoice_again(ifs: IfsSandbox) -> None:
    """New lines replace the old ones and must add up for the proposal to be balanced."""
    net = ifs.invoices["10", 48201]["NetCurrAmount"]
    ifs.people.edit_invoice("10", 48201, lines=[{"Account": "4500", "CodeB": "130", "CurrencyAmount": str(net)}])
    invoice = ifs.invoices["10", 48201]
    assert [line["Account"] for line in invoice["PostingProposalLines"]] == ["4500"]
    assert invoice["Objstate"] == "Balanced"


def test_someone_enters_and_cancels_an_invoice(ifs: IfsSandbox, caller: Caller) -> None:
    """A new invoice takes its supplier's currency and terms; a cancelled one stays readable."""
    number = ifs.people.add_invoice(
        "10", "S-10'4", "NEW-1", lines=[{"Account": "4010", "CurrencyAmount": "-5.25"}], InvoiceDate="2026-11-01"
    )
    invoice = ifs.invoices["10", number]
    assert (invoice["InvoiceType"], invoice["Currency"], invoice["Objstate"]) == ("SUPPCREDIT", "EUR", "Balanced")
    ifs.people.cancel_invoice("10", number)
    assert caller.read(f"{PROPOSALS}(Company='10',InvoiceId={number})")["Objstate"] == "Cancelled"
    assert ifs.people.add_invoice("20", "S-2001", "NEW-2") == number + 1


def test_final_posting_takes_the_proposal_out_of_the_set(ifs: IfsSandbox, caller: Caller) -> None:
    """A finally posted invoice is 404 as a proposal, which is not a deletion."""
    ifs.people.final_post("10", 48201)
    assert caller.get(FIRST).status_code == 404
    assert [one["InvoiceId"] for one in ifs.finally_posted] == [48201]


def test_the_set_of_supplier_invoices_has_what_was_finally_posted(ifs: IfsSandbox, caller: Caller) -> None:
    """It shows every invoice, one after the other, in the state it is in; nothing can be written there."""
    invoices = "ManSuppInvoiceHandling.svc/ManSuppInvoiceSet"
    before = [row["InvoiceId"] for row in caller.rows(invoices)]
    ifs.people.final_post("10", 48201)
    ifs.people.cancel_invoice("10", 48202)
    assert [row["InvoiceId"] for row in caller.rows(invoices)] == before
    states = [caller.read(f"{invoices}(Company='10',InvoiceId={number})")["Objstate"] for number in (48201, 48202)]
    assert states == ["Posted", "Cancelled"]
    assert caller.post(invoices, NEW_PROPOSAL).status_code == 405


def test_vouchers_leave_the_hold_table(ifs: IfsSandbox, caller: Caller) -> None:
    """Updating the general ledger moves balanced vouchers away; their rows stay in the analysis."""
    caller.batch(VOUCHERS, voucher(DEBIT, CREDIT))
    caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER)
    key = f"{VOUCHERS}/VoucherSet(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo=2026000017)"
    assert caller.get(key).status_code == 200
    assert ifs.people.update_gl("20") == 0
    assert ifs.people.update_gl() == 1
    assert caller.get(key).status_code == 404
    assert [one["VoucherNo"] for one in ifs.vouchers] == [2026000018]
    rows = caller.rows(
        "VoucherRowsAnalysis.svc/VoucherRowSet?$filter=ReferenceSerie eq 'RAMP' and ReferenceNumber eq 'txn_01H'"
    )
    assert [(row["VoucherNo"], row["Reference_Account"]) for row in rows] == [(2026000017, "Bearings and seals")]


def test_periods_close_and_open(ifs: IfsSandbox, caller: Caller) -> None:
    """Closing a period refuses vouchers into it until it is opened."""
    ifs.people.close_period("10", 2026, 11)
    assert caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER).status_code == 500
    ifs.people.open_period("10", 2026, 11)
    assert caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER).status_code == 201


def test_suppliers_come_and_change(ifs: IfsSandbox) -> None:
    """People register suppliers and keep them up to date."""
    supplier = ifs.people.add_supplier(Name="Neue Gießerei GmbH", Country="DE", Cf_Currency="EUR")
    before = ifs.suppliers[supplier]["ModifiedDate"]
    ifs.clock.advance(5)
    ifs.people.edit_supplier(supplier, Cf_Email="neu@giesserei.example")
    assert ifs.suppliers[supplier]["Cf_Email"] == "neu@giesserei.example"
    assert ifs.suppliers[supplier]["ModifiedDate"] > before


def test_people_act_over_the_control_endpoint_too(ifs: IfsSandbox, client: httpx.Client) -> None:
    """The same actions are there for another process; mistakes are said."""
    people = f"{ifs.url}/_sandbox/people"
    edit = {"company": "10", "invoice_id": 48201, "DueDate": "2026-12-01"}
    assert client.post(f"{people}/edit_invoice", json=edit).status_code == 200
    assert str(ifs.invoices["10", 48201]["DueDate"]) == "2026-12-01"
    assert client.post(f"{people}/edit_invoice", json=edit | {"invoice_id": 1}).status_code == 400
    assert client.post(f"{people}/edit_invoice", json=edit | {"Nothing": 1}).status_code == 400
    state = client.get(f"{ifs.url}/_sandbox/state").json()
    assert (state["invoices"], state["suppliers"], state["profile"]) == (60, 25, "calm")


def test_contention_gives_412_and_lets_the_second_try_through(ifs: IfsSandbox, caller: Caller) -> None:
    """Someone edits another field between read and write: 412, then a fresh read and the change succeeds."""
    ifs.faults.once("edit", method="PATCH", path_part="48201")
    etag = caller.etag(FIRST)
    assert caller.patch(FIRST, {"Cf_Paid_Status": "Paid"}, etag).status_code == 412
    after = caller.read(FIRST)
    assert after["@odata.etag"] != etag
    assert after["Cf_Paid_Status"] is None
    assert caller.patch(FIRST, {"Cf_Paid_Status": "Paid"}, after["@odata.etag"]).status_code == 200


def test_the_contended_profile_edits_text_and_sometimes_orders(ifs: IfsSandbox, caller: Caller) -> None:
    """Under contention a caller that reads again gets through within three tries, and other fields have changed."""
    ifs.faults.profile = "contended"
    before = ifs.invoices
    for row in caller.rows(PROPOSALS):
        path = f"{PROPOSALS}(Company='{row['Company']}',InvoiceId={row['InvoiceId']})"
        statuses = []
        while 200 not in statuses:
            statuses.append(caller.patch(path, {"Cf_Paid_Status": "Paid"}, caller.etag(path)).status_code)
        assert len(statuses) <= 3
    after = ifs.invoices
    assert all(one["Cf_Paid_Status"] == "Paid" for one in after.values())
    texts = sum(after[key]["VoucherText"] != before[key]["VoucherText"] for key in before)
    orders = sum(after[key]["PoRefNumber"] != before[key]["PoRefNumber"] for key in before)
    assert 0 < orders < texts < 30


def test_a_lost_answer_leaves_the_record(ifs: IfsSandbox, caller: Caller) -> None:
    """When the answer to a create is lost, the record is there, and looking by its natural key finds it."""
    ifs.faults.once("lost", method="POST", path_part="PostingProposalHeadSet")
    with pytest.raises(httpx.TransportError):
        caller.post(PROPOSALS, NEW_PROPOSAL)
    ifs.faults.once("lost_504", method="POST")
    assert caller.post(PROPOSALS, NEW_PROPOSAL).status_code == 504
    found = caller.rows(f"{PROPOSALS}?$filter=Company eq '10' and Identity eq 'S-1007' and InvoiceNo eq 'INV-7'")
    assert len(found) == 2


def test_the_first_day_comes_back(ifs: IfsSandbox, caller: Caller) -> None:
    """A reset restores data, switches and journal; tokens stay valid."""
    first = caller.read(FIRST)["ModifiedDate"]
    ifs.switches.max_page = 1
    ifs.people.final_post("10", 48201)
    ifs.reset()
    assert caller.read(FIRST)["ModifiedDate"] == first
    assert len(caller.rows(PROPOSALS)) == 60
    assert ifs.finally_posted == []
    assert len(ifs.journal.entries) == 2
