"""Webhooks: subscriptions with keys, signed notifications, repeats, the end of a subscription, the history."""

import base64
import hashlib
import hmac
import json
import uuid
from typing import Any

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import Bill, codes, said
from mlc_pipelines_tests.sandbox.bill.conftest import Receiver

ALL = ("vendor.created", "vendor.updated", "bill.created", "bill.updated", "payment.updated", "payment.failed")


def wanted(url: str = "https://hooks.example/bill", *events: str, **changes: Any) -> dict[str, Any]:
    """Return the body of a subscription."""
    made = {
        "name": "mlc tenant",
        "status": {"enabled": True},
        "events": [{"type": event, "version": "1"} for event in events or ALL],
        "notificationUrl": url,
    }
    return {**made, **changes}


def subscribe(api: Bill, receiver: Receiver, *events: str) -> dict[str, Any]:
    """Make a subscription for the receiver and return the answer with its key."""
    api.sandbox.switches.http_webhooks = True
    answer = api.events("POST", "/subscriptions", wanted(receiver.url, *events))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def signature(key: str, signed: bytes) -> str:
    """Sign as a receiver does."""
    return base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def told(receiver: Receiver) -> list[str]:
    """Return the types of the events received."""
    return [json.loads(body)["metadata"]["eventType"] for _, body in receiver.events]


def test_the_key_is_shown_once(sandbox: BillSandbox, api: Bill) -> None:
    """The creation answers it, the list and the single one do not; the same idempotency key answers the same again."""
    key = str(uuid.uuid4())
    first = api.events("POST", "/subscriptions", wanted(), key=key)
    made = first.json()
    assert (first.status_code, made["organizationId"]) == (201, sandbox.organization_id)
    assert api.events("POST", "/subscriptions", wanted(), key=key).json() == made
    secret = made.pop("securityKey")
    assert sandbox.subscriptions[made["id"]].security_key == secret
    assert api.events("GET", f"/subscriptions/{made['id']}").json() == made
    assert api.events("GET", "/subscriptions").json() == {"subscriptions": [made]}
    sandbox.switches.subscriptions_under = "results"
    assert api.events("GET", "/subscriptions").json() == {"results": [made]}


def test_a_creation_needs_a_uuid4(api: Bill) -> None:
    """No header, no UUID, and a UUID of another version are 400."""
    for key in ("", "abc", str(uuid.uuid1()), uuid.uuid4().hex):
        headers = {"X-Idempotent-Key": key} if key else {}
        answer = api.http.post(f"{api.sandbox.events_url}/v3/subscriptions", json=wanted(), headers=headers)
        assert "X-Idempotent-Key" in said(answer)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": ""}, "name"),
        ({"events": []}, "events"),
        ({"events": [{"type": "bill.created", "version": "1.0"}]}, "events[0].version"),
        ({"events": [{"type": "bill.created", "version": 1}]}, "events[0].version"),
        ({"events": [{"type": "bill.paid", "version": "1"}]}, "events[0].type"),
        ({"events": [{"type": "bill.created", "version": "1"}] * 2}, "events"),
        ({"status": "enabled"}, "status"),
        ({"notificationUrl": "http://127.0.0.1/x"}, "notificationUrl"),
        ({"notificationUrl": "hooks.example"}, "notificationUrl"),
        ({"url": "https://x"}, "url"),
    ],
)
def test_wrong_values_are_named(api: Bill, change: dict[str, Any], where: str) -> None:
    """Also the version, which is the text 1, and plain http."""
    assert said(api.events("POST", "/subscriptions", {**wanted(), **change})).startswith(where)


def test_ten_subscriptions_and_none_twice(sandbox: BillSandbox, api: Bill) -> None:
    """The same events at the same URL are refused, and so is the eleventh; a deleted one makes room."""
    first = api.events("POST", "/subscriptions", wanted()).json()["id"]
    turned = wanted()
    turned["events"].reverse()
    assert "same events" in said(api.events("POST", "/subscriptions", turned))
    for number in range(9):
        assert api.events("POST", "/subscriptions", wanted(f"https://hooks.example/{number}")).status_code == 201
    assert "at most 10" in said(api.events("POST", "/subscriptions", wanted("https://hooks.example/10")))
    assert api.events("DELETE", f"/subscriptions/{first}").status_code == 200
    assert api.events("GET", f"/subscriptions/{first}").status_code == 404
    assert api.events("POST", "/subscriptions", wanted("https://hooks.example/10")).status_code == 201


def test_the_catalog_names_the_events(api: Bill) -> None:
    """All types with their version; Spend & Expense is not in the sandbox."""
    events = api.events("GET", "/events/catalog").json()["events"]
    assert {row["version"] for row in events} == {"1"}
    assert set(ALL) < {row["type"] for row in events}
    assert not [row for row in events if row["type"].startswith("spend.")]
    assert codes(api.post("/spend/subscriptions", {})) == (404, ["BDC_1121"])


def test_what_happens_is_told_and_signed(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """Minified JSON with metadata and the object; the signature is over the bytes of the body."""
    made = subscribe(api, receiver)
    row = api.bill(api.vendor(), "10.10")
    sandbox.people.approve_bills()
    [payment_id] = sandbox.people.schedule_payments()
    assert sandbox.wait_for_deliveries()
    assert told(receiver) == ["vendor.created", "bill.created", "bill.updated", "payment.updated", "bill.updated"]
    headers, body = receiver.events[1]
    event = json.loads(body)
    assert headers["x-bill-sha-signature"] == signature(made["securityKey"], body)
    assert event["metadata"] | {"eventId": ""} == {
        "eventId": "",
        "subscriptionId": made["id"],
        "organizationId": sandbox.organization_id,
        "eventType": "bill.created",
        "version": "1",
    }
    assert (event["bill"]["id"], event["bill"]["invoice"]["invoiceNumber"]) == (row["id"], "INV-7781")
    assert b'"amount":10.10' in body
    payment = json.loads(receiver.events[3][1])["payment"]
    assert (payment["id"], payment["billIds"], payment["billingType"]) == (payment_id, [row["id"]], "BDC")


def test_a_failed_payment_is_told_with_bills_and_errors(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """Possibly without the payment's id."""
    subscribe(api, receiver, "payment.failed")
    row = api.bill(api.vendor(), "10")
    [payment_id] = sandbox.people.pay_bills([row["id"]])
    sandbox.people.fail_disbursement(payment_id)
    sandbox.people.fail_disbursement(payment_id, with_id=False)
    assert sandbox.wait_for_deliveries()
    first, second = (json.loads(body)["payment"] for _, body in receiver.events)
    assert (first["id"], first["bills"][0]["id"], set(first["errors"][0])) == (
        payment_id,
        row["id"],
        {"code", "message", "timestamp"},
    )
    assert "id" not in second


def test_a_body_may_come_as_a_string(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """By switch JSON in JSON, signed as sent or as it is inside."""
    key = subscribe(api, receiver)["securityKey"]
    sandbox.switches.webhook_body = "string"
    api.vendor()
    assert sandbox.wait_for_deliveries()
    sandbox.switches.webhook_signs = "payload"
    api.vendor()
    assert sandbox.wait_for_deliveries()
    (first, whole), (second, outer) = receiver.events
    inner = json.loads(outer)
    assert json.loads(inner)["metadata"]["eventType"] == "vendor.created"
    assert first["x-bill-sha-signature"] == signature(key, whole)
    assert second["x-bill-sha-signature"] == signature(key, inner.encode())


def test_a_rotated_key_signs_what_follows(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """The new key is answered once; the old one signed what was sent before."""
    made = subscribe(api, receiver)
    api.vendor()
    assert sandbox.wait_for_deliveries()
    new = api.events("POST", f"/subscriptions/{made['id']}/security-key").json()["securityKey"]
    api.vendor()
    assert sandbox.wait_for_deliveries()
    for (headers, body), key in zip(receiver.events, (made["securityKey"], new), strict=True):
        assert headers["x-bill-sha-signature"] == signature(key, body)


def test_only_200_counts(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """201, 202, 401 and 503 are repeated with the same bytes until 200."""
    subscribe(api, receiver)
    receiver.statuses = [202, 401, 201, 503]
    api.vendor()
    assert sandbox.wait_for_deliveries()
    assert sandbox.notifications[-1].attempts == [202, 401, 201, 503, 200]
    assert len({body for _, body in receiver.events}) == 1
    assert sandbox.notifications[-1].state == "delivered"


def test_the_last_refusal_disables_the_subscription(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """Nothing more is sent until somebody enables it; the history has what was missed before."""
    made = subscribe(api, receiver)
    path = f"/subscriptions/{made['id']}"
    sandbox.delivery_office.attempts = 2
    try:
        receiver.statuses = [500, 500]
        api.vendor("First")
        assert sandbox.wait_for_deliveries()
    finally:
        sandbox.delivery_office.attempts = 6
    assert api.events("GET", path).json()["status"] == {"enabled": False}
    api.vendor("Unseen")
    sandbox.switches.history_while_disabled = True
    api.vendor("Second")
    assert codes(api.events("POST", f"{path}/test")) == (400, [None])
    assert api.events("PATCH", path, {"status": {"enabled": True}}).json()["status"] == {"enabled": True}
    api.vendor("Third")
    assert sandbox.wait_for_deliveries()
    history = api.events("GET", f"/events/subscription/{made['id']}").json()["results"]
    assert [row["payload"]["vendor"]["name"] for row in history] == ["First", "Second", "Third"]
    assert [row["status"] for row in history] == ["NOT_DELIVERED", "NOT_DELIVERED", "DELIVERED"]
    sandbox.clock.advance(181 * 86400)
    api.log_in()
    assert api.events("GET", f"/events/subscription/{made['id']}").json()["results"] == []


def test_people_disable_repeat_reorder_and_lose(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """On demand: disabled, sent twice byte for byte, released backwards, never sent."""
    made = subscribe(api, receiver, "vendor.created")
    api.vendor("A")
    assert sandbox.wait_for_deliveries()
    assert sandbox.people.deliver_again() == 1
    assert sandbox.wait_for_deliveries()
    assert receiver.events[0][1] == receiver.events[1][1]
    sandbox.people.hold_events()
    api.vendor("B")
    api.vendor("C")
    assert sandbox.people.release_events(reverse=True) == 2
    assert sandbox.wait_for_deliveries()
    sandbox.people.lose_events(1)
    api.vendor("D")
    api.vendor("E")
    assert sandbox.wait_for_deliveries()
    assert sandbox.people.disable_subscription() == [made["id"]]
    api.vendor("F")
    assert sandbox.wait_for_deliveries()
    assert [json.loads(body)["vendor"]["name"] for _, body in receiver.events] == ["A", "A", "C", "B", "E"]


def test_a_test_notification_is_signed_too(sandbox: BillSandbox, api: Bill, receiver: Receiver) -> None:
    """Of the type test, whatever is subscribed."""
    made = subscribe(api, receiver, "bill.created")
    assert api.events("POST", f"/subscriptions/{made['id']}/test").status_code == 200
    assert sandbox.wait_for_deliveries()
    [(headers, body)] = receiver.events
    assert told(receiver) == ["test"]
    assert headers["x-bill-sha-signature"] == signature(made["securityKey"], body)


def test_a_subscription_changes_by_parts(api: Bill) -> None:
    """Name, events and URL; unknown fields and twins are refused, creation's rules hold."""
    first = api.events("POST", "/subscriptions", wanted()).json()["id"]
    api.events("POST", "/subscriptions", wanted("https://hooks.example/2"))
    changed = api.events("PATCH", f"/subscriptions/{first}", {"name": "new"}).json()
    assert (changed["name"], len(changed["events"])) == ("new", len(ALL))
    same = {"notificationUrl": "https://hooks.example/2"}
    assert "same events" in said(api.events("PATCH", f"/subscriptions/{first}", same))
    assert codes(api.events("PATCH", f"/subscriptions/{first}", {"enabled": True})) == (400, ["BDC_1002"])
    assert codes(api.events("PATCH", "/subscriptions/nobody", {"name": "x"})) == (404, [None])
