"""Ten thousand forgeries of each vendor's webhooks: a byte changed, another secret, a time long past; none passes."""

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.airbase.verification import VerifySettings
from mlc_pipelines.integrations.airbase.verification import verify as verify_airbase
from mlc_pipelines.integrations.bill.webhook import verify as verify_bill
from mlc_pipelines.integrations.integration import Delivery
from mlc_pipelines.integrations.ramp.webhook import verify as verify_ramp

FORGERIES = 10_000
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SECRET = "the-secret-of-the-subscription"
BODY = json.dumps(
    {"id": "e-1", "type": "bills.paid", "object": {"id": "b-1"}, "metadata": {"eventId": "e-1"}}, separators=(",", ":")
).encode()
AIRBASE = VerifySettings.model_validate(
    {"modes": ["hmac"], "hmac": {"secrets": ["s"], "header": "X-Signature", "timestamp_header": "X-Time"}}
)
Check = Callable[[bytes, Mapping[str, str]], bool]
Sign = Callable[[bytes, str], dict[str, str]]


def digest(body: bytes, secret: str) -> bytes:
    """Sign as all three do."""
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def airbase_headers(body: bytes, secret: str, *, at: datetime = NOW) -> dict[str, str]:
    """Sign body and time together."""
    stamp = str(int(at.timestamp()))
    return {"x-signature": digest(stamp.encode() + b"." + body, secret).hex(), "x-time": stamp}


def check_airbase(body: bytes, headers: Mapping[str, str]) -> bool:
    """Verify as the receiver does."""
    return verify_airbase(AIRBASE, Delivery(body, headers, NOW), {"s": SecretStr(SECRET)})


VENDORS: dict[str, tuple[Check, Sign]] = {
    "ramp": (
        lambda body, headers: verify_ramp(body, headers, [SecretStr(SECRET)]),
        lambda body, secret: {"x-ramp-signature": digest(body, secret).hex()},
    ),
    "bill": (
        lambda body, headers: verify_bill(body, headers, [SecretStr(SECRET)]),
        lambda body, secret: {"x-bill-sha-signature": base64.b64encode(digest(body, secret)).decode()},
    ),
    "airbase": (check_airbase, airbase_headers),
}
every_vendor = pytest.mark.parametrize("vendor", VENDORS)


def forged(chance: random.Random, sign: Sign) -> tuple[bytes, dict[str, str]]:
    """Change one byte of the body or one sign of a header, or sign with another secret."""
    body, headers = bytearray(BODY), sign(BODY, SECRET)
    match chance.randrange(4):
        case 0 | 1:
            at = chance.randrange(len(body))
            body[at] ^= 1 << chance.randrange(8)
        case 2:
            name = chance.choice(sorted(headers))
            at = chance.randrange(len(headers[name]))
            other = chance.choice([sign_ for sign_ in "0123456789abcdefXYZ/" if sign_ != headers[name][at]])
            headers[name] = headers[name][:at] + other + headers[name][at + 1 :]
        case _:
            headers = sign(BODY, f"{SECRET[:-1]}{chance.randrange(10)}")
    return bytes(body), headers


@every_vendor
def test_the_vendors_own_are_taken(vendor: str) -> None:
    """Else the forgeries below would be refused for nothing."""
    check, sign = VENDORS[vendor]
    assert check(BODY, sign(BODY, SECRET))


@every_vendor
def test_no_forgery_is_taken(vendor: str) -> None:
    """Not one of ten thousand."""
    check, sign = VENDORS[vendor]
    chance = random.Random(11)
    assert sum(check(*forged(chance, sign)) for _ in range(FORGERIES)) == 0


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6), timedelta(days=400)])
def test_a_time_long_past_or_to_come_is_not_taken(age: timedelta) -> None:
    """Airbase can sign the time: what was signed once is no good for ever."""
    assert not check_airbase(BODY, airbase_headers(BODY, SECRET, at=NOW - age))
