"""Tests of our webhook subscription: one, complete, with a secret that is kept."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import RecordError, TransientError
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.integrations.ramp.subscriptions import answer_challenge, ensure_subscription
from mlc_pipelines.integrations.ramp.webhook import EVENTS, Challenge, Event, parse, verify
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.integrations.ramp.builders import new_bill, vendor_and_entity

NAME = "acme/ramp/webhook"


class Receiver(HTTPServer):
    """An endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Letterbox)
        self.letters: list[tuple[bytes, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/webhooks/acme_ramp"


class _Letterbox(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.letters.append((body, dict(self.headers)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def vault() -> dict[str, SecretStr]:
    return {}


def subscribe(client: RampClient, url: str, vault: dict[str, SecretStr]) -> str:
    known = NAME in vault
    return ensure_subscription(client, url, secret_name=NAME, store=vault.__setitem__, secret_known=known).id


def test_the_first_time_one_is_made_and_its_secret_kept(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """The secret is the one Ramp signs with, and all our events are asked for."""
    made = subscribe(client, receiver.url, vault)
    assert vault[NAME].get_secret_value() == ramp.webhooks[made].secret
    assert set(ramp.webhooks[made].event_types) == set(EVENTS)


def test_the_second_time_nothing_changes(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """A subscription that serves is left as it is, verified or not yet."""
    made = subscribe(client, receiver.url, vault)
    assert subscribe(client, receiver.url, vault) == made
    ramp.webhooks[made].status = "active"
    assert subscribe(client, receiver.url, vault) == made
    assert list(ramp.webhooks) == [made]


@pytest.mark.parametrize("flaw", ["inactive", "event", "secret", "double"])
def test_one_that_does_not_serve_is_made_anew(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr], flaw: str
) -> None:
    """Inactive, short of an event, its secret lost, or one of two: one good one is left, and its secret known."""
    made = subscribe(client, receiver.url, vault)
    if flaw == "inactive":
        ramp.webhooks[made].status = "inactive"
    elif flaw == "event":
        ramp.webhooks[made].event_types.remove("bills.paid")
    elif flaw == "secret":
        vault.clear()
    else:
        client.create_webhook(receiver.url, EVENTS)
    again = subscribe(client, receiver.url, vault)
    assert list(ramp.webhooks) == [again]
    assert again != made
    assert vault[NAME].get_secret_value() == ramp.webhooks[again].secret


def test_what_other_endpoints_have_is_left_alone(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """Other programs of the tenant may listen too."""
    other, _ = client.create_webhook("https://elsewhere.example/hook", ["bills.paid"])
    subscribe(client, receiver.url, vault)
    assert other in ramp.webhooks
    assert len(ramp.webhooks) == 2


def test_a_lost_answer_leaves_none_behind(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """Its secret went with the answer: the next try starts clean."""
    ramp.faults.once("lost", method="POST", path_part="/webhooks")
    with pytest.raises(TransientError, match="nothing is left of it"):
        subscribe(client, receiver.url, vault)
    assert (list(ramp.webhooks), vault) == ([], {})
    assert subscribe(client, receiver.url, vault) in ramp.webhooks


def test_a_challenge_is_answered_and_events_arrive_signed(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """From the handshake to the first event."""
    made = subscribe(client, receiver.url, vault)
    assert ramp.wait_for_deliveries()
    handshake = parse(receiver.letters[0][0])
    assert isinstance(handshake, Challenge)
    assert answer_challenge(client, handshake.challenge, endpoint_url=receiver.url) == made
    assert ramp.webhooks[made].status == "active"
    draft = client.create_draft(new_bill(*vendor_and_entity(client))).id
    ramp.people.approve_bills([draft])
    assert ramp.wait_for_deliveries()
    events = [(parse(body), body, headers) for body, headers in receiver.letters[1:]]
    assert {"bills.approved", "bills.ready_to_sync"} <= {event.type for event, *_ in events if isinstance(event, Event)}
    assert all(verify(body, headers, [vault[NAME]]) for _, body, headers in events)


def test_a_challenge_for_nobody_is_asked_for_again(client: RampClient) -> None:
    """Ramp may not list the subscription yet."""
    with pytest.raises(TransientError, match="no subscription of ours waits"):
        answer_challenge(client, "c-1", endpoint_url=None)


def test_a_forged_challenge_activates_nothing(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """Ramp compares it, and its refusal is passed on."""
    made = subscribe(client, receiver.url, vault)
    with pytest.raises(RecordError, match="does not match"):
        answer_challenge(client, "forged", endpoint_url=receiver.url)
    assert ramp.webhooks[made].status == "pending_verification"


def test_deleting_one_that_is_gone_is_no_trouble(client: RampClient) -> None:
    """It is as wanted."""
    client.delete_webhook("00000000-0000-4000-8000-000000000000")


def test_an_answer_without_a_secret_leaves_none_behind(
    ramp: RampSandbox, client: RampClient, receiver: Receiver, vault: dict[str, SecretStr]
) -> None:
    """A subscription nobody can check is no use."""
    ramp.faults.once("status", method="POST", path_part="/webhooks", status=201, body='{"id": "w-1"}')
    with pytest.raises(TransientError):
        subscribe(client, receiver.url, vault)
    assert vault == {}
