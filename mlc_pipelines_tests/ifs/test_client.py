"""The client: pages, metadata, tokens, faults of the network and of the tenant."""

import json
from typing import Any

import pytest

from mlc_pipelines.errors import (
    ConfigurationError,
    OutcomeUnknownError,
    RecordError,
    StaleRecordError,
    TransientError,
)
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.conflicts import with_fresh
from mlc_pipelines.ifs.errors import AbsentError
from mlc_pipelines.ifs.posting_proposals import PostingProposals
from mlc_pipelines.ifs.records import Row
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.ifs.conftest import OpenIfs

FORMS = ["relative_root", "service_relative", "slash", "absolute", "none"]


def ids(rows: Any) -> list[str]:
    return [row.keys["SupplierId"] for row in rows]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("repeated", [True, False])
def test_every_record_comes_once_over_many_pages(
    ifs: IfsSandbox, open_client: OpenIfs, world: World, form: str, repeated: bool
) -> None:
    """Next links of any form, none at all, and rows that come twice make no difference."""
    ifs.switches.next_link_form, ifs.switches.repeat_row = form, repeated
    found = ids(open_client(ifs, page_size=4).rows("supplier"))
    assert sorted(found) == sorted(supplier.id for supplier in world.suppliers)


@pytest.mark.parametrize("form", FORMS)
def test_nested_collections_have_pages_too(ifs: IfsSandbox, open_client: OpenIfs, world: World, form: str) -> None:
    """A next link below a record is found from the service, not from the record."""
    ifs.switches.next_link_form = form
    rows = list(open_client(ifs, page_size=7).rows("account", company="10"))
    assert {row.keys["Account"] for row in rows} == {one.code for one in world.accounts if one.company == "10"}


def test_pages_are_not_larger_than_asked_for(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """`$top` and an order by the whole key stand in each question."""
    list(open_client(ifs, page_size=5).rows("supplier", orderby=["name"]))
    asked = [entry for entry in ifs.journal.entries if entry.path.endswith("SupplierInfoGeneralSet")]
    assert len(asked) >= 5
    assert all("$top=5" in entry.query and "$orderby=Name,SupplierId" in entry.query for entry in asked)


def test_a_page_above_the_limit_of_requests_is_asked_for_again(
    ifs: IfsSandbox, client: IfsClient, world: World
) -> None:
    """429 with the time to wait: the same page comes later, and no record is missing."""
    ifs.faults.once("status", method="GET", path_part="SupplierInfo", status=429, headers={"Retry-After": "7"}, times=2)
    assert len(ids(client.rows("supplier"))) == len(world.suppliers)


def test_metadata_is_asked_for_once(ifs: IfsSandbox, client: IfsClient) -> None:
    """Reading a service twice asks for its description once."""
    list(client.rows("supplier"))
    list(client.rows("supplier"))
    assert len([entry for entry in ifs.journal.entries if entry.path.endswith("$metadata")]) == 1


def test_only_the_named_attributes_come_with_select(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """Where a tenant wants it, the read names keys and known attributes."""
    client = open_client(ifs, sets={"supplier": {"select": True}})
    row = next(client.rows("supplier"))
    assert row.values["name"]
    assert "CorporateForm" not in row.values


def test_the_language_of_logs_and_the_zone_are_asked_for(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """English texts always; real UTC where the tenant wants it."""
    list(open_client(ifs, timezone_aware_header=True).rows("company"))
    headers = ifs.journal.entries[-1].headers
    assert headers["accept-language"] == "en-US"
    assert headers["x-ifs-time-zone-aware-request"] == "true"


def test_a_set_on_the_wrong_channel_names_the_other(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """A service that is not there is a fault of the settings, with a way out."""
    client = open_client(ifs, sets={"supplier": {"service": "SupplierEntity", "kind": "entity"}})
    with pytest.raises(ConfigurationError, match="try channel int"):
        list(client.rows("supplier"))


def test_an_entity_service_is_read_like_a_projection(ifs: IfsSandbox, open_client: OpenIfs, world: World) -> None:
    """The same proposals from the entity service on the integration channel."""
    sets = {"posting_proposal": {"service": "PostingProposalHeadEntity", "kind": "entity", "channel": "int"}}
    heads = list(PostingProposals(open_client(ifs, sets=sets)).changed_since("20", None))
    assert len(heads) == len([one for one in world.invoices if one.company == "20"])


def test_an_absent_record_is_absent(client: IfsClient) -> None:
    """One record that is not there is about this record, not about the settings."""
    with pytest.raises(AbsentError):
        client.one("posting_proposal", {"Company": "10", "InvoiceId": 1})


def test_a_wrong_secret_stops_the_connection(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """The message names the credential to correct."""
    client = open_client(ifs, secret="not-the-secret-of-ifs")
    with pytest.raises(ConfigurationError, match="acme/ifs"):
        list(client.rows("company"))


def test_a_revoked_token_is_renewed_once(ifs: IfsSandbox, client: IfsClient, world: World) -> None:
    """Reading goes on with a new token."""
    list(client.rows("company"))
    ifs.tokens.revoke_all()
    assert len(list(client.rows("company"))) == len(world.companies)


def test_a_permission_that_was_taken_away_stops_the_connection(ifs: IfsSandbox, client: IfsClient) -> None:
    """403 asks for a permission set."""
    ifs.people.revoke_grant("SupplierHandling")
    with pytest.raises(ConfigurationError, match="permission set"):
        list(client.rows("supplier"))


@pytest.mark.parametrize("status", [500, 503])
def test_a_deployment_passes_unnoticed(ifs: IfsSandbox, client: IfsClient, world: World, status: int) -> None:
    """Stale metadata in IFS answers one error; the read is repeated."""
    ifs.people.deploy("SupplierHandling", status)
    assert len(ids(client.rows("supplier"))) == len(world.suppliers)


def test_a_server_that_stays_down_postpones(ifs: IfsSandbox, client: IfsClient) -> None:
    """After its tries a read gives up for now."""
    ifs.faults.once("status", method="GET", path_part="CompanySet", status=503, times=20)
    with pytest.raises(TransientError):
        list(client.rows("company"))


def test_a_page_that_is_no_page_postpones(ifs: IfsSandbox, client: IfsClient) -> None:
    """A proxy's page with status 200 is not data."""
    ifs.faults.once("status", method="GET", path_part="CompanySet", status=200, body="<html>login</html>")
    with pytest.raises(TransientError, match="a page is not what the service answers"):
        list(client.rows("company"))


@pytest.mark.parametrize("set_name", ["account", "posting_proposal"])
def test_rows_that_lost_a_part_of_their_key_are_all_given(ifs: IfsSandbox, client: IfsClient, set_name: str) -> None:
    """They are told apart by what they say, also where they have the same version mark; one that comes twice is one."""
    lost: list[dict[str, object]] = [
        {"n": 1},
        {"n": 2},
        {"InvoiceId": None, "Account": None},
        {"InvoiceId": [1], "n": 1},
    ]
    rows = [{"@odata.etag": 'W/"1"', "Company": "10", **each} for each in [*lost, lost[0]]]
    part = "AccountArray" if set_name == "account" else "PostingProposalHeadSet"
    ifs.faults.once("status", method="GET", path_part=part, status=200, body=json.dumps({"value": rows}))
    found = (
        list(client.rows(set_name, company="10"))
        if set_name == "account"
        else list(client.changed_rows(set_name, since=None))
    )
    assert len(found) == len(lost)


def test_a_record_that_is_no_record_postpones(ifs: IfsSandbox, client: IfsClient, world: World) -> None:
    """A proxy's page in place of one record is not about the record."""
    ifs.faults.once("status", method="GET", path_part="InvoiceId", status=200, body="<html>login</html>")
    with pytest.raises(TransientError, match="not what the service says"):
        client.one("posting_proposal", {"Company": "10", "InvoiceId": world.invoices[0].id})


def test_a_change_answered_by_a_proxy_has_an_unknown_outcome(ifs: IfsSandbox, client: IfsClient, world: World) -> None:
    """Status 200 with a page instead of the record says nothing about the change."""
    proposals = PostingProposals(client)
    invoice = proposals.read("10", next(one.id for one in world.invoices if one.company == "10"))
    ifs.faults.once("status", method="PATCH", path_part="InvoiceId", status=200, body="<html>login</html>")
    with pytest.raises(OutcomeUnknownError, match="read the record again"):
        proposals.mark(invoice, {"sent": "bill_1"})


@pytest.mark.parametrize("fault", ["lost", "lost_504"])
def test_a_change_whose_answer_was_lost_is_not_repeated(
    ifs: IfsSandbox, client: IfsClient, world: World, fault: str
) -> None:
    """The caller is told to look; the mark stands in IFS once."""
    proposals = PostingProposals(client)
    invoice = proposals.read("10", next(one.id for one in world.invoices if one.company == "10"))
    ifs.faults.once(fault, method="PATCH", path_part="PostingProposalHeadSet")
    with pytest.raises(OutcomeUnknownError):
        proposals.mark(invoice, {"sent": "bill_1"})
    assert len([entry for entry in ifs.journal.writes() if entry.method == "PATCH"]) == 1
    assert proposals.read("10", invoice.invoice_id).sent_mark == "bill_1"


def test_others_who_edit_the_same_invoice_are_waited_out(ifs: IfsSandbox, client: IfsClient, world: World) -> None:
    """Read, decide, write; when somebody was quicker, again."""
    proposals = PostingProposals(client)
    number = next(one.id for one in world.invoices if one.company == "10")
    edits = iter(["first", "second"])

    def read() -> Any:
        invoice = proposals.read("10", number)
        for text in edits:
            ifs.people.edit_invoice("10", number, VoucherText=text)
            break
        return invoice

    with_fresh(read, lambda invoice: None if invoice.sent_mark else {"sent": "bill_1"}, proposals.mark)
    kept = ifs.invoices["10", number]
    assert (kept["Cf_Spend_Reference"], kept["VoucherText"]) == ("bill_1", "second")


def test_a_bound_action_carries_the_etag(ifs: IfsSandbox, client: IfsClient, world: World) -> None:
    """The action is done on the record as it was read, and not after somebody changed it."""
    number = next(one.id for one in world.invoices if one.company == "10" and one.state == "Balanced")
    row = client.one("posting_proposal", {"Company": "10", "InvoiceId": number})
    ifs.people.edit_invoice("10", number, VoucherText="changed")
    with pytest.raises(StaleRecordError):
        client.action("posting_proposal", row, "Cancel")
    client.action("posting_proposal", client.one("posting_proposal", row.keys), "Cancel")
    assert ifs.invoices["10", number]["Objstate"] == "Cancelled"


def test_an_action_without_an_etag_is_not_sent(ifs: IfsSandbox, client: IfsClient) -> None:
    """The refusal is ours."""
    with pytest.raises(ConfigurationError, match="ETag"):
        client.action("posting_proposal", Row({"Company": "10", "InvoiceId": 1}), "Cancel")
    assert ifs.journal.writes() == []


def test_a_value_without_an_attribute_is_refused(client: IfsClient) -> None:
    """A logical name the set does not know is not sent under a guess."""
    with pytest.raises(ConfigurationError, match="no attribute is configured for colour"):
        client.create("supplier", {"id": "S-9", "name": "X", "colour": "red"})


def test_a_child_the_settings_do_not_name_is_refused(client: IfsClient) -> None:
    """A nested collection has a name in the settings."""
    with pytest.raises(ConfigurationError, match="has no contacts"):
        client.children("supplier", {"SupplierId": "S-1001"}, "contacts")


def test_an_attribute_ifs_does_not_know_is_named(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """IFS's reason reaches the person who corrects the record."""
    client = open_client(ifs, sets={"supplier": {"aliases": {"email": "Cf_Mail"}}})
    with pytest.raises(RecordError, match="Cf_Mail"):
        client.create("supplier", {"id": "S-9", "name": "X", "email": "a@b.example"})


def test_a_filter_on_an_unknown_attribute_is_a_fault_of_the_settings(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """A question IFS does not understand concerns every record, not one."""
    client = open_client(ifs, sets={"supplier": {"aliases": {"name": "FullName"}}})
    with pytest.raises(ConfigurationError, match="FullName"):
        list(client.rows("supplier", where=[("name", "eq", "X")]))
