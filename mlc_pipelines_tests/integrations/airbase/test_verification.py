"""Tests of the modes that vouch for a webhook."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from mlc_pipelines.integrations.airbase.verification import VerifySettings, verify
from mlc_pipelines.integrations.integration import Delivery

NOW = datetime(2026, 4, 2, 9, 15, tzinfo=UTC)
RAW = b'{"id": "evt_1"}'
TOKEN = "T" * 43
SECRETS = {"new": SecretStr("fresh"), "old": SecretStr("stale"), "token": SecretStr(TOKEN), "short": SecretStr("abc")}


def delivery(raw: bytes = RAW, *, below: str = "", source: str | None = None, **headers: str) -> Delivery:
    return Delivery(raw, {name.replace("_", "-"): value for name, value in headers.items()}, NOW, below, source)


def modes(*names: str, **sections: Any) -> VerifySettings:
    return VerifySettings.model_validate({"modes": names, **sections})


def signed(secret: str, message: bytes = RAW) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


HMAC = {"secrets": ["new", "old"], "header": "X-Airbase-Signature"}


def test_without_a_mode_nothing_passes() -> None:
    """There is no usual way to trust."""
    assert not verify(modes(), delivery(), SECRETS)


@pytest.mark.parametrize("secret", ["fresh", "stale"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_of_any_of_the_secrets_passes(secret: str, encoding: str) -> None:
    """Two are good while one is exchanged for the other, in the encoding that is set."""
    digest = signed(secret)
    written = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    settings = modes("hmac", hmac={**HMAC, "encoding": encoding, "prefix": "sha256="})
    assert verify(settings, delivery(x_airbase_signature=f"sha256={written}"), SECRETS)
    assert not verify(settings, delivery(x_airbase_signature=written), SECRETS)


@pytest.mark.parametrize(
    "given",
    [
        delivery(),
        delivery(x_airbase_signature=""),
        delivery(x_airbase_signature="zz"),
        delivery(x_airbase_signature=signed("other").hex()),
        delivery(b'{"id": "evt_2"}', x_airbase_signature=signed("fresh").hex()),
        delivery(x_airbase_signature=base64.b64encode(signed("fresh")).decode()),
    ],
)
def test_a_signature_that_is_missing_or_of_something_else_does_not(given: Delivery) -> None:
    """Other bytes, another secret, another encoding."""
    assert not verify(modes("hmac", hmac=HMAC), given, SECRETS)


def test_a_secret_that_is_not_in_the_vault_lets_nobody_in() -> None:
    """Nor does an empty one."""
    given = delivery(x_airbase_signature=signed("").hex())
    assert not verify(modes("hmac", hmac=HMAC), given, {})
    assert not verify(modes("hmac", hmac=HMAC), given, {"new": SecretStr("")})


@pytest.mark.parametrize(
    ("stamp", "fresh"),
    [
        (str(int(NOW.timestamp())), True),
        (str(int(NOW.timestamp()) - 299), True),
        (str(int(NOW.timestamp()) - 301), False),
        (str(int(NOW.timestamp()) + 301), False),
        ((NOW - timedelta(seconds=10)).isoformat(), True),
        ("2026-04-02T09:14:31", True),
        ("yesterday", False),
        ("9" * 30, False),
        ("", False),
    ],
)
def test_a_time_stamp_is_signed_too_and_must_be_near(stamp: str, fresh: bool) -> None:
    """Seconds or ISO; without a zone it is UTC."""
    settings = modes("hmac", hmac={**HMAC, "timestamp_header": "X-Stamp"})
    signature = signed("fresh", stamp.encode() + b"." + RAW).hex()
    assert verify(settings, delivery(x_airbase_signature=signature, x_stamp=stamp), SECRETS) is fresh


def test_a_stamp_put_beside_the_signature_of_another_does_not_pass() -> None:
    """A repeated request with a new stamp is a forgery."""
    settings = modes("hmac", hmac={**HMAC, "timestamp_header": "X-Stamp"})
    now, before = str(int(NOW.timestamp())), str(int(NOW.timestamp()) - 4000)
    signature = signed("fresh", before.encode() + b"." + RAW).hex()
    assert not verify(settings, delivery(x_airbase_signature=signature, x_stamp=now), SECRETS)


def test_a_secret_in_a_header() -> None:
    """The very secret, under the very header."""
    settings = modes("header_secret", header_secret={"secrets": ["new"], "header": "X-Secret"})
    assert verify(settings, delivery(x_secret="fresh"), SECRETS)
    assert not verify(settings, delivery(x_secret="stale"), SECRETS)
    assert not verify(settings, delivery(x_other="fresh"), SECRETS)


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        ("Basic " + base64.b64encode(b"airbase:fresh").decode(), True),
        ("basic " + base64.b64encode(b"airbase:fresh").decode(), True),
        ("Basic " + base64.b64encode(b"other:fresh").decode(), False),
        ("Basic " + base64.b64encode(b"airbase:wrong").decode(), False),
        ("Basic !!!", False),
        ("Bearer fresh", False),
    ],
)
def test_user_name_and_password(header: str, passes: bool) -> None:
    """HTTP Basic, as the older hooks of the parent company have it."""
    settings = modes("basic", basic={"username": "airbase", "secrets": ["new"]})
    assert verify(settings, delivery(authorization=header), SECRETS) is passes


def test_a_token_is_the_last_part_of_the_address() -> None:
    """Behind the event, and never a short one: an address must not be guessed."""
    settings = modes("path_token", path_token={"secrets": ["token", "short"]})
    assert verify(settings, delivery(below=f"purchase_request_approved/{TOKEN}"), SECRETS)
    assert verify(settings, delivery(below=TOKEN), SECRETS)
    assert not verify(settings, delivery(below=f"{TOKEN}/x"), SECRETS)
    assert not verify(settings, delivery(below="abc"), SECRETS)
    assert not verify(settings, delivery(), SECRETS)


@pytest.mark.parametrize(
    ("source", "passes"),
    [("198.245.157.9", True), ("::ffff:198.245.157.9", True), ("192.40.50.1", False), ("2001:db8::1", False),
     ("somebody", False), (None, False)],
)  # fmt: skip
def test_where_it_came_from(source: str | None, passes: bool) -> None:
    """Fixed ranges, as the parent company publishes them."""
    settings = modes("ip_allowlist", ip_allowlist=["198.245.157.0/24", "192.40.49.0/24"])
    assert verify(settings, delivery(source=source), SECRETS) is passes


def test_all_listed_modes_must_pass() -> None:
    """One of two is none."""
    settings = modes("hmac", "ip_allowlist", hmac=HMAC, ip_allowlist=["10.0.0.0/8"])
    signature = signed("fresh").hex()
    assert verify(settings, delivery(x_airbase_signature=signature, source="10.1.2.3"), SECRETS)
    assert not verify(settings, delivery(x_airbase_signature=signature, source="11.1.2.3"), SECRETS)
    assert not verify(settings, delivery(source="10.1.2.3"), SECRETS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"modes": ["hmac"]},
        {"modes": ["ip_allowlist"]},
        {"modes": ["trust"]},
        {"modes": ["hmac"], "hmac": {"secrets": [], "header": "X"}},
        {"modes": ["hmac"], "hmac": {**HMAC, "signed": "{body}"}},
        {"modes": ["ip_allowlist"], "ip_allowlist": ["everywhere"]},
    ],
)
def test_a_mode_without_what_it_needs_is_refused(wrong: dict[str, Any]) -> None:
    """Before anything is received."""
    with pytest.raises(ValidationError):
        VerifySettings.model_validate(wrong)


def test_only_the_secrets_of_listed_modes_are_opened() -> None:
    """What is written down for later is left in the vault."""
    settings = modes("hmac", hmac=HMAC, header_secret={"secrets": ["x"], "header": "X"})
    assert settings.secret_names() == ["new", "old"]
