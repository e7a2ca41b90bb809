"""Tests of webhooks as they arrive: signatures and contents."""

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mlc_pipelines.errors import RecordError
from mlc_pipelines.integrations.bill.webhook import Notification, minified, parse, unwrapped, verify

KEY = SecretStr("key-of-the-sandbox")
HEADER = "X-Bill-Sha-Signature"
EVENT: dict[str, dict[str, object]] = {
    "metadata": {"eventId": "e-1", "organizationId": "008ACME", "eventType": "payment.updated", "version": "1"},
    "payment": {"id": "stpP", "billIds": ["00nB"]},
}
BODY = json.dumps(EVENT).encode()
MINIFIED = json.dumps(EVENT, separators=(",", ":")).encode()


def signature(body: bytes, key: SecretStr = KEY) -> str:
    return base64.b64encode(hmac.new(key.get_secret_value().encode(), body, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("signed", [BODY, MINIFIED])
def test_the_raw_bytes_or_the_minified_ones_may_be_signed(signed: bytes) -> None:
    """The guide says minified, clients say raw."""
    assert verify(BODY, {HEADER: signature(signed)}, [KEY])


@pytest.mark.parametrize("wrappings", [1, 2])
def test_an_escaped_body_is_verified_by_what_it_wraps(wrappings: int) -> None:
    """As it came, or the object inside, minified."""
    body = BODY.decode()
    for _ in range(wrappings):
        body = json.dumps(body)
    assert verify(body.encode(), {HEADER: signature(body.encode())}, [KEY])
    assert verify(body.encode(), {HEADER: signature(MINIFIED)}, [KEY])
    assert unwrapped(body.encode()) == BODY
    assert parse(body.encode()).event_id == "e-1"


def test_either_key_will_do_while_one_is_exchanged() -> None:
    """Events signed with the old one are still on their way."""
    assert verify(BODY, {HEADER.lower(): signature(BODY)}, [SecretStr("newer"), KEY])


@pytest.mark.parametrize("given_", ["", "00", "ÿ", signature(BODY).lower(), signature(BODY, SecretStr("x"))])
def test_a_wrong_signature_is_refused(given_: str) -> None:
    """Empty, short, not ASCII, in other letters or of another key."""
    assert not verify(BODY, {HEADER: given_}, [KEY])


def test_no_header_or_no_key_is_refused() -> None:
    """Nothing to compare is never a match."""
    assert not verify(BODY, {}, [KEY])
    assert not verify(BODY, {HEADER: signature(BODY)}, [])


@pytest.mark.parametrize("body", [b"", b"\xff", b'"\xff"', b'"half', b"not json"])
def test_a_body_that_is_no_json_can_only_be_signed_as_it_came(body: bytes) -> None:
    """And a wrong signature of it is refused, not stumbled over."""
    assert verify(body, {HEADER: signature(body)}, [KEY])
    assert not verify(body, {HEADER: signature(b"other")}, [KEY])


@pytest.mark.parametrize("piece", [b'\\"', b'"\\', b'"', b'" ', b" ", b"\\"])
def test_a_body_that_nobody_signed_costs_no_more_than_its_length(piece: bytes) -> None:
    """A text that never ends would be begun anew at each of its signs, for days: a megabyte is judged at once."""
    assert not verify(b'{"' + piece * (1_000_000 // len(piece)), {HEADER: signature(b"other")}, [KEY])


@given(at=st.integers(0, len(MINIFIED) - 1), bit=st.integers(0, 7))
def test_one_changed_bit_is_noticed(at: int, bit: int) -> None:
    """There is no white space in it whose change would not matter."""
    changed = bytes(byte ^ (1 << bit) if place == at else byte for place, byte in enumerate(MINIFIED))
    if changed.translate(None, b" \t\r\n") != MINIFIED:
        assert not verify(changed, {HEADER: signature(MINIFIED)}, [KEY])


def test_minified_keeps_texts_and_numbers_as_they_are_written() -> None:
    """1.10 stays 1.10, and white space inside a text stays."""
    assert minified(b'{ "a b" : [ 1.10 , "x \\" y" , true ] }\n') == b'{"a b":[1.10,"x \\" y",true]}'


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=8))
def test_minified_says_the_same(value: object) -> None:
    """For any JSON."""
    loose = json.dumps(value, indent=2)
    assert minified(loose.encode()) == json.dumps(value, separators=(",", ":")).encode()


def event(type_: str, **objects: object) -> bytes:
    return json.dumps({"metadata": {**EVENT["metadata"], "eventType": type_}, **objects}).encode()


@pytest.mark.parametrize(
    ("body", "object_id"),
    [
        (event("payment.updated", payment={"id": "stpP"}), "stpP"),
        (event("payment.failed", bills=[{"id": "00nB"}], errors=[]), "00nB"),
        (event("payment.failed", payment={"id": None}, bills=[{"id": "00nB"}]), "00nB"),
        (event("payment.failed", payment={"billIds": ["00nB"], "bills": [{"id": "00nB"}]}), "00nB"),
        (event("payment.failed", payment={"bills": [{"id": "00nC"}]}), "00nC"),
        (event("bill.updated", bill={"id": "00nB", "invoice": {}}), "00nB"),
        (event("vendor.created", vendor={"id": "009V"}), "009V"),
        (event("moon.risen", moon={"id": "m"}), None),
    ],
)
def test_a_notification_names_its_object(body: bytes, object_id: str | None) -> None:
    """What it says of it is not used: the object is read anew."""
    said = parse(body)
    assert (said.event_id, said.organization_id, said.object_id) == ("e-1", "008ACME", object_id)


def test_a_notification_has_id_type_and_organization() -> None:
    """The id tells a repeated one."""
    assert parse(BODY) == Notification("e-1", "payment.updated", "008ACME", "stpP")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"7", b"\xff", b"{}", b'{"metadata": {}}', b'{"metadata": {"eventId": "", "eventType": "x"}}',
     b'{"metadata": {"eventId": 7, "eventType": "x"}}', b'"' * 3, b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    """Also what would exhaust the reader."""
    with pytest.raises(RecordError):
        parse(body)
