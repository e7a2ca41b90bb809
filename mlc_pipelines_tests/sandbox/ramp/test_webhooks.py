"""Webhooks: subscribed, verified, signed, tried again."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, refusal
from mlc_pipelines_tests.sandbox.ramp.conftest import Receiver

EVENTS = ["bills.approved", "bills.ready_to_sync", "bills.paid", "bills.rejected", "bills.archived", "vendors.updated"]


def subscribe(ramp: RampSandbox, api: Ramp, receiver: Receiver, **changes: Any) -> dict[str, Any]:
    """Create and verify a subscription, forget the challenge, and return its row with the secret."""
    body = {"endpoint_url": receiver.url, "event_types": EVENTS, **changes}
    made = api.post("/webhooks", body).json()
    assert ramp.wait_for_deliveries()
    challenge = json.loads(receiver.events.pop()[1])["challenge"]
    assert api.post(f"/webhooks/{made['id']}/verify", {"challenge": challenge}).json() == {"success": True}
    return dict(made)


def types(receiver: Receiver) -> list[str]:
    """Return the event types received, sorted, since their order is not promised."""
    return sorted(json.loads(body)["type"] for _, body in receiver.events)


def test_a_new_subscription_waits_for_its_challenge(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """The challenge comes unsigned; a wrong one is refused, the right one activates."""
    made = api.post("/webhooks", {"endpoint_url": receiver.url, "event_types": EVENTS}).json()
    assert (made["status"], len(made["secret"])) == ("pending_verification", 40)
    assert ramp.wait_for_deliveries()
    [(headers, body)] = receiver.events
    event = json.loads(body)
    assert event["type"] == "webhooks.verification"
    assert not [name for name in headers if name.startswith("x-ramp")]
    assert api.post(f"/webhooks/{made['id']}/verify", {"challenge": "guess"}).status_code == 400
    assert api.post(f"/webhooks/{made['id']}/verify", {"challenge": event["challenge"]}).json() == {"success": True}
    [row] = api.get("/webhooks").json()
    assert (row["status"], "secret" in row) == ("active", False)
    assert api.delete(f"/webhooks/{made['id']}").status_code == 204
    assert api.get("/webhooks").json() == []


def test_nothing_is_sent_before_verification(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """A pending subscription gets no events."""
    api.post("/webhooks", {"endpoint_url": receiver.url, "event_types": EVENTS})
    api.bill()
    assert ramp.wait_for_deliveries()
    assert types(receiver) == ["webhooks.verification"]


def test_events_are_thin_and_signed(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """The raw body is signed in hex with the secret; the header names the event."""
    webhook = subscribe(ramp, api, receiver, additional_headers={"X-Route": "acme"})
    draft = api.draft()
    ramp.people.submit_drafts()
    [bill_id] = ramp.people.approve_bills()
    assert ramp.wait_for_deliveries()
    assert types(receiver) == ["bills.approved", "bills.ready_to_sync"]
    for headers, body in receiver.events:
        event = json.loads(body)
        expected = hmac.new(webhook["secret"].encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-ramp-signature"] == expected
        assert (headers["x-ramp-webhook-id"], headers["x-route"]) == (event["id"], "acme")
        assert (event["object"], event["business_id"]) == ({"id": bill_id}, ramp.store.business_id)
    assert ramp.bills[bill_id].draft_bill_id == draft["id"]


def test_header_and_encoding_are_switches(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """The older header name and base64 can be asked for."""
    webhook = subscribe(ramp, api, receiver)
    ramp.switches.signature_header, ramp.switches.signature_base64 = "X-Ramp-Webhook-Signature", True
    ramp.people.rename_vendor(api.vendor(), "Renamed")
    assert ramp.wait_for_deliveries()
    [(headers, body)] = receiver.events
    digest = hmac.new(webhook["secret"].encode(), body, hashlib.sha256).digest()
    assert headers["x-ramp-webhook-signature"] == base64.b64encode(digest).decode()


def test_every_decision_sends_its_event(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """Rejected, paid and archived are told as they happen."""
    subscribe(ramp, api, receiver)
    vendor_id = api.vendor()
    for number in ("A", "B", "C"):
        api.draft(vendor_id=vendor_id, invoice_number=number)
    first, second, third = ramp.people.submit_drafts()
    ramp.people.reject_bill(first)
    ramp.people.archive_bill(second)
    ramp.people.approve_bills([third])
    ramp.people.pay_bills([third])
    assert ramp.wait_for_deliveries()
    assert types(receiver) == [
        "bills.approved",
        "bills.archived",
        "bills.paid",
        "bills.ready_to_sync",
        "bills.rejected",
    ]


def test_refused_deliveries_are_tried_again_with_the_same_id(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """429 and 5xx are tried again until accepted; body and id stay the same."""
    subscribe(ramp, api, receiver)
    receiver.statuses = [503, 429]
    ramp.people.rename_vendor(api.vendor(), "Renamed")
    assert ramp.wait_for_deliveries()
    assert len({body for _, body in receiver.events}) == 1
    assert (ramp.deliveries[-1].attempts, ramp.deliveries[-1].state) == ([503, 429, 200], "delivered")


@pytest.mark.parametrize("status", [302, 400, 401])
def test_other_answers_are_final(ramp: RampSandbox, api: Ramp, receiver: Receiver, status: int) -> None:
    """Redirects and other 4xx are given up at once."""
    subscribe(ramp, api, receiver)
    receiver.statuses = [status]
    ramp.people.rename_vendor(api.vendor(), "Renamed")
    assert ramp.wait_for_deliveries()
    assert (ramp.deliveries[-1].attempts, ramp.deliveries[-1].state) == ([status], "given up")


def test_ten_attempts_and_no_more(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """An endpoint that is gone is tried ten times."""
    subscribe(ramp, api, receiver)
    ramp.delivery_office.backoff = 0.001
    receiver.statuses = [500] * 20
    ramp.people.rename_vendor(api.vendor(), "Renamed")
    assert ramp.wait_for_deliveries()
    ramp.delivery_office.backoff = 0.05
    assert (ramp.deliveries[-1].attempts, ramp.deliveries[-1].state) == ([500] * 10, "given up")


def test_an_event_can_come_twice(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """A redelivery is the same bytes under the same id, and a mock event comes on request."""
    subscribe(ramp, api, receiver)
    vendor_id = api.vendor()
    body = {"event_type": "vendors.updated", "object_id": vendor_id, "object_metadata": {}}
    assert api.post("/webhooks/mock-webhook-event", body).status_code == 200
    assert ramp.people.redeliver(str(ramp.deliveries[-1].event_id)) == 1
    assert ramp.wait_for_deliveries()
    (_, first), (_, second) = receiver.events
    assert first == second
    assert json.loads(first)["object"] == {"id": vendor_id}


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint_url": "ftp://127.0.0.1/x"},
        {"endpoint_url": "http://hooks.example/x"},
        {"event_types": []},
        {"event_types": ["bills.eaten"]},
        {"additional_headers": {str(number): "x" for number in range(6)}},
        {"additional_headers": {"X": ""}},
        {"additional_headers": {"X" * 101: "x"}},
        {"secret": "mine"},
    ],
)
def test_a_subscription_is_checked_strictly(api: Ramp, receiver: Receiver, wrong: dict[str, Any]) -> None:
    """Addresses, event types and headers must be as documented."""
    body = {"endpoint_url": receiver.url, "event_types": EVENTS, **wrong}
    assert refusal(api.post("/webhooks", body))[0] == 422


def test_plain_http_is_a_switch(ramp: RampSandbox, api: Ramp, receiver: Receiver) -> None:
    """The vendor demands https, even on loopback, unless the switch allows it."""
    ramp.switches.http_webhooks = False
    body = {"endpoint_url": receiver.url, "event_types": EVENTS}
    assert refusal(api.post("/webhooks", body))[2] == {"endpoint_url": ["Must be an https URL."]}


def test_a_subscription_needs_the_read_scope(ramp: RampSandbox, receiver: Receiver) -> None:
    """Who may not read bills may not hear of them."""
    with Ramp(ramp, scope="vendors:read") as api:
        body = {"endpoint_url": receiver.url, "event_types": ["bills.paid"]}
        assert refusal(api.post("/webhooks", body))[:2] == (403, "DEVELOPER_7100")
        assert api.post("/webhooks", {**body, "event_types": ["vendors.updated"]}).status_code == 201
