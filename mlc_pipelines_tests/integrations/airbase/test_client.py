"""Tests of the client against the simulated tenant."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlc_pipelines.errors import ConfigurationError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.integrations.airbase.calls import Room
from mlc_pipelines.integrations.airbase.client import AirbaseClient
from mlc_pipelines.integrations.airbase.errors import AbsentError, ExistsError, ForbiddenError
from mlc_pipelines.integrations.airbase.models import SYNC_COMPLETE, SYNC_READY
from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines.wire.rows import Unread
from mlc_pipelines_tests.integrations.airbase.conftest import OpenAirbase, Unlimited

VENDORS = "/v1/accounting/vendors/"
ORDER = {
    "po_number": "P-1",
    "vendor": {"erp_reference_id": "S-1001"},
    "subsidiary": {"erp_reference_id": "10"},
    "currency": "EUR",
    "issued_date": "2026-03-04",
    "status": "open",
    "lines": [{"line_number": "1-1", "description": "Seal kit", "quantity": "4", "unit_price": "1", "amount": "4.00"}],
}


def page(rows: list[Any], *, next_: object = None, size: int = 2) -> str:
    return json.dumps({"data": rows, "pagination": {"next": next_, "previous": None, "page": 1, "page_size": size}})


def answer(airbase: AirbaseSandbox, *bodies: str) -> None:
    """Let the next reads of vendors be answered so."""
    for body in bodies:
        headers = {"content-type": "application/json"}
        airbase.faults.once("status", method="GET", path_part=VENDORS, status=200, body=body, headers=headers)


def rows_of(*ids: str) -> list[dict[str, str]]:
    return [{"airbase_id": id_, "name": id_} for id_ in ids]


# The token


def test_the_word_before_the_token_is_the_tenants(open_client: OpenAirbase) -> None:
    """`Token` works here, `Bearer` is refused; it is never switched."""
    assert len(list(open_client().subsidiaries())) == 3
    with pytest.raises(ConfigurationError, match="auth_scheme"):
        list(open_client(auth_scheme="Bearer").subsidiaries())


def test_the_next_token_takes_over(airbase: AirbaseSandbox, open_client: OpenAirbase) -> None:
    """While tokens are exchanged both are known; when neither works a person must act."""
    airbase.people.revoke_token("token")
    with pytest.raises(ConfigurationError):
        list(open_client().subsidiaries())
    client = open_client(tokens=(AirbaseSandbox.token, AirbaseSandbox.token_next))
    assert len(list(client.subsidiaries())) == 3
    airbase.people.revoke_token("token_next")
    with pytest.raises(ConfigurationError, match="acme/ab"):
        list(client.subsidiaries())


def test_a_token_that_may_not_do_this_is_told_apart(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """403 stops the connection as 401 does, whoever in front of the service says it."""
    html = "<html><title>Access denied</title></html>"
    airbase.faults.once("status", status=403, body=html, headers={"content-type": "text/html"})
    with pytest.raises(ForbiddenError, match="Access denied"):
        list(client.vendors())


# Pages


@pytest.mark.parametrize(
    "switches", [{}, {"next_null_on_full_page": True}, {"next_is_number": True}, {"max_page_size": 4}]
)
def test_all_pages_are_read(airbase: AirbaseSandbox, open_client: OpenAirbase, switches: dict[str, Any]) -> None:
    """Whether the marker is an address, a number or missing on a full page, and whatever size is given."""
    vars(airbase.switches).update(switches)
    found = [vendor.id for vendor in open_client(page_size=5).vendors()]
    assert sorted(found) == sorted(airbase.vendors)


def test_a_short_page_with_a_marker_is_not_the_last(airbase: AirbaseSandbox, open_client: OpenAirbase) -> None:
    """The marker counts too; an empty page ends it whatever it says."""
    answer(airbase, page(rows_of("a"), next_="x"), page(rows_of("b"), next_="y"), page([], next_="z"))
    assert [vendor.id for vendor in open_client(page_size=2).vendors()] == ["a", "b"]


def test_a_page_that_repeats_the_one_before_is_an_error(airbase: AirbaseSandbox, open_client: OpenAirbase) -> None:
    """Somebody does not heed the page number: reading would never end."""
    answer(airbase, page(rows_of("a", "b")), page(rows_of("a", "b")))
    with pytest.raises(TransientError, match="repeats"):
        list(open_client(page_size=2).vendors())


def test_pages_that_overlap_give_each_row_once(airbase: AirbaseSandbox, open_client: OpenAirbase) -> None:
    """A vendor made while we read moves the others on."""
    answer(airbase, page(rows_of("a", "b")), page(rows_of("b", "c")), page(rows_of("d")))
    assert [vendor.id for vendor in open_client(page_size=2).vendors()] == ["a", "b", "c", "d"]


def test_a_row_that_cannot_be_read_is_given_as_such(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """Where vendors are carried; where one is looked for it may be that one, so that nobody makes it anew."""
    odd = page([{"name": "no id"}, 7, {"airbase_id": "b", "name": ["x"]}, *rows_of("a")], size=250)
    answer(airbase, odd, odd)
    found = list(client.vendors_carried())
    assert [row.name if isinstance(row, Unread) else row.id for row in found] == [None, None, "b", "a"]
    with pytest.raises(RecordError, match="has no id"):
        list(client.vendors(reference=""))


@pytest.mark.parametrize("body", ["[]", '{"data": 7}', "{", '{"pagination": {}}', "[" * 100_000])
def test_a_page_that_is_none_is_told(airbase: AirbaseSandbox, client: AirbaseClient, body: str) -> None:
    """It names the list."""
    answer(airbase, body)
    with pytest.raises(TransientError, match="vendors"):
        list(client.vendors())


def test_unlinked_vendors_are_asked_for_by_an_empty_reference(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """The filter without a value; a list that does not heed it is looked through."""
    there = {vendor.airbase_id for vendor in airbase.vendors.values() if not vendor.erp_reference_id}
    assert {vendor.id for vendor in client.vendors(reference="")} == there
    linked = {"airbase_id": "a", "name": "a", "erp_reference_id": "S-1"}
    answer(airbase, page([linked, *rows_of("b")], size=250))
    assert [vendor.id for vendor in client.vendors(reference="")] == ["b"]


def test_every_path_ends_in_a_slash(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """A redirected POST would lose its body."""
    made = client.create_order(ORDER)
    client.change_order(made, {"memo": "x"})
    client.order(made)
    client.orders(lookup="po_number", number="P-1")
    entry = next(iter(airbase.entries))
    client.ledger_entry(entry)
    client.request("pr_none")
    assert [row.path for row in airbase.journal.entries if not row.path.endswith("/")] == []
    assert [row.status for row in airbase.journal.entries if row.status == 301] == []


# The limit


def test_when_little_is_left_everybody_waits(airbase: AirbaseSandbox, client: AirbaseClient, budget: Unlimited) -> None:
    """Below a tenth of the limit the shared budget rests for a minute."""
    airbase.budget.limit = 20
    airbase.budget.clear()
    for _ in range(18):
        client.call("GET", VENDORS)
    assert budget.paused == []
    client.call("GET", VENDORS)
    assert budget.paused == [60.0]


@pytest.mark.parametrize("retry_after", [True, False])
def test_a_throttled_call_is_made_again(airbase: AirbaseSandbox, client: AirbaseClient, *, retry_after: bool) -> None:
    """With or without a hint when."""
    headers = {"content-type": "application/json"} | ({"retry-after": "3"} if retry_after else {})
    airbase.faults.once("status", times=2, status=429, body='{"detail": "Request was throttled."}', headers=headers)
    assert client.create_order(ORDER)


# What may be written


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "post"])
@pytest.mark.parametrize(
    "path", ["/v1/accounting/accounts/bulk_upsert/", "/v1/accounting/accounts/7/", "/v1/accounting/subsidiaries/"]
)
def test_accounts_and_subsidiaries_are_never_written(
    airbase: AirbaseSandbox, client: AirbaseClient, method: str, path: str
) -> None:
    """The call does not even leave."""
    with pytest.raises(ConfigurationError, match="only read"):
        client.call(method, path, body={"name": "x", "erp_reference_id": "x"})
    assert airbase.journal.entries == []
    assert airbase.read_only_writes == []


def test_paths_of_the_settings_are_guarded_too(open_client: OpenAirbase) -> None:
    """And the usual ones stay guarded."""
    client = open_client(paths={"accounts": "/v2/gl/"})
    for path in ("/v2/gl/bulk_upsert/", "/v1/accounting/accounts/bulk_upsert/"):
        with pytest.raises(ConfigurationError, match="only read"):
            client.call("POST", path, body={})


# Documents


def test_an_order_is_made_found_and_changed(client: AirbaseClient) -> None:
    """A second of its number is refused with a word of its own."""
    made = client.create_order(ORDER)
    with pytest.raises(ExistsError, match="already exists"):
        client.create_order(ORDER)
    client.change_order(made, {"memo": "changed"})
    (found,) = client.orders(lookup="po_number", number="P-1")
    assert (found["id"], found["memo"]) == (made, "changed")
    assert client.orders(lookup="po_number", number="P-2") == []
    assert client.order("po_none") is None


def test_a_second_order_may_be_refused_with_400(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """It says so in words then."""
    airbase.switches.duplicate_order_status = 400
    client.create_order(ORDER)
    with pytest.raises(ExistsError):
        client.create_order(ORDER)


def test_ledger_entries_are_asked_for_by_status(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """Without it only the ready ones would come."""
    ready, complete = (len(list(client.ledger_entries(status))) for status in (SYNC_READY, SYNC_COMPLETE))
    assert (ready, complete) == (9, 1)


def test_an_entry_is_acknowledged_twice_as_once(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """The same word again changes nothing; another is refused."""
    entry = next(key for key, row in airbase.entries.items() if row.status == SYNC_READY)
    client.complete_entry(entry, "10^M^2026^1")
    client.complete_entry(entry, "10^M^2026^1")
    assert client.ledger_entry(entry).erp_reference_id == "10^M^2026^1"
    with pytest.raises(ExistsError):
        client.complete_entry(entry, "10^M^2026^2")


def test_a_currency_is_the_row_with_a_reference(client: AirbaseClient, open_client: OpenAirbase) -> None:
    """Euro stands twice, pound came with a transaction only."""
    assert client.currencies() == {"EUR": "EUR", "USD": "USD", "JPY": "JPY"}
    assert open_client(paths={"currencies": ""}).currencies() is None
    assert list(open_client(paths={"accounts": ""}).accounts()) == []


GATED: list[Callable[[AirbaseClient], object]] = [
    lambda client: list(client.requests({})),
    lambda client: list(client.payments()),
    lambda client: list(client.vendor_terms()),
    lambda client: client.create_order(ORDER),
]


@pytest.mark.parametrize("call", GATED)
def test_a_gated_path_that_nobody_named_is_not_called(
    airbase: AirbaseSandbox, open_client: OpenAirbase, call: Callable[[AirbaseClient], object]
) -> None:
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=r"paths\."):
        call(open_client(paths={}))
    assert airbase.journal.entries == []


def test_a_path_that_is_wrong_stops_the_connection(open_client: OpenAirbase) -> None:
    """A list that is not there is a mistake of the settings, not of a record."""
    with pytest.raises(ConfigurationError, match=r"airbase\.paths"):
        list(open_client(paths={"payments": "/v1/payouts/"}).payments())


# Bulk


def test_a_bulk_answer_names_what_was_made_and_changed(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """A row that is not right may be missing from both lists."""
    airbase.switches.bulk_leaves_out = True
    known = next(vendor for vendor in airbase.vendors.values() if vendor.erp_reference_id == "S-1001")
    done = client.upsert_vendors(
        [
            {"airbase_id": known.airbase_id, "name": "Renamed"},
            {"name": "New", "erp_reference_id": "S-77"},
            {"name": "", "erp_reference_id": "S-78"},
        ]
    )
    assert [(vendor.name, vendor.reference) for vendor in done] == [("New", "S-77"), ("Renamed", "S-1001")]


def test_a_refused_bulk_call_names_the_rows(client: AirbaseClient) -> None:
    """By their place in what was sent."""
    with pytest.raises(RecordError, match=r"index: 0.*blank"):
        client.upsert_vendors([{"name": "", "erp_reference_id": "S-78"}])


def test_a_lost_answer_to_new_vendors_is_not_resent(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """Changes only may be sent twice."""
    airbase.faults.once("lost", method="POST")
    with pytest.raises(OutcomeUnknownError):
        client.upsert_vendors([{"name": "New", "erp_reference_id": "S-77"}])
    vendor = next(vendor for vendor in airbase.vendors.values() if vendor.erp_reference_id == "S-77")
    airbase.faults.once("lost", method="POST")
    (done,) = client.upsert_vendors([{"airbase_id": vendor.airbase_id, "name": "Newer"}])
    assert done.name == "Newer"


# What is no JSON


def test_a_page_of_the_front_is_survived(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """A 502 in HTML is tried again; what it said is kept, 500 characters at most."""
    html = "<html><title>502: Bad gateway</title>" + "x" * 5000
    airbase.faults.once("status", status=502, body=html, headers={"content-type": "text/html"})
    assert list(client.subsidiaries())
    airbase.faults.once("status", times=50, status=502, body=html, headers={"content-type": "text/html"})
    with pytest.raises(TransientError, match="502: Bad gateway") as caught:
        list(client.subsidiaries())
    assert 500 < len(str(caught.value)) < 800


def test_a_page_with_status_200_is_no_answer(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """A read is left for later, a write is looked up."""
    headers = {"content-type": "text/html"}
    html: dict[str, Any] = {"status": 200, "body": "<html>Just a moment</html>", "headers": headers}
    airbase.faults.once("status", method="GET", **html)
    with pytest.raises(TransientError, match="Just a moment"):
        list(client.subsidiaries())
    airbase.faults.once("status", method="POST", **html)
    with pytest.raises(OutcomeUnknownError, match="Just a moment"):
        client.create_order(ORDER)


def test_a_refusal_names_the_request(client: AirbaseClient) -> None:
    """Airbase's support asks for it."""
    with pytest.raises(AbsentError, match=r"request [0-9a-f-]{36}, release 2026\.10\.3, token 41"):
        client.ledger_entry("none")


def test_fields_nobody_knows_are_left_alone(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """A vendor may add to its answers."""
    airbase.switches.novel_fields = True
    assert len(list(client.vendors())) == len(airbase.vendors)


def test_two_rows_of_one_id_that_differ_are_both_given(airbase: AirbaseSandbox, client: AirbaseClient) -> None:
    """Which of them is right is for the ledger to hold, and not for a list to leave out."""
    rows = [{"airbase_id": "V-1", "id": number, "name": "Seal"} for number in (1, 1, 2)]
    answer(airbase, page(rows, size=250))
    assert len(list(client.rows(VENDORS))) == 2


@pytest.mark.parametrize("limit", ["9" * 5000, "\u0663", "", "-5", "1e3", " 5"])
def test_a_rate_that_is_no_number_says_nothing(limit: str) -> None:
    """Nobody waits for it, and nothing ends because of it."""
    budget = Unlimited()
    Room(budget).watch({"x-ratelimit-limit": limit, "x-ratelimit-remaining": "0"})
    Room(budget).watch({"x-ratelimit-limit": "0", "x-ratelimit-remaining": limit})
    assert budget.paused == []
