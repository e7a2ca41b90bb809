"""Tests of webhooks as they arrive: signatures and contents."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mlc_pipelines.errors import RecordError
from mlc_pipelines.integrations.ramp.webhook import Challenge, Event, parse, verify

SECRET = SecretStr("whsec-of-the-sandbox")
BODY = b'{"id": "e-1", "type": "bills.paid", "business_id": "biz", "object": {"id": "b-1"}}'


def digest(body: bytes = BODY, secret: SecretStr = SECRET) -> bytes:
    return hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).digest()


@pytest.mark.parametrize("name", ["X-Ramp-Signature", "x-ramp-signature", "X-Ramp-Webhook-Signature"])
@pytest.mark.parametrize("signature", [digest().hex(), base64.b64encode(digest()).decode()])
def test_both_header_names_and_both_encodings_are_taken(name: str, signature: str) -> None:
    """Which of them Ramp uses is not settled."""
    assert verify(BODY, {name: signature}, [SECRET])


def test_any_of_several_secrets_will_do() -> None:
    """While a subscription is replaced, both its secrets count."""
    assert verify(BODY, {"X-Ramp-Signature": digest().hex()}, [SecretStr("older"), SECRET])


@pytest.mark.parametrize("signature", ["", "00", "ÿ", digest().hex().upper(), digest(secret=SecretStr("x")).hex()])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    """Empty, short, not ASCII, upper case or of another secret."""
    assert not verify(BODY, {"X-Ramp-Signature": signature}, [SECRET])


def test_no_header_or_no_secret_is_refused() -> None:
    """Nothing to compare is never a match."""
    assert not verify(BODY, {}, [SECRET])
    assert not verify(BODY, {"X-Ramp-Signature": digest().hex()}, [])


@given(at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_one_changed_bit_of_the_body_is_noticed(at: int, bit: int) -> None:
    """The signature covers the raw bytes."""
    changed = bytes(byte ^ (1 << bit) if place == at else byte for place, byte in enumerate(BODY))
    assert not verify(changed, {"X-Ramp-Signature": digest().hex()}, [SECRET])


def test_an_event_is_thin() -> None:
    """It names what happened to which object of which business."""
    assert parse(BODY) == Event("e-1", "bills.paid", "biz", "b-1")


def test_an_unknown_type_and_a_missing_object_are_events_too() -> None:
    """They are stored, and concern nobody."""
    assert parse(b'{"id": "e-2", "type": "moons.risen", "novel": 1}') == Event("e-2", "moons.risen", None, None)


def test_a_handshake_is_a_challenge() -> None:
    """It has no id."""
    assert parse(b'{"type": "webhooks.verification", "challenge": "c-1"}') == Challenge("c-1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"not json",
        b"\xff",
        b'{"id": "e"}',
        b'{"type": "bills.paid"}',
        b'{"id": "", "type": "bills.paid"}',
        b'{"type": "webhooks.verification"}',
        b'{"id": 7, "type": "bills.paid"}',
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    """The sender gets no server error for it."""
    with pytest.raises(RecordError):
        parse(body)
