"""The check of a connection names what is wrong before the first run does."""

import re
from typing import Any

import pytest

from mlc_pipelines.ifs.check import CheckLine, check
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.ifs.conftest import OpenIfs


def failing(ifs: IfsSandbox, open_client: OpenIfs, **given: Any) -> list[CheckLine]:
    return [line for line in check(open_client(ifs, **given), ["10", "20"]) if not line.ok]


def test_a_tenant_with_the_usual_names_passes(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Token, every projection, every set and both companies."""
    lines = list(check(open_client(ifs), ["10", "20"]))
    assert [line for line in lines if not line.ok] == []
    names = [line.name for line in lines]
    assert names[0] == "connection"
    assert "projection PostingProposalHandling" in names
    assert "set voucher" in names
    assert names[-2:] == ["company 10", "company 20"]


def test_a_wrong_secret_ends_the_check(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Nothing else can be asked, so nothing else is said."""
    (line,) = check(open_client(ifs, secret="wrong"), ["10"])
    assert not line.ok
    assert "acme/ifs" in line.message


def test_a_projection_that_is_not_granted_is_named(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """The others are still checked."""
    ifs.people.revoke_grant("PostingProposalHandling")
    lines = failing(ifs, open_client)
    assert [line.name for line in lines] == ["set posting_proposal"]
    assert "permission set" in lines[0].message


def test_a_projection_that_is_not_there_is_named(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Not in the catalogue, and not at its address."""
    lines = failing(ifs, open_client, sets={"voucher": {"service": "ManualVoucherHandling"}})
    assert [line.name for line in lines] == ["projection ManualVoucherHandling", "set voucher"]
    assert "not in the catalogue" in lines[0].message


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sets": {"posting_proposal": {"modified_attribute": "ChangedAt"}}}, "attributes with a time: .*ModifiedDate"),
        ({"sets": {"posting_proposal": {"aliases": {"po_reference": "PoNo"}}}}, "no PoNo"),
        ({"sets": {"posting_proposal": {"aliases": {"lines.amount": "Amount"}}}}, "no Amount"),
        ({"sets": {"posting_proposal": {"set": "ProposalSet"}}}, "it has: .*PostingProposalHeadSet"),
        ({"sets": {"posting_proposal": {"children": {"lines": "Lines"}}}}, "it has: .*PostingProposalLines"),
        ({"marks": {"sent": "Cf_Nothing"}}, "no Cf_Nothing"),
    ],
)
def test_a_wrong_name_is_named_with_the_right_ones(
    ifs: IfsSandbox, open_client: OpenIfs, given: dict[str, Any], said: str
) -> None:
    """The settings can be corrected from the message alone."""
    (line,) = failing(ifs, open_client, **given)
    assert line.name == "set posting_proposal"
    assert re.search(said, line.message), line.message


def test_a_set_that_the_tenant_named_is_checked_too(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Finally posted invoices are found by number and supplier, and told from cancelled ones."""
    named = {"service": "ManSuppInvoiceHandling", "set": "ManSuppInvoiceSet"}
    assert failing(ifs, open_client, sets={"supplier_invoice": named}) == []
    (line,) = failing(ifs, open_client, sets={"supplier_invoice": {**named, "aliases": {"state": "State"}}})
    assert (line.name, "no State" in line.message) == ("set supplier_invoice", True)


def test_a_company_that_is_not_granted_fails(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """IFS would answer every question about it with an empty list."""
    lines = list(check(open_client(ifs), ["10", "99"]))
    assert [line.name for line in lines if not line.ok] == ["company 99"]


def test_a_tenant_without_paid_fields_passes_when_told_so(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """A mark set to null is not asked for."""
    assert failing(ifs, open_client, marks={"sent": None, "paid": {"status": None, "date": None}}) == []
