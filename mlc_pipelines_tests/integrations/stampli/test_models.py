"""Models: what a record of a file becomes, its key, and the hash of its content."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.stampli.feeds import InvoiceFeed, OrderFeed, VendorFeed
from mlc_pipelines.integrations.stampli.models import (
    Invoice,
    invoice_key,
    key_of,
    read_invoice,
    read_order,
    read_vendor,
    reference_of,
    status_of,
)
from mlc_pipelines_tests.integrations.stampli.builders import (
    COLUMNS,
    FIRST,
    HEADER,
    SECOND,
    csv_records,
    feed,
    invoice,
    line,
    lines,
)


def read(*rows: str, header: str = HEADER, **given: Any) -> Invoice:
    chosen = feed(**given)
    (record,) = csv_records(lines(*rows, header=header), chosen)
    return read_invoice(record, chosen)


def test_a_record_becomes_an_invoice() -> None:
    """Typed and exact."""
    found = read(FIRST, SECOND)
    assert (found.key, found.company, found.number) == ("10^S-2201^NT-118^INVOICE", "10", "NT-118")
    assert (found.total, found.tax, found.freight) == (Decimal("1250.00"), Decimal("50.00"), Decimal(0))
    assert (found.invoice_date, found.due_date, found.posted_on) == (date(2026, 11, 3), None, date(2026, 11, 3))
    assert [(each.gl_account, each.cost_center, each.amount) for each in found.lines] == [
        ("6110", "300", Decimal("700.00")),
        ("6120", "310", Decimal("500.00")),
    ]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("NT-118", "", "row 2: invoice_number is missing"),
        ("NT-118", "1.23E+11", "row 2: invoice_number is '1.23E+11': a spreadsheet"),
        (",6110,", ",,", "row 2: line 1 has no gl_account"),
        (",6110,", ",6.1E+3,", "row 2: gl_account of line 1 is"),
        (",300,", ",3E+2,", "row 2: cost_center of line 1 is"),
        ("700.00", "", "row 2: amount is missing"),
        ("700.00", "700,00", "row 2"),
        ("2026-11-03", "", "row 2: invoice_date is missing"),
        ("2026-11-03", "11/03/2026", "row 2: invoice_date is '11/03/2026'"),
        ("USD", "", "row 2: currency is missing"),
        ("USD", "US", "row 2: currency 'US' is not a currency"),
        ("Approved", "", "row 2: status is missing"),
        ("1250.00", "", "row 2: total_amount is missing"),
        ('S-2201,"Nordtek, Inc."', ",", "row 2: vendor_name is missing"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_row(before: str, after: str, problem: str) -> None:
    """Field, value and row, for whoever looks for it in the file."""
    if after == "700,00":
        after = '"700,00"'
    with pytest.raises(RecordError) as caught:
        read(FIRST.replace(before, after, 1))
    assert caught.value.cause is Cause.UNREADABLE
    assert problem in str(caught.value)


def test_numbers_in_the_file_stay_as_they_are() -> None:
    """00123 is not 123, neither as a number nor as an account."""
    found = read(FIRST.replace("NT-118", "00118").replace(",6110,", ",0061,"))
    assert (found.number, found.lines[0].gl_account) == ("00118", "0061")


def test_a_line_without_number_is_counted() -> None:
    """By its order in the file."""
    columns = {name: column for name, column in COLUMNS.items() if name != "line_no"}
    assert [each.line_no for each in read(FIRST, SECOND, columns=columns).lines] == ["1", "2"]


def test_further_code_parts_come_along() -> None:
    """By letter."""
    found = read(f"{FIRST},N1", header=f"{HEADER},Plant", columns={**COLUMNS, "dimension_C": "Plant"})
    assert found.lines[0].parts == {"C": "N1"}


TYPED = {**COLUMNS, "document_type": "Type"}


@pytest.mark.parametrize(
    ("word", "sign", "kind", "total"),
    [
        ("Invoice", "", "INVOICE", "1250.00"),
        ("", "", "INVOICE", "1250.00"),
        ("credit", "", "CREDIT", "-1250.00"),
        ("CREDIT", "-", "CREDIT", "-1250.00"),
    ],
)
def test_a_credit_is_below_zero_however_it_is_written(word: str, sign: str, kind: str, total: str) -> None:
    """All amounts turn together."""
    text = FIRST.replace("1250.00,50.00", f"{sign}1250.00,{sign}50.00").replace("700.00", f"{sign}700.00")
    found = read(f"{text},{word}", header=f"{HEADER},Type", columns=TYPED)
    assert (found.document_type, found.total) == (kind, Decimal(total))
    assert (found.tax < 0) == (found.lines[0].amount < 0) == (kind == "CREDIT")
    assert found.key.endswith(f"^{kind}")


def test_an_unknown_type_is_held() -> None:
    """Not taken for an invoice."""
    with pytest.raises(RecordError, match="document_type is 'Memo'"):
        read(f"{FIRST},Memo", header=f"{HEADER},Type", columns=TYPED)
    table = {"Memo": "CREDIT"}
    found = read(f"{FIRST},memo", header=f"{HEADER},Type", columns=TYPED, document_types=table)
    assert found.document_type == "CREDIT"


def test_the_key_is_company_vendor_number_and_type() -> None:
    """Normalised; a vendor without a number goes by its name."""
    chosen = feed()
    (record,) = csv_records(lines(FIRST.replace("NT-118", " nt-118").replace("S-2201", "")), chosen)
    assert invoice_key(record, chosen) == "10^NORDTEK, INC.^NT-118^INVOICE"
    (record,) = csv_records(lines(FIRST.replace("NT-118", "")), chosen)
    assert invoice_key(record, chosen) is None


def test_parts_of_a_key_do_not_run_together() -> None:
    """A sign between parts cannot come from inside one."""
    assert key_of("a^b", "c") != key_of("a", "b^c")
    assert key_of("a%5Eb") != key_of("a^b")


def test_the_reference_is_twenty_signs_of_the_hash() -> None:
    """The same each time, another for another key."""
    assert len(reference_of("10^S-1^A^INVOICE")) == 20
    assert reference_of("10^S-1^A^INVOICE") == reference_of("10^S-1^A^INVOICE") != reference_of("10^S-1^B^INVOICE")


@pytest.mark.parametrize(
    "same",
    [
        {"status_word": "Paid"},
        {"vendor_name": "Another spelling"},
        {"total": Decimal("1250.0")},
        {"payment_terms": "Net 30", "po_number": "P-1"},
        {"lines": tuple(reversed(invoice().lines))},
    ],
)
def test_status_and_spelling_are_not_content(same: dict[str, Any]) -> None:
    """What a re-export may change without changing what was posted."""
    assert invoice(**same).content_hash() == invoice().content_hash()


@pytest.mark.parametrize(
    "other",
    [
        {"total": Decimal("1250.01")},
        {"tax": Decimal("50.01")},
        {"freight": Decimal("1.00")},
        {"currency": "EUR"},
        {"invoice_date": date(2026, 11, 4)},
        {"due_date": date(2026, 12, 4)},
        {"gl_date": date(2026, 11, 5)},
        {"vendor_id": "S-2202"},
        {"company": "20"},
        {"lines": (line(),)},
        {"lines": (line(cost_center="301"), invoice().lines[1])},
        {"lines": (line(parts={"C": "N1"}), invoice().lines[1])},
    ],
)
def test_money_dates_vendor_and_coding_are_content(other: dict[str, Any]) -> None:
    """What must not change behind our back after posting."""
    assert invoice(**other).content_hash() != invoice().content_hash()


def test_statuses_go_by_the_table() -> None:
    """Whatever the case; an unknown word is none."""
    chosen: InvoiceFeed = feed()
    assert status_of(" pending APPROVAL", chosen) == "PENDING"
    assert status_of("Parked", chosen) is None


def test_a_vendor_and_an_order_are_read() -> None:
    """With all that the list tells of them."""
    vendor_feed = VendorFeed.model_validate(
        {"directory": "/v", "columns": {"vendor_id": "ID", "vendor_name": "Name", "country": "Country"}}
    )
    (record,) = csv_records(b"ID,Name,Country\nV-1,Nordtek,us\n", vendor_feed)
    vendor = read_vendor(record, vendor_feed)
    assert (vendor.id, vendor.name, vendor.country) == ("V-1", "Nordtek", "US")
    columns = {"company": "Company", "po_number": "PO", "line_no": "Line", "quantity": "Quantity"}
    order_feed = OrderFeed.model_validate({"directory": "/o", "columns": columns})
    (record,) = csv_records(b"Company,PO,Line,Quantity\n10,P-1,1,5\n10,P-1,2,6\n", order_feed)
    order = read_order(record, order_feed)
    assert (order.company, order.number, [each["quantity"] for each in order.lines]) == ("10", "P-1", ["5", "6"])
    (record,) = csv_records(b"Company,PO,Line,Quantity\n10,1.5E+9,1,5\n", order_feed)
    with pytest.raises(RecordError, match="row 2: po_number"):
        read_order(record, order_feed)
