"""Posting proposals: the feed, the invoices read from it, and the marks written on them."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, ConfigurationError, RecordError, StaleRecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.posting_proposals import NewProposal, PostingLine, PostingProposals, SupplierInvoice
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import Invoice, World
from mlc_pipelines_tests.ifs.conftest import OpenIfs

HEAD = {
    "@odata.etag": 'W/"QUFB"',
    "Company": "10",
    "InvoiceId": 48211,
    "Identity": "S-1007",
    "SeriesId": "SI",
    "InvoiceNo": "INV-7",
    "InvoiceType": "SUPPINV",
    "InvoiceDate": "2026-03-14",
    "DueDate": "2026-04-13",
    "Currency": "EUR",
    "NetCurrAmount": 1000,
    "VatCurrAmount": 210,
    "Objstate": "Balanced",
    "ModifiedDate": "2026-03-14T09:26:53Z",
}
LINE = {"RowId": 1, "Account": "4010", "CodeB": "210", "CodeC": None, "CurrencyAmount": 1000, "Text": "Cloud hosting"}


def written(record: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps(record | changes).encode()


@pytest.fixture
def proposals(client: IfsClient) -> PostingProposals:
    return PostingProposals(client)


def in_company(world: World, company: str) -> list[Invoice]:
    return [invoice for invoice in world.invoices if invoice.company == company]


# The feed


def test_the_feed_gives_every_proposal_of_the_company_oldest_change_first(
    proposals: PostingProposals, world: World
) -> None:
    """Without a watermark all of them come, none twice, none of another company."""
    heads = list(proposals.changed_since("10", None))
    assert {head.invoice_id for head in heads} == {invoice.id for invoice in in_company(world, "10")}
    assert len(heads) == len(in_company(world, "10"))
    moments = [head.modified for head in heads]
    assert moments == sorted(moment for moment in moments if moment is not None)
    assert all(head.problem is None and head.etag for head in heads)


@pytest.mark.parametrize("form", ["relative_root", "service_relative", "slash", "absolute", "none"])
@pytest.mark.parametrize("page_size", [1, 7])
def test_small_pages_lose_and_repeat_nothing(
    ifs: IfsSandbox, open_client: OpenIfs, world: World, form: str, page_size: int
) -> None:
    """Whatever the next links look like, and without any, each proposal comes exactly once."""
    ifs.switches.next_link_form = form
    heads = list(PostingProposals(open_client(ifs, page_size=page_size)).changed_since("20", None))
    assert sorted(head.invoice_id for head in heads) == [invoice.id for invoice in in_company(world, "20")]


def test_a_record_changed_while_we_read_hides_no_other(ifs: IfsSandbox, open_client: OpenIfs, world: World) -> None:
    """A change moves a record to the end of the feed; the one that takes its place in the count is not skipped."""
    reading = PostingProposals(open_client(ifs, page_size=5)).changed_since("10", None)
    first = [next(reading) for _ in range(3)]
    for head in first:
        ifs.people.edit_invoice("10", head.invoice_id, VoucherText="changed meanwhile")
    rest = list(reading)
    assert {head.invoice_id for head in [*first, *rest]} == {invoice.id for invoice in in_company(world, "10")}
    changed_again = [head.invoice_id for head in rest if head.invoice_id in {one.invoice_id for one in first}]
    assert sorted(changed_again) == sorted(head.invoice_id for head in first)


def test_the_feed_starts_at_the_watermark_less_the_overlap(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Ten minutes before the watermark are asked for again, and nothing before that."""
    proposals = PostingProposals(open_client(ifs, overlap_minutes=10))
    watermark = list(proposals.changed_since("10", None))[-5].modified
    assert watermark is not None
    heads = list(proposals.changed_since("10", watermark))
    assert len(heads) >= 5
    assert all(head.modified and head.modified >= watermark - timedelta(minutes=10) for head in heads)
    assert list(proposals.changed_since("10", datetime(2099, 1, 1, tzinfo=UTC))) == []


def test_what_changes_after_the_clocks_went_back_is_read(
    ifs: IfsSandbox, proposals: PostingProposals, world: World
) -> None:
    """IFS may tell the time of its place, where two o'clock is followed by one o'clock once a year."""
    before, after = in_company(world, "10")[:2]
    watermark = ifs.people.edit_invoice("10", before.id, VoucherText="at two")["ModifiedDate"]
    ifs.clock.advance(-3600)
    ifs.people.edit_invoice("10", after.id, VoucherText="at one again")
    assert after.id in {head.invoice_id for head in proposals.changed_since("10", watermark)}


def test_many_proposals_of_one_moment_are_all_read(ifs: IfsSandbox, open_client: OpenIfs, world: World) -> None:
    """More records with the same change time than fit on a page do not stop the feed."""
    proposals = PostingProposals(open_client(ifs, page_size=4))
    start = ifs.clock.now()
    for invoice in in_company(world, "10"):
        ifs.people.edit_invoice("10", invoice.id, PoRefNumber="P-1")
    heads = list(proposals.changed_since("10", start))
    assert len({head.modified for head in heads}) < len(heads) / 4
    assert sorted(head.invoice_id for head in heads) == [invoice.id for invoice in in_company(world, "10")]


def test_one_bad_row_does_not_stop_the_page(ifs: IfsSandbox, proposals: PostingProposals, world: World) -> None:
    """The bad one comes with its key and a problem that names attribute and value; all others come as ever."""
    bad = in_company(world, "10")[3]
    ifs.people.edit_invoice("10", bad.id, Currency=None)
    heads = {head.invoice_id: head for head in proposals.changed_since("10", None)}
    assert len(heads) == len(in_company(world, "10"))
    assert "Currency is None" in str(heads[bad.id].problem)
    assert heads[bad.id].etag
    assert heads[bad.id].modified == ifs.invoices["10", bad.id]["ModifiedDate"]
    assert [head.invoice_id for head in heads.values() if head.problem] == [bad.id]


def test_a_company_not_granted_gives_an_empty_feed(ifs: IfsSandbox, proposals: PostingProposals) -> None:
    """IFS says nothing about rights on a company; the check of the connection does."""
    assert list(proposals.changed_since("99", None)) == []


def test_a_wrong_modified_attribute_lists_the_right_ones(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """The settings are corrected from the message."""
    proposals = PostingProposals(open_client(ifs, sets={"posting_proposal": {"modified_attribute": "ChangedAt"}}))
    with pytest.raises(ConfigurationError, match=r"no ChangedAt; attributes with a time: .*ModifiedDate"):
        list(proposals.changed_since("10", None))


def test_without_a_modified_attribute_there_is_no_feed(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """It is a fault of the settings, not an empty day."""
    proposals = PostingProposals(open_client(ifs, sets={"posting_proposal": {"modified_attribute": None}}))
    with pytest.raises(ConfigurationError, match="modified_attribute"):
        list(proposals.changed_since("10", None))


# Invoices


def test_an_invoice_is_what_ifs_has(proposals: PostingProposals, world: World) -> None:
    """Every invoice of the company reads as it was booked, lines and code parts included."""
    for head in proposals.changed_since("20", None):
        booked = next(invoice for invoice in world.invoices if invoice.id == head.invoice_id)
        invoice = proposals.invoice(head.raw, proposals.lines(head))
        assert (invoice.supplier, invoice.series, invoice.number) == (booked.supplier, booked.series, booked.number)
        assert (invoice.net, invoice.vat, invoice.currency) == (booked.net, booked.vat, booked.currency)
        assert (invoice.invoice_date, invoice.due_date) == (booked.invoice_date, booked.due_date)
        assert [line.amount for line in invoice.lines] == [line.amount for line in booked.lines]
        assert [line.account for line in invoice.lines] == [line.account for line in booked.lines]
        assert [line.parts.get("B") for line in invoice.lines] == [line.cost_center for line in booked.lines]
        assert invoice.is_credit == (booked.type == "SUPPCREDIT")


def test_read_gives_the_invoice_under_its_present_etag(proposals: PostingProposals, world: World) -> None:
    """The same invoice as from the feed, lines included."""
    head = next(proposals.changed_since("10", None))
    invoice = proposals.read("10", head.invoice_id)
    assert invoice == proposals.invoice(head.raw, proposals.lines(head))
    assert invoice.etag == head.etag
    assert invoice.lines


def test_a_posted_invoice_is_unknown(ifs: IfsSandbox, proposals: PostingProposals, world: World) -> None:
    """An invoice that left the proposals holds the record and says why."""
    gone = in_company(world, "10")[0]
    ifs.people.final_post("10", gone.id)
    with pytest.raises(RecordError, match="finally posted") as caught:
        proposals.read("10", gone.id)
    assert caught.value.cause is Cause.INVOICE_UNKNOWN
    assert caught.value.key == f"invoice:10^{gone.id}"


def test_parsing_asks_ifs_nothing(ifs: IfsSandbox, proposals: PostingProposals) -> None:
    """An invoice kept as JSON is read again without a call."""
    before = len(ifs.journal.entries)
    invoice = proposals.invoice(written(HEAD), [written(LINE)])
    assert len(ifs.journal.entries) == before
    assert invoice.lines == (PostingLine("4010", Decimal(1000), {"B": "210"}, "Cloud hosting", 1),)
    assert invoice.gross == Decimal(1210)
    assert invoice.etag == 'W/"QUFB"'


def test_lines_stand_in_their_own_order(proposals: PostingProposals) -> None:
    """However they came, lines are ordered by their number."""
    invoice = proposals.invoice(written(HEAD), [written(LINE, RowId=number) for number in (3, 1, 2)])
    assert [line.line_no for line in invoice.lines] == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "credit"),
    [
        ({}, False),
        ({"InvoiceType": "SUPPCREDIT", "NetCurrAmount": 100}, True),
        ({"NetCurrAmount": -100}, True),
        ({"NetCurrAmount": 0}, False),
    ],
)
def test_a_credit_is_known_by_type_or_sign(proposals: PostingProposals, changes: dict[str, Any], credit: bool) -> None:
    """Either is enough."""
    assert proposals.invoice(written(HEAD, **changes)).is_credit is credit


def test_a_missing_vat_is_none_owed(proposals: PostingProposals) -> None:
    """Null VAT reads as zero; null net does not read."""
    assert proposals.invoice(written(HEAD, VatCurrAmount=None)).vat == 0
    with pytest.raises(RecordError, match="NetCurrAmount"):
        proposals.invoice(written(HEAD, NetCurrAmount=None))


@pytest.mark.parametrize(
    ("head", "line", "said"),
    [
        ({"InvoiceDate": "14.03.2026"}, {}, "InvoiceDate is '14.03.2026'"),
        ({"ModifiedDate": "yesterday"}, {}, "ModifiedDate is 'yesterday'"),
        ({"Identity": None}, {}, "Identity is None"),
        ({"NetCurrAmount": "NaN"}, {}, "NetCurrAmount"),
        ({}, {"Account": None}, "posting line: Account is None"),
        ({}, {"CurrencyAmount": "x"}, "posting line: CurrencyAmount is 'x'"),
    ],
)
def test_what_cannot_be_read_is_named(
    proposals: PostingProposals, head: dict[str, Any], line: dict[str, Any], said: str
) -> None:
    """The record is held with the attribute and value to look at."""
    with pytest.raises(RecordError, match=said) as caught:
        proposals.invoice(written(HEAD, **head), [written(LINE, **line)])
    assert caught.value.cause is Cause.UNREADABLE


def test_other_attribute_names_are_read_by_aliases(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """A tenant's names replace ours in head and lines."""
    aliases = {"number": "Cf_Number", "lines.account": "Cf_Account"}
    proposals = PostingProposals(open_client(ifs, sets={"posting_proposal": {"aliases": aliases}}))
    invoice = proposals.invoice(written(HEAD, Cf_Number="X-1"), [written(LINE, Cf_Account="5000")])
    assert invoice.number == "X-1"
    assert invoice.lines[0].account == "5000"


def test_ten_thousand_invoices_are_parsed_in_a_moment(proposals: PostingProposals) -> None:
    """Reading is never what a run waits for."""
    head, lines = written(HEAD), [written(LINE, RowId=number) for number in range(1, 4)]
    start = time.perf_counter()
    for _ in range(10_000):
        proposals.invoice(head, lines)
    assert time.perf_counter() - start < 5.0


# Looking


def test_a_period_gives_the_invoices_dated_in_it(proposals: PostingProposals, world: World) -> None:
    """First and last day belong to the period."""
    dates = sorted(invoice.invoice_date for invoice in in_company(world, "10"))
    first, last = dates[5], dates[-5]
    found = {invoice.invoice_id for invoice in proposals.in_period("10", first=first, last=last)}
    assert found == {one.id for one in in_company(world, "10") if first <= one.invoice_date <= last}


def test_an_unreadable_invoice_is_left_out_of_a_period(
    ifs: IfsSandbox, proposals: PostingProposals, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The others come, and the log names the one that does not."""
    bad = in_company(world, "10")[3]
    ifs.people.edit_invoice("10", bad.id, Currency=None)
    found = list(proposals.in_period("10", first=date(2020, 1, 1), last=date(2030, 1, 1)))
    assert len(found) == len(in_company(world, "10")) - 1
    assert "record left out" in caplog.text


def test_an_invoice_is_found_by_supplier_and_number(proposals: PostingProposals, world: World) -> None:
    """The number alone is not enough: suppliers number as they like."""
    wanted = next(one for one in in_company(world, "10") if one.state == "Balanced")
    found = proposals.find("10", wanted.supplier, number=wanted.number)
    assert found is not None
    assert found.invoice_id == wanted.id
    assert proposals.find("10", "S-0000", number=wanted.number) is None


def test_a_cancelled_invoice_is_not_found(ifs: IfsSandbox, proposals: PostingProposals, world: World) -> None:
    """A number may be used again after the first invoice was cancelled."""
    wanted = next(one for one in in_company(world, "10") if one.state == "Balanced")
    ifs.people.cancel_invoice("10", wanted.id)
    assert proposals.find("10", wanted.supplier, number=wanted.number) is None


# Marks


def a_fresh_invoice(proposals: PostingProposals, world: World) -> SupplierInvoice:
    return proposals.read("10", next(one for one in in_company(world, "10") if one.state == "Balanced").id)


def test_marks_are_written_under_the_etag(ifs: IfsSandbox, proposals: PostingProposals, world: World) -> None:
    """The marks stand in IFS, the answer's ETag is the next one, and it is the one a fresh read gives."""
    invoice = a_fresh_invoice(proposals, world)
    etag = proposals.mark(invoice, {"sent": "ramp:bill_1"})
    assert ifs.invoices["10", invoice.invoice_id]["Cf_Spend_Reference"] == "ramp:bill_1"
    fresh = proposals.read("10", invoice.invoice_id)
    assert fresh.sent_mark == "ramp:bill_1"
    assert fresh.etag == etag != invoice.etag
    proposals.mark(fresh, {"paid_status": "PAID", "paid_date": date(2026, 11, 14), "payment_reference": "p-1"})
    paid = proposals.read("10", invoice.invoice_id)
    assert (paid.paid_status, paid.paid_date, paid.payment_reference) == ("PAID", date(2026, 11, 14), "p-1")
    patch = ifs.journal.writes()[-1]
    assert patch.headers["if-match"] == fresh.etag


def test_a_stale_mark_is_refused(proposals: PostingProposals, world: World) -> None:
    """Somebody changed the invoice meanwhile: read again, decide again."""
    invoice = a_fresh_invoice(proposals, world)
    proposals.mark(invoice, {"sent": "first"})
    with pytest.raises(StaleRecordError):
        proposals.mark(invoice, {"sent": "second"})


@pytest.mark.parametrize("etag", [None, "", "*"])
def test_nothing_is_marked_without_an_etag(ifs: IfsSandbox, proposals: PostingProposals, etag: str | None) -> None:
    """A change without protection is never sent."""
    invoice = proposals.invoice(written(HEAD | {"@odata.etag": etag}))
    before = len(ifs.journal.writes())
    with pytest.raises(ConfigurationError, match="ETag"):
        proposals.mark(invoice, {"sent": "x"})
    assert len(ifs.journal.writes()) == before


def test_a_mark_the_tenant_has_not_is_not_sent(ifs: IfsSandbox, open_client: OpenIfs, world: World) -> None:
    """Without an attribute for it nothing goes out and the ETag stays."""
    proposals = PostingProposals(open_client(ifs, marks={"sent": None}))
    invoice = a_fresh_invoice(proposals, world)
    before = len(ifs.journal.writes())
    assert proposals.mark(invoice, {"sent": "x"}) == invoice.etag
    assert len(ifs.journal.writes()) == before


def test_only_marks_are_marked(proposals: PostingProposals, world: World) -> None:
    """No other attribute of an invoice is ours to change."""
    with pytest.raises(ConfigurationError, match="net is not a mark"):
        proposals.mark(a_fresh_invoice(proposals, world), {"net": Decimal(0)})


# Creating


def new_proposal(**changes: Any) -> NewProposal:
    given: dict[str, Any] = {
        "company": "10",
        "supplier": "S-1001",
        "series": "SI",
        "number": "NEW-1",
        "invoice_type": "SUPPINV",
        "invoice_date": date(2026, 11, 10),
        "due_date": date(2026, 12, 10),
        "currency": "EUR",
        "net": Decimal("1000.10"),
        "vat": Decimal("210.02"),
        "lines": (PostingLine("4010", Decimal("600.10"), text="Steel"), PostingLine("4010", Decimal("400.00"))),
    }
    return NewProposal(**(given | changes))


@pytest.mark.parametrize("batch", [True, False])
def test_a_new_invoice_has_its_lines(ifs: IfsSandbox, open_client: OpenIfs, world: World, batch: bool) -> None:
    """In one change set, or header first and lines after it, the invoice is the same."""
    proposals = PostingProposals(open_client(ifs, batch=batch))
    account = next(line.account for line in in_company(world, "10")[0].lines)
    supplier = in_company(world, "10")[0].supplier
    lines = (PostingLine(account, Decimal("600.10"), text="Steel"), PostingLine(account, Decimal("400.00")))
    made = proposals.create(new_proposal(supplier=supplier, lines=lines, text="Büro & Co"))
    invoice = proposals.read("10", made.invoice_id)
    assert (invoice.number, invoice.net, invoice.text) == ("NEW-1", Decimal("1000.10"), "Büro & Co")
    assert [line.amount for line in invoice.lines] == [Decimal("600.10"), Decimal("400.00")]
    found = proposals.find("10", supplier, number="NEW-1")
    assert found is not None
    assert found.invoice_id == made.invoice_id


def test_lines_must_add_up_before_anything_is_sent(ifs: IfsSandbox, proposals: PostingProposals) -> None:
    """A wrong sum is ours to find, not IFS's."""
    before = len(ifs.journal.writes())
    with pytest.raises(RecordError) as caught:
        proposals.create(new_proposal(net=Decimal(999)))
    assert caught.value.cause is Cause.AMOUNT_MISMATCH
    assert len(ifs.journal.writes()) == before


@pytest.mark.parametrize("batch", [True, False])
def test_a_refused_line_leaves_no_header(ifs: IfsSandbox, open_client: OpenIfs, world: World, batch: bool) -> None:
    """All of the document or nothing of it."""
    proposals = PostingProposals(open_client(ifs, batch=batch))
    supplier = in_company(world, "10")[0].supplier
    account = in_company(world, "10")[0].lines[0].account
    lines = (PostingLine(account, Decimal("600.10")), PostingLine("0000", Decimal("400.00")))
    with pytest.raises(RecordError, match="0000"):
        proposals.create(new_proposal(supplier=supplier, lines=lines))
    assert proposals.find("10", supplier, number="NEW-1") is None


@pytest.mark.parametrize(
    "number", ["9" * 5000, "1" + "0" * 400, 10**30, "\u0663", "-1", "1_000", " 7", "", [7], None, 1.5, True]
)
def test_an_invoice_whose_number_is_none_is_told_as_such(ifs: IfsSandbox, client: IfsClient, number: object) -> None:
    """By its row; no number makes the list end."""
    rows = [{"Company": "10", "InvoiceId": number}]
    ifs.faults.once(
        "status", method="GET", path_part="PostingProposalHeadSet", status=200, body=json.dumps({"value": rows})
    )
    (head,) = PostingProposals(client).changed_since("10", None)
    assert head.problem
    assert head.invoice_id == 0
