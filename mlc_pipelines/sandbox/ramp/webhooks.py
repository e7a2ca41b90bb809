"""Webhook subscriptions: created, verified by a challenge, listed, deleted."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.sandbox.ramp.answers import Answer, RefusalError, invalid, not_found, stamp
from mlc_pipelines.sandbox.ramp.deliveries import VERIFICATION, DeliveryOffice
from mlc_pipelines.sandbox.ramp.gate import Call, Endpoint
from mlc_pipelines.sandbox.ramp.records import Webhook
from mlc_pipelines.sandbox.ramp.store import Store
from mlc_pipelines.sandbox.ramp.validation import ProblemError, choice, matching, read_body, rows, shape, text

SCOPE_OF: Mapping[str, str] = {
    "bills": "bills:read",
    "payments": "bills:read",
    "vendors": "vendors:read",
    "purchase_orders": "purchase_orders:read",
    "reimbursements": "reimbursements:read",
    "transactions": "transactions:read",
}
EVENT_TYPES = (
    "bills.approved", "bills.archived", "bills.created", "bills.paid", "bills.ready_to_sync", "bills.rejected",
    "bills.updated", "payments.updated", "purchase_orders.created", "purchase_orders.updated",
    "reimbursements.ready_for_review", "reimbursements.ready_to_sync", "tests.test_event", "transactions.authorized",
    "transactions.cleared", "transactions.ready_for_review", "transactions.ready_to_sync", "vendors.activated",
    "vendors.updated", VERIFICATION,
)  # fmt: skip
HEADERS_MOST, NAME_MOST, VALUE_MOST = 5, 100, 1000
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
address = matching(re.compile(r"https?://[^\s/]+\S*"), message="Not a valid URL.")


def further_headers(value: Any) -> dict[str, str]:
    """Check additional headers: at most five, short names, values that are not empty."""
    if not isinstance(value, dict) or len(value) > HEADERS_MOST:
        raise ProblemError(f"At most {HEADERS_MOST} headers.")
    fits = text(least=1, most=VALUE_MOST)
    if any(not 0 < len(name) <= NAME_MOST for name in value):
        raise ProblemError(f"A header name has at most {NAME_MOST} characters.")
    checked = shape(dict.fromkeys(value, fits), required=list(value))(value)
    return {str(name): str(held) for name, held in checked.items()}


class WebhookEndpoints:
    """What /webhooks answers; a subscription needs the read scope of what it reports on."""

    def __init__(self, store: Store, *, office: DeliveryOffice) -> None:
        self._store = store
        self._office = office

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints of this room."""
        return [
            Endpoint("GET", "/webhooks", None, self._list),
            Endpoint("POST", "/webhooks", None, self._create),
            Endpoint("POST", "/webhooks/mock-webhook-event", None, self._mock),
            Endpoint("GET", "/webhooks/{id}", None, lambda call: Answer(200, self._row(self._find(call)))),
            Endpoint("DELETE", "/webhooks/{id}", None, self._delete),
            Endpoint("POST", "/webhooks/{id}/verify", None, self._verify),
        ]

    def _list(self, call: Call) -> Answer:
        return Answer(200, [self._row(webhook) for webhook in self._store.webhooks.values()])

    def _create(self, call: Call) -> Answer:
        store = self._store
        fields = {
            "endpoint_url": address,
            "event_types": rows(choice(*EVENT_TYPES), least=1, most=len(EVENT_TYPES)),
            "additional_headers": further_headers,
        }
        body = read_body(call.json(), fields, required=["endpoint_url", "event_types"])
        self._check_address(body["endpoint_url"])
        for event_type in body["event_types"]:
            if scope := SCOPE_OF.get(event_type.partition(".")[0]):
                call.require(scope)
        made = Webhook(
            id=store.new_id(),
            seq=store.next_number(),
            endpoint_url=body["endpoint_url"],
            event_types=body["event_types"],
            secret=store.new_secret(40),
            challenge=store.new_secret(24),
            created_at=store.now(),
            updated_at=store.now(),
            additional_headers=body.get("additional_headers") or {},
        )
        store.webhooks[made.id] = made
        self._office.challenge(made)
        call.note(f"created webhook {made.id}")
        return Answer(201, {**self._row(made), "secret": made.secret})

    def _check_address(self, url: str) -> None:
        target = urlsplit(url)
        allowed = self._store.switches.http_webhooks and target.hostname in LOOPBACK
        if target.scheme != "https" and not allowed:
            raise invalid({"endpoint_url": ["Must be an https URL."]})

    def _verify(self, call: Call) -> Answer:
        found = self._find(call)
        body = read_body(call.json(), {"challenge": text(least=1)}, required=["challenge"])
        if body["challenge"] != found.challenge:
            raise RefusalError(400, "DEVELOPER_7001", "The challenge does not match")
        found.status = "active"
        found.updated_at = self._store.now()
        call.note(f"verified webhook {found.id}")
        return Answer(200, {"success": True})

    def _delete(self, call: Call) -> Answer:
        del self._store.webhooks[self._find(call).id]
        call.note(f"deleted webhook {call.key()}")
        return Answer(204)

    def _mock(self, call: Call) -> Answer:
        fields = {"event_type": choice(*EVENT_TYPES), "object_id": text(least=1), "object_metadata": _metadata}
        body = read_body(call.json(), fields, required=["event_type"])
        self._office.emit(body["event_type"], body.get("object_id") or self._store.new_id())
        return Answer(200, {})

    def _find(self, call: Call) -> Webhook:
        found = self._store.webhooks.get(call.key())
        if found is None:
            raise not_found("webhook", call.key())
        return found

    def _row(self, webhook: Webhook) -> dict[str, Any]:
        return {
            "id": webhook.id,
            "business_id": self._store.business_id,
            "endpoint_url": webhook.endpoint_url,
            "event_types": webhook.event_types,
            "status": webhook.status,
            "created_at": stamp(webhook.created_at),
            "updated_at": stamp(webhook.updated_at),
        }


def _metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProblemError("Invalid input type.")
    return value
