"""Webhooks: signed as the portal was told, tried again, repeated, reordered and lost on demand."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest

from mlc_pipelines.sandbox.airbase import AirbaseSandbox, WebhookSigning
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.airbase.caller import REQUESTS, Airbase
from mlc_pipelines_tests.sandbox.airbase.conftest import Receiver


def events(receiver: Receiver) -> list[dict[str, Any]]:
    """Return the events received, in order."""
    return [json.loads(body) for _, _, body in receiver.events]


def digest(secret: str, signed: bytes) -> bytes:
    """Sign as a receiver does."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()


def approve(airbase: AirbaseSandbox, count: int = 1) -> list[str]:
    """Approve requests and wait until everybody was told."""
    made = airbase.people.approve_requests(count)
    assert airbase.wait_for_deliveries()
    return made


def test_an_approval_is_told_with_its_data(airbase: AirbaseSandbox, api: Airbase, receiver: Receiver) -> None:
    """The envelope has five keys, data is the request, the address carries the event's name."""
    airbase.people.subscribe(receiver.url + "/{event}")
    [request_id] = approve(airbase)
    [(path, headers, body)] = receiver.events
    event = json.loads(body)
    assert path.endswith("/tenant/purchase_request_approved")
    assert list(event) == ["id", "object", "type", "created_date", "data"]
    assert (event["type"], len(event["created_date"])) == ("purchase_request_approved", 19)
    assert event["data"] == api.get(f"{REQUESTS}{request_id}/").json()
    assert headers["x-airbase-signature"] == digest(airbase.signing.secret, body).hex()
    assert airbase.deliveries[0].state == "delivered"


def test_the_signature_is_a_matter_of_the_portal(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """Header, encoding, prefix and timestamp are switches; a stale timestamp can be asked for."""
    signing = airbase.signing
    airbase.people.subscribe(receiver.url)
    signing.header, signing.encoding, signing.prefix = "X-Sig", "base64", "sha256="
    signing.timestamp_header, signing.timestamp_skew = "X-Sent", -900
    approve(airbase)
    [(_, headers, body)] = receiver.events
    signed = headers["x-sent"].encode() + b"." + body
    assert headers["x-sig"] == "sha256=" + base64.b64encode(digest(signing.secret, signed)).decode()
    assert 890 < time.time() - int(headers["x-sent"]) < 930
    airbase.reset()
    assert (airbase.signing.header, airbase.signing.timestamp_header) == ("X-Airbase-Signature", None)


def test_other_proofs_are_a_secret_header_basic_and_none(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """Modes can be joined; without any the event comes bare."""
    airbase.people.subscribe(receiver.url)
    airbase.signing.modes = ("header_secret", "basic")
    approve(airbase)
    airbase.signing.modes = ()
    approve(airbase)
    (_, proven, _), (_, bare, _) = receiver.events
    pair = base64.b64decode(proven["authorization"].removeprefix("Basic ")).decode()
    assert pair == f"{airbase.signing.username}:{airbase.signing.password}"
    assert proven["x-airbase-webhook-secret"] == airbase.signing.secret
    assert not {"authorization", "x-airbase-webhook-secret", "x-airbase-signature"} & bare.keys()
    with pytest.raises(ValueError, match="unknown"):
        WebhookSigning(modes=("rot13",))


def test_a_rotated_secret_signs_what_follows(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """The old one signed what was sent before."""
    airbase.people.subscribe(receiver.url)
    old = airbase.signing.secret
    approve(airbase)
    new = airbase.people.rotate_webhook_secret()
    approve(airbase)
    for (_, headers, body), secret in zip(receiver.events, (old, new), strict=True):
        assert headers["x-airbase-signature"] == digest(secret, body).hex()


def test_refused_deliveries_are_tried_again(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """429 and 5xx are repeated with the same body until accepted; 401 is given up."""
    airbase.people.subscribe(receiver.url)
    receiver.statuses = [503, 429]
    approve(airbase)
    assert len({body for _, _, body in receiver.events}) == 1
    assert airbase.deliveries[0].attempts == [503, 429, 200]
    receiver.statuses = [401]
    approve(airbase)
    assert (airbase.deliveries[1].attempts, airbase.deliveries[1].state) == ([401], "given up")


def test_nobody_listening_is_given_up_in_the_end(airbase: AirbaseSandbox) -> None:
    """Eight attempts without an answer are enough."""
    airbase.people.subscribe("http://127.0.0.1:9/gone")
    office = airbase.delivery_office
    office.longest = 0.01
    approve(airbase)
    office.longest = 1.0
    assert (airbase.deliveries[0].attempts, airbase.deliveries[0].state) == ([None] * 8, "given up")


def test_events_come_twice_backwards_or_never(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """On demand: repeated byte for byte, released in the reverse order, lost."""
    airbase.people.subscribe(receiver.url)
    approve(airbase)
    assert airbase.people.deliver_again(events(receiver)[0]["id"]) == 1
    assert airbase.wait_for_deliveries()
    assert receiver.events[0][2] == receiver.events[1][2]
    airbase.people.hold_events()
    ids = approve(airbase, 3)
    assert len(receiver.events) == 2
    assert airbase.people.release_events(reverse=True) == 3
    assert airbase.wait_for_deliveries()
    assert [event["data"]["id"] for event in events(receiver)[2:]] == ids[::-1]
    airbase.people.lose_events(2)
    lost = approve(airbase, 3)
    assert [event["data"]["id"] for event in events(receiver)[5:]] == lost[2:]


def test_every_act_tells_its_event(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """Withdrawn, paid, created and changed terms have events of made-up names."""
    airbase.people.subscribe(receiver.url)
    [request_id] = approve(airbase)
    airbase.people.withdraw_approval(request_id)
    airbase.people.pay()
    airbase.people.pay(where="ledger_entries")
    vendor = airbase.people.create_vendor("Born Here Ltd")
    airbase.people.set_vendor_term(vendor, "Net 45")
    assert airbase.wait_for_deliveries()
    assert [event["type"] for event in events(receiver)] == [
        "purchase_request_approved",
        "purchase_request_withdrawn",
        "payment_completed",
        "vendor_created",
        "vendor_payment_terms_updated",
    ]
    assert events(receiver)[-1]["data"]["payment_term"] == "Net 45"


def test_only_what_was_subscribed_comes(airbase: AirbaseSandbox, receiver: Receiver) -> None:
    """Other types, silent acts, and everything after the end of the subscription are not told."""
    airbase.people.subscribe(receiver.url, ["purchase_request_approved"])
    airbase.people.pay()
    [request_id] = approve(airbase)
    airbase.people.withdraw_approval(request_id, silently=True)
    airbase.people.subscribe(None)
    approve(airbase)
    assert [event["data"]["id"] for event in events(receiver)] == [request_id]
    with pytest.raises(ValueError, match="unknown events"):
        airbase.people.subscribe(receiver.url, ["bills.paid"])


def test_the_subscription_can_be_there_from_the_start(receiver: Receiver) -> None:
    """Address, events and signing are arguments, and a reset keeps them."""
    signing = WebhookSigning(prefix="v1=")
    world = World.make(invoices=1)
    made = AirbaseSandbox(
        world=world, requests=1, payments=0, webhook_url=receiver.url, webhook_signing=signing, retry_after=False
    )
    with made as airbase:
        airbase.people.subscribe(None)
        airbase.reset()
        httpx.post(f"{airbase.url}/_sandbox/people/approve_requests", json={"count": 2})
        assert airbase.wait_for_deliveries()
    assert len(receiver.events) == 2
    assert receiver.events[0][1]["x-airbase-signature"].startswith("v1=")
