"""Loose and typed reading of records."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.records import RowReader, TypedReader


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    code: str | None = None
    amount: Decimal | None = None
    flag: bool | None = None
    day: date | None = None
    absent: str | None = None
    etag: str | None = msgspec.field(name="@odata.etag", default=None)


NAMES = {"id": "ThingId", "code": "Code", "amount": "Amount", "flag": "Flag", "day": "Day"}


@pytest.fixture
def typed() -> TypedReader[Thing]:
    return TypedReader(Thing, NAMES, where="thing")


def test_a_row_has_keys_etag_values_and_its_own_bytes() -> None:
    """Keys by attribute, values by logical name, the JSON untouched."""
    raw = b'{"@odata.etag":"W/\\"x\\"","ThingId":7,"Amount":1000.10,"Cf_Own":"y"}'
    row = RowReader({"ThingId": "Edm.Int64"}, NAMES).read(raw)
    assert row.keys == {"ThingId": 7}
    assert row.etag == 'W/"x"'
    assert row.values == {"id": 7, "amount": Decimal("1000.10"), "Cf_Own": "y"}
    assert row.raw == raw
    assert row.problem is None


@pytest.mark.parametrize("raw", [b"null", b"[1]", b'"text"', b'{"a":', b'{"a":"\xff"}'])
def test_a_row_that_is_no_record_has_a_problem(raw: bytes) -> None:
    """Reading a row never raises: the page goes on."""
    row = RowReader({"ThingId": "Edm.Int64"}, NAMES).read(raw)
    assert row.problem is not None
    assert row.raw == raw


def test_numbers_and_booleans_may_come_as_text(typed: TypedReader[Thing]) -> None:
    """One IFS record mixes both; the meaning is the same."""
    real = typed.read(b'{"ThingId":7,"Amount":1000.10,"Flag":true}')
    text = typed.read(b'{"ThingId":"7","Amount":"1000.10","Flag":"TRUE"}')
    assert real == text
    assert typed.read(b'{"ThingId":7,"Flag":"FALSE"}').flag is False


def test_amounts_keep_every_digit(typed: TypedReader[Thing]) -> None:
    """No float is made on the way."""
    assert typed.read(b'{"ThingId":7,"Amount":123456789012345678.123456789}').amount == Decimal(
        "123456789012345678.123456789"
    )


def test_codes_keep_their_zeros(typed: TypedReader[Thing]) -> None:
    """Text that looks like a number or like null stays text."""
    assert typed.read(b'{"ThingId":7,"Code":"0010"}').code == "0010"
    assert typed.read(b'{"ThingId":7,"Code":"null"}').code == "null"


def test_an_attribute_that_is_not_configured_is_not_read(typed: TypedReader[Thing]) -> None:
    """A logical name without an attribute keeps its default, whatever the record says."""
    assert typed.read(b'{"ThingId":7,"absent":"x"}').absent is None


@pytest.mark.parametrize(
    ("raw", "attribute", "value"),
    [
        (b'{"ThingId":"seven"}', "ThingId", "'seven'"),
        (b'{"Code":"x"}', "ThingId", "None"),
        (b'{"ThingId":7,"Amount":"a lot"}', "Amount", "'a lot'"),
        (b'{"ThingId":7,"Amount":"NaN"}', "Amount", "NaN"),
        (b'{"ThingId":7,"Amount":"-Infinity"}', "Amount", "Infinity"),
        (b'{"ThingId":7,"Day":"14.03.2026"}', "Day", "'14.03.2026'"),
        (b'{"ThingId":7,"Code":4010}', "Code", "4010"),
    ],
)
def test_what_cannot_be_read_is_named(typed: TypedReader[Thing], raw: bytes, attribute: str, value: str) -> None:
    """The error carries the attribute and its value, so that a person finds it in IFS."""
    with pytest.raises(RecordError) as caught:
        typed.read(raw)
    assert caught.value.cause is Cause.UNREADABLE
    assert caught.value.key == f"attribute:{attribute}"
    assert attribute in str(caught.value)
    assert value in str(caught.value)


@pytest.mark.parametrize("raw", [b"null", b"[]", b"{"])
def test_what_is_no_record_is_unreadable(typed: TypedReader[Thing], raw: bytes) -> None:
    """Not an object is a record error like any other."""
    with pytest.raises(RecordError, match="thing"):
        typed.read(raw)


def test_a_long_value_is_cut_in_the_message(typed: TypedReader[Thing]) -> None:
    """A message never carries a whole payload."""
    with pytest.raises(RecordError) as caught:
        typed.read(b'{"ThingId":"' + b"x" * 5000 + b'"}')
    assert len(str(caught.value)) < 300
