"""Tests of the client against the simulated tenant: signing in, and every read."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.integrations.procurify.calls import ATTEMPTS, Calls
from mlc_pipelines.integrations.procurify.client import ProcurifyClient, refresh
from mlc_pipelines.integrations.procurify.errors import AbsentError
from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines_tests.integrations.procurify.conftest import OpenProcurify, queries
from mlc_pipelines_tests.integrations.ramp.conftest import Drawer, Unlimited
from mlc_pipelines_tests.wire.carried import all_read

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
VENDORS = "/api/v3/vendors/"


def test_a_token_is_asked_for_in_json_with_its_audience(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """Four texts, the audience with its final slash."""
    client.authenticate()
    (asked,) = procurify.journal.entries
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/oauth/token", "application/json")
    assert json.loads(asked.body) == {
        "client_id": procurify.client_id,
        "client_secret": procurify.client_secret,
        "audience": "https://api.procurify.com/",
        "grant_type": "client_credentials",
    }


def test_both_headers_are_on_every_call(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """Without either, the call would look like one with a bad secret."""
    list(client.vendors())
    list(client.bills())
    client.bill("4701")
    reads = [entry for entry in procurify.journal.entries if entry.path.startswith("/api/")]
    assert {(entry.headers["x-procurify-client"], entry.headers["authorization"]) for entry in reads} == {
        ("api", "present")
    }


def test_a_token_is_shared_and_kept_until_it_nearly_ends(
    procurify: ProcurifySandbox, open_client: OpenProcurify
) -> None:
    """Two clients of one credential ask once; five minutes before the end it is renewed."""
    tokens = Drawer()
    for _ in range(2):
        next(open_client(procurify, tokens=tokens).vendors())
    assert len(procurify.tokens.tokens) == 1
    assert (refresh(86400), refresh(60)) == (86400 - 300, 30)


def test_a_token_revoked_on_the_way_is_renewed_once(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """The call is repeated, and its caller hears nothing of it."""
    list(client.vendors())
    procurify.people.revoke_tokens()
    assert list(client.currencies())
    assert len(procurify.tokens.tokens) == 2


@pytest.mark.parametrize("given", [{"secret": "wrong"}, {"audience": "https://api.procurify.example/"}])
def test_a_refused_sign_in_is_a_matter_of_settings(
    procurify: ProcurifySandbox, open_client: OpenProcurify, given: dict[str, str]
) -> None:
    """Neither is tried again."""
    with pytest.raises(ConfigurationError, match="gives no token"):
        open_client(procurify, **given).authenticate()


def test_a_service_user_without_rights_is_named(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """The application acts for one person."""
    procurify.people.deactivate_service_user()
    with pytest.raises(ConfigurationError, match="acts for one user"):
        list(client.vendors())


def test_there_is_no_verb_but_get(procurify: ProcurifySandbox) -> None:
    """Neither the client nor what it stands on has a method that writes."""
    names = {name.lstrip("_") for kind in (ProcurifyClient, Calls) for name in vars(kind) if not name.startswith("__")}
    assert not {name for name in names if name.startswith(("post", "put", "patch", "delete", "create", "update"))}
    assert names == {
        "account_codes", "ask", "authenticate", "bill", "bills", "bills_changed", "bills_dated", "changed", "close",
        "currencies", "departments", "locations", "one", "order", "orders", "orders_changed", "page", "rows", "vendors",
    }  # fmt: skip


def test_bills_are_listed_by_the_time_of_their_change(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """Both ends belong to the window; the order is one that does not shift."""
    moments = sorted(bill.last_modified for bill in procurify.bills.values())
    found = list(client.bills_changed(moments[3], moments[7]))
    assert [row.modified for row in found if row.modified] == [
        moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in moments[3:8]
    ]
    (asked,) = queries(procurify, "/api/v3/ap/bills/")
    assert (asked["order_by"], asked["page"], asked["page_size"]) == ("last_modified_datetime", "1", "50")


def test_a_long_window_is_cut_in_two(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """Every bill comes once all the same."""
    found = [row.key for row in open_client(procurify, page_size=10, most_pages=1).bills_changed(BEGIN, END)]
    assert sorted(found) == sorted(map(str, procurify.bills))
    windows = {query["last_modified_datetime_0"] for query in queries(procurify, "/api/v3/ap/bills/")}
    assert len(windows) > 3


def test_an_index_row_says_which_state_of_a_bill_it_shows(client: ProcurifyClient) -> None:
    """Version and time together: a change of status moves the time alone."""
    row = next(iter(client.bills_changed(BEGIN, END)))
    assert row.tag is not None
    name, version, moment = row.tag.split("^")
    assert (len(name), version, moment.endswith("Z"), row.exported) == (36, "1", True, False)


def test_a_bill_is_read_in_full_and_a_missing_one_is_absent(client: ProcurifyClient) -> None:
    """The envelope is taken off."""
    assert json.loads(client.bill("4701"))["id"] == 4701
    with pytest.raises(AbsentError, match="404"):
        client.bill("1")


def test_orders_are_listed_by_day_and_read_with_their_lines(
    procurify: ProcurifySandbox, client: ProcurifyClient
) -> None:
    """The filter knows days only."""
    assert {order.id for order in all_read(client.orders_changed(BEGIN.date(), END.date()))} == {
        str(number) for number in procurify.orders
    }
    (asked,) = queries(procurify, "/api/v2/purchase_orders/purchased/all/")
    assert (asked["modified_date_0"], asked["modified_date_1"]) == ("2026-01-01", "2026-12-31")
    assert json.loads(client.order("1041"))["order_items"]


def test_only_the_kinds_of_vendors_that_take_part_are_asked_for(
    procurify: ProcurifySandbox, client: ProcurifyClient
) -> None:
    """Placeholders, people and card providers never become suppliers."""
    assert {vendor.type for vendor in all_read(client.vendors())} == {"3", "4"}
    (entry,) = [entry for entry in procurify.journal.entries if entry.path == VENDORS]
    assert "type__in=3&type__in=4" in entry.query


def test_bills_of_a_span_of_dates_are_listed(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """As the account counts its days: half past eleven in UTC is the next day in Berlin."""
    late = str(procurify.peculiar("near midnight").id)
    first = date(2026, 11, 1)
    assert late in {row.key for row in client.bills_dated(first, first + timedelta(days=1))}
    assert late not in {row.key for row in client.bills_dated(first - timedelta(days=1), first - timedelta(days=1))}


def test_fields_that_nobody_knows_are_let_pass(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """The vendor changes its answers at any time (documented)."""
    procurify.switches.novel_fields = True
    assert list(client.vendors())
    assert list(client.departments())
    assert list(client.bills_changed(BEGIN, END))


def test_a_throttled_call_waits_as_long_as_it_is_told(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """And all others wait too."""
    budget = Unlimited()
    procurify.faults.once("status", path_part="/departments/", status=429, headers={"retry-after": "7"})
    assert list(open_client(procurify, budget=budget).departments())
    assert budget.paused == [7.0]


@pytest.mark.parametrize("path", [VENDORS, "/ap/bills/4701"])
def test_a_server_that_stays_away_is_given_up_after_six_tries(
    procurify: ProcurifySandbox, client: ProcurifyClient, path: str
) -> None:
    """Lists and single reads alike."""
    procurify.faults.once("status", path_part=path, status=503, times=20)
    with pytest.raises(TransientError, match="503"):
        client.bill("4701") if "bills" in path else list(client.vendors())
    assert len([entry for entry in procurify.journal.entries if path in entry.path]) == 6


def test_a_feed_whose_path_moved_is_named(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """The setting to change too."""
    client = open_client(procurify, paths={"vendors": "/api/v9/vendors/"})
    with pytest.raises(ConfigurationError, match=r"path of vendors has moved: set procurify\.paths"):
        list(client.vendors())


def test_a_question_that_is_refused_is_a_matter_of_settings(
    procurify: ProcurifySandbox, open_client: OpenProcurify
) -> None:
    """An order that this tenant does not know, for example."""
    with pytest.raises(ConfigurationError, match="bills cannot be read so"):
        list(open_client(procurify, bill_order="colour").bills_changed(BEGIN, END))


def test_an_answer_in_another_shape_is_no_empty_list(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """It is asked for again, and never taken for a list without rows; the message names the feed."""
    for _ in range(ATTEMPTS):
        procurify.faults.once("status", path_part=VENDORS, status=200, body='{"results": []}')
    with pytest.raises(TransientError, match="a page of vendors is not what the service answers"):
        list(client.vendors())
    assert len(list(client.vendors())) > 0
