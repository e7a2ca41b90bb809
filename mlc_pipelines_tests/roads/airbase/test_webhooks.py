"""Webhooks of Airbase at our receiver: what is verified is on disk, what is not leaves no trace."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.sandbox.airbase import WebhookSigning
from mlc_pipelines.webhooks.app import WebhookServer
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.roads.airbase.tenancy import Tenancy
from mlc_pipelines_tests.roads.installation import NAME
from mlc_pipelines_tests.webhooks.conftest import UNHURRIED, address
from mlc_pipelines_tests.webhooks.post import Post

SECRET = WebhookSigning().secret
KEPT = "sandbox/airbase/webhook"
HMAC = {"header": "X-Airbase-Signature", "secrets": [KEPT, "sandbox/airbase/webhook_old"]}
WRITTEN = {"encoding": "base64", "prefix": "v1="}
BASIC: dict[str, Any] = {"username": "airbase", "secrets": ["sandbox/airbase/webhook_basic"]}


@contextmanager
def receiving(tenancy: Tenancy, **verify: object) -> Iterator[Post]:
    """Run the receiver on loopback for a block, with these modes; Airbase's events go there."""
    tenancy.change(airbase={"verify": verify})
    tenancy.house.vault.set(KEPT, SecretStr(SECRET))
    tenancy.house.vault.set(BASIC["secrets"][0], SecretStr(WebhookSigning().password))
    house = tenancy.house
    house.ledger.clock = SystemClock()  # senders sign with the time of the world
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = WebhookServer(house, UNHURRIED)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            url = address(listening)
            tenancy.airbase.people.subscribe(f"{url}/webhooks/{NAME}/{{event}}")
            yield Post(url)
        finally:
            server.should_exit = True
            thread.join(timeout=15)


def approve(tenancy: Tenancy) -> str:
    """Let people approve a request, and wait until its event has been answered."""
    (request,) = tenancy.airbase.people.approve_requests(1, amount="5.00", account="4600")
    assert tenancy.airbase.wait_for_deliveries()
    return str(request)


def stored(tenancy: Tenancy) -> list[str | None]:
    """Give what waits in the inbox of the flow."""
    return [letter.object_id for letter in tenancy.house.ledger.inbox.pending(NAME, "request_vouchers")]


@pytest.mark.parametrize(
    ("signing", "verify"),
    [
        ({}, {"modes": ["hmac"], "hmac": HMAC}),
        (WRITTEN, {"modes": ["hmac"], "hmac": {**HMAC, **WRITTEN}}),
        ({"timestamp_header": "X-Stamp"}, {"modes": ["hmac"], "hmac": {**HMAC, "timestamp_header": "X-Stamp"}}),
        ({"modes": ("header_secret",)},
         {"modes": ["header_secret"], "header_secret": {"header": "X-Airbase-Webhook-Secret", "secrets": [KEPT]}}),
        ({"modes": ("basic", "hmac")},
         {"modes": ["basic", "hmac", "ip_allowlist"], "basic": BASIC, "hmac": HMAC, "ip_allowlist": ["127.0.0.0/8"]}),
    ],
)  # fmt: skip
def test_an_event_that_proves_itself_is_stored(
    tenancy: Tenancy, signing: dict[str, object], verify: dict[str, object]
) -> None:
    """In every way a tenant may have been told; a second arrival is the same event."""
    vars(tenancy.airbase.signing).update(signing)
    with receiving(tenancy, **verify):
        request = approve(tenancy)
        tenancy.airbase.people.deliver_again()
        assert tenancy.airbase.wait_for_deliveries()
        assert stored(tenancy) == [request]
        assert {delivery.state for delivery in tenancy.airbase.deliveries} == {"delivered"}


@pytest.mark.parametrize("signing", [{"modes": ()}, {"secret": "another"}, {"encoding": "base64"}])
def test_an_event_that_does_not_is_refused_and_leaves_no_trace(tenancy: Tenancy, signing: dict[str, object]) -> None:
    """Not signed, by another, in another way."""
    vars(tenancy.airbase.signing).update(signing)
    with receiving(tenancy, modes=["hmac"], hmac=HMAC):
        approve(tenancy)
        assert stored(tenancy) == []
        assert [delivery.attempts for delivery in tenancy.airbase.deliveries] == [[401]]


@pytest.mark.parametrize("skew", [-400, 400])
def test_a_stale_time_stamp_is_refused(tenancy: Tenancy, skew: int) -> None:
    """Five minutes either way."""
    vars(tenancy.airbase.signing).update(timestamp_header="X-Stamp", timestamp_skew=skew)
    with receiving(tenancy, modes=["hmac"], hmac={**HMAC, "timestamp_header": "X-Stamp"}):
        approve(tenancy)
        assert stored(tenancy) == []


def test_without_a_mode_nothing_is_taken_in(tenancy: Tenancy) -> None:
    """503: the sender may try again when somebody has said how it proves itself."""
    with receiving(tenancy) as post:
        assert post.send(b"{}", {}) == 503
        assert stored(tenancy) == []


def test_what_has_no_id_is_known_by_its_body_and_what_nobody_knows_is_kept(tenancy: Tenancy) -> None:
    """200 and on disk; too long a body is refused."""
    verify = {"modes": ["header_secret"], "header_secret": {"header": "X-Secret", "secrets": [KEPT]}}
    with receiving(tenancy, **verify) as post:
        nameless = b'{"type": "purchase_request_approved", "data": {"id": "pr_1"}}'
        proof = {"X-Secret": SECRET}
        assert [post.send(nameless, proof) for _ in range(2)] == [200, 200]
        assert stored(tenancy) == ["pr_1"]
        (letter,) = tenancy.house.ledger.inbox.pending(NAME, "request_vouchers")
        assert letter.event_id == f"sha256:{hashlib.sha256(nameless).hexdigest()}"
        assert post.send(b'{"id": "e", "type": "card_locked"}', proof) == 200
        assert post.send(b"not JSON", proof) == 400
        assert post.send(b" " * (2 << 20), proof) == 413
        assert post.send(nameless, proof, to="nobody/purchase_request_approved") == 404
