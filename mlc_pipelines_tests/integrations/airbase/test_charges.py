"""Tests of reading what is to be booked through pointers."""

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.airbase.charges import charge_id, read_charge
from mlc_pipelines.integrations.airbase.pointers import rows_at, text_at, value_at
from mlc_pipelines.integrations.airbase.settings import ENTRY_POINTERS, REQUEST_POINTERS, ChargePointers
from mlc_pipelines_tests.integrations.airbase.builders import request, request_document


def test_a_request_is_read_as_the_sample_has_it() -> None:
    """Head, line and tags."""
    read = request()
    assert (read.id, read.number, read.kind, read.subsidiary) == ("pr_5521", "PR-881", "services", "10")
    assert (read.vendor, read.vendor_name, read.currency, read.total) == (
        "S-2201",
        "Nordtek",
        "EUR",
        Decimal("1830.00"),
    )
    assert read.dated == date(2026, 4, 2)
    (line,) = read.lines
    assert (line.amount, line.account, line.text) == (Decimal("1830.00"), "6110", "Calibration")
    assert line.tags == (("cost_center", "300"), ("team", "x"))


def test_a_tenant_may_call_everything_otherwise() -> None:
    """Pointers say where; `~1` stands for a slash in a name."""
    fields = ChargePointers.model_validate(
        {"id": "/request/no", "total": "/sum~1gross", "lines": "/rows", "line": {"amount": "/value"}, "dated": "/on/0"}
    )
    raw = b'{"request": {"no": 17}, "sum/gross": "5.00", "on": ["2026-01-02"], "rows": [{"value": "5.00"}]}'
    read = read_charge(raw, fields)
    assert (read.id, read.total, read.lines[0].amount, read.dated) == ("17", Decimal(5), Decimal(5), date(2026, 1, 2))


def test_an_entry_says_its_total_twice_and_must_agree() -> None:
    """The amount of the transaction is what counts."""
    entry = {
        "id": "e",
        "amounts": {"amount": {"amount": "10.00"}},
        "total_amount": "10",
        "currency": {"iso_code": "EUR"},
    }
    assert read_charge(msgspec.json.encode(entry), ENTRY_POINTERS).total == Decimal("10.00")
    with pytest.raises(RecordError) as caught:
        read_charge(msgspec.json.encode(entry | {"total_amount": "11"}), ENTRY_POINTERS)
    assert caught.value.cause is Cause.AMOUNT_MISMATCH


@pytest.mark.parametrize("text", ["2026-04-02T23:59:59", "2026-04-02T00:00:01.000001", "2026-04-02T23:00:00Z",
                                  "2026-04-02T23:00:00-08:00", "2026-04-02"])  # fmt: skip
def test_a_date_is_taken_as_it_stands(text: str) -> None:
    """No zone shifts it to another day."""
    assert request(approved_date=text).dated == date(2026, 4, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount": None},
        {"total_amount": True},
        {"total_amount": "much"},
        {"total_amount": "NaN"},
        {"total_amount": "Infinity"},
        {"total_amount": "1E+30"},
        {"total_amount": "0.0000001"},
        {"total_amount": {"amount": "1"}},
        {"approved_date": "02.04.2026"},
        {"id": ""},
        {"lines": [{"amount": "x"}]},
        {"lines": ["x"]},
    ],
)
def test_what_cannot_be_read_is_held_with_its_pointer(wrong: dict[str, Any]) -> None:
    """One record stops, and says where to look."""
    with pytest.raises(RecordError, match="/") as caught:
        request(**wrong)
    assert caught.value.cause is Cause.UNREADABLE


@pytest.mark.parametrize("raw", [b"", b"[]", b"<html>", b"\xff\xfe", b'{"id": ', b"[" * 100_000])
def test_what_is_no_object_is_held(raw: bytes) -> None:
    """Whatever arrives."""
    with pytest.raises(RecordError):
        read_charge(raw, REQUEST_POINTERS)


def test_a_number_is_exact() -> None:
    """Amounts come as text; one that does not is not made a float."""
    raw = msgspec.json.encode(request_document()).replace(b'"1830.00"', b"1830.10")
    assert read_charge(raw, REQUEST_POINTERS).total == Decimal("1830.10")


def test_a_link_made_meanwhile_is_no_change() -> None:
    """The supplier's number on the vendor is not the document's own."""
    unlinked = request(vendor={"erp_reference_id": "", "airbase_id": "v-1", "name": "Nordtek"})
    linked = request(vendor={"erp_reference_id": "S-1", "airbase_id": "v-1", "name": "Nordtek"})
    assert unlinked.what_matters() == linked.what_matters()
    assert request(total_amount="1.00").what_matters() != linked.what_matters()


def test_a_document_is_named_by_its_id_or_by_its_content() -> None:
    """Whatever arrives has a name, the same each time."""
    assert charge_id(b'{"id": 17}', REQUEST_POINTERS) == "17"
    assert len(charge_id(b"{}", REQUEST_POINTERS)) == len(charge_id(b"[", REQUEST_POINTERS)) == 64
    assert (
        charge_id(b"{}", REQUEST_POINTERS) == charge_id(b"{}", REQUEST_POINTERS) != charge_id(b"[]", REQUEST_POINTERS)
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.text(alphabet="/ab~01"))
def test_a_pointer_never_breaks(document: Any, pointer: str) -> None:
    """It finds something or nothing."""
    value_at(document, f"/{pointer}")
    assert isinstance(text_at(document, f"/{pointer}"), str)
    assert isinstance(rows_at(document, f"/{pointer}"), list)
