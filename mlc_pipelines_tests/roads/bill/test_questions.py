"""Questions about a connection: its check, what only one side has, the match at month end, and its webhooks."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.reconciling import reconcile
from mlc_pipelines.integrations.bill.receiving import MANNERS
from mlc_pipelines.integrations.integration import Delivery, Period, Subscribed
from mlc_pipelines.webhooks.receiving import Receiver
from mlc_pipelines_tests.integrations.bill.organization import change
from mlc_pipelines_tests.roads.bill.tenancy import FIRST, LAST, Tenancy, key_of, line
from mlc_pipelines_tests.roads.installation import NAME

HOOKS = {"webhook_url": "https://hooks.acme.example/webhooks/acme", "webhook_secret": "sandbox/bill/webhook"}


def findings(tenancy: Tenancy) -> dict[str, tuple[bool, str]]:
    there = [finding for finding in tenancy.session.check() if finding.name.startswith("bill: ")]
    return {finding.name.removeprefix("bill: "): (finding.ok, finding.message) for finding in there}


def test_a_well_connection_answers_every_question(tenancy: Tenancy) -> None:
    """Login, organization, what is read, in which currencies vendors are billed."""
    found = findings(tenancy)
    names = ["login", "organization", "vendors", "bills", "chart of accounts", "currencies", "payments", "webhooks"]
    assert list(found) == names
    assert all(ok for ok, _ in found.values())
    assert found["currencies"][1] == "vendors are billed in EUR, JPY, USD"


def test_spend_and_expense_is_asked_for_only_where_it_is_configured(tenancy: Tenancy) -> None:
    """With its own token."""
    tenancy.change(bill={"spend": {"credential": "sandbox/spend"}})
    assert findings(tenancy)["spend and expense"][0] is False
    tenancy.house.vault.set("sandbox/spend/api_token", SecretStr(tenancy.bill.spend_token))
    assert findings(tenancy)["spend and expense"] == (True, "readable")


def test_a_login_to_another_organization_is_named(tenancy: Tenancy) -> None:
    """Its session would show other books."""
    tenancy.run("bills")
    for session in tenancy.bill.session_office.sessions.values():
        session.organization_id = "008OTHER"
    assert findings(tenancy)["organization"] == (
        False,
        f"the login belongs to organization 008OTHER, bill.organization_id is {tenancy.bill.organization_id}",
    )


def test_what_only_one_side_has_is_reported(tenancy: Tenancy) -> None:
    """Accounts by number; nothing is written."""
    tenancy.bill.people.add_account("7777", "Petty")
    row = next(row for row in tenancy.bill.accounts.values() if row.number == "4010")
    change(tenancy.bill, row, name="Bearings")
    gaps = {gap.key: gap.what for gap in tenancy.session.gaps()}
    assert gaps == {"7777": "Petty: only in BILL", "4010": "called 'Bearings' in BILL, 'Bearings and seals' in IFS"}


def test_an_account_that_bill_lacks_is_reported(tenancy: Tenancy) -> None:
    """As long as it is valid and in the table."""
    tenancy.bill.people.archive_account("4010")
    assert [(gap.key, gap.what) for gap in tenancy.session.gaps()] == [("4010", "Bearings and seals: only in IFS")]


def test_month_end_matches_to_the_cent(tenancy: Tenancy) -> None:
    """What was sent, what is held, and what somebody archived in BILL."""
    tenancy.invoice("CN-1", lines=[line("-40")])
    keep, lost = tenancy.sent("INV-1"), tenancy.sent("INV-2", supplier="S-3001", lines=[line("1200")])
    period = Period(FIRST, LAST)

    def matched() -> list[str]:
        found = reconcile(
            NAME,
            (FIRST, LAST),
            tenancy.session.source_documents(period),
            tenancy.session.target_documents(period),
            tenancy.books.reports.select(flow="bills"),
        )
        return [difference.key for difference in found.differences]

    assert matched() == []
    tenancy.bill.people.archive_bill(lost.id)
    assert matched() == [key_of(lost)]
    assert keep.archived is False


# Webhooks


def subscribed(tenancy: Tenancy) -> Receiver:
    tenancy.bill.people.hold_events()  # nothing is sent to an address that is made up
    tenancy.change(bill=HOOKS)
    assert MANNERS.subscribe is not None
    assert MANNERS.subscribe(tenancy.house.tenant(NAME), tenancy.house.vault.set) is Subscribed.ACTIVE
    return Receiver(tenancy.house)


def received(tenancy: Tenancy, receiver: Receiver, raw: bytes, headers: dict[str, str]) -> int:
    return receiver.receive(NAME, Delivery(raw, headers, at=tenancy.simulators.clock.now()))


def told(tenancy: Tenancy, event: str, **content: Any) -> tuple[bytes, dict[str, str]]:
    """Let BILL tell of an event; give body and headers as they would arrive."""
    (subscription,) = tenancy.bill.subscriptions.values()
    tenancy.bill.delivery_office.send(subscription, event, content)
    return sealed(tenancy, tenancy.bill.notifications[-1].payload)


def sealed(tenancy: Tenancy, body: bytes) -> tuple[bytes, dict[str, str]]:
    (subscription,) = tenancy.bill.subscriptions.values()
    digest = hmac.new(subscription.security_key.encode(), body, hashlib.sha256).digest()
    return body, {"x-bill-sha-signature": base64.b64encode(digest).decode()}


def test_a_notification_is_verified_and_its_bill_marked(tenancy: Tenancy) -> None:
    """From the signature to the mark in IFS; the same one twice is stored once."""
    receiver = subscribed(tenancy)
    bill = tenancy.sent()
    tenancy.pay(bill)
    event = next(each for each in reversed(tenancy.bill.notifications) if each.type == "bill.updated")
    raw, headers = sealed(tenancy, event.payload)
    assert [received(tenancy, receiver, raw, headers) for _ in range(2)] == [200, 200]
    assert len(list(tenancy.house.ledger.inbox.pending(NAME, "payments"))) == 1
    tenancy.run("payments")
    assert tenancy.proposal(key_of(bill))["Cf_Paid_Status"] == "Paid"


def test_a_notification_of_a_vendor_reaches_the_suppliers(tenancy: Tenancy) -> None:
    """An unknown one is stored, and concerns no flow."""
    receiver = subscribed(tenancy)
    for type_, body in (("vendor.created", {"vendor": {"id": "009X"}}), ("moon.risen", {})):
        assert received(tenancy, receiver, *told(tenancy, type_, **body)) == 200
    assert [letter.object_id for letter in tenancy.house.ledger.inbox.pending(NAME, "suppliers")] == ["009X"]


def test_a_body_escaped_into_a_text_is_taken(tenancy: Tenancy) -> None:
    """Signed for what it wraps."""
    receiver = subscribed(tenancy)
    raw, headers = told(tenancy, "bill.updated", bill={"id": "00nB"})
    assert received(tenancy, receiver, json.dumps(raw.decode()).encode(), headers) == 200


def test_a_notification_of_another_organization_is_forbidden(tenancy: Tenancy) -> None:
    """Though it is signed with our key."""
    receiver = subscribed(tenancy)
    raw, _ = told(tenancy, "bill.updated", bill={"id": "00nB"})
    raw, headers = sealed(tenancy, raw.replace(tenancy.bill.organization_id.encode(), b"008OTHER"))
    assert received(tenancy, receiver, raw, headers) == 403


def test_a_notification_that_nobody_signed_is_refused(tenancy: Tenancy) -> None:
    """Without or with a wrong signature."""
    receiver = subscribed(tenancy)
    raw, _ = told(tenancy, "bill.updated", bill={"id": "00nB"})
    assert received(tenancy, receiver, raw, {}) == 401
    assert received(tenancy, receiver, raw, {"x-bill-sha-signature": "AAAA"}) == 401


def test_the_key_stays_as_long_as_it_is_the_subscriptions(tenancy: Tenancy) -> None:
    """It is written down whose it is; that of a subscription which is gone opens nothing and is exchanged."""
    subscribed(tenancy)
    (mine,) = tenancy.bill.subscriptions.values()
    first = mine.security_key
    subscribed(tenancy)
    assert mine.security_key == first
    tenancy.books.dictionary.learn("webhook_key_of", {str(HOOKS["webhook_secret"]): "another"})
    receiver = subscribed(tenancy)
    assert mine.security_key != first
    assert received(tenancy, receiver, *told(tenancy, "bill.updated", bill={"id": "00nB"})) == 200


def test_without_an_address_nothing_is_subscribed(tenancy: Tenancy) -> None:
    """Polls do it alone; an address without a name for its key is an error of the file."""
    assert MANNERS.subscribe is not None
    assert MANNERS.subscribe(tenancy.house.tenant(NAME), tenancy.house.vault.set) is Subscribed.NOT_WANTED
    tenancy.change(bill={"webhook_url": HOOKS["webhook_url"]})
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        MANNERS.subscribe(tenancy.house.tenant(NAME), tenancy.house.vault.set)
    assert Receiver(tenancy.house).address(NAME) == 503
