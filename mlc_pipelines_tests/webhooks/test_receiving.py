"""Tests of what is let in: only what the vendor signed, byte for byte, once, and only after it is stored."""

import http.client
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import socket

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.integrations.ramp.receiving import MANNERS
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.tables import inbox
from mlc_pipelines_tests.webhooks.conftest import address, letters, receiving
from mlc_pipelines_tests.webhooks.post import SECRET, Post, challenge, event, signature


def stored(house: House) -> list[tuple[str, str | None]]:
    """Everything in the inbox: event id and flow."""
    with reading(house.ledger.engine) as database:
        rows = database.execute(inbox.select().order_by(inbox.c.id)).all()
    return [(row.event_id, row.flow) for row in rows]


@pytest.mark.parametrize("header", ["X-Ramp-Signature", "X-Ramp-Webhook-Signature", "x-ramp-signature"])
@pytest.mark.parametrize("in_base64", [False, True])
def test_what_the_vendor_signed_is_stored(house: House, post: Post, header: str, in_base64: bool) -> None:
    """Under either name of the header and in either encoding, with flow and object."""
    body = event()
    assert post.send(body, signature(body, header=header, in_base64=in_base64)) == 200
    (letter,) = letters(house)
    assert (letter.event_id, letter.event_type, letter.object_id) == ("e-1", "bills.paid", "b-1")


def test_the_body_is_kept_as_it_came(house: House, post: Post) -> None:
    """Blanks and order of members too: it is the proof of what was signed."""
    body = b' {"object" : {"id":"b-9"},\n "type":"bills.paid","id":"e-9" } '
    assert post.signed(body) == 200
    with reading(house.ledger.engine) as database:
        assert database.execute(inbox.select()).one().body == body


def test_no_byte_may_change(house: House, post: Post) -> None:
    """Every one-byte change of body and signature is refused, and nothing is stored."""
    body = event()
    headers = signature(body)
    (name, good), statuses = next(iter(headers.items())), []
    with closing(http.client.HTTPConnection(post.netloc, timeout=20)) as line:
        for position in range(len(body)):
            for flip in (0x01, 0x20):
                forged = body[:position] + bytes([body[position] ^ flip]) + body[position + 1 :]
                statuses.append(post.send_by(line, forged, headers))
        for position, digit in enumerate(good):
            other = good[:position] + ("1" if digit != "1" else "2") + good[position + 1 :]
            statuses.append(post.send_by(line, body, {name: other}))
    assert len(statuses) > 300
    assert set(statuses) == {401}
    assert stored(house) == []
    assert post.send(body, headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Ramp-Signature": ""},
        {"X-Ramp-Signature": "0" * 64},
        {"X-Ramp-Signature": "\u00e9\u00ff"},
        {"X-Ramp-Signature": signature(event())["X-Ramp-Signature"][:-1]},
        {"X-Ramp-Signature": "sha256=" + signature(event())["X-Ramp-Signature"]},
        signature(event(), secret="another secret"),
        {"X-Other-Signature": signature(event())["X-Ramp-Signature"]},
    ],
)
def test_without_a_good_signature_nothing_is_let_in(house: House, post: Post, headers: dict[str, str]) -> None:
    """None, empty, short, adorned, of another secret or elsewhere."""
    assert post.send(event(), headers) == 401
    assert stored(house) == []


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_the_door_is_closed(
    house: House, post: Post, environ: dict[str, str], secret: str | None
) -> None:
    """No secret, or an empty one: even a signature made with nothing is refused."""
    house.vault.remove("acme/ramp/webhook")
    if secret is not None:
        environ["MLC_SECRET__ACME__RAMP__WEBHOOK"] = secret
    assert post.send(event(), signature(event(), secret="")) == 401
    assert post.signed(event()) == 401


def test_a_new_secret_holds_at_once(house: House, post: Post) -> None:
    """The vault is asked for every event, so no restart is needed."""
    house.vault.set("acme/ramp/webhook", SecretStr("the next one"))
    assert post.signed(event()) == 401
    assert post.signed(event(), secret="the next one") == 200


def test_an_event_that_comes_again_is_stored_once(house: House, post: Post) -> None:
    """Ten times in a row and ten at once, 200 each time: the vendor must not go on trying."""
    assert {post.signed(event()) for _ in range(10)} == {200}
    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(lambda _: post.signed(event("e-2")), range(10))) == {200}
    assert stored(house) == [("e-1", "payments"), ("e-2", "payments")]


def test_one_taken_up_stays_taken_up(house: House, post: Post) -> None:
    """A replay long after does not wake its flow again."""
    assert post.signed(event()) == 200
    house.ledger.inbox.finish(letters(house))
    assert post.signed(event()) == 200
    assert letters(house) == []


def test_an_event_nobody_listens_to_is_stored_and_left_alone(house: House, post: Post) -> None:
    """Types of the day after tomorrow do no harm."""
    assert post.signed(event("e-3", "cards.melted")) == 200
    assert post.signed(event("e-4", "bills.rejected", object_id=None)) == 200
    assert stored(house) == [("e-3", None), ("e-4", None)]
    assert house.ledger.inbox.waiting() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"type": "bills.paid"}', b'{"id": 5, "type": "x"}', b"[" * 100_000,
     b'{"type": "a", "id": "1", "x": ' + b"[" * 100_000, b'{"type": "webhooks.verification"}'],
)  # fmt: skip
def test_what_is_signed_and_no_event_is_refused(house: House, post: Post, body: bytes) -> None:
    """Nothing that a vendor could send makes the receiver fall over."""
    assert post.signed(body) == 400
    assert stored(house) == []


def test_an_event_of_another_business_is_refused(house: House, post: Post) -> None:
    """Once we know which business is ours; before that the signature must do."""
    assert post.signed(event("e-1")) == 200
    house.ledger.books("acme").dictionary.learn("business", {"biz-2": "Made-up Motors"})
    assert post.signed(event("e-2")) == 403
    assert post.signed(event("e-3", business_id="biz-2")) == 200
    assert [event_id for event_id, _ in stored(house)] == ["e-1", "e-3"]


@pytest.mark.parametrize("to", ["nobody", "ACME", "..%2Facme", "acme%00", "%0d%0a"])
def test_other_addresses_are_not_found(house: House, post: Post, to: str) -> None:
    """Only a connection, written as it is written."""
    assert post.signed(event(), to=to) == 404


def test_a_connection_whose_file_is_broken_is_asked_to_try_again(
    house: House, open_house: Callable[[], House], write: Callable[..., Path], listening: socket
) -> None:
    """A slip in a file must not lose events."""
    write("slip").write_text("name: slip\nintegration: ramp\ncompanies: [", encoding="utf-8")
    with receiving(open_house(), listening):
        there = Post(address(listening))
        assert there.signed(event(), to="slip") == 503
        assert there.signed(event()) == 200


def test_a_database_that_is_gone_is_said_and_nothing_is_lost(house: House, post: Post, home: Path) -> None:
    """503 makes the vendor try again; when the database is back, so is the event."""
    (home / "data").rename(home / "away")
    assert post.signed(event()) == 503
    assert post.get("/healthz") == 503
    (home / "away").rename(home / "data")
    assert post.signed(event()) == 200
    assert post.get("/healthz") == 200
    assert stored(house) == [("e-1", "payments")]


def test_nothing_secret_is_in_the_log(house: House, post: Post, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither bodies nor signatures nor the secret, whether let in, refused or failed."""
    caplog.set_level(logging.DEBUG)
    body = event(memo="canary-body-91c2")
    signed = signature(body)
    post.send(body, signed)
    post.send(body + b" ", signed)
    post.signed(challenge("canary-challenge-77"))
    (home / "data").rename(home / "away")
    post.send(body, signed)
    (home / "away").rename(home / "data")
    said = " ".join(str(vars(record)) + str(record.exc_info) for record in caplog.records)
    assert "webhook stored" in said
    assert "webhook refused" in said
    assert "webhook not stored" in said
    assert [word for word in ("canary", signed["X-Ramp-Signature"], SECRET) if word in said] == []


class StampedHouse(House):
    """A house whose vendor says when it signed."""

    def integration(self, name: str) -> Integration:
        def signed_at(headers: Mapping[str, str]) -> datetime | None:
            return datetime.fromisoformat(headers["X-Signed-At"]) if "X-Signed-At" in headers else None

        return replace(super().integration(name), webhooks=replace(MANNERS, signed_at=signed_at))


def test_where_the_time_is_signed_an_old_request_is_refused(
    house: House, open_house: Callable[[type[House]], House], listening: socket
) -> None:
    """Five minutes either way, no more, and not without a time."""
    now = datetime.now(UTC)
    with receiving(open_house(StampedHouse), listening):
        there = Post(address(listening))

        def at(moment: datetime) -> int:
            return there.send(event(), {**signature(event()), "X-Signed-At": moment.isoformat()})

        minutes = [at(now + timedelta(minutes=offset)) for offset in (-6, 6, -4, 4)]
        assert minutes == [401, 401, 200, 200]
        assert there.signed(event()) == 401
