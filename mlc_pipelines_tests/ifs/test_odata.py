"""Literals, key predicates, filters and next links."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.errors import ConfigurationError, RecordError
from mlc_pipelines.ifs.odata import Query, both, compare, follow, key_predicate, literal, timestamp

ROOT = "/main/ifsapplications/projection/v1/PostingProposalHandling.svc/"
BASE = "https://acme.ifs.cloud"


@pytest.mark.parametrize(
    ("value", "edm_type", "written"),
    [
        (None, None, "null"),
        ("INV-7", None, "'INV-7'"),
        ("O'Neil", "Edm.String", "'O''Neil'"),
        ("48211", "Edm.Int64", "48211"),
        ("1000.10", "Edm.Decimal", "1000.10"),
        (2026, None, "2026"),
        (True, None, "true"),
        (Decimal("1E+3"), None, "1000"),
        (Decimal("1000.00"), None, "1000.00"),
        (date(2026, 3, 1), "Edm.Date", "2026-03-01"),
        (date(2026, 3, 1), "Edm.DateTimeOffset", "2026-03-01T00:00:00Z"),
        (datetime(2026, 3, 1, 9, 30, tzinfo=UTC), "Edm.DateTimeOffset", "2026-03-01T09:30:00Z"),
        (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "Edm.Date", "2026-03-01"),
        ("Supplier", "IfsApp.SupplierHandling.PartyType", "IfsApp.SupplierHandling.PartyType'Supplier'"),
    ],
)
def test_a_literal_is_written_as_its_type_wants_it(value: Any, edm_type: str | None, written: str) -> None:
    """Text is quoted, numbers and times stand bare, an enumeration member carries its type."""
    assert literal(value, edm_type) == written


@pytest.mark.parametrize(
    ("value", "edm_type"),
    [(Decimal("NaN"), None), ("x' or 1 eq 1", "IfsApp.A.B"), ("abc", "Edm.Int64"), ("1,5", "Edm.Decimal")],
)
def test_a_value_that_does_not_fit_its_type_is_refused(value: Any, edm_type: str | None) -> None:
    """Nothing that could change the meaning of a filter is written."""
    with pytest.raises(RecordError, match="for OData"):
        literal(value, edm_type)


def test_there_is_no_literal_for_a_float() -> None:
    """Money never travels as float, not even in a filter."""
    with pytest.raises(TypeError, match="float"):
        literal(0.1)


def test_a_timestamp_is_written_in_utc() -> None:
    """An aware time of any zone becomes UTC with Z; a naive one is refused."""
    zone = timezone(timedelta(hours=2))
    assert timestamp(datetime(2026, 3, 14, 11, 26, 53, 120000, tzinfo=zone)) == "2026-03-14T09:26:53.120000Z"
    with pytest.raises(ValueError, match="time zone"):
        timestamp(datetime(2026, 3, 14))  # noqa: DTZ001 - the naive time is the subject


def test_a_key_predicate_follows_the_order_and_types_of_the_metadata() -> None:
    """The order of the values given does not matter; text is quoted, numbers are bare."""
    types = {"Company": "Edm.String", "InvoiceId": "Edm.Int64"}
    assert key_predicate({"InvoiceId": 48211, "Company": "10"}, types) == "(Company='10',InvoiceId=48211)"


def test_a_quote_in_a_key_is_doubled_and_spaces_are_encoded() -> None:
    """A supplier id with a quote and a space stays one key."""
    assert key_predicate({"SupplierId": "O'Neil Ltd"}, {"SupplierId": "Edm.String"}) == "(SupplierId='O''Neil%20Ltd')"


def test_a_key_that_lacks_a_part_is_refused() -> None:
    """Half a key would name another record."""
    with pytest.raises(ValueError, match="InvoiceId"):
        key_predicate({"Company": "10"}, {"Company": "Edm.String", "InvoiceId": "Edm.Int64"})


@given(st.text())
def test_no_text_leaves_its_quotes(text: str) -> None:
    """Whatever the text, its literal is one quoted string: quotes inside come in pairs."""
    inside = literal(text)[1:-1]
    assert inside.replace("''", "").count("'") == 0
    assert inside.replace("''", "'") == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_key_changes_the_path(text: str) -> None:
    """Whatever the key, no slash, question mark or hash of it reaches the path, and decoding gives it back."""
    written = key_predicate({"Id": text}, {"Id": "Edm.String"})
    assert not set(written) & set("/?#& ")
    assert unquote(written) == f"(Id={literal(text)})"


def test_an_attribute_name_cannot_smuggle_a_filter() -> None:
    """A name that is more than a name is a fault of the settings."""
    with pytest.raises(ConfigurationError, match="attribute name"):
        compare("Company eq '10' or Company", "ne", "x")


def test_a_query_keeps_its_dollars_and_encodes_spaces() -> None:
    """Option names stay literal and a space is %20, never a plus."""
    query = Query(
        filter=both(compare("Company", "eq", "10"), None, "A eq 'x&y+z'"), orderby=("ModifiedDate", "Company"), top=5
    )
    assert query.address("/Set") == (
        "/Set?$filter=Company%20eq%20'10'%20and%20A%20eq%20'x%26y%2Bz'&$orderby=ModifiedDate,Company&$top=5"
    )
    assert query.after(5).after(5).address("/Set").endswith("&$top=5&$skip=10")
    assert Query().address("/Set") == "/Set"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("Set?$skiptoken=9", f"{ROOT}Set?$skiptoken=9"),
        ("PostingProposalHandling.svc/Set?$skiptoken=9", f"{ROOT}Set?$skiptoken=9"),
        (f"{ROOT}Set?$skiptoken=9", f"{ROOT}Set?$skiptoken=9"),
        (f"{BASE}{ROOT}Set?$skiptoken=9", f"{ROOT}Set?$skiptoken=9"),
        ("Set(Company='10')/Lines?$skip=5", f"{ROOT}Set(Company='10')/Lines?$skip=5"),
        ("Set?$filter=Company eq '10'&$skip=5", f"{ROOT}Set?$filter=Company%20eq%20'10'&$skip=5"),
        ("Set?$filter=Company%20eq%20'10'", f"{ROOT}Set?$filter=Company%20eq%20'10'"),
    ],
)
def test_a_next_link_is_found_from_the_service_root(link: str, path: str) -> None:
    """All four forms of next links lead to the same place; what is encoded is not encoded again."""
    assert follow(link, root=ROOT, base_url=BASE) == path


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example/main/ifsapplications/projection/v1/PostingProposalHandling.svc/Set",
        "//elsewhere.example/Set",
        "http://acme.ifs.cloud" + ROOT + "Set",
        "/main/ifsapplications/projection/v1/SupplierHandling.svc/Set",
        "../SupplierHandling.svc/Set",
    ],
)
def test_a_next_link_that_leads_away_is_refused(link: str) -> None:
    """The token goes to no other host and a read to no other service."""
    with pytest.raises(ConfigurationError, match="next link"):
        follow(link, root=ROOT, base_url=BASE)
