"""Mapping: invoices become supplier invoices and vouchers, to the cent, or are held with their cause."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.stampli.mapping import key_mark, mark_of, to_document, to_supplier
from mlc_pipelines.integrations.stampli.models import Invoice, reference_of
from mlc_pipelines.integrations.stampli.periods import OpenDays
from mlc_pipelines.integrations.stampli.words import KINDS, Words
from mlc_pipelines_tests.integrations.stampli.builders import invoice, line, settings, supplier, vendors, words


def document(made: Invoice | None = None, dictionary: Words | None = None, **given: Any) -> dict[str, Any]:
    return to_document(made or invoice(), dictionary or words(), settings(**given))


def test_an_invoice_becomes_a_supplier_invoice() -> None:
    """Head, lines and our mark at the beginning of its text."""
    head = document()["invoice"]
    assert (head["company"], head["supplier"], head["number"], head["invoice_type"], head["series"]) == (
        "10", "S-2201", "NT-118", "SUPPINV", "SI",
    )  # fmt: skip
    assert (head["net"], head["vat"], head["currency"]) == ("1200.00", "50.00", "USD")
    assert (head["invoice_date"], head["due_date"]) == ("2026-11-03", "2026-12-03")
    assert head["lines"] == [
        {"account": "6110", "parts": {"B": "300"}, "amount": "700.00", "text": "NT-118"},
        {"account": "6120", "parts": {"B": "310"}, "amount": "500.00", "text": "NT-118"},
    ]
    assert head["text"].split(" ")[0] == mark_of(invoice().key, invoice().content_hash())
    assert head["text"].startswith(f"{key_mark(invoice().key)}:")


def test_the_voucher_balances_under_the_reference_of_the_key() -> None:
    """A debit a line, one for tax, one credit."""
    booked = document()["voucher"]
    assert booked["reference"] == reference_of(invoice().key)
    assert [(row["account"], row["debit"], row["credit"]) for row in booked["rows"]] == [
        ("6110", "700.00", None),
        ("6120", "500.00", None),
        ("1400", "50.00", None),
        ("2400", None, "1250.00"),
    ]
    assert (booked["date"], booked["voucher_type"], booked["user_group"]) == ("2026-11-03", "M", "AC")
    assert document(vouchers=None)["voucher"] is None


def test_the_gl_date_is_the_day_of_the_voucher() -> None:
    """The invoice keeps its own date."""
    made = document(invoice(gl_date=date(2026, 11, 5), due_date=date(2026, 11, 20)))
    assert (made["voucher"]["date"], made["invoice"]["invoice_date"]) == ("2026-11-05", "2026-11-03")
    assert made["invoice"]["due_date"] == "2026-11-20"


def test_freight_is_a_line_of_its_own() -> None:
    """On the freight account of the company."""
    made = document(invoice(total=Decimal("1261.00"), freight=Decimal("11.00")))
    assert made["invoice"]["lines"][-1] == {"account": "4600", "parts": {}, "amount": "11.00", "text": "Freight"}
    assert made["invoice"]["net"] == "1211.00"


def test_a_credit_turns_everything_round() -> None:
    """Below zero in the invoice, the sides of the voucher exchanged."""
    credit = invoice(
        document_type="CREDIT",
        total=Decimal("-110.00"),
        tax=Decimal("-10.00"),
        lines=(line(amount=Decimal("-100.00")),),
    )
    made = document(credit)
    assert (made["invoice"]["invoice_type"], made["invoice"]["net"]) == ("SUPPCREDIT", "-100.00")
    assert [(row["debit"], row["credit"]) for row in made["voucher"]["rows"]] == [
        (None, "100.00"),
        (None, "10.00"),
        ("110.00", None),
    ]


def test_an_invoice_below_zero_is_a_credit_by_its_sign() -> None:
    """Where files have no type."""
    made = document(invoice(total=Decimal("-10.00"), tax=Decimal(0), lines=(line(amount=Decimal("-10.00")),)))
    assert made["invoice"]["invoice_type"] == "SUPPCREDIT"


@pytest.mark.parametrize(("total", "largest"), [("1250.01", "700.01"), ("1249.99", "699.99")])
def test_a_cent_of_rounding_goes_to_the_largest_line(total: str, largest: str) -> None:
    """So that IFS sees lines that add up; a tenant may refuse it."""
    made = document(invoice(total=Decimal(total)))
    assert [each["amount"] for each in made["invoice"]["lines"]] == [largest, "500.00"]
    with pytest.raises(RecordError, match="not the total"):
        document(invoice(total=Decimal(total)), tolerance_minor_units=0)


def test_yen_have_no_cents() -> None:
    """One yen is the smallest unit, and the tolerance."""
    made = document(invoice(currency="JPY", total=Decimal("1251"), tax=Decimal("50.00")))
    assert [each["amount"] for each in made["invoice"]["lines"]] == ["701", "500"]


def held(cause: Cause, key: str | None, made: Invoice | None = None, dictionary: Words | None = None) -> None:
    with pytest.raises(RecordError) as caught:
        document(made, dictionary)
    assert (caught.value.cause, caught.value.key) == (cause, key)


def test_what_is_missing_holds_the_invoice_with_a_key() -> None:
    """The key names the word that releases it."""
    day = "2026-11-03"
    held(Cause.ENTITY_UNMAPPED, "company:77", invoice(company="77"))
    held(Cause.PERIOD_CLOSED, "period:10^2026-10-31", invoice(gl_date=date(2026, 10, 31)))
    held(Cause.VENDOR_UNKNOWN, "vendor:V-1|NORDTEK", invoice(vendor_id="V-1", vendor_name="Nordtek"))
    held(Cause.ACCOUNT_UNMAPPED, f"account:10^9999^{day}", invoice(lines=(line(gl_account="9999"),)))
    held(Cause.DIMENSION_UNMAPPED, f"code_part:10^B^999^{day}", invoice(lines=(line(cost_center="999"),)))
    held(Cause.DIMENSION_UNMAPPED, f"code_part:10^C^N1^{day}", invoice(lines=(line(parts={"C": "N1"}),)))
    held(Cause.TAX_UNMAPPED, "tax_account:10", dictionary=words(tax_accounts={}))
    held(
        Cause.ACCOUNT_UNMAPPED,
        "freight_account:10",
        invoice(freight=Decimal(1)),
        words(freight_accounts={}),
    )
    rules = VoucherRules(voucher_type="M", user_group="AC", credit_account={"20": "2400"})
    held(Cause.ACCOUNT_UNMAPPED, "credit_account:10", dictionary=words(vouchers=rules))


def test_what_does_not_add_up_is_held() -> None:
    """By more than the smallest unit, or in places that the currency does not have."""
    held(Cause.AMOUNT_MISMATCH, None, invoice(total=Decimal("1250.02")))
    held(Cause.AMOUNT_INEXACT, None, invoice(total=Decimal("1250.001")))
    held(Cause.UNREADABLE, None, invoice(lines=()))


def test_every_key_is_answered_when_its_word_is_there() -> None:
    """And not before; a key of another flow is none of ours."""
    dictionary = words()
    keys = {
        "status": ("APPROVED", "PARKED"),
        "company": ("10", "77"),
        "vendor": ("S-2201|", "V-1|NORDTEK"),
        "account": ("10^6110^2026-11-03", "10^9999^2026-11-03"),
        "code_part": ("10^B^300^2026-11-03", "10^B^999^2026-11-03"),
        "period": ("10^2026-11-03", "10^2026-10-31"),
        "tax_account": ("10", None),
        "freight_account": ("10", "20"),
        "credit_account": ("10", None),
    }
    assert set(keys) == set(KINDS)
    for kind, (there, missing) in keys.items():
        assert dictionary.has(kind, there), kind
        assert missing is None or not dictionary.has(kind, missing), kind
    assert not dictionary.has("invoice", "10")
    assert not dictionary.has("account", "nonsense")


def test_accounts_and_values_must_be_valid_on_the_day() -> None:
    """An expired account is told apart from a missing one."""
    expired = Account("10", "6110", "Repairs", valid_until=date(2026, 10, 31))
    with pytest.raises(RecordError, match="not valid on 2026-11-03"):
        document(dictionary=words(chart={**words().chart, "10^6110": expired}))


def test_tables_translate_what_files_say() -> None:
    """Company, account and cost center by the tenant's tables; for one company, or for all."""
    tables = {
        "companies": {"North": "10"},
        "accounts": {"10^A1": "6110", "A2": "6120"},
        "cost_centers": {"10^K1": "300", "B^K2": "310"},
        "payment_terms": {"Net 30": "30"},
    }
    made = document(
        invoice(
            company="North",
            payment_terms="Net 30",
            lines=(
                line(gl_account="A1", cost_center="K1"),
                line(gl_account="A2", cost_center="K2", amount=Decimal("500.00")),
            ),
        ),
        words(**tables),
    )
    head = made["invoice"]
    assert [(each["account"], each["parts"]["B"]) for each in head["lines"]] == [("6110", "300"), ("6120", "310")]
    assert (head["company"], head["pay_term"]) == ("10", "30")


def test_without_periods_every_day_is_open() -> None:
    """A tenant whose IFS does not list them."""
    document(invoice(gl_date=date(2020, 1, 1)), words(periods=OpenDays()))


def test_a_new_vendor_is_told_by_its_future_id() -> None:
    """The same each time, from its number, else from its name."""
    some = vendors(create=True)
    made = some.match("V-1", "Nordtek Two")
    assert made.is_new
    assert made == some.match("v-1", "Nordtek Two")
    assert made.supplier != some.match(None, "Nordtek Two").supplier
    later = vendors(supplier(made.supplier, "Renamed"), create=True)
    assert later.match("V-1", "Nordtek Two") == replace(made, name="Renamed", is_new=False)
    with pytest.raises(RecordError, match="no name"):
        some.match("V-1", None)


def test_the_ways_to_find_a_vendor_have_an_order() -> None:
    """Number, alias, name; a name that fits two is none, even where vendors are made."""
    named = (supplier("S-1", "Same"), supplier("S-2", "SAME "), supplier("S-3", "Other"))
    some = vendors(*named, aliases={"v-9": "S-1", "OTHER one": "S-3"}, create=True)
    assert some.match("S-3", "Same").supplier == "S-3"
    assert some.match("V-9", "Other").supplier == "S-1"
    assert some.match(None, "other ONE").supplier == "S-3"
    assert some.match("V-1", " other ").supplier == "S-3"
    with pytest.raises(RecordError, match="2 suppliers so named: S-1, S-2"):
        some.match("V-1", "Same")


def test_a_supplier_is_made_of_what_is_known() -> None:
    """What nobody told is left out."""
    assert to_supplier("ST-1", "Nordtek", {"city": "Toledo", "email": ""}, "US") == {
        "id": "ST-1",
        "name": "Nordtek",
        "country": "US",
        "city": "Toledo",
    }
    assert to_supplier("ST-1", "Nordtek", {"country": "de"}, "US")["country"] == "DE"
