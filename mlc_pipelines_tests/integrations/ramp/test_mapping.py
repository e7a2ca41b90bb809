"""The dictionary: what an invoice says in IFS it says in Ramp, to the last place, or it is held with its cause."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.accounting.money import Money, places
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.posting_proposals import SupplierInvoice
from mlc_pipelines.integrations.erp.accounts import company_code
from mlc_pipelines.integrations.erp.invoices import invoice_reference
from mlc_pipelines.integrations.ramp.mapping import (
    Words,
    field_id,
    to_bill,
    to_gl_account,
    to_vendor,
)
from mlc_pipelines.integrations.ramp.models import GL_FIELD, NewBill
from mlc_pipelines_tests.integrations.ramp.builders import posting_line, supplier, supplier_invoice

CURRENCIES = ("EUR", "USD", "JPY", "KWD")
MINOR = st.integers(min_value=0, max_value=10**11)
ANY_MINOR = st.integers(min_value=-(10**9), max_value=10**9)
CENTERS = ("300", "310", "320")
WORDS = Words(
    entities={"10": "e-10"},
    vendors={"S-1001": "v-1"},
    gl_accounts={"10^4010": "g-1", "10^2510": "g-2", "10^0010": "g-3"},
    options={f"10^B^{center}": f"o-{center}" for center in CENTERS} | {"10^C^P1": "o-p1"},
    dimensions={"CodeB": "Cost Center", "CodeC": "Plant"},
    tax_accounts={"*": "2510"},
)


def units(count: int, currency: str) -> str:
    """So many of the smallest unit, written as the source would."""
    return str(Decimal(count).scaleb(-places(currency)))


def amounts(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["amount"] for each in lines]


def total(lines: Sequence[Mapping[str, Any]]) -> Decimal:
    return sum((Decimal(each["amount"]) for each in lines), Decimal(0))


def held(invoice: SupplierInvoice, words: Words = WORDS) -> RecordError:
    with pytest.raises(RecordError) as caught:
        to_bill(invoice, words)
    return caught.value


@given(st.sampled_from(CURRENCIES), st.lists(MINOR, min_size=1, max_size=6), MINOR)
def test_a_bill_says_exactly_what_the_invoice_says(currency: str, lines: list[int], tax: int) -> None:
    """Every line keeps its amount with exactly the currency's places, tax has its own line, the total is the gross."""
    posted = [posting_line(units(count, currency), line_no=no) for no, count in enumerate(lines)]
    invoice = supplier_invoice(*posted, currency=currency, vat=Decimal(units(tax, currency)))
    bill = to_bill(invoice, WORDS)
    sent = [Money(Decimal(amount), currency) for amount in amounts(bill["lines"])]
    assert [money.to_minor_units() for money in sent] == lines + ([tax] if tax else [])
    assert [money.to_text() for money in sent] == amounts(bill["lines"])
    assert total(bill["lines"]) == invoice.gross
    assert NewBill.from_payload(bill, remote_id="10^1001").total() == Money(invoice.gross, currency)


@given(st.sampled_from(CURRENCIES), st.lists(ANY_MINOR, min_size=1, max_size=6), ANY_MINOR)
def test_negative_amounts_pass_only_where_they_are_allowed(currency: str, lines: list[int], tax: int) -> None:
    """Where the setting allows them, they are as exact as others; where not, each one holds its invoice."""
    posted = [posting_line(units(count, currency), line_no=no) for no, count in enumerate(lines)]
    invoice = supplier_invoice(*posted, currency=currency, vat=Decimal(units(tax, currency)))
    if invoice.is_credit:
        assert held(invoice).cause is Cause.CREDIT_NOTE
        return
    assert total(to_bill(invoice, replace(WORDS, negative_lines=True))["lines"]) == invoice.gross
    if min([*lines, tax]) < 0:
        assert held(invoice).cause is Cause.NEGATIVE_LINE
    else:
        assert to_bill(invoice, WORDS) == to_bill(invoice, replace(WORDS, negative_lines=True))


@pytest.mark.parametrize(
    ("currency", "amount", "sent"),
    [("EUR", "1.2", "1.20"), ("USD", "1250", "1250.00"), ("JPY", "1200.00", "1200"), ("KWD", "1.5", "1.500")],
)
def test_places_are_those_of_the_currency(currency: str, amount: str, sent: str) -> None:
    """However IFS writes an amount, Ramp gets it with the places of ISO 4217."""
    assert amounts(to_bill(supplier_invoice(posting_line(amount), currency=currency), WORDS)["lines"]) == [sent]


@pytest.mark.parametrize(("currency", "amount"), [("EUR", "1.005"), ("JPY", "1.5"), ("KWD", "0.0001")])
def test_an_amount_finer_than_its_currency_holds_the_invoice(currency: str, amount: str) -> None:
    """Nothing is rounded: neither a line nor tax."""
    assert held(supplier_invoice(posting_line(amount), currency=currency)).cause is Cause.AMOUNT_INEXACT
    taxed = supplier_invoice(posting_line("2"), currency=currency, vat=Decimal(amount))
    assert held(taxed).cause is Cause.AMOUNT_INEXACT


def test_an_unknown_currency_holds_the_invoice() -> None:
    """A currency that nobody knows has no places to write an amount with."""
    error = held(supplier_invoice(currency="QQQ"))
    assert error.cause is Cause.UNREADABLE
    assert "QQQ" in str(error)


@given(st.integers(min_value=-(10**6), max_value=10**6).filter(bool))
def test_lines_that_are_not_the_total_hold_the_invoice(off: int) -> None:
    """A cent too much or too little is named with both sums."""
    right = supplier_invoice()
    wrong = replace(right, net=right.net + Decimal(off).scaleb(-2))
    error = held(wrong) if wrong.net >= 0 else held(replace(wrong, vat=-wrong.net))
    assert error.cause in {Cause.AMOUNT_MISMATCH, Cause.CREDIT_NOTE}
    if error.cause is Cause.AMOUNT_MISMATCH:
        assert f"the invoice says {wrong.gross} EUR" in str(error)


def test_tax_stands_on_a_line_of_its_own() -> None:
    """It is the last line, on the tax account of the company, and carries no dimensions."""
    bill = to_bill(supplier_invoice(posting_line("100.00", B="300"), vat=Decimal("25.00")), WORDS)
    assert bill["lines"][-1] == {"amount": "25.00", "memo": "VAT", "selections": [[GL_FIELD, "10^2510"]]}
    assert len(bill["lines"]) == 2


def test_no_tax_is_no_line() -> None:
    """An invoice without tax needs no tax account either."""
    assert len(to_bill(supplier_invoice(), replace(WORDS, tax_accounts={}))["lines"]) == 1


def test_a_company_has_its_own_tax_account_before_the_common_one() -> None:
    """The company's entry in the table goes before the one for every company."""
    words = replace(WORDS, tax_accounts={"*": "2510", "10": "0010"})
    assert to_bill(supplier_invoice(vat=Decimal(1)), words)["lines"][-1]["selections"] == [[GL_FIELD, "10^0010"]]
    assert (words.tax_account_of("10"), words.tax_account_of("20")) == ("0010", "2510")
    assert Words({}, {}, {}, {}).tax_account_of("10") is None


def test_negative_tax_holds_the_invoice() -> None:
    """A correction of tax would be a negative line like any other."""
    error = held(supplier_invoice(vat=Decimal("-5.00")))
    assert error.cause is Cause.NEGATIVE_LINE
    assert "tax is negative (-5.00 EUR)" in str(error)


def test_a_negative_line_is_named() -> None:
    """The hold says which line and how much."""
    error = held(supplier_invoice(posting_line("100.00"), posting_line("-7.50", line_no=2)))
    assert "line 2 is negative (-7.50 EUR)" in str(error)


@pytest.mark.parametrize(
    "invoice",
    [
        supplier_invoice(invoice_type="SUPPCREDIT"),
        supplier_invoice(posting_line("-100.00")),
        supplier_invoice(posting_line("-100.00"), invoice_type="SUPPCREDIT"),
    ],
)
def test_a_credit_note_is_held(invoice: SupplierInvoice) -> None:
    """By its type or by its sign, and also where negative lines are allowed."""
    assert held(invoice).cause is Cause.CREDIT_NOTE
    assert held(invoice, replace(WORDS, negative_lines=True)).cause is Cause.CREDIT_NOTE


def test_a_line_carries_its_whole_code_string() -> None:
    """Account and mapped code parts, ours by company; parts that are not mapped stay in IFS."""
    bill = to_bill(supplier_invoice(posting_line("1.00", account="0010", B="300", C="P1", J="9")), WORDS)
    assert bill["lines"][0]["selections"] == [
        [GL_FIELD, "10^0010"],
        ["ifs-code-part-b", "10^300"],
        ["ifs-code-part-c", "10^P1"],
    ]


def test_a_bill_names_vendor_entity_number_and_dates() -> None:
    """The head of the bill says whom, for which company, under which number, and when."""
    bill = to_bill(supplier_invoice(), WORDS)
    assert {name: bill[name] for name in bill if name != "lines"} == {
        "vendor_id": "v-1",
        "entity_id": "e-10",
        "invoice_number": "INV-7781",
        "currency": "EUR",
        "issued_at": "2026-10-02",
        "due_at": "2026-11-01",
        "memo": "IFS PO P-4711",
    }


def test_what_ifs_does_not_say_is_not_made_up() -> None:
    """Without a due date the invoice is due on its own day; without a purchase order there is no memo."""
    bill = to_bill(supplier_invoice(due_date=None, po_reference=None), WORDS)
    assert (bill["due_at"], bill["memo"]) == ("2026-10-02", "")


@pytest.mark.parametrize(
    ("invoice", "words", "cause", "key"),
    [
        (supplier_invoice(supplier="S-9"), WORDS, Cause.SUPPLIER_UNKNOWN, "vendor:S-9"),
        (supplier_invoice(), replace(WORDS, entities={}), Cause.ENTITY_UNMAPPED, "entity:10"),
        (supplier_invoice(), replace(WORDS, accounts={}), Cause.ACCOUNT_UNMAPPED, "account:4010"),
        (supplier_invoice(posting_line(account="6990")), WORDS, Cause.ACCOUNT_UNMAPPED, "gl_account:10^6990"),
        (supplier_invoice(), replace(WORDS, accounts={"4010": "7"}), Cause.ACCOUNT_UNMAPPED, "gl_account:10^7"),
        (supplier_invoice(posting_line(B="999")), WORDS, Cause.DIMENSION_UNMAPPED, "option:10^B^999"),
        (supplier_invoice(posting_line(C="300")), WORDS, Cause.DIMENSION_UNMAPPED, "option:10^C^300"),
        (
            supplier_invoice(vat=Decimal(1)),
            replace(WORDS, tax_accounts={"20": "2510"}),
            Cause.TAX_UNMAPPED,
            "tax_account:10",
        ),
        (
            supplier_invoice(vat=Decimal(1)),
            replace(WORDS, tax_accounts={"*": "6990"}),
            Cause.ACCOUNT_UNMAPPED,
            "gl_account:10^6990",
        ),
    ],
)
def test_a_missing_word_holds_the_invoice_under_its_key(
    invoice: SupplierInvoice, words: Words, cause: Cause, key: str
) -> None:
    """The key names the one thing that must appear for the invoice to go on; the message names it too."""
    error = held(invoice, words)
    assert (error.cause, error.key) == (cause, key)
    assert key.rpartition("^")[2].rpartition(":")[2] in str(error)


def test_codes_of_one_company_do_not_serve_another() -> None:
    """The same account and cost center of company 20 are other codes."""
    words = replace(WORDS, entities={"10": "e-10", "20": "e-20"})
    assert held(supplier_invoice(company="20"), words).key == "gl_account:20^4010"


def test_the_account_table_translates() -> None:
    """An account is sent as what the table says, and only if Ramp has that."""
    words = replace(WORDS, accounts={"4010": "0010"})
    assert to_bill(supplier_invoice(), words)["lines"][0]["selections"][0] == [GL_FIELD, "10^0010"]


@given(
    st.sampled_from(CURRENCIES),
    st.integers(min_value=1, max_value=10**9),
    st.lists(st.integers(min_value=1, max_value=1000), min_size=1, max_size=3),
    MINOR,
)
def test_allocations_add_up_exactly(currency: str, count: int, weights: list[int], tax: int) -> None:
    """However uneven the shares, the parts of a line are the line; each lands on its own value."""
    rule = " ".join(f"{center}={weight}" for center, weight in zip(CENTERS, weights, strict=False))
    words = replace(WORDS, allocations={"CodeB:900": rule})
    line_ = posting_line(units(count, currency), B="900", C="P1")
    bill = to_bill(supplier_invoice(line_, currency=currency, vat=Decimal(units(tax, currency))), words)
    parts = bill["lines"][: len(weights)]
    assert total(parts) == line_.amount
    assert all(Decimal(part["amount"]) >= 0 for part in parts)
    assert [part["selections"][1][1] for part in parts] == [f"10^{center}" for center in CENTERS[: len(weights)]]
    assert all(part["selections"][2] == ["ifs-code-part-c", "10^P1"] for part in parts)


def test_the_last_share_takes_the_rest() -> None:
    """Three thirds of a euro are a euro."""
    words = replace(WORDS, allocations={"CodeB:900": "300=1 310=1 320=1"})
    assert amounts(to_bill(supplier_invoice(posting_line("1.00", B="900")), words)["lines"]) == ["0.33", "0.33", "0.34"]


def test_other_values_are_not_split() -> None:
    """Only the value that the rule names is allocated."""
    words = replace(WORDS, allocations={"CodeB:900": "300=1 310=1", "CodeC:300": "310=1 320=1"})
    assert len(to_bill(supplier_invoice(posting_line(B="300")), words)["lines"]) == 1


def test_an_allocation_to_an_unknown_value_holds_the_invoice() -> None:
    """The value that is missing is the share's, not the one that is split."""
    words = replace(WORDS, allocations={"CodeB:900": "300=60 999=40"})
    assert held(supplier_invoice(posting_line(B="900")), words).key == "option:10^B^999"


@pytest.mark.parametrize("rule", ["", "300", "300=", "=60", "300=x", "300=60 310", "300=-1 310=2", "300=0", "300=NaN"])
def test_a_rule_that_cannot_be_read_holds_only_what_needs_it(rule: str) -> None:
    """The hold names the rule as it was written and goes on when it is changed; other invoices are not concerned."""
    words = replace(WORDS, allocations={"CodeB:900": rule})
    error = held(supplier_invoice(posting_line(B="900")), words)
    assert (error.cause, error.key) == (Cause.DIMENSION_UNMAPPED, "allocation:CodeB:900")
    assert repr(rule) in str(error)
    assert to_bill(supplier_invoice(posting_line(B="300")), words)


@pytest.mark.parametrize(
    ("kind", "classification"),
    [
        ("Assets", "ASSET"),
        ("LIABILITIES", "LIABILITY"),
        ("cost", "EXPENSE"),
        ("Equity", "EQUITY"),
        ("odd", "ANY"),
        (None, "ANY"),
    ],
)
def test_an_account_keeps_its_class(kind: str | None, classification: str) -> None:
    """Account types become Ramp's classes; one we do not know is any."""
    account = Account("10", "0010", "Bearings", kind=kind)
    assert to_gl_account(account) == {
        "id": "10^0010",
        "name": "Bearings",
        "code": "0010",
        "classification": classification,
    }


def test_an_account_without_a_description_is_called_by_its_code() -> None:
    """Ramp demands a name."""
    assert to_gl_account(Account("10", "0010", ""))["name"] == "0010"


def test_references_name_company_and_key() -> None:
    """What we call a record in Ramp is its key in IFS."""
    assert (company_code("10", "0010"), field_id("B"), invoice_reference("10", 1001)) == (
        "10^0010",
        "ifs-code-part-b",
        "10^1001",
    )


@pytest.mark.parametrize(
    ("given_", "lacks"),
    [
        ({"email": None}, "e-mail"),
        ({"country": ""}, "country"),
        ({"email": "", "country": None}, "e-mail and country"),
        ({"country": "US"}, "state (needed for vendors in the US)"),
    ],
)
def test_a_supplier_that_lacks_something_is_held(given_: dict[str, Any], lacks: str) -> None:
    """Everything that is missing is named at once."""
    with pytest.raises(RecordError) as caught:
        to_vendor(supplier(**given_))
    assert f"lacks {lacks}; complete it in IFS" in str(caught.value)
    assert (caught.value.cause, caught.value.key) == (Cause.SUPPLIER_INCOMPLETE, "supplier:S-1001")


def test_a_supplier_becomes_a_vendor() -> None:
    """It carries our id; a state only where the country has states for Ramp."""
    assert to_vendor(supplier(state="Sjælland"))["state"] is None
    american = to_vendor(supplier(country="US", state="TX", city="Austin"))
    assert (american["state"], american["city"], american["external_vendor_id"]) == ("TX", "Austin", "S-1001")
