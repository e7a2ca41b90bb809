"""Tests of subscription and events from end to end, with a simulated Ramp that signs and delivers."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Subscribed
from mlc_pipelines.ledger.leases import LeaseTakenError
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.webhooks.subscriptions import ensure_subscriptions, handshake_awaited, keep_subscriptions
from mlc_pipelines_tests.webhooks.conftest import DEAD, address, letters, receiving
from mlc_pipelines_tests.webhooks.post import Post, challenge, eventually

OpenHouse = Callable[[], House]
Write = Callable[..., Path]


class Rounds(threading.Event):
    """Waits no time, writes down how long it was to be, and is set after so many waits."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if len(self.waited) == self._most:
            self.set()
        return self.is_set()


@pytest.fixture
def subscribing(ramp: RampSandbox, write: Write, open_house: OpenHouse, listening: socket) -> House:
    """A house whose connection wants Ramp's events; the receiver is yet to be started."""
    write(ramp=ramp.url, url=f"{address(listening)}/webhooks/acme")
    return open_house()


def statuses(ramp: RampSandbox) -> list[str]:
    return [webhook.status for webhook in ramp.webhooks.values()]


def subscribed(ramp: RampSandbox, house: House) -> bool:
    return statuses(ramp) == ["active"] and not handshake_awaited(house, "acme")


@pytest.mark.parametrize("switches", [{}, {"signature_base64": True, "signature_header": "X-Ramp-Webhook-Signature"}])
def test_what_people_do_in_ramp_reaches_its_flows(
    ramp: RampSandbox, subscribing: House, listening: socket, switches: dict[str, object]
) -> None:
    """From the handshake to the ledger: approved and paid bills are heard, and their letters taken up."""
    house = subscribing
    vars(ramp.switches).update(switches)
    with receiving(house, listening):
        assert eventually(lambda: subscribed(ramp, house))
        (webhook,) = ramp.webhooks.values()
        assert house.vault.get("acme/ramp/webhook").get_secret_value() == webhook.secret
        vendor = ramp.people.add_vendor("Made-up Motors")
        bills = {ramp.people.create_bill_in_ramp(vendor, amount=f"{n}.50") for n in (1, 2, 3)}
        ramp.people.pay_bills()
        assert ramp.wait_for_deliveries()
        for delivery in list(ramp.deliveries):
            if delivery.event_id:
                ramp.delivery_office.again(delivery)
        assert ramp.wait_for_deliveries()
    assert {delivery.state for delivery in ramp.deliveries} == {"delivered"}
    payments = {bill.payment["id"] for bill in ramp.bills.values() if bill.payment is not None}
    assert {letter.object_id for letter in letters(house)} == bills | payments
    with house.session("acme") as session:
        for flow, records in (("payments", bills), ("vouchers", bills), ("suppliers", {vendor})):
            waiting = letters(house, flow)
            tally = collect(house.road(session, "acme", flow))
            assert tally.interrupted is None
            assert (tally.counts["heard"], tally.counts["new"]) == (len(waiting), len(records))
    assert house.ledger.inbox.waiting() == []


def test_events_of_an_outage_come_later(ramp: RampSandbox, subscribing: House, listening: socket, home: Path) -> None:
    """While the database is away the vendor is told to try again, and does."""
    house = subscribing
    with receiving(house, listening):
        assert eventually(lambda: subscribed(ramp, house))
        (home / "data").rename(home / "away")
        bill = ramp.people.create_bill_in_ramp(ramp.people.add_vendor("Made-up Motors"))
        assert eventually(lambda: any(503 in delivery.attempts for delivery in ramp.deliveries))
        (home / "away").rename(home / "data")
        assert ramp.wait_for_deliveries()
    assert {letter.object_id for letter in letters(house, "vouchers")} == {bill}


def test_a_start_with_a_subscription_changes_nothing(ramp: RampSandbox, subscribing: House, listening: socket) -> None:
    """The one that serves goes on, and the business whose events it brings is known."""
    with receiving(subscribing, listening):
        assert eventually(lambda: subscribed(ramp, subscribing))
        before = list(ramp.webhooks)
        assert ensure_subscriptions(subscribing, "acme") is Subscribed.ACTIVE
    assert list(ramp.webhooks) == before
    assert list(subscribing.ledger.books("acme").dictionary.known("business")) == [ramp.store.business_id]


def test_one_that_was_never_verified_is_made_anew(ramp: RampSandbox, subscribing: House) -> None:
    """The vendor does not send its challenge for ever."""
    ramp.delivery_office.stop()
    try:
        assert ensure_subscriptions(subscribing, "acme") is Subscribed.HANDSHAKE_AWAITED
        before = list(ramp.webhooks)
        assert ensure_subscriptions(subscribing, "acme") is Subscribed.HANDSHAKE_AWAITED
        assert len(ramp.webhooks) == 1
        assert list(ramp.webhooks) != before
        assert handshake_awaited(subscribing, "acme")
    finally:
        ramp.reset()
        ramp.delivery_office.start()


def test_a_challenge_nobody_waits_for_costs_no_call(
    ramp: RampSandbox, write: Write, open_house: OpenHouse, listening: socket
) -> None:
    """Anyone can send one: it is refused from our own books, before and after a handshake."""
    write(ramp=ramp.url, url=f"{address(listening)}/webhooks/acme", enabled=False)
    house, post = open_house(), Post(address(listening))
    with receiving(house, listening):
        assert {post.send(challenge(str(n)), {}) for n in range(20)} == {401}
        assert (ramp.webhooks, threads()) == ({}, [])
        ensure_subscriptions(house, "acme")
        assert eventually(lambda: subscribed(ramp, house))
        assert post.send(challenge(), {}) == 401


def test_a_forged_challenge_does_not_spoil_the_true_one(
    ramp: RampSandbox, write: Write, open_house: OpenHouse, listening: socket, caplog: pytest.LogCaptureFixture
) -> None:
    """While one is awaited a wrong one is tried and refused by Ramp; unsigned events stay outside."""
    caplog.set_level(logging.INFO)
    write(ramp=ramp.url, url=f"{address(listening)}/webhooks/acme", enabled=False)
    house, post = open_house(), Post(address(listening))
    with receiving(house, listening):
        ramp.delivery_office.stop()
        try:
            assert ensure_subscriptions(house, "acme") is Subscribed.HANDSHAKE_AWAITED
            assert post.send(challenge("forged"), {}) == 200
            assert eventually(lambda: "webhook handshake failed" in caplog.messages and threads() == [])
            assert statuses(ramp) == ["pending_verification"]
            for body in (b'{"id": "e-1", "type": "bills.paid", "object": {"id": "b-1"}}', b"{", b'{"type": "x"}'):
                assert post.send(body, {}) == 401
        finally:
            ramp.delivery_office.start()
        assert eventually(lambda: subscribed(ramp, house))
    assert house.ledger.inbox.waiting() == []


def test_a_vendor_that_is_down_is_tried_again_while_others_are_served(
    ramp: RampSandbox, write: Write, open_house: OpenHouse, listening: socket
) -> None:
    """The pauses grow; what is settled is not asked again until the next hour."""
    write("acme", ramp=ramp.url, url=f"{address(listening)}/webhooks/acme")
    write("dead", ramp=DEAD, url=f"{address(listening)}/webhooks/dead")
    rounds = Rounds(3)
    keep_subscriptions(open_house(), rounds)
    assert rounds.waited == [5.0, 10.0, 20.0]
    assert len(ramp.webhooks) == 1


def test_a_mistake_in_one_file_waits_for_the_next_hour(
    ramp: RampSandbox, subscribing: House, write: Write, open_house: OpenHouse
) -> None:
    """Without a name for its secret nothing is subscribed, and it says so; to ask again would not help."""
    path = write(ramp=ramp.url, url="https://mlc.example/webhooks/acme")
    path.write_text(path.read_text(encoding="utf-8").replace("webhook_secret: acme/ramp/webhook", ""))
    house, rounds = open_house(), Rounds(1)
    with pytest.raises(ConfigurationError, match="webhook_secret does not say"):
        ensure_subscriptions(house, "acme")
    keep_subscriptions(house, rounds)
    assert rounds.waited == [3600.0]
    assert (ramp.webhooks, handshake_awaited(house, "acme")) == ({}, False)


def test_two_receivers_do_not_subscribe_at_once(ramp: RampSandbox, subscribing: House) -> None:
    """The second leaves it to the first."""
    with subscribing.ledger.leases.hold("acme/webhooks"):
        with pytest.raises(LeaseTakenError):
            ensure_subscriptions(subscribing, "acme")
        rounds = Rounds(1)
        keep_subscriptions(subscribing, rounds)
        assert rounds.waited == [3600.0]
    assert ramp.webhooks == {}


def test_without_an_address_of_ours_nothing_is_subscribed(ramp: RampSandbox, house: House) -> None:
    """A tenant may subscribe by hand and give us the secret."""
    assert ensure_subscriptions(house, "acme") is Subscribed.NOT_WANTED
    assert not handshake_awaited(house, "acme")


def threads() -> list[str]:
    """Handshakes under way."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("handshake")]
