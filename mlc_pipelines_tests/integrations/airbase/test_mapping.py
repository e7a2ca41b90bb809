"""Tests of the dictionary between IFS and Airbase: vendors and orders."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.airbase.mapping import says_the_same, to_order, to_vendor, upserted
from mlc_pipelines.integrations.airbase.models import Reference, Vendor
from mlc_pipelines.integrations.airbase.settings import OrderSettings
from mlc_pipelines_tests.integrations.airbase.builders import order, order_line, order_words, supplier, vendor

RULES = OrderSettings()
WANTED = to_vendor(supplier(), ["10", "20"])


def test_a_supplier_is_a_vendor_with_all_subsidiaries() -> None:
    """A mailbox that IFS does not have is left out, not emptied."""
    assert WANTED == {"name": "Nordtek", "email": "ar@nordtek.example", "subsidiaries": ["10", "20"]}
    assert "email" not in to_vendor(supplier(email=None), ["10"])
    with pytest.raises(RecordError) as caught:
        to_vendor(supplier(), [])
    assert caught.value.cause is Cause.ENTITY_UNMAPPED


def test_a_new_vendor_carries_its_reference() -> None:
    """And is active."""
    assert upserted("S-2201", WANTED, None) == {
        "name": "Nordtek",
        "email": "ar@nordtek.example",
        "erp_reference_id": "S-2201",
        "is_active": True,
        "subsidiary_reference_ids": [{"erp_reference_id": "10"}, {"erp_reference_id": "20"}],
    }


def test_a_vendor_without_a_link_is_given_one() -> None:
    """By its id, with the subsidiaries it has and those it lacks."""
    entity = upserted("S-2201", WANTED, vendor(reference=""))
    assert entity is not None
    assert (entity["airbase_id"], entity["erp_reference_id"]) == ("v-1", "S-2201")
    assert entity["subsidiary_reference_ids"] == [
        {"airbase_id": "s-10", "erp_reference_id": "10"},
        {"erp_reference_id": "20"},
    ]


def test_a_reference_is_never_sent_again() -> None:
    """It can not be changed after it is set."""
    entity = upserted("S-2201", WANTED, vendor())
    assert entity is not None
    assert "erp_reference_id" not in entity


def test_subsidiaries_of_others_stay() -> None:
    """The list takes the place of the one there, so it has theirs too."""
    theirs = Reference(airbase_id="s-90", erp_reference_id="90")
    entity = upserted("S-2201", WANTED, vendor(subsidiaries=(theirs,)))
    assert entity is not None
    assert [each["erp_reference_id"] for each in entity["subsidiary_reference_ids"]] == ["90", "10", "20"]


@pytest.mark.parametrize(
    "there",
    [
        vendor(subsidiaries=tuple(Reference(erp_reference_id=code) for code in ("20", "10", "90"))),
        vendor(subsidiaries=(Reference(None, "10"), Reference(None, "20")), is_active=False),
    ],
)
def test_a_vendor_that_is_as_wanted_is_left_alone(there: Vendor) -> None:
    """More subsidiaries than ours are no difference, nor is that somebody made it inactive."""
    assert upserted("S-2201", WANTED, there) is None


def test_an_order_is_written_with_text_amounts_and_line_numbers() -> None:
    """Line and release number name a line; only mapped code parts are tags."""
    assert to_order(order(), [order_line()], order_words(), RULES) == {
        "po_number": "P-10428",
        "vendor": {"erp_reference_id": "S-2201"},
        "subsidiary": {"erp_reference_id": "SUB-10"},
        "currency": "EUR",
        "issued_date": "2026-03-04",
        "status": "open",
        "memo": "IFS P1",
        "lines": [
            {
                "line_number": "1-1",
                "description": "Seal kit",
                "quantity": "4",
                "unit_price": "112.5",
                "amount": "450.00",
                "account": {"erp_reference_id": "4010"},
                "tags": [{"type": "cost_center", "erp_reference_id": "300"}],
            }
        ],
    }


def test_a_tenant_may_call_the_keys_otherwise() -> None:
    """Of the order and of its lines."""
    rules = OrderSettings(keys={"po_number": "number", "lines": "items"}, line_keys={"quantity": "qty"})
    body = to_order(order(), [order_line()], order_words(), rules)
    assert body["number"] == "P-10428"
    assert body["items"][0]["qty"] == "4"
    assert not {"po_number", "lines"} & set(body)


@pytest.mark.parametrize(
    ("state", "word"),
    [("Released", "open"), ("Confirmed", "open"), ("Received", "open"), ("Arrived", "open"), ("Closed", "closed"),
     ("Cancelled", "cancelled")],
)  # fmt: skip
def test_states_have_their_words(state: str, word: str) -> None:
    """By a table that the tenant may change."""
    assert to_order(order(state=state), [order_line()], order_words(), RULES)["status"] == word


def test_cancelled_lines_are_not_sent() -> None:
    """The others keep their numbers."""
    lines = [order_line(state="Cancelled"), order_line(line_no="2", release_no="3")]
    body = to_order(order(), lines, order_words(), RULES)
    assert [line["line_number"] for line in body["lines"]] == ["2-3"]


@pytest.mark.parametrize(
    ("given", "words", "cause", "key"),
    [
        ({"supplier": "S-9"}, {}, Cause.SUPPLIER_UNKNOWN, "vendor:S-9"),
        ({"company": "30"}, {}, Cause.ENTITY_UNMAPPED, "entity:30"),
        ({"currency": "GBP"}, {}, Cause.REJECTED_BY_TARGET, "currency:GBP"),
        ({"currency": None}, {}, Cause.REJECTED_BY_TARGET, "currency:"),
        ({"state": "Stopped"}, {}, Cause.UNREADABLE, "order_state:Stopped"),
        ({}, {"gl_accounts": frozenset()}, Cause.ACCOUNT_UNMAPPED, "gl_account:4010"),
        ({}, {"accounts": {}}, Cause.ACCOUNT_UNMAPPED, "account_word:4010"),
    ],
)
def test_a_word_that_is_missing_holds_the_order(
    given: dict[str, Any], words: dict[str, Any], cause: Cause, key: str
) -> None:
    """The key is the word that releases it."""
    with pytest.raises(RecordError) as caught:
        to_order(order(**given), [order_line()], order_words(**words), RULES)
    assert (caught.value.cause, caught.value.key) == (cause, key)


def test_an_amount_that_does_not_fit_its_currency_holds_the_order() -> None:
    """Quantity times price counts where IFS gives no amount; it is never rounded."""
    line = order_line(net=None, quantity=Decimal("0.333"), unit_price=Decimal("0.01"))
    with pytest.raises(RecordError) as caught:
        to_order(order(), [line], order_words(), RULES)
    assert caught.value.cause is Cause.AMOUNT_INEXACT


def test_yen_have_no_places() -> None:
    """12000 and not 12000.00."""
    words = order_words(currencies={"JPY": "JPY"})
    body = to_order(order(currency="JPY"), [order_line(net=Decimal("12000.0"))], words, RULES)
    assert body["lines"][0]["amount"] == "12000"


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ({"id": "po_1", "memo": "x", "lines": [{"quantity": "4.00", "tags": []}]}, True),
        ({"memo": "x", "lines": [{"quantity": 4, "tags": []}]}, True),
        ({"memo": "y", "lines": [{"quantity": "4", "tags": []}]}, False),
        ({"memo": "x", "lines": []}, False),
        ({"memo": "x", "lines": [{"quantity": "5", "tags": []}]}, False),
        ({"memo": "x", "lines": None}, False),
        ({"lines": [{"quantity": "4", "tags": []}]}, False),
        (None, False),
    ],
)
def test_an_order_there_is_compared_by_what_we_would_write(theirs: Any, same: bool) -> None:
    """Amounts by value, and what else it has does not matter."""
    assert says_the_same({"memo": "x", "lines": [{"quantity": "4", "tags": []}]}, theirs) is same
