"""The webhook API: catalog, subscriptions, security keys, test notifications, and what was sent."""

import json
import uuid
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.sandbox.bill.answers import Answer, Problem, invalid, not_found, stamp
from mlc_pipelines.sandbox.bill.deliveries import DeliveryOffice
from mlc_pipelines.sandbox.bill.gate import EVENTS, Call, Endpoint
from mlc_pipelines.sandbox.bill.records import Notification, Subscription
from mlc_pipelines.sandbox.bill.rows import Rows
from mlc_pipelines.sandbox.bill.store import Store
from mlc_pipelines.sandbox.bill.validation import (
    Field,
    ProblemError,
    flag,
    nested,
    one_of,
    read_fields,
    rows_of,
    settled,
    word,
)

CATALOG = (
    *(f"{thing}.{what}" for thing in ("vendor", "bill") for what in ("created", "updated", "archived", "restored")),
    "payment.updated",
    "payment.failed",
    "mass-payment.updated",
    "autopay.failed",
    *(f"{thing}.{what}" for thing in ("bank-account", "card-account") for what in ("created", "updated")),
    *(f"invoice.{what}" for what in ("created", "updated", "archived", "restored")),
    "risk-verification.updated",
)
TEST_EVENT = "test"
VERSION = "1"
MOST_SUBSCRIPTIONS = 10
HISTORY_DAYS = 180
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVENT = {"type": Field(one_of(*CATALOG), required=True), "version": Field(one_of(VERSION), required=True)}
STATUS = {"enabled": Field(flag, required=True)}


class WebhookEndpoints:
    """Subscriptions of the organization; ten at most, no two with the same events and URL."""

    def __init__(self, store: Store, *, office: DeliveryOffice, organization_id: str) -> None:
        self._store = store
        self._office = office
        self._organization_id = organization_id
        self._rows = Rows(store)
        self._fields: Mapping[str, Field] = {
            "name": Field(word, required=True),
            "status": Field(nested(STATUS), required=True),
            "events": Field(rows_of(nested(EVENT)), required=True),
            "notificationUrl": Field(self._url, required=True),
        }

    def endpoints(self) -> list[Endpoint]:
        """Return what is answered."""
        path = f"{EVENTS}/v3/subscriptions"
        one = f"{path}/{{id}}"
        history = f"{EVENTS}/v3/events/subscription/{{id}}"
        return [
            Endpoint("GET", f"{EVENTS}/v3/events/catalog", self._catalog, entrance="webhooks"),
            Endpoint("GET", history, self._history, parameters=("max", "page"), entrance="webhooks"),
            Endpoint("GET", path, self._list, entrance="webhooks"),
            Endpoint("POST", path, self._create, has_body=True, entrance="webhooks"),
            Endpoint("GET", one, self._show, entrance="webhooks"),
            Endpoint("PATCH", one, self._change, has_body=True, entrance="webhooks"),
            Endpoint("DELETE", one, self._delete, entrance="webhooks"),
            Endpoint("POST", f"{one}/security-key", self._rotate, entrance="webhooks"),
            Endpoint("POST", f"{one}/test", self._test, entrance="webhooks"),
        ]

    def _catalog(self, call: Call) -> Answer:
        return Answer(200, {"events": [{"type": event, "version": VERSION} for event in CATALOG]})

    def _list(self, call: Call) -> Answer:
        shown = [self._shown(row) for row in self._store.subscriptions.values()]
        return Answer(200, {self._store.switches.subscriptions_under: shown})

    def _show(self, call: Call) -> Answer:
        return Answer(200, self._shown(self._found(call)))

    def _create(self, call: Call) -> Answer:
        key = _idempotency_key(call)
        if key in self._store.first_answers:
            return Answer(201, self._store.first_answers[key])
        body = call.json()
        values = settled(lambda: self._read(body))
        if len(self._store.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise invalid(f"An organization has at most {MOST_SUBSCRIPTIONS} subscriptions.")
        stamps = self._store.stamps("") | {"id": self._store.new_uuid()}
        row = Subscription(**stamps, security_key=self._new_key())
        self._put(row, values)
        self._store.subscriptions[row.id] = row
        answer = self._shown(row) | {"securityKey": row.security_key}
        self._store.first_answers[key] = answer
        call.note(f"created subscription {row.id}")
        return Answer(201, answer)

    def _change(self, call: Call) -> Answer:
        row, body = self._found(call), call.json()
        self._put(row, settled(lambda: self._read(body, row=row)))
        self._store.touch(row)
        call.note(f"changed subscription {row.id}")
        return Answer(200, self._shown(row))

    def _delete(self, call: Call) -> Answer:
        row = self._found(call)
        del self._store.subscriptions[row.id]
        call.note(f"deleted subscription {row.id}")
        return Answer(200, {})

    def _rotate(self, call: Call) -> Answer:
        row = self._found(call)
        row.security_key = self._new_key()
        call.note(f"rotated key of subscription {row.id}")
        return Answer(200, self._shown(row) | {"securityKey": row.security_key})

    def _test(self, call: Call) -> Answer:
        row = self._found(call)
        if not row.enabled:
            raise invalid("The subscription is disabled.")
        self._office.send(row, TEST_EVENT, {TEST_EVENT: {"message": "This is a test notification."}})
        return Answer(200, {})

    def _history(self, call: Call) -> Answer:
        row = self._found(call)
        oldest = self._store.now() - timedelta(days=HISTORY_DAYS)
        sent = [told for told in self._store.notifications if told.subscription_id == row.id and told.created >= oldest]
        return call.page(sent, rules={}, render=_told)

    def _read(self, body: Any, *, row: Subscription | None = None) -> dict[str, Any]:
        values = read_fields(body, self._fields, partial=row is not None)
        events = [event["type"] for event in values["events"]] if "events" in values else row.events if row else []
        url = values.get("notificationUrl", row.notification_url if row else "")
        for other in self._store.subscriptions.values():
            if other is not row and (set(other.events), other.notification_url) == (set(events), url):
                raise ProblemError(Problem("There is a subscription with the same events and URL.", "notificationUrl"))
        if len(set(events)) < len(events):
            raise ProblemError(Problem("An event comes twice.", "events"))
        return values

    def _put(self, row: Subscription, values: Mapping[str, Any]) -> None:
        row.name = values.get("name", row.name)
        row.notification_url = values.get("notificationUrl", row.notification_url)
        if "status" in values:
            row.enabled = values["status"]["enabled"]
        if "events" in values:
            row.events = [event["type"] for event in values["events"]]

    def _url(self, value: Any) -> str:
        target = urlsplit(word(value))
        allowed = target.scheme == "https" or (
            self._store.switches.http_webhooks and target.scheme == "http" and target.hostname in LOOPBACK
        )
        if not allowed or not target.hostname:
            raise ProblemError("An https address is required.")
        return str(value)

    def _shown(self, row: Subscription) -> dict[str, Any]:
        return self._rows.subscription(row) | {"organizationId": self._organization_id}

    def _found(self, call: Call) -> Subscription:
        found = self._store.subscriptions.get(call.key())
        if found is None:
            raise not_found("Subscription", call.key())
        return found

    def _new_key(self) -> str:
        return f"bill-sandbox-{self._store.new_uuid()}"


def _idempotency_key(call: Call) -> str:
    given = call.request.headers.get("x-idempotent-key", "")
    try:
        read = uuid.UUID(given)
    except ValueError as exc:
        raise invalid("The header X-Idempotent-Key with a UUID4 is required.") from exc
    if read.version != 4 or str(read) != given.lower():  # noqa: PLR2004  # UUID4
        raise invalid("X-Idempotent-Key is not a UUID4.")
    return str(read)


def _told(notification: Notification) -> dict[str, Any]:
    return {
        "eventId": notification.event_id,
        "eventType": notification.type,
        "createdTime": stamp(notification.created),
        "status": "DELIVERED" if notification.state == "delivered" else "NOT_DELIVERED",
        "payload": json.loads(notification.payload, parse_float=Decimal),
    }
