"""Ramp's webhooks as they arrive: is this from Ramp, and what does it say. Pure functions.

The signature is an HMAC-SHA256 of the raw body under the subscription's secret (documented). Its encoding is lower-case
hex in the vendor's sample (documented), base64 in one client (seen in public code): both are taken, hex first. The
header changed its name between 2025 (documented) and 2026 (seen in public code). There is no timestamp in it
(documented), so a repeated event is recognised by its id alone.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from pydantic import SecretStr

from mlc_pipelines.errors import Cause, RecordError

logger = logging.getLogger(__name__)

EVENTS = (
    "bills.approved", "bills.ready_to_sync", "bills.rejected", "bills.paid", "bills.archived", "bills.updated",
    "payments.updated", "vendors.updated", "vendors.activated",
)  # fmt: skip
"""The events we ask for; what they report is fetched, never taken from the event."""

VERIFICATION = "webhooks.verification"
SIGNATURE_HEADERS = ("x-ramp-signature", "x-ramp-webhook-signature")


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to an object; the event is thin, the object must be fetched."""

    id: str
    type: str
    business_id: str | None
    object_id: str | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ramp asks whether the endpoint is ours; the answer goes to the API, see `subscriptions.answer_challenge`."""

    challenge: str


class _Object(msgspec.Struct):
    id: str | None = None


class _Envelope(msgspec.Struct):
    type: str
    id: str | None = None
    business_id: str | None = None
    object: _Object | None = None
    challenge: str | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[SecretStr]) -> bool:
    """Tell whether one of the secrets signed these very bytes; compared in constant time.

    Several secrets are tried while a subscription is being replaced. A handshake may be unsigned (seen in public code).
    """
    given = _signature(headers)
    if given is None:
        return False
    for secret in secrets:
        digest = hmac.new(secret.get_secret_value().encode(), raw, hashlib.sha256).digest()
        for encoding, expected in (("hex", digest.hex().encode()), ("base64", base64.b64encode(digest))):
            if hmac.compare_digest(given, expected):
                logger.info("webhook signature accepted", extra={"integration": "ramp", "encoding": encoding})
                return True
    return False


def _signature(headers: Mapping[str, str]) -> bytes | None:
    lower = {name.lower(): value for name, value in headers.items()}
    for name in SIGNATURE_HEADERS:
        if lower.get(name):
            return lower[name].strip().encode()
    return None


def parse(raw: bytes) -> Event | Challenge:
    """Read what arrived; RecordError when it is no event of Ramp. Unknown types are events like any other."""
    try:
        envelope = _ENVELOPE.decode(raw)
    except msgspec.MsgspecError as error:  # also what is no JSON
        raise RecordError(f"ramp: webhook body cannot be read: {error}", cause=Cause.UNREADABLE) from error
    except RecursionError as error:
        raise RecordError("ramp: webhook body cannot be read: nested too deeply", cause=Cause.UNREADABLE) from error
    except UnicodeDecodeError as error:
        raise RecordError(f"ramp: webhook body is not UTF-8: {error.reason}", cause=Cause.UNREADABLE) from error
    if envelope.type == VERIFICATION or (envelope.id is None and envelope.challenge):
        if not envelope.challenge:
            raise RecordError("ramp: webhook handshake has no challenge", cause=Cause.UNREADABLE)
        return Challenge(envelope.challenge)
    if not envelope.id:
        raise RecordError(f"ramp: webhook {envelope.type} has no id", cause=Cause.UNREADABLE)
    return Event(envelope.id, envelope.type, envelope.business_id, envelope.object.id if envelope.object else None)
