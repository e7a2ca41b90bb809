"""Tests of the dictionary between IFS and BILL."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.bill.mapping import (
    changes,
    mark,
    marked,
    to_bill,
    to_supplier,
    to_vendor,
)
from mlc_pipelines_tests.integrations.bill.builders import (
    KEY,
    posting_line,
    settings,
    supplier,
    supplier_invoice,
    vendor,
    words,
)


def held(problem: pytest.ExceptionInfo[RecordError]) -> tuple[Cause, str | None]:
    return problem.value.cause, problem.value.key


# Marks


@pytest.mark.parametrize("more", ["", "; PO P-4711", ";x"])
def test_a_bill_of_ours_is_known_by_how_its_description_begins(more: str) -> None:
    """Whatever stands behind the key."""
    assert marked(mark(KEY) + more) == KEY


@pytest.mark.parametrize("text", [None, "", "10^1001", "see IFS 10^1001", "IFS invoice", "IFS 10^1001 copy", "IFS 10"])
def test_a_bill_of_somebody_else_is_not_taken_for_ours(text: str | None) -> None:
    """Only the fixed form counts, at the very start."""
    assert marked(text) is None


@given(company=st.text("ABC0123456789-_", min_size=1, max_size=10), number=st.integers(0, 10**12))
def test_every_key_can_be_read_back(company: str, number: int) -> None:
    """One invoice's mark is never a part of another's."""
    key = f"{company}^{number}"
    assert marked(mark(key)) == key
    assert marked(mark(key) + "; PO P-1, P-2") == key


# Vendors


def test_a_supplier_becomes_a_vendor_with_its_id_for_people() -> None:
    """The id goes into the short name, never into `accountNumber`, which is printed on payments."""
    described = to_vendor(supplier(), "USD")
    assert described == {
        "name": "Buckeye Castings LLC",
        "shortName": "IFS-S-2001",
        "accountType": "BUSINESS",
        "address": {
            "line1": "2100 Foundry Rd",
            "city": "Dayton",
            "stateOrProvince": "OH",
            "zipOrPostalCode": "45402",
            "country": "US",
        },
        "email": "ar@buckeye-castings.example",
        "phone": "+1 937 555 0121",
        "billCurrency": "USD",
    }


def test_what_ifs_does_not_have_is_left_out() -> None:
    """E-mail and phone are not demanded; the currency is the organization's own then."""
    described = to_vendor(supplier(email=None, phone="", state=None, currency=None), "EUR")
    assert not {"email", "phone"} & set(described)
    assert "stateOrProvince" not in described["address"]
    assert described["billCurrency"] == "EUR"


def test_a_supplier_without_what_bill_demands_is_held() -> None:
    """All that is missing is named at once."""
    with pytest.raises(RecordError, match="lacks address and zip code and country") as caught:
        to_vendor(supplier(address=None, zip_code="", country=None), "USD")
    assert held(caught) == (Cause.SUPPLIER_INCOMPLETE, "supplier:S-2001")


def test_equal_vendors_need_no_change() -> None:
    """BILL leaves unset fields out, and what IFS lacks is no difference."""
    assert changes(vendor(), to_vendor(supplier(), "USD"), settings()) == {}
    assert changes(vendor(), to_vendor(supplier(email=None, phone=None), "USD"), settings()) == {}


def test_a_field_is_changed_left_or_held_as_the_connection_says() -> None:
    """By whose word counts."""
    moved = to_vendor(supplier(city="Xenia", email="new@buckeye.example"), "USD")
    assert changes(vendor(), moved, settings()) == {"address": moved["address"], "email": "new@buckeye.example"}
    theirs = settings(field_authority={"email": "bill"})
    assert changes(vendor(), moved, theirs) == {"address": moved["address"]}
    with pytest.raises(RecordError, match="differ in email") as caught:
        changes(vendor(), moved, settings(field_authority={"email": "hold"}))
    assert caught.value.cause is Cause.VENDOR_CONFLICT


def test_a_vendor_born_in_bill_becomes_a_supplier_with_its_address() -> None:
    """Bank data is not among it."""
    assert to_supplier(vendor(billCurrency="USD"), "B-1") == {
        "id": "B-1",
        "name": "Buckeye Castings LLC",
        "country": "US",
        "currency": "USD",
        "email": "ar@buckeye-castings.example",
        "phone": "+1 937 555 0121",
        "address": "2100 Foundry Rd",
        "city": "Dayton",
        "state": "OH",
        "zip_code": "45402",
    }


def test_a_vendor_without_a_country_makes_no_supplier() -> None:
    """It is completed in BILL."""
    with pytest.raises(RecordError) as caught:
        to_supplier(vendor(address={"line1": "somewhere"}), "B-1")
    assert caught.value.cause is Cause.SUPPLIER_INCOMPLETE


# Bills


def test_an_invoice_becomes_a_bill_with_every_line_coded() -> None:
    """Account and department on the line, tax on a line of its own."""
    invoice = supplier_invoice(posting_line("70.10", B="300"), posting_line("29.90", C="P1"), vat=Decimal("8.25"))
    made = to_bill(invoice, KEY, words())
    assert made["lines"] == [
        {
            "amount": "70.10",
            "description": "Bearings",
            "classifications": {"chartOfAccountId": "0caBEARINGS", "departmentId": "0de300"},
        },
        {"amount": "29.90", "description": "Bearings", "classifications": {"chartOfAccountId": "0caBEARINGS"}},
        {"amount": "8.25", "description": "VAT", "classifications": {"chartOfAccountId": "0caTAX"}},
    ]
    assert (made["vendor_id"], made["invoice_number"]) == ("009V", "INV-7781")
    assert (made["invoice_date"], made["due_date"]) == ("2026-10-02", "2026-11-01")


def test_an_invoice_without_a_due_date_is_due_at_once() -> None:
    """BILL demands one."""
    assert to_bill(supplier_invoice(due_date=None), KEY, words())["due_date"] == "2026-10-02"


@pytest.mark.parametrize(
    ("reference", "number", "description"),
    [
        (None, "", "IFS 10^1001"),
        ("P-4711", "P-4711", "IFS 10^1001; PO P-4711"),
        ("P-4711, P-4712;P-4711", "P-4711, P-4712", "IFS 10^1001; PO P-4711, P-4712, P-4711"),
        ("P-4711/1/1 P-4711/2/1", "P-4711", "IFS 10^1001; PO P-4711/1/1, P-4711/2/1"),
    ],
)
def test_orders_stand_in_their_field_and_their_lines_in_the_description(
    reference: str | None, number: str, description: str
) -> None:
    """BILL has no purchase orders, only a text on the bill."""
    made = to_bill(supplier_invoice(po_reference=reference), KEY, words())
    assert (made["purchase_order_number"], made["description"]) == (number, description)


def test_orders_beyond_the_length_of_the_field_stand_in_the_description_only() -> None:
    """None is cut in the middle, and the key at the start is never cut."""
    many = ", ".join(f"P-{number}" for number in range(1000, 1200))
    short = {"purchase_order_length": 13, "description_length": 60}
    made = to_bill(supplier_invoice(po_reference=many), KEY, words(with_settings=short))
    assert made["purchase_order_number"] == "P-1000"
    assert len(made["description"]) == 60
    assert marked(made["description"]) == KEY


@pytest.mark.parametrize(
    ("invoice", "dictionary", "cause", "key"),
    [
        (supplier_invoice(net=Decimal("-1")), {}, Cause.CREDIT_NOTE, None),
        (supplier_invoice(invoice_type="SUPPCREDIT"), {}, Cause.CREDIT_NOTE, None),
        (supplier_invoice(net=Decimal("99.99")), {}, Cause.AMOUNT_MISMATCH, None),
        (supplier_invoice(posting_line("0.001")), {}, Cause.AMOUNT_INEXACT, None),
        (supplier_invoice(currency="XXL"), {}, Cause.UNREADABLE, None),
        (supplier_invoice(posting_line("110"), posting_line("-10")), {}, Cause.NEGATIVE_LINE, None),
        (supplier_invoice(vat=Decimal("-1"), net=Decimal(100)), {}, Cause.NEGATIVE_LINE, None),
        (supplier_invoice(supplier="S-9"), {}, Cause.SUPPLIER_UNKNOWN, "vendor:S-9"),
        (supplier_invoice(currency="EUR"), {}, Cause.VENDOR_CONFLICT, "vendor_currency:009V"),
        (supplier_invoice(posting_line(account="6990")), {}, Cause.ACCOUNT_UNMAPPED, "bill_account:10^6990"),
        (supplier_invoice(), {"accounts": {"4020": "4020"}}, Cause.ACCOUNT_UNMAPPED, "account:4010"),
        (supplier_invoice(posting_line(B="310")), {}, Cause.DIMENSION_UNMAPPED, "bill_dimension:10^B^310"),
        (supplier_invoice(vat=Decimal(1)), {"tax_accounts": {"20": "1400"}}, Cause.TAX_UNMAPPED, "tax_account:10"),
    ],
)
def test_what_cannot_be_a_bill_is_held_with_its_cause(
    invoice: Any, dictionary: dict[str, Any], cause: Cause, key: str | None
) -> None:
    """And with the word that releases it when it is learned, where there is one."""
    with pytest.raises(RecordError) as caught:
        to_bill(invoice, KEY, words(**dictionary))
    assert held(caught) == (cause, key)


def test_a_vendor_of_unknown_currency_is_billed_in_none() -> None:
    """Not even in that of the organization: a hundred of one would become a hundred of another."""
    with pytest.raises(RecordError, match="billed in no readable currency") as caught:
        to_bill(supplier_invoice(), KEY, words(currencies={}))
    assert caught.value.key == "vendor_currency:009V"


def test_negative_lines_go_where_the_connection_allows_them() -> None:
    """The total still has to be right."""
    invoice = supplier_invoice(posting_line("110"), posting_line("-10"))
    made = to_bill(invoice, KEY, words(with_settings={"negative_lines": True}))
    assert [line["amount"] for line in made["lines"]] == ["110.00", "-10.00"]


def test_yen_have_no_places() -> None:
    """The places are those of the currency."""
    invoice = supplier_invoice(posting_line("1200"), currency="JPY")
    made = to_bill(invoice, KEY, words(currencies={"009V": "JPY"}))
    assert made["lines"][0]["amount"] == "1200"


@given(st.lists(st.decimals("0.01", "99999.99", places=2), min_size=1, max_size=12), st.decimals("0", "999", places=2))
def test_lines_and_tax_are_the_invoice_to_the_cent(amounts: list[Decimal], vat: Decimal) -> None:
    """For any amounts."""
    invoice = supplier_invoice(*(posting_line(str(amount)) for amount in amounts), vat=vat)
    made = to_bill(invoice, KEY, words())
    assert sum(Decimal(line["amount"]) for line in made["lines"]) == invoice.gross


def test_what_differs_only_in_our_marks_is_the_same_bill() -> None:
    """A bill is made of what matters."""
    invoice = supplier_invoice()
    assert to_bill(invoice, KEY, words()) == to_bill(replace(invoice, sent_mark="bill:00nB"), KEY, words())
