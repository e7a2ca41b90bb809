"""How Airbase's webhooks are received: the modes that vouch for them, what they say, which flow hears them."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pydantic import SecretStr

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.integrations.airbase.pointers import text_at
from mlc_pipelines.integrations.airbase.settings import REQUEST_POINTERS, AirbaseSettings, ChargePointers
from mlc_pipelines.integrations.airbase.verification import verify
from mlc_pipelines.integrations.integration import Delivery, Event, WebhookManners
from mlc_pipelines.wire.bodies import BROKEN

HEARD_BY: Mapping[str, str] = {
    "purchase_request": "request_vouchers",
    "vendor_payment_term": "payment_terms",
    "vendor": "suppliers",
    "payment": "payment_vouchers",
}
"""Which flow hears events that begin so. Only purchase_request_approved is known for certain; an event is but a hint to
look, so that a name guessed wrong does no harm. Others are stored and left alone."""


class _Envelope(msgspec.Struct):
    """The five keys of an event (documented by a partner's receiver); `object` and `created_date` are not needed."""

    id: Any = None
    type: Any = None
    data: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def flow_of(event_type: str) -> str | None:
    """Name the flow that hears an event."""
    return next((flow for prefix, flow in HEARD_BY.items() if event_type.startswith(prefix)), None)


def _section(connection: Connection) -> AirbaseSettings:
    return connection.section(AirbaseSettings)


def _is_open(connection: Connection) -> bool:
    return bool(_section(connection).verify.modes)


def _secret_names(connection: Connection) -> Sequence[str]:
    return _section(connection).verify.secret_names()


def _verify(connection: Connection, delivery: Delivery, secrets: Mapping[str, SecretStr]) -> bool:
    return verify(_section(connection).verify, delivery, secrets)


def _read(connection: Connection, raw: bytes) -> Event:
    """Read an envelope; without an id the event is known by its body."""
    try:
        envelope = _ENVELOPE.decode(raw)
    except BROKEN as error:
        raise RecordError(f"airbase: webhook body cannot be read: {error}", cause=Cause.UNREADABLE) from error
    event_type = text_at(envelope.type, "") or "unknown"
    event_id = text_at(envelope.id, "") or f"sha256:{hashlib.sha256(raw).hexdigest()}"
    fields = _fields(_section(connection), flow_of(event_type))
    return Event(event_id, event_type, text_at(envelope.data, fields.id) or None)


def _fields(settings: AirbaseSettings, flow: str | None) -> ChargePointers:
    """Tell where an event's object keeps its id."""
    if flow == "payment_vouchers" and settings.payments is not None:
        return settings.payments.fields
    return settings.requests.fields if settings.requests is not None else REQUEST_POINTERS


MANNERS = WebhookManners(
    is_open=_is_open,
    secret_names=_secret_names,
    verify=_verify,
    read=_read,
    flow_of=flow_of,
    takes_paths=True,  # one address for each event is usual
)
