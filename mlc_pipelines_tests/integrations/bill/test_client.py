"""Tests of the client against a BILL organization: its session, its lists, and what its writes leave there."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.connections.slots import SharedSlots
from mlc_pipelines.errors import Cause, ConfigurationError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.integrations.bill.client import BillClient
from mlc_pipelines.integrations.bill.errors import AbsentError
from mlc_pipelines.integrations.bill.mapping import to_vendor
from mlc_pipelines.integrations.bill.models import CHART
from mlc_pipelines.integrations.bill.settings import SpendSettings
from mlc_pipelines.integrations.bill.spend_client import open_spend
from mlc_pipelines.integrations.bill.webhook_client import WebhookCalls
from mlc_pipelines.ledger.database import open_engine, upgrade
from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.integrations.bill.builders import new_bill, settings, supplier
from mlc_pipelines_tests.integrations.bill.conftest import Drawer, OpenBill, QuickClock, Unlimited, means_for
from mlc_pipelines_tests.integrations.bill.organization import add_bill, add_vendor, logins
from mlc_pipelines_tests.wire.carried import all_read


def vendors(*names: str) -> list[dict[str, Any]]:
    return [to_vendor(supplier(id=f"S-{name}", name=name), "USD") for name in names]


# The session


def test_one_login_serves_all_calls(organization: BillSandbox, client: BillClient) -> None:
    """The developer key goes with every call, the session too; neither is in an address."""
    assert client.session().organization_id == organization.organization_id
    list(client.vendor_rows())
    assert logins(organization) == 1
    assert not any("key" in entry.query or "session-" in entry.query for entry in organization.journal.entries)


def test_two_processes_share_one_session(organization: BillSandbox, open_client: OpenBill) -> None:
    """It is kept where both find it."""
    means = means_for(organization)
    open_client(means=means).session()
    open_client(means=means).session()
    assert logins(organization) == 1


def test_a_session_of_another_password_is_not_used(organization: BillSandbox, open_client: OpenBill) -> None:
    """Whose it is, nobody can tell: a password that was set since must prove itself."""
    tokens = Drawer()
    open_client(means=means_for(organization, tokens=tokens)).session()
    with pytest.raises(ConfigurationError, match="acme/bill"):
        open_client(means=means_for(organization, tokens=tokens, password="mistyped")).session()


@pytest.mark.parametrize(("kind", "life"), [("sync_token", timedelta(hours=47)), ("user", timedelta(minutes=25))])
def test_a_session_is_renewed_before_it_ends(
    organization: BillSandbox, open_client: OpenBill, kind: str, life: timedelta
) -> None:
    """Used or not: which of the two BILL counts is not settled."""
    client = open_client(login_kind=kind)
    client.session()
    organization.clock.advance(life.total_seconds() - 60)
    client.session()
    assert logins(organization) == 1
    organization.clock.advance(61)
    client.session()
    assert logins(organization) == 2


def test_a_session_that_bill_ended_is_made_anew_once(organization: BillSandbox, client: BillClient) -> None:
    """The call is repeated; nobody above hears of it."""
    client.session()
    organization.people.revoke_sessions()
    assert client.session().organization_id == organization.organization_id
    assert logins(organization) == 2


def test_a_write_is_repeated_after_a_new_login(organization: BillSandbox, client: BillClient) -> None:
    """It was refused at the door, so there is one vendor."""
    client.session()
    organization.people.revoke_sessions()
    client.create_vendors(vendors("Buckeye"))
    assert len(organization.vendors) == 1


def test_an_ended_session_is_told_in_two_ways(organization: BillSandbox, client: BillClient) -> None:
    """By 401 or by 403, and a code that has another meaning too."""
    client.session()
    organization.switches.expired_as_1361 = True
    organization.people.revoke_sessions()
    client.session()
    assert logins(organization) == 2


def test_an_untrusted_session_is_not_made_again(organization: BillSandbox, events_api: WebhookCalls) -> None:
    """A new login would be answered the same for ever."""
    organization.switches.sync_token_webhooks = False
    with pytest.raises(ConfigurationError, match="second factor"):
        events_api.subscriptions()
    assert logins(organization) == 1


def test_a_wrong_login_stops_the_connection(organization: BillSandbox, open_client: OpenBill) -> None:
    """It is asked for once, and the password is not in the message."""
    client = open_client(means=means_for(organization, password="wrong-password"))
    with pytest.raises(ConfigurationError, match="user name or password") as caught:
        client.session()
    assert "wrong-password" not in str(caught.value)
    assert logins(organization) == 1


# Limits


def test_a_spent_quota_is_not_waited_for(organization: BillSandbox, client: BillClient) -> None:
    """The record is postponed until the full hour; nothing was performed."""
    now = organization.clock.now()
    organization.clock.advance(3600 - now.minute * 60 - now.second + 600)  # the full hour is far away then
    client.session()
    organization.quota.calls = 0
    before = len(organization.journal.entries)
    with pytest.raises(TransientError) as caught:
        client.create_vendors(vendors("Buckeye"))
    assert caught.value.refused
    assert 0 < (caught.value.retry_after or 0) <= 3600
    assert len(organization.journal.entries) == before + 1


def test_a_quota_that_is_almost_over_is_waited_for(organization: BillSandbox, client: BillClient) -> None:
    """A minute before the hour it is quicker to wait."""
    client.session()
    now = organization.clock.now()
    organization.clock.advance((59 - now.minute) * 60)
    organization.faults.once("status", status=422, body='[{"code": "BDC_1144", "message": "Too many calls."}]')
    client.create_vendors(vendors("Buckeye"))
    assert len(organization.vendors) == 1


def test_one_call_too_many_at_once_is_made_again(organization: BillSandbox, client: BillClient) -> None:
    """A create too, for it was refused."""
    too_many = '[{"code": "BDC_1322", "message": "Too many at once."}]'
    organization.faults.once("status", method="POST", path_part="/vendors", status=422, body=too_many, times=2)
    client.create_vendors(vendors("Buckeye"))
    assert len(organization.vendors) == 1


def test_never_more_than_three_calls_are_under_way(
    organization: BillSandbox, open_client: OpenBill, tmp_path: Path
) -> None:
    """From twelve threads of two clients, which share the room as two processes do."""
    engine = open_engine(f"sqlite:///{tmp_path / 'mlc.db'}")
    upgrade(engine)
    rooms = [SharedSlots(engine, "key", number=3, longest_seconds=60, clock=SystemClock()) for _ in range(2)]
    means = means_for(organization)
    clients = [
        open_client(means=means_for(organization, tokens=means.tokens, slots=room, clock=SystemClock()))
        for room in rooms
    ]
    organization.switches.work_seconds = 0.05
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: clients[number % 2].session(), range(24)))
    engine.dispose()
    assert organization.max_in_flight in {2, 3}  # on a busy machine the third may come late
    assert organization.slots.refused == 0


# Lists


def test_a_list_is_read_to_its_end(organization: BillSandbox, open_client: OpenBill) -> None:
    """The cursor carries filters and order; they are not said twice."""
    for number in range(30):
        add_vendor(organization, f"Vendor {number}", archived=number % 10 == 0)
    client = open_client(page_size=7)
    assert len(list(client.vendor_rows())) == 27
    pages = [entry.query for entry in organization.journal.entries if entry.path.endswith("/vendors")]
    assert len(pages) == 4
    assert all("max=7" in query for query in pages)
    assert [("filters" in query, "page" in query) for query in pages] == [(True, False)] + [(False, True)] * 3


def test_a_list_can_be_asked_for_what_changed(organization: BillSandbox, client: BillClient) -> None:
    """The moment itself is among it."""
    old = add_vendor(organization, "Old")
    organization.clock.advance(60)
    new = add_vendor(organization, "New")
    rows = all_read(client.vendor_rows())
    assert [row.id for row in rows] == [old.id, new.id]
    assert [row.id for row in all_read(client.vendor_rows(updated_since=rows[1].updated))] == [new.id]


@pytest.mark.parametrize("name", ["O'Dwyer, Precision: Ltd", 'The "Best" Bearings', "Kovářová & Söhne", '"Quoted"'])
def test_a_vendor_is_found_by_its_exact_name(organization: BillSandbox, client: BillClient, name: str) -> None:
    """Commas, colons and quotes in it end nothing."""
    there = add_vendor(organization, name)
    add_vendor(organization, f"{name} Inc")
    add_vendor(organization, name, archived=True)
    assert [vendor.id for vendor in client.vendors_named(name)] == [there.id]


def test_bills_are_asked_for_in_groups(organization: BillSandbox, client: BillClient) -> None:
    """Fifty ids in a call."""
    vendor = add_vendor(organization, "Buckeye").id
    ids = [add_bill(organization, vendor, f"N-{number}").id for number in range(120)]
    assert {row.id for row in all_read(client.bill_rows_among(ids))} == set(ids)
    assert len([entry for entry in organization.journal.entries if entry.path.endswith("/bills")]) == 3


# Writes


def test_vendors_are_made_alone_or_many_in_one_call(organization: BillSandbox, client: BillClient) -> None:
    """Their ids come in the order of the call."""
    (one,) = client.create_vendors(vendors("Alone"))
    several = client.create_vendors(vendors("A", "B", "C"))
    assert [organization.vendors[id_].name for id_ in (one, *several)] == ["Alone", "A", "B", "C"]


def test_what_is_made_in_one_call_is_known_by_its_name(organization: BillSandbox, client: BillClient) -> None:
    """In whatever order the answer has them: bound crosswise, each supplier would be paid for another."""
    made = [{"id": f"009{name}", "name": name, "shortName": f"IFS-S-{name}"} for name in "CAB"]
    numbered = [{"id": f"0ca{number}", "name": "Seals", "account": {"number": number}} for number in ("2", "1")]
    for path, body in (("/v3/vendors/bulk", made), ("/chart-of-accounts/bulk", numbered)):
        organization.faults.once("status", method="POST", path_part=path, status=200, body=json.dumps(body))
    accounts = [{"name": "Seals", "account": {"type": "EXPENSE", "number": number}} for number in ("1", "2")]
    assert client.create_vendors(vendors("A", "B", "C")) == ["009A", "009B", "009C"]
    assert client.create_classifications(CHART, accounts) == ["0ca1", "0ca2"]


@pytest.mark.parametrize("names", ["AC", "AA"])
def test_an_answer_that_names_others_leaves_it_open(organization: BillSandbox, client: BillClient, names: str) -> None:
    """Nobody knows which is whose: they are looked for."""
    made = [{"id": f"009{place}", "name": name} for place, name in enumerate(names)]
    organization.faults.once("status", method="POST", path_part="/v3/vendors/bulk", status=200, body=json.dumps(made))
    with pytest.raises(OutcomeUnknownError, match="names others"):
        client.create_vendors(vendors("A", "B"))


def test_an_answer_without_short_names_is_read_by_the_names(organization: BillSandbox, client: BillClient) -> None:
    """Unset or otherwise written, they say nothing."""
    made = [{"id": "009B", "name": "B"}, {"id": "009A", "name": "A", "shortName": "IFS"}]
    organization.faults.once("status", method="POST", path_part="/v3/vendors/bulk", status=200, body=json.dumps(made))
    assert client.create_vendors(vendors("A", "B")) == ["009A", "009B"]


def test_one_bad_vendor_refuses_them_all(organization: BillSandbox, client: BillClient) -> None:
    """All or nothing."""
    wrong = [{**vendor, "email": "nobody"} if vendor["name"] == "B" else vendor for vendor in vendors("A", "B", "C")]
    with pytest.raises(RecordError, match="mail address"):
        client.create_vendors(wrong)
    assert organization.vendors == {}


def test_a_bill_is_made_read_and_replaced(organization: BillSandbox, client: BillClient) -> None:
    """Amounts come back exactly as they went."""
    vendor = add_vendor(organization, "Buckeye").id
    made = client.create_bill(new_bill(vendor, purchase_order_number="P-1"))
    assert (made.amount, made.vendor_name, made.purchase_order_number) == (Decimal("12.34"), "Buckeye", "P-1")
    line = {"amount": "0.10", "description": "a", "classifications": {}}
    client.replace_bill(made.id, new_bill(vendor, lines=[line, {**line, "amount": "0.20"}]))
    again = client.bill(made.id)
    assert [item.amount for item in again.bill_line_items] == [Decimal("0.1"), Decimal("0.2")]
    assert (again.amount, again.purchase_order_number) == (Decimal("0.3"), None)


def test_many_bills_are_made_in_one_call(organization: BillSandbox, client: BillClient) -> None:
    """Each is found by our key in the answer."""
    vendor = add_vendor(organization, "Buckeye").id
    sent = [new_bill(vendor, description=f"IFS 10^{number}") for number in range(5)]
    made = client.create_bills(sent)
    assert [bill.description for bill in made] == [bill.description for bill in sent]
    assert len(organization.bills) == 5


def test_a_lost_answer_to_a_create_leaves_it_open(organization: BillSandbox, client: BillClient) -> None:
    """Nothing is sent a second time blindly."""
    vendor = add_vendor(organization, "Buckeye").id
    client.session()
    organization.faults.once("lost", method="POST", path_part="/v3/bills")
    with pytest.raises(OutcomeUnknownError):
        client.create_bill(new_bill(vendor))
    assert len(organization.bills) == 1


@pytest.mark.parametrize("body", ["", "{}", "[]", "[1]", '{"id": 7}', "<html>"])
def test_an_unreadable_answer_to_a_create_leaves_it_open(
    organization: BillSandbox, client: BillClient, body: str
) -> None:
    """The status says that all is well, so it may have been made."""
    organization.faults.once("status", method="POST", path_part="/v3/bills", status=200, body=body)
    with pytest.raises(OutcomeUnknownError):
        client.create_bill(new_bill("009V"))
    organization.faults.once("status", method="POST", path_part="/v3/vendors/bulk", status=200, body=body)
    with pytest.raises(OutcomeUnknownError):
        client.create_vendors(vendors("A", "B"))


def test_a_bill_of_another_total_is_held(organization: BillSandbox, client: BillClient) -> None:
    """An amount was misread on the way."""
    answer = '{"id": "00nX", "amount": 1234}'
    organization.faults.once("status", method="POST", path_part="/v3/bills", status=200, body=answer)
    with pytest.raises(RecordError, match="00nX") as caught:
        client.create_bill(new_bill("009V"))
    assert caught.value.cause is Cause.AMOUNT_MISMATCH


def test_what_is_not_there_is_none(client: BillClient) -> None:
    """404 is an answer."""
    assert client.find_bill("00nX") is None
    assert client.find_payment("stpX") is None
    with pytest.raises(AbsentError):
        client.vendor("009X")


def test_accounts_are_made_and_listed(organization: BillSandbox, client: BillClient) -> None:
    """With their numbers; one alone and several in a call."""
    body = {"name": "Bearings", "account": {"type": "EXPENSE", "number": "4010"}}
    client.create_classifications(CHART, [body])
    client.create_classifications(CHART, [{**body, "name": "Seals"}, {**body, "name": "Steel"}])
    assert [row.name for row in client.classifications(CHART)] == ["Bearings", "Seals", "Steel"]
    assert {row.account.number for row in client.classifications(CHART)} == {"4010"}


def test_spend_and_expense_has_a_client_of_its_own(organization: BillSandbox) -> None:
    """It shows its token in a header of its own, and no session."""
    spend = SpendSettings(credential="acme/spend")
    given = {"acme/spend/api_token": SecretStr(organization.spend_token)}
    clock = QuickClock(organization)
    wanted = settings(base_url=organization.ap_url)
    with open_spend(wanted, spend, vault_get=given.__getitem__, budget=Unlimited(), clock=clock) as client:
        assert b"results" in client.transactions()
    (entry,) = organization.journal.entries
    assert entry.headers["apitoken"] == organization.spend_token
    assert not {"authorization", "sessionid", "devkey"} & set(entry.headers)


def test_a_refused_spend_token_stops_the_check(organization: BillSandbox) -> None:
    """There is no second one to try."""
    spend = SpendSettings(credential="acme/spend")
    given = {"acme/spend/api_token": SecretStr("an-old-token")}
    clock = QuickClock(organization)
    wanted = settings(base_url=organization.ap_url)
    with (
        open_spend(wanted, spend, vault_get=given.__getitem__, budget=Unlimited(), clock=clock) as client,
        pytest.raises(ConfigurationError),
    ):
        client.transactions()
