"""What the ledger can keep: amounts in whole millionths, words that any database takes; else it is refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlc_pipelines.errors import legible
from mlc_pipelines.ledger.records import LONGEST_WORD, SourceRecord, from_micros, is_kept, is_word, to_micros


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_millionths_come_back(micros: int) -> None:
    """What is counted is what was given."""
    amount = from_micros(micros)
    assert amount is not None
    assert to_micros(amount) == micros


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        ("12.30", 12_300_000),
        ("-0.000001", -1),
        ("1E+3", 10**9),
        ("0.0000010", 1),
        ("9223372036854.775807", 2**63 - 1),
        ("0E+50", 0),
    ],
)
def test_amounts_are_counted_exactly(amount: str, micros: int) -> None:
    """However an amount is written, its millionths are whole."""
    assert to_micros(Decimal(amount)) == micros


@pytest.mark.parametrize(
    ("micros", "text"), [(12_300_000, "12.30"), (0, "0.00"), (1_234_500, "1.2345"), (-1, "-0.000001")]
)
def test_amounts_are_told_with_two_places_or_what_they_need(micros: int, text: str) -> None:
    """Twelve thirty is 12.30."""
    assert format(from_micros(micros) or Decimal("0.00"), "f") == text


def test_nothing_is_counted_as_nothing() -> None:
    """A record without an amount has none, which is not zero."""
    assert to_micros(None) is None
    assert from_micros(None) is None
    assert from_micros(0) == 0


@pytest.mark.parametrize("amount", ["0.0000001", "1.0000000000000000000000000000000001", "999999999999.9999999"])
def test_finer_places_than_millionths_are_refused(amount: str) -> None:
    """Nothing is rounded away, however many digits there are before it."""
    with pytest.raises(ValueError, match="decimal places"):
        to_micros(Decimal(amount))


@pytest.mark.parametrize(
    "amount", ["9223372036854.775808", "-9223372036854.775808", "1E+999999999", "-Infinity", "NaN", "sNaN"]
)
def test_what_is_beyond_counting_is_refused(amount: str) -> None:
    """A database's whole numbers hold nine thousand billions in millionths."""
    with pytest.raises(ValueError, match="beyond what the ledger counts"):
        to_micros(Decimal(amount))


@pytest.mark.parametrize("amount", [Decimal(10**4000), Decimal("1." + "1" * 4000)])
def test_what_is_refused_is_told_shortly(amount: Decimal) -> None:
    """A hold's problem is read by a person."""
    with pytest.raises(ValueError, match="amount 1") as refused:
        to_micros(amount)
    assert len(str(refused.value)) < 80


@pytest.mark.parametrize("text", ["A", "10^1001", " ", "é" * (LONGEST_WORD // 2), "x" * LONGEST_WORD, "\x01", "\uffff"])
def test_any_text_that_fits_an_index_is_a_word(text: str) -> None:
    """Length is counted in bytes, as an index counts."""
    assert is_kept(text)
    assert is_word(text)


@pytest.mark.parametrize("text", ["", "\x00", "a\x00", "\ud800", "é" * LONGEST_WORD, "x" * (LONGEST_WORD + 1)])
def test_what_a_database_refuses_is_no_word(text: str) -> None:
    """PostgreSQL takes no NUL, none takes half a sign, and no index takes a text of any length."""
    assert not is_word(text)
    assert is_kept(text) == (not {"\x00", "\ud800"} & set(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as it is: é \u20ac", "as it is: é \u20ac"),
        ("two\nlines\tand\r\x0b", "two lines and  "),
        ("\x00\x1b[31m\x7f\ud800", "\ufffd\ufffd[31m\ufffd\ufffd"),
        ("x" * 10, "x" * 10),
        ("x" * 11, "x" * 9 + "…"),
    ],
)
def test_what_is_shown_is_one_line_that_a_person_reads(text: str, shown: str) -> None:
    """Control signs of a terminal and half signs are not let through."""
    assert legible(text, 10 if set(text) == {"x"} else 1000) == shown


GOOD = SourceRecord("A", "10", b"{}", "f", tag="1", label="A", currency="EUR")


@pytest.mark.parametrize("changes", [{}, {"company": ""}, {"tag": None}, {"currency": None}])
def test_a_record_that_can_be_kept_fits(changes: dict[str, Any]) -> None:
    """Company, mark and currency may be unknown."""
    assert replace(GOOD, **changes).misfit() is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": ""}, "it has no key"),
        ({"key": "\x00"}, "its key is"),
        ({"company": "x" * 2000}, "its company is"),
        ({"tag": "\ud800"}, "its tag is"),
        ({"currency": "\x00UR"}, "its currency is"),
        ({"currency": ""}, "its currency is ''"),
        ({"currency": "EU"}, "its currency is 'EU', which is none"),
    ],
)
def test_a_record_that_cannot_be_kept_says_why(changes: dict[str, Any], why: str) -> None:
    """In a sentence that can be kept itself."""
    said = replace(GOOD, **changes).misfit()
    assert said is not None
    assert said.startswith(why)
    assert is_word(said)
