"""BILL's webhooks as they arrive: is this from BILL, and what does it say. Pure functions.

`x-bill-sha-signature` is base64 of the HMAC-SHA256 under the subscription's key, over the minified payload
(documented), over the raw body in public code: the body is tried as it came, then once minified. It may be a JSON
object, or one escaped into a JSON string (documented), once or twice. There is no timestamp (documented, by absence),
so a repeated event is recognised by its id alone.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from pydantic import SecretStr

from mlc_pipelines.errors import Cause, RecordError

EVENTS = (
    "bill.updated", "bill.archived", "bill.restored", "payment.updated", "payment.failed",
    "vendor.created", "vendor.updated", "vendor.restored",
)  # fmt: skip
"""The events we ask for; what they report is fetched, never taken from the event. None tells of an approval."""

SIGNATURE_HEADER = "x-bill-sha-signature"
_WRAPPINGS = 2
# Texts whole, and what stands between white space. A text without an end goes on to the end of the body, so that no
# sign is looked at twice: anybody may send one, for this is done before it is known who signed.
_SAID = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[^"\s]++', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Notification:
    """Something happened to an object."""

    event_id: str
    event_type: str
    organization_id: str | None
    object_id: str | None


class _Metadata(msgspec.Struct, rename="camel"):
    event_id: str
    event_type: str
    organization_id: str | None = None


class _Object(msgspec.Struct, rename="camel"):
    id: str | None = None
    bill_ids: list[str] = []
    bills: list["_Object"] = []

    def names(self) -> Iterator[str | None]:
        yield from (self.id, *self.bill_ids, *(bill.id for bill in self.bills))


class _Envelope(msgspec.Struct):
    metadata: _Metadata
    bill: _Object | None = None
    vendor: _Object | None = None
    payment: _Object | None = None
    bills: list[_Object] = []


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def verify(raw: bytes, headers: Mapping[str, str], secrets: Sequence[SecretStr]) -> bool:
    """Tell whether one of the keys signed these bytes, or the same minified; compared in constant time."""
    lower = {name.lower(): value for name, value in headers.items()}
    given = lower.get(SIGNATURE_HEADER, "").strip().encode()
    if not given:
        return False
    return any(
        hmac.compare_digest(given, base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()))
        for signed in _signed(raw)
        for key in (secret.get_secret_value().encode() for secret in secrets)
    )


def _signed(raw: bytes) -> Iterator[bytes]:
    yield raw
    try:
        yield minified(unwrapped(raw))
    except RecordError:
        return


def minified(body: bytes) -> bytes:
    """Take the white space between the values out of JSON; the values stay as they are written."""
    return b"".join(_SAID.findall(body))


def unwrapped(raw: bytes) -> bytes:
    """Give the object of a body that may be a JSON string of it, or a string of that string."""
    body = raw
    try:
        for _ in range(_WRAPPINGS):
            if not body.lstrip().startswith(b'"'):
                break
            body = msgspec.json.decode(body, type=str).encode()
        body.decode()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise RecordError("bill: webhook body is no JSON text", cause=Cause.UNREADABLE) from error
    return body


def parse(raw: bytes) -> Notification:
    """Read what arrived; RecordError when it is no notification of BILL. Unknown types are read like any other."""
    try:
        envelope = _ENVELOPE.decode(unwrapped(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordError(f"bill: webhook body cannot be read: {error}", cause=Cause.UNREADABLE) from error
    except RecursionError as error:
        raise RecordError("bill: webhook body cannot be read: nested too deeply", cause=Cause.UNREADABLE) from error
    said = envelope.metadata
    if not said.event_id or not said.event_type:
        raise RecordError("bill: a notification without event id or type", cause=Cause.UNREADABLE)
    return Notification(said.event_id, said.event_type, said.organization_id, _object_of(envelope))


def _object_of(envelope: _Envelope) -> str | None:
    """Name the object: `payment.failed` may have bills and no id of the payment (documented)."""
    objects = [envelope.payment, envelope.bill, envelope.vendor, *envelope.bills]
    return next((id_ for named in objects if named is not None for id_ in named.names() if id_), None)
