"""Webhook deliveries: a background thread posts signed events and tries again as the vendor does."""

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.sandbox.ramp.answers import stamp
from mlc_pipelines.sandbox.ramp.records import Delivery, Webhook
from mlc_pipelines.sandbox.ramp.store import Store

ATTEMPTS = 10
ANSWER_SECONDS = 10.0
VERIFICATION = "webhooks.verification"


class DeliveryOffice:
    """Sends events to active webhooks; only 429, 5xx and no answer are tried again."""

    def __init__(self, store: Store, *, backoff: float = 0.05, longest: float = 1.0) -> None:
        self.backoff = backoff
        self.longest = longest
        self.answer_seconds = ANSWER_SECONDS
        self._store = store
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._turn = itertools.count()
        self._busy = False
        self._running = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start delivering."""
        self._running = True
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="ramp-deliveries")
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering; what waits is left."""
        with self._changed:
            self._running = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=ANSWER_SECONDS)
            self._thread = None

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is on its way; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def emit(self, event_type: str, object_id: str) -> None:
        """Send an event about an object to every active webhook that wants its type."""
        event_id = self._store.new_id()
        event = {
            "id": event_id,
            "type": event_type,
            "created_at": stamp(self._store.now()),
            "business_id": self._store.business_id,
            "object": {"id": object_id},
        }
        body = json.dumps(event).encode()
        for webhook in self._store.webhooks.values():
            if webhook.status == "active" and event_type in webhook.event_types:
                headers = {
                    self._store.switches.signature_header: self.signature(webhook.secret, body),
                    "X-Ramp-Webhook-ID": event_id,
                }
                self._send(webhook, event_type, object_id=object_id, event_id=event_id, body=body, headers=headers)

    def challenge(self, webhook: Webhook) -> None:
        """Post the challenge of a new webhook: unsigned, and perhaps before the client has read the secret."""
        body = json.dumps({"type": VERIFICATION, "challenge": webhook.challenge}).encode()
        self._send(webhook, VERIFICATION, object_id=None, event_id=None, body=body, headers={})

    def again(self, delivery: Delivery) -> None:
        """Send a delivery once more, byte for byte, as after an answer that was lost."""
        copied = Delivery(
            delivery.event_id,
            delivery.type,
            delivery.object_id,
            delivery.webhook_id,
            delivery.url,
            delivery.body,
            delivery.headers,
        )
        self._queue(copied)

    def signature(self, secret: str, body: bytes) -> str:
        """Sign a raw body with a subscription's secret."""
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        return base64.b64encode(digest).decode() if self._store.switches.signature_base64 else digest.hex()

    def _send(self, webhook: Webhook, event_type: str, **rest: Any) -> None:
        headers = {**webhook.additional_headers, "Content-Type": "application/json", **rest.pop("headers")}
        self._queue(Delivery(type=event_type, webhook_id=webhook.id, url=webhook.endpoint_url, headers=headers, **rest))

    def _queue(self, delivery: Delivery) -> None:
        self._store.deliveries.append(delivery)
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic(), next(self._turn), delivery))
            self._changed.notify_all()

    def _deliver(self) -> None:
        while (delivery := self._next()) is not None:
            status = self._post(delivery)
            with self._store.lock:
                delivery.attempts.append(status)
                webhook_is_gone = delivery.webhook_id not in self._store.webhooks
            with self._changed:
                self._settle(delivery, status=status, webhook_is_gone=webhook_is_gone)
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Delivery | None:
        with self._changed:
            while self._running:
                if not self._waiting:
                    self._changed.wait()
                    continue
                wait = self._waiting[0][0] - time.monotonic()
                if wait <= 0:
                    self._busy = True
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait)
        return None

    def _settle(self, delivery: Delivery, *, status: int | None, webhook_is_gone: bool) -> None:
        again = status is None or status == http.client.TOO_MANY_REQUESTS or status >= http.client.INTERNAL_SERVER_ERROR
        if status is not None and http.client.OK <= status < http.client.MULTIPLE_CHOICES:
            delivery.state = "delivered"
        elif not again or webhook_is_gone or len(delivery.attempts) >= ATTEMPTS:
            delivery.state = "given up"
        else:
            wait = min(self.longest, self.backoff * 2 ** (len(delivery.attempts) - 1))
            turn = next(self._turn)
            heapq.heappush(self._waiting, (time.monotonic() + wait * (1 + turn % 5 / 10), turn, delivery))

    def _post(self, delivery: Delivery) -> int | None:
        target = urlsplit(delivery.url)
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        line = kind(target.hostname or "", target.port, timeout=self.answer_seconds)
        path = f"{target.path or '/'}?{target.query}" if target.query else target.path or "/"
        try:
            line.request("POST", path, body=delivery.body, headers=delivery.headers)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
