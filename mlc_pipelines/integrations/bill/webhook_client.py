"""Webhook subscriptions of BILL, on an address of their own; update and delete are paths by pattern (assumed)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from pydantic import SecretStr

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.integrations.bill.calls import Calls, id_of
from mlc_pipelines.integrations.bill.errors import AbsentError
from mlc_pipelines.integrations.bill.models import EventKind, Subscription, reader
from mlc_pipelines.wire.addresses import segment
from mlc_pipelines.wire.bodies import BROKEN

PATH = "/v3/subscriptions"
ONCE = "X-Idempotent-Key"
"""Header that makes the same create twice one; a UUID of version 4, and required (documented)."""

MOST = 10
"""Subscriptions an organization may have (documented)."""


class _Key(msgspec.Struct, rename="camel"):
    security_key: str


class _List(msgspec.Struct):
    subscriptions: list[msgspec.Raw] | None = None
    results: list[msgspec.Raw] | None = None


_KEY = msgspec.json.Decoder(_Key)
_LIST = msgspec.json.Decoder(_List | list[msgspec.Raw])
_read = reader(Subscription, "subscription")
_read_list = msgspec.json.Decoder(msgspec.Raw)


class WebhookCalls(Calls):
    """Calls below /v3/subscriptions of the events address."""

    def subscriptions(self) -> list[Subscription]:
        """List the organization's subscriptions: under `subscriptions` in one client (seen in public code)."""
        body = self._get(PATH)
        try:
            found = _LIST.decode(body)
        except BROKEN:
            return [_read(body)]  # says what does not fit
        rows = found if isinstance(found, list) else found.subscriptions or found.results or []
        return [_read(bytes(row)) for row in rows]

    def create_subscription(
        self, name: str, url: str, events: Sequence[EventKind], *, once: str
    ) -> tuple[str, SecretStr]:
        """Subscribe an address; give id and key, which BILL shows this once."""
        body = {**_said(events, enabled=True), "name": name, "notificationUrl": url}
        answer = self._post(PATH, body, headers={ONCE: once})
        return id_of(answer, "subscription"), _key_of(answer)

    def change_subscription(self, subscription: Subscription, events: Sequence[EventKind]) -> None:
        """Ask for these events and switch the subscription on."""
        body = {
            **_said(events, enabled=True),
            "name": subscription.name,
            "notificationUrl": subscription.notification_url,
        }
        self._change("PATCH", f"{PATH}/{segment(subscription.id)}", body)

    def new_key(self, subscription_id: str, *, once: str) -> SecretStr:
        """Exchange the key; the old one ends."""
        return _key_of(self._post(f"{PATH}/{segment(subscription_id)}/security-key", headers={ONCE: once}))

    def delete_subscription(self, subscription_id: str) -> None:
        """End a subscription; one that is gone already is as wanted."""
        with suppress(AbsentError):
            self._http.send("DELETE", f"{PATH}/{segment(subscription_id)}", repeatable=True)


def _said(events: Sequence[EventKind], *, enabled: bool) -> Mapping[str, Any]:
    return {"events": [msgspec.to_builtins(event) for event in events], "status": {"enabled": enabled}}


def _key_of(answer: bytes) -> SecretStr:
    try:
        return SecretStr(_KEY.decode(answer).security_key)
    except BROKEN:  # its text could quote the key
        raise OutcomeUnknownError("bill: an answer that should have the key of a subscription has none") from None
