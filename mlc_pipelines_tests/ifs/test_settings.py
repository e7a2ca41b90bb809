"""The settings of a tenant."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_pipelines.ifs.settings import IfsSettings

REQUIRED = {
    "base_url": "https://acme.ifs.cloud",
    "token_url": "https://acme.ifs.cloud/auth/realms/acmeprd/protocol/openid-connect/token",
    "credential": "acme/ifs",
}


def settings(**given: Any) -> IfsSettings:
    return IfsSettings.model_validate(REQUIRED | given)


def test_three_settings_are_enough() -> None:
    """Addresses and credential; everything else has a default within the limits of IFS."""
    ifs = settings()
    assert ifs.page_size == 1000
    assert ifs.requests_per_minute == 900
    assert ifs.token_refresh_seconds == 3000
    assert ifs.sets["posting_proposal"].root == ("/main/ifsapplications/projection/v1/PostingProposalHandling.svc/")


def test_a_set_changes_only_what_it_names() -> None:
    """Another service leaves set name, children and modified attribute as they are."""
    ifs = settings(
        sets={"posting_proposal": {"service": "PostingProposalHeadEntity", "channel": "int", "kind": "entity"}}
    )
    proposal = ifs.sets["posting_proposal"]
    assert proposal.root == "/int/ifsapplications/entity/v1/PostingProposalHeadEntity.svc/"
    assert proposal.set == "PostingProposalHeadSet"
    assert proposal.children == {"lines": "PostingProposalLines"}
    assert proposal.modified_attribute == "ModifiedDate"


def test_a_set_without_a_usual_place_is_there_only_where_it_is_named() -> None:
    """Nothing is known of where a tenant lists finally posted invoices."""
    assert "supplier_invoice" not in settings(sets={"supplier_invoice": None}).sets
    named = {"service": "SupplierInvoiceHandling", "set": "SupplierInvoiceSet", "aliases": {"text": "Note"}}
    ifs = settings(sets={"supplier_invoice": named})
    assert ifs.sets["supplier_invoice"].root.endswith("/SupplierInvoiceHandling.svc/")
    assert (ifs.names("supplier_invoice")["number"], ifs.names("supplier_invoice")["text"]) == ("InvoiceNo", "Note")


def test_aliases_rename_head_and_lines() -> None:
    """A logical name leads to the tenant's attribute; `lines.` reaches the lines."""
    aliases = {"number": "SupplierInvoiceNo", "lines.amount": "Amount"}
    ifs = settings(sets={"posting_proposal": {"aliases": aliases}})
    assert ifs.names("posting_proposal")["number"] == "SupplierInvoiceNo"
    assert ifs.names("posting_proposal")["supplier"] == "Identity"
    assert ifs.names("posting_proposal", "lines")["amount"] == "Amount"
    assert ifs.names("posting_proposal", "lines")["account"] == "Account"


def test_the_modified_attribute_is_an_alias_too() -> None:
    """The attribute the feed asks for is the one the records are read by."""
    ifs = settings(sets={"posting_proposal": {"modified_attribute": "ChangedAt"}})
    assert ifs.names("posting_proposal")["modified"] == "ChangedAt"


def test_marks_are_names_of_the_proposal_and_each_may_be_missing() -> None:
    """A mark set to null has no attribute."""
    ifs = settings(marks={"sent": "Cf_Sent", "paid": {"date": None}})
    names = ifs.names("posting_proposal")
    assert names["sent"] == "Cf_Sent"
    assert names["paid_status"] == "Cf_Paid_Status"
    assert "paid_date" not in names


def test_reference_fields_are_those_of_the_tenant() -> None:
    """The voucher rows carry our reference where the tenant wants it."""
    ifs = settings(sets={"voucher": {"reference_fields": ["TransferId", "ReferenceNumber"]}})
    assert ifs.names("voucher", "rows")["reference_serie"] == "TransferId"


def test_a_reference_is_looked_for_in_the_fields_that_it_is_written_to() -> None:
    """Unless the set of all rows has names of its own for them."""
    ifs = settings(sets={"voucher": {"reference_fields": ["TransferId", "ReferenceNumber"]}})
    assert ifs.names("voucher_row")["reference_serie"] == "TransferId"
    aliases = {"voucher_row": {"aliases": {"reference_serie": "Transfer"}}}
    own = settings(sets={"voucher": {"reference_fields": ["TransferId", "ReferenceNumber"]}} | aliases)
    assert own.names("voucher_row")["reference_serie"] == "Transfer"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"page_size": 5001}, "page_size"),
        ({"token_refresh_seconds": 3600}, "token_refresh_seconds"),
        ({"base_urll": "x"}, "base_urll"),
        ({"base_url": "acme.ifs.cloud"}, "origin"),
        ({"base_url": "https://acme.ifs.cloud/main"}, "origin"),
        ({"sets": {"supplier_invoice": {"set": "X"}}}, "service"),
        ({"sets": {"invoices": {}}}, "unknown set invoices; known are account"),
        ({"sets": {"supplier": {"aliases": {"nmae": "Name"}}}}, "unknown name nmae; known are"),
        ({"sets": {"supplier": {"aliases": {"orders.id": "X"}}}}, "unknown name orders.id"),
        ({"sets": {"supplier": {"servce": "X"}}}, "servce"),
        ({"sets": {"supplier": {"channel": "web"}}}, "channel"),
        ({"sets": {"voucher": {"reference_fields": ["One"]}}}, "reference_fields"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], said: str) -> None:
    """What is wrong is in the message, and so is what would be right."""
    with pytest.raises(ValidationError, match=said):
        settings(**given)


def test_a_slash_after_the_address_does_not_matter() -> None:
    """The address is an origin with or without it."""
    assert settings(base_url="https://acme.ifs.cloud/").base_url == "https://acme.ifs.cloud"
