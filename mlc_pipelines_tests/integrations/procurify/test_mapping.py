"""Tests of the dictionary: what invoice and voucher become of a bill, and what holds it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.procurify.mapping import bill_of, to_document, to_supplier
from mlc_pipelines_tests.integrations.procurify.builders import (
    allocation,
    bill,
    expired,
    line,
    settings,
    vendor,
    words,
)

Row = tuple[str, dict[str, str], str | None, str | None]


def document(fields: dict[str, Any] | None = None, told: dict[str, Any] | None = None, **rules: Any) -> dict[str, Any]:
    return to_document(bill(**fields or {}), "10", words(**told or {}), settings(**rules), content="c0ffee" * 4)


def held(fields: dict[str, Any] | None = None, told: dict[str, Any] | None = None, **rules: Any) -> RecordError:
    with pytest.raises(RecordError) as caught:
        document(fields, told, **rules)
    return caught.value


def rows(made: dict[str, Any]) -> list[Row]:
    return [(row["account"], row["parts"], row["debit"], row["credit"]) for row in made["voucher"]["rows"]]


def lines(made: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["account"], row["amount"]) for row in made["invoice"]["lines"]]


def test_a_bill_becomes_an_invoice() -> None:
    """One line per allocation; the text begins with the bill and its content."""
    head = document()["invoice"]
    assert lines({"invoice": head}) == [("6110", "600.00"), ("6120", "400.00")]
    assert (head["supplier"], head["number"], head["invoice_type"]) == ("S-2201", "NT-2026-118", "SUPPINV")
    assert (head["invoice_date"], head["due_date"], head["pay_term"]) == ("2026-03-30", "2026-04-29", "30")
    assert (head["net"], head["vat"], head["currency"]) == ("1000.00", "250.00", "EUR")
    assert head["text"].startswith("PROCURIFY:4711:c0ffeec0ffee Nordtek AB")
    assert bill_of(head["text"]) == "4711"


def test_a_bill_becomes_a_voucher_with_tax_on_a_row_of_its_own() -> None:
    """The approving department on every cost, none on tax and creditor, the bill's id as reference."""
    made = document()
    assert rows(made) == [
        ("6110", {"B": "300"}, "600.00", None),
        ("6120", {"B": "300"}, "400.00", None),
        ("1400", {}, "250.00", None),
        ("2400", {}, None, "1250.00"),
    ]
    assert (made["voucher"]["reference"], made["voucher"]["date"]) == ("4711", "2026-03-30")


def test_the_posting_date_is_that_of_the_ledger_where_there_is_one() -> None:
    """The invoice keeps its own date."""
    made = document({"gl_post_date": "2026-04-02"})
    assert (made["voucher"]["date"], made["invoice"]["invoice_date"]) == ("2026-04-02", "2026-03-30")


def test_without_rules_there_is_no_voucher() -> None:
    """IFS posts the invoice itself, then."""
    assert document(None, {"vouchers": None})["voucher"] is None


def test_the_allocation_may_keep_its_own_cost_center() -> None:
    """A setting; the trail says how often both differ."""
    made = document(cost_center_source="allocation")
    assert [parts for _, parts, *_ in rows(made)[:2]] == [{"B": "300"}, {"B": "310"}]
    assert made["notes"] == {"cost_center_differs": "1 of 2 allocations"}


def test_without_an_approver_the_allocation_keeps_its_own_cost_center() -> None:
    """After an automatic approval, or when the approver was deleted."""
    assert [parts for _, parts, *_ in rows(document({"bill_statuses": []}))[:2]] == [{"B": "300"}, {"B": "310"}]


def test_a_department_is_found_by_external_id_then_by_id() -> None:
    """A table by either goes first, one of the company before all."""
    table = {"cost_centers": {"10^3": "200", "310": "300"}}
    made = document(None, table, cost_center_source="allocation")
    assert [parts for _, parts, *_ in rows(made)[:2]] == [{"B": "200"}, {"B": "300"}]


def test_amounts_that_do_not_come_out_even_lose_nothing() -> None:
    """What rounding leaves goes to the largest line."""
    thirds = [allocation("33.33333333"), allocation("33.33333333"), allocation("33.33333334", "6120")]
    made = document({"items": [line(*thirds, total=100.0)], "total_cost_with_tax": 350.0})
    assert lines(made) == [("6110", "33.33"), ("6110", "33.33"), ("6120", "33.34")]


def test_whole_currencies_have_no_cents() -> None:
    """Ten thousand yen in three are whole yen."""
    thirds = [allocation("3333.33333333"), allocation("3333.33333333"), allocation("3333.33333334", "6120")]
    made = document(
        {"items": [line(*thirds)], "currency": {"name": "JPY"}, "total_cost_with_tax": 10250.0, "tax_amount": 250}
    )
    assert lines(made) == [("6110", "3333"), ("6110", "3333"), ("6120", "3334")]
    assert (made["invoice"]["net"], made["invoice"]["vat"]) == ("10000", "250")


@pytest.mark.parametrize(("total", "largest"), [(1250.01, "600.01"), (1249.99, "599.99")])
def test_a_difference_of_one_minor_unit_is_rounding(total: float, largest: str) -> None:
    """It goes to the largest line."""
    assert lines(document({"total_cost_with_tax": total}))[0] == ("6110", largest)


@pytest.mark.parametrize("total", [1250.02, 1249.98, 1240.0, 0.0])
def test_a_larger_difference_is_held(total: float) -> None:
    """Both sums are named."""
    error = held({"total_cost_with_tax": total})
    assert (error.cause, "off the total" in str(error)) == (Cause.AMOUNT_MISMATCH, True)


def test_the_noise_of_a_float_is_no_money() -> None:
    """Totals are sums of binary floats (documented)."""
    assert document({"total_cost_with_tax": 1250.0000000000002})["invoice"]["net"] == "1000.00"


def test_a_total_finer_than_its_currency_is_held() -> None:
    """Nobody may guess which way to round it."""
    assert held({"total_cost_with_tax": 1250.005}).cause is Cause.AMOUNT_INEXACT


def test_shipping_and_costs_are_posted() -> None:
    """Shipping on its account, each cost on the account of its allocation."""
    made = document(
        {
            "shipping_amount": 20.0,
            "costs": [{"name": "Freight", "amount": "30.00", "cost_allocation": allocation("30.00", "6120")}],
            "total_cost_with_tax": 1300.0,
        }
    )
    assert lines(made)[2:] == [("6120", "30.00"), ("4200", "20.00")]
    assert made["invoice"]["net"] == "1050.00"


def test_tax_is_posted_by_name() -> None:
    """Each tax of the lines has its account; what the lines do not explain is held, but for a cent."""
    taxed = [
        line(allocation("600"), tax_name="VAT 25 %", tax_amount=200.0, tax_is_inclusive=False),
        line(allocation("400"), tax_name="VAT 12 %", tax_amount="50.00", tax_is_inclusive=False),
    ]
    told = {"tax_accounts": {"10^VAT 12 %": "6120", "VAT 25 %": "1400"}}
    assert rows(document({"items": taxed}, told))[2:4] == [
        ("1400", {}, "200.00", None),
        ("6120", {}, "50.00", None),
    ]
    error = held({"items": taxed, "exclusive_tax_amount": 249.0, "total_cost_with_tax": 1249.0}, told)
    assert (error.cause, "taxes of the lines" in str(error)) == (Cause.AMOUNT_MISMATCH, True)


def test_inclusive_tax_is_inside_the_lines() -> None:
    """It is posted with the cost, unless this tenant's lines leave it out."""
    inside: dict[str, Any] = {
        "items": [line(allocation("1000"), tax_name="VAT", tax_amount=200.0, tax_is_inclusive=True)],
        "tax_amount": 200.0,
        "exclusive_tax_amount": 0.0,
        "inclusive_tax_amount": 200.0,
        "total_cost_with_tax": 1000.0,
    }
    assert rows(document(inside)) == [("6110", {"B": "300"}, "1000.00", None), ("2400", {}, None, "1000.00")]
    apart = inside | {"total_cost_with_tax": 1200.0}
    assert [row[0] for row in rows(document(apart, inclusive_tax="apart"))] == ["6110", "1400", "2400"]


def credit() -> dict[str, Any]:
    amounts = {"tax_amount": -25.0, "exclusive_tax_amount": -25.0, "total_cost_with_tax": -125.0}
    return {"items": [line(allocation("-100.00000000"), total=-100.0)], **amounts}


def test_a_negative_bill_is_a_credit_note() -> None:
    """Every side turned round."""
    made = document(credit())
    assert (made["invoice"]["invoice_type"], made["invoice"]["net"], made["invoice"]["vat"]) == (
        "SUPPCREDIT",
        "-100.00",
        "-25.00",
    )
    assert [(account, debit, credited) for account, _, debit, credited in rows(made)] == [
        ("6110", None, "100.00"),
        ("1400", None, "25.00"),
        ("2400", "125.00", None),
    ]


def test_credit_notes_may_be_left_to_a_person() -> None:
    """By the setting."""
    assert held(credit(), credit_notes="hold").cause is Cause.CREDIT_NOTE


@pytest.mark.parametrize(
    ("number", "booked"),
    [(" nt-2026  118 ", "NT-2026 118"), ("№ 007/a", "NO 007/A"), (None, "PRC-4711"), ("  ", "PRC-4711")],
)
def test_numbers_are_normalised(number: str | None, booked: str) -> None:
    """Upper case, one space, NFKC; zeros, dashes and slashes stay. A bill without one is known by its id."""
    assert document({"invoice_number": number})["invoice"]["number"] == booked


def test_orders_are_named_as_far_as_they_fit() -> None:
    """Whole numbers only; the trail says which are known, and which belong to another vendor."""
    orders = [{"number": str(1000000000 + place)} for place in range(9)]
    told = {"orders": {"1000000000": "88^EUR^5", "1000000001": "99^EUR^5"}}
    made = document({"added_purchase_orders": orders}, told)
    assert made["invoice"]["po_reference"] == "1000000000, 1000000001, 1000000002, 1000000003"
    assert "1000000001 of another vendor" in made["notes"]["orders"]
    known = document({"added_purchase_orders": orders[:1]}, told)
    assert known["notes"]["orders"] == "1000000000 known"


@pytest.mark.parametrize(
    ("fields", "told", "cause", "key"),
    [
        ({"vendor": {"id": 99}}, {}, Cause.VENDOR_UNKNOWN, "supplier:99"),
        ({"vendor": None}, {}, Cause.VENDOR_UNKNOWN, None),
        ({"invoice_date": None}, {}, Cause.UNREADABLE, None),
        ({"currency": {"name": "XYZ"}}, {}, Cause.UNREADABLE, None),
        ({"items": []}, {}, Cause.ACCOUNT_UNMAPPED, None),
        ({"items": [line()]}, {}, Cause.ACCOUNT_UNMAPPED, None),
        ({}, {"accounts": {"6110": "6110"}}, Cause.ACCOUNT_UNMAPPED, "account:10^6120^2026-03-30"),
        ({}, {"inactive": frozenset({"6110"})}, Cause.ACCOUNT_UNMAPPED, "account:10^6110^2026-03-30"),
        ({}, {"accounts": {"6110": "9", "6120": "9"}}, Cause.ACCOUNT_UNMAPPED, "account:10^6110^2026-03-30"),
        ({}, {"chart": expired("6110", date(2026, 3, 1))}, Cause.ACCOUNT_UNMAPPED, "account:10^6110^2026-03-30"),
        ({}, {"values": {}}, Cause.DIMENSION_UNMAPPED, "cost_center:10^300^3^2026-03-30"),
        ({}, {"tax_accounts": {}}, Cause.TAX_UNMAPPED, "tax_account:10^^2026-03-30"),
        ({"shipping_amount": 1, "total_cost_with_tax": 1251}, {"shipping_accounts": {}}, Cause.ACCOUNT_UNMAPPED,
         "shipping_account:10^^2026-03-30"),
        ({"items": [line({"amount": "1000"})]}, {}, Cause.ACCOUNT_UNMAPPED, None),
        ({"items": [line(allocation("0"))], "tax_amount": 0, "exclusive_tax_amount": 0, "total_cost_with_tax": 0}, {},
         Cause.AMOUNT_MISMATCH, None),
    ],
)  # fmt: skip
def test_what_is_missing_holds_the_bill(
    fields: dict[str, Any], told: dict[str, Any], cause: Cause, key: str | None
) -> None:
    """Under a key that releases it."""
    error = held(fields, told)
    assert (error.cause, error.key) == (cause, key)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("account", "10^6110^2026-03-30", "6110"),
        ("account", "10^9999^2026-03-30", None),
        ("account", "10^6110", None),
        ("cost_center", "10^300^3^2026-03-30", "300"),
        ("tax_account", "10^VAT^2026-03-30", "1400"),
        ("shipping_account", "10^^2026-03-30", "4200"),
        ("credit_account", "10", "2400"),
        ("period", "10^2026^3", None),
    ],
)
def test_what_held_a_bill_is_looked_up_again(kind: str, key: str, value: str | None) -> None:
    """By the key of its cause."""
    assert words().resolve(kind, key) == value


def test_the_text_of_others_names_no_bill() -> None:
    """Neither a clerk's invoice nor another system's."""
    assert [bill_of(text) for text in (None, "", "Nordtek AB", "PROCURIFY:", "STAMPLI:1:2 x")] == [None] * 5


def test_a_vendor_becomes_a_supplier() -> None:
    """What nobody told is left out; the number follows from the vendor's, the same each time."""
    made = to_supplier(vendor(city="Lund", tax="SE556"), country="SE", currency="SEK")
    assert made == {"id": "P-88", "name": "Nordtek AB", "country": "SE", "currency": "SEK", "city": "Lund",
                    "tax_id": "SE556"}  # fmt: skip
    with pytest.raises(RecordError, match=r"lacks country \(Sweden\)") as caught:
        to_supplier(vendor(), country=None, currency=None)
    assert (caught.value.cause, caught.value.key) == (Cause.SUPPLIER_INCOMPLETE, "country:Sweden")


def test_the_voucher_holds_the_exact_total() -> None:
    """Its last row is the total, to the last place."""
    assert Decimal(rows(document())[-1][3] or 0) == Decimal(1250)
