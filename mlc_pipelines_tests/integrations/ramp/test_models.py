"""Tests of Ramp's records: money both ways, times, codings, and rows that cannot be read."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.accounting.money import Money, places
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.ramp.amounts import Amount, as_request
from mlc_pipelines.integrations.ramp.models import Bill, NewBill, Vendor
from mlc_pipelines_tests.integrations.ramp.builders import bill_row, line, new_bill, new_vendor


@given(units=st.integers(-(10**12), 10**12), currency=st.sampled_from(["EUR", "USD", "JPY", "KWD"]))
def test_minor_units_and_major_units_are_the_same_money(units: int, currency: str) -> None:
    """What Ramp answers in minor units is what we would send in major units, with the currency's places."""
    money = Amount(units, currency, 10 ** places(currency)).money()
    assert money == Money.from_minor_units(units, currency) == Amount(units, currency).money()
    assert Decimal(as_request(money)) == money.amount
    assert len(as_request(money).partition(".")[2]) == places(currency)


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ({"amount": 1234, "currency_code": "XQZ"}, "XQZ"),
        ({"amount": 10**90 + 1, "currency_code": "EUR"}, "not an amount of money"),
        ({"amount": 1234, "currency_code": "JPY", "minor_unit_conversion_rate": 100}, "decimal places"),
        ({"amount": 12.34, "currency_code": "EUR"}, "amount"),
        ({"amount": "1234", "currency_code": "EUR"}, "amount"),
    ],
)
def test_an_amount_that_makes_no_sense_is_never_guessed(amount: dict[str, Any], says: str) -> None:
    """The bill is told apart as unreadable, naming what is wrong."""
    with pytest.raises(RecordError, match=says) as caught:
        Bill.parse(bill_row(amount=amount))
    assert caught.value.cause is Cause.UNREADABLE


def test_a_listed_bill_that_cannot_be_read_keeps_its_name_and_raises_at_its_amount() -> None:
    """One unreadable row stops neither the list nor passes for a bill of nothing."""
    bill = Bill.listed(bill_row(paid_at="soon"))
    assert (bill.id, bill.status, bill.approval_status) == ("b-1", "OPEN", "APPROVED")
    with pytest.raises(RecordError, match="paid_at is 'soon'"):
        _ = bill.amount


def test_a_row_without_an_id_is_no_bill() -> None:
    """Nothing can be written down of it."""
    with pytest.raises(RecordError, match="id"):
        Bill.listed(b'{"status": "OPEN"}')


def test_a_bill_without_an_amount_says_so_when_asked() -> None:
    """A draft of Ramp's mail intake may lack it."""
    with pytest.raises(RecordError, match="has no amount"):
        _ = Bill.parse(bill_row(amount=None)).amount


def test_unknown_fields_and_members_pass() -> None:
    """The vendor adds both all the time."""
    bill = Bill.parse(bill_row(status="HALF_PAID", sync_status="NEWLY_INVENTED", outlook={"a": [1]}))
    assert (bill.status, bill.sync_status) == ("HALF_PAID", "NEWLY_INVENTED")


def test_times_without_offset_are_utc_and_days_come_as_times() -> None:
    """Both forms of time occur in answers."""
    bill = Bill.parse(
        bill_row(
            paid_at="2026-11-03T10:00:00+02:00",
            created_at="2026-11-01T08:30:00.123456",
            issued_at="2026-10-02T00:00:00",
            due_at="2026-11-01",
        )
    )
    assert bill.paid_at == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert bill.created_at == datetime(2026, 11, 1, 8, 30, 0, 123456, tzinfo=UTC)
    assert (bill.issued_at, bill.due_at, bill.posting_date) == (date(2026, 10, 2), date(2026, 11, 1), None)


def test_codings_are_pairs_of_our_ids() -> None:
    """The kind is read from the category; a header's coding holds for lines that lack it; odd ones are left out."""

    def selected(external_id: str | None, info: dict[str, Any]) -> dict[str, Any]:
        return {"id": "x", "external_id": external_id, "name": "told", "category_info": info}

    field = {"external_id": "ifs-code-part-b", "type": "OTHER"}
    row = {"amount": {"amount": 1, "currency_code": "EUR"}}
    coded = [selected("10^4010", {"external_id": "gl-7", "type": "GL_ACCOUNT"}), selected("10^300", field)]
    bill = Bill.parse(
        bill_row(
            line_items=[{**row, "accounting_field_selections": coded}, {**row, "accounting_field_selections": None}],
            accounting_field_selections=[selected("10^999", field), selected("x", {}), selected(None, field)],
        )
    )
    assert bill.line_items[0].codings() == [["Category", "10^4010"], ["ifs-code-part-b", "10^300"]]
    assert bill.line_items[1].codings() == [["ifs-code-part-b", "10^999"]]


def test_a_payment_is_read_with_its_reference() -> None:
    """The number that people see goes before the id."""
    paid = {
        "id": "p-1",
        "customer_friendly_payment_id": "PMT-000001",
        "payment_method": "ACH",
        "amount": {"amount": 1234, "currency_code": "EUR", "minor_unit_conversion_rate": 100},
        "payment_date": "2026-11-03T00:00:00",
    }
    payment = Bill.parse(bill_row(payment=paid)).payment
    assert payment is not None
    assert (payment.reference, payment.paid_on) == ("PMT-000001", date(2026, 11, 3))
    assert payment.amount == Money(Decimal("12.34"), "EUR")


def test_a_vendor_row_is_read_and_empty_links_are_none() -> None:
    """An empty text is no link."""
    row = {"id": "v-1", "name": "Nordhavn", "country": "DK", "external_vendor_id": "", "created_at": None}
    raw = msgspec.json.encode(row)
    vendor = Vendor.parse(raw)
    assert (vendor.id, vendor.external_vendor_id, vendor.created_at, vendor.raw) == ("v-1", None, None, raw)
    with pytest.raises(RecordError, match="v-1: created_at"):
        Vendor.parse(msgspec.json.encode({**row, "created_at": "once"}))


def test_a_new_vendor_sends_an_address_only_when_it_is_whole() -> None:
    """Ramp refuses an address without street, city or postal code."""
    whole = new_vendor(address="Kajgade 4", city="Aarhus", zip_code="8000").to_create(owner="u-1")
    assert whole["address"] == {"address_line_1": "Kajgade 4", "city": "Aarhus", "postal_code": "8000", "country": "DK"}
    assert whole["vendor_owner_id"] == "u-1"
    assert whole["business_vendor_contacts"] == {"email": "billing@nordhavn.example"}
    assert "address" not in new_vendor(address="Kajgade 4").to_create()


def test_a_changed_vendor_has_its_name_under_description() -> None:
    """So the vendor's call wants it; contacts are not touched."""
    body = new_vendor(state="NY", country="US").to_change()
    assert body == {
        "description": "Nordhavn Bearings ApS",
        "country": "US",
        "state": "NY",
        "external_vendor_id": "S-1001",
    }


@pytest.mark.parametrize(
    ("currency", "given", "sent"), [("EUR", "12.3", "12.30"), ("JPY", "1200.00", "1200"), ("KWD", "1.5", "1.500")]
)
def test_a_line_is_sent_with_exactly_the_places_of_its_currency(currency: str, given: str, sent: str) -> None:
    """Yen have none, dinars three."""
    bill = new_bill("v", "e", currency=currency, lines=[line(given)])
    assert bill.to_create()["line_items"][0]["amount"] == sent


@pytest.mark.parametrize(("currency", "amount"), [("EUR", "0.001"), ("JPY", "1.5"), ("XQZ", "1"), ("EUR", "a lot")])
def test_an_amount_that_does_not_fit_is_refused_before_it_is_sent(currency: str, amount: str) -> None:
    """It is held as inexact."""
    with pytest.raises(RecordError) as caught:
        new_bill("v", "e", currency=currency, lines=[line(amount)])
    assert caught.value.cause is Cause.AMOUNT_INEXACT


def test_a_memo_is_cut_at_what_ramp_takes() -> None:
    """Ramp refuses more than a thousand characters; an empty memo is none."""
    assert len(new_bill("v", "e", memo="x" * 1500).to_create()["memo"]) == 1000
    bill: NewBill = new_bill("v", "e", memo="")
    assert bill.to_create()["memo"] is None
    assert "invoice_currency" not in bill.to_change()
