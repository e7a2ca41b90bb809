"""Values of a file are understood exactly, or refused with the field and the reason."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.integrations.stampli.feeds import Values
from mlc_pipelines.integrations.stampli.values import (
    UnreadableValueError,
    amount,
    code,
    day,
    is_damaged,
    moment,
    normalised,
)


@pytest.mark.parametrize(
    ("text", "rules", "wanted"),
    [
        ("1250.00", {}, "1250.00"),
        ("-12.5", {}, "-12.5"),
        ("0", {}, "0"),
        ("-0.00", {}, "0.00"),
        ("1,250.00", {"thousands": ","}, "1250.00"),
        ("1250.00", {"thousands": ","}, "1250.00"),
        ("1.250,75", {"decimal": ",", "thousands": "."}, "1250.75"),
        ("1.250", {"decimal": ",", "thousands": "."}, "1250"),
        ("12,5", {"decimal": ","}, "12.5"),
        ("1 234 567.89", {"thousands": " "}, "1234567.89"),
        ("1\u00a0234.5", {"thousands": "\u00a0"}, "1234.5"),
        ("1'234.5", {"thousands": "'"}, "1234.5"),
        ("12.50-", {"negative": ("trailing",)}, "-12.50"),
        ("(12.50)", {"negative": ("parentheses",)}, "-12.50"),
        ("$12.50", {"currency_signs": ("$",)}, "12.50"),
        ("-$12.50", {"currency_signs": ("$",)}, "-12.50"),
        ("12.50 EUR", {"currency_signs": ("EUR",)}, "12.50"),
        ("0.123456", {}, "0.123456"),
    ],
)
def test_an_amount_is_read_as_agreed(text: str, rules: dict[str, Any], wanted: str) -> None:
    """Every way to write a number that was agreed gives exactly that number."""
    assert amount(text, "amount", Values(**rules)) == Decimal(wanted)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("1,250.00", {}),
        ("1.250", {"decimal": ","}),
        ("1,25", {"thousands": ","}),
        ("1,2500", {"thousands": ","}),
        (",250", {"thousands": ","}),
        ("1 250", {}),
        ("12.", {}),
        (".5", {}),
        ("12.5.0", {}),
        ("+5", {}),
        ("--5", {}),
        ("12.50-", {}),
        ("(12.50)", {}),
        ("-(12.50)", {"negative": ("leading", "parentheses")}),
        ("-12.50-", {"negative": ("leading", "trailing")}),
        ("(12.50", {"negative": ("parentheses",)}),
        ("$12.50", {}),
        ("12.50", {"decimal": ","}),
        ("\u0661\u0662", {}),
        ("\u221212", {}),
        ("1.23E+11", {}),
        ("1E+3", {}),
        ("NaN", {}),
        ("Infinity", {}),
        ("1_000", {}),
        ("", {}),
        ("-", {}),
        ("1234567890123", {}),
        ("0.1234567", {}),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused(text: str, rules: dict[str, Any]) -> None:
    """Nothing is guessed, neither thousands nor signs nor what a spreadsheet made of a number."""
    with pytest.raises(UnreadableValueError, match="total_amount is"):
        amount(text, "total_amount", Values(**rules))


@given(st.decimals(min_value=-999_999_999, max_value=999_999_999, places=2), st.sampled_from([",", " ", "'"]))
def test_any_amount_comes_back(value: Decimal, thousands: str) -> None:
    """Written with or without a thousands sign, an amount is read as it was."""
    rules = Values.model_validate({"thousands": thousands})
    assert amount(f"{value:f}", "amount", rules) == value
    assert amount(f"{value:,.2f}".replace(",", thousands), "amount", rules) == value


def test_signs_must_differ() -> None:
    """A point that is both is a mistake of the settings."""
    with pytest.raises(ValueError, match="same sign"):
        Values(decimal=",", thousands=",")


@pytest.mark.parametrize(
    ("text", "forms", "wanted"),
    [
        ("2026-03-30", ("%Y-%m-%d",), date(2026, 3, 30)),
        ("30.03.2026", ("%Y-%m-%d", "%d.%m.%Y"), date(2026, 3, 30)),
        ("30/03/2026", ("%d/%m/%Y", "%m/%d/%Y"), date(2026, 3, 30)),
        ("04/04/2026", ("%d/%m/%Y", "%m/%d/%Y"), date(2026, 4, 4)),
    ],
)
def test_a_date_is_read_by_the_listed_forms(text: str, forms: tuple[str, ...], wanted: date) -> None:
    """In one form, or in several that agree."""
    assert day(text, "invoice_date", Values(dates=forms)) == wanted


@pytest.mark.parametrize("text", ["03/04/2026", "2026-13-01", "30/03/26", "", "2026-03-30T00:00:00"])
def test_a_date_that_fits_two_forms_or_none_is_refused(text: str) -> None:
    """Day and month are never guessed."""
    with pytest.raises(UnreadableValueError, match="due_date is"):
        day(text, "due_date", Values(dates=("%d/%m/%Y", "%m/%d/%Y")))


def test_a_form_that_is_none_is_refused_in_the_settings() -> None:
    """Before the first file comes."""
    with pytest.raises(ValueError, match="%Y-%m-%d"):
        Values(dates=("yyyy-mm-dd%",))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-03T08:00:00Z", datetime(2026, 11, 3, 8, tzinfo=UTC)),
        ("2026-11-03T08:00:00+02:00", datetime(2026, 11, 3, 6, tzinfo=UTC)),
        ("2026-11-03 08:00:00", datetime(2026, 11, 3, 13, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_the_tenants(text: str, wanted: datetime) -> None:
    """All come out in UTC."""
    assert moment(text, "exported_at", Values().moments, ZoneInfo("America/New_York")) == wanted


def test_a_time_of_no_form_is_refused() -> None:
    """As a date is."""
    with pytest.raises(UnreadableValueError, match="exported_at"):
        moment("yesterday", "exported_at", Values().moments, ZoneInfo("UTC"))


@pytest.mark.parametrize("text", ["1.23E+11", "1E+05", "-1,5e-3", "9.99E+20"])
def test_damage_is_seen(text: str) -> None:
    """What a spreadsheet writes for a long code."""
    assert is_damaged(text)
    with pytest.raises(UnreadableValueError, match="spreadsheet"):
        code(text, "gl_account")


@pytest.mark.parametrize("text", ["00123", "12E45", "1.23", "E+11", "A-1/2", "12e4"])
def test_codes_are_kept_as_they_are(text: str) -> None:
    """Zeros, dashes, slashes, and an E in the middle."""
    assert code(text, "gl_account") == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" nt-118 ", "NT-118"),
        ("inv  7\u00a08", "INV 7 8"),
        ("\uff21\uff11", "A1"),
        ("00-1/2", "00-1/2"),
        ("straße", "STRASSE"),
    ],
)
def test_texts_are_made_comparable(text: str, wanted: str) -> None:
    """Width, case and blanks do not tell two numbers apart; zeros and dashes do."""
    assert normalised(text) == wanted
