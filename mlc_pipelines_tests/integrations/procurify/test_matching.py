"""Tests of the ladder: which supplier a vendor is, and when nobody may guess."""

from typing import Any

import pytest

from mlc_pipelines.ifs.suppliers import Supplier
from mlc_pipelines.integrations.procurify.matching import Ladder, country_code
from mlc_pipelines_tests.integrations.procurify.builders import vendor

SUPPLIERS = (
    Supplier("S-1", "Nordtek AB", country="SE", tax_id="SE 556000-1234"),
    Supplier("S-2", "Kestrel Tooling Ltd", country="GB", tax_id="GB99"),
    Supplier("S-3", "Kestrel Tooling Ltd", country="US", tax_id="12-3456789"),
    Supplier("S-4", "Weser Energie AG", country="DE", tax_id="12-3456789"),
    Supplier("S-5", "Ohne Land GmbH"),
)
COUNTRIES = {"Sweden": "SE", "United States of America": "US"}


def ladder(**known: Any) -> Ladder:
    return Ladder(SUPPLIERS, countries=COUNTRIES, **known)


@pytest.mark.parametrize(
    ("fields", "known", "supplier", "how"),
    [
        ({"external_id": "S-2"}, {"bound": {"88": "S-1"}}, "S-1", "binding"),
        ({"external_id": "S-2"}, {"confirmed": {"88": "S-4"}}, "S-4", "table"),
        ({"external_id": "S-2"}, {}, "S-2", "external id"),
        ({"name": "Nordtek Sverige", "tax": "se556000 1234"}, {}, "S-1", "tax number"),
        ({"name": " nordtek  ab"}, {}, "S-1", "name and country"),
        ({"name": "KESTREL TOOLING LTD", "country": "United States of America"}, {}, "S-3", "name and country"),
        ({"name": "Kestrel Tooling Ltd", "country": "gb"}, {}, "S-2", "name and country"),
    ],
)
def test_the_surest_evidence_goes_first(fields: dict[str, Any], known: dict[str, Any], supplier: str, how: str) -> None:
    """Binding, confirmed pair, supplier number, tax number, name with country."""
    match = ladder(**known).match(vendor(**fields))
    assert (match.supplier.id if match.supplier else None, match.how) == (supplier, how)


@pytest.mark.parametrize(
    ("fields", "proposed"),
    [
        ({"name": "Kestrel Tooling Ltd", "country": "Neverland"}, ["S-2", "S-3"]),
        ({"name": "Nordtek AB", "country": "NO"}, ["S-1"]),
        ({"name": "Ohne Land GmbH", "country": "DE"}, ["S-5"]),
        ({"name": "Nordtek AB", "external_id": "S-99"}, ["S-1"]),
        ({"name": "Weser", "tax": "123456789"}, ["S-3", "S-4"]),
        ({"name": "Weser", "tax": "GB99"}, []),
        ({"name": None}, []),
    ],
)
def test_below_the_ladder_there_are_only_proposals(fields: dict[str, Any], proposed: list[str]) -> None:
    """A name alone, a tax number of two, a number that IFS does not have: a person decides."""
    match = ladder().match(vendor(**fields))
    assert (match.supplier, [each.id for each in match.proposals]) == (None, proposed)


@pytest.mark.parametrize(
    ("written", "code"), [("sweden", "SE"), ("SE", "SE"), ("de", "DE"), ("Neverland", None), ("", None), (None, None)]
)
def test_a_country_in_free_words_goes_through_the_table(written: str | None, code: str | None) -> None:
    """Two letters are a code already."""
    assert country_code(written, COUNTRIES) == code
