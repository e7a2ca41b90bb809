"""Webhook deliveries: a background thread posts signed notifications; only 200 counts, the last refusal disables."""

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

from mlc_pipelines.sandbox.bill.answers import write_json
from mlc_pipelines.sandbox.bill.records import Notification, Subscription
from mlc_pipelines.sandbox.bill.store import Store

ATTEMPTS = 6
ANSWER_SECONDS = 10.0
NOT_WANTED = 0  # instead of a status: the subscription is gone or disabled


class DeliveryOffice:
    """Sends events to the subscriptions that want them."""

    def __init__(self, store: Store, *, organization_id: str) -> None:
        self.attempts = ATTEMPTS
        self.backoff = 0.05
        self.longest = 1.0
        self._store = store
        self._organization_id = organization_id
        self._held: list[Notification] | None = None
        self._to_lose = 0
        self._waiting: list[tuple[float, int, Notification]] = []
        self._turn = itertools.count()
        self._busy = False
        self._running = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start delivering."""
        self._running = True
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="bill-deliveries")
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
        """Forget what waits and what is held."""
        with self._changed:
            self._waiting.clear()
            self._held, self._to_lose = None, 0
            self._changed.notify_all()

    def idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is on its way; held events do not count. False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def emit(self, event: str, content: dict[str, Any]) -> None:
        """Send an event to every enabled subscription that wants it."""
        for subscription in list(self._store.subscriptions.values()):
            if event in subscription.events:
                self.send(subscription, event, content)

    def send(self, subscription: Subscription, event: str, content: dict[str, Any]) -> None:
        """Send one notification; a disabled subscription gets none."""
        made = self._notification(subscription, event, content)
        if not subscription.enabled:
            if self._store.switches.history_while_disabled:
                made.state = "disabled"
                self._store.notifications.append(made)
            return
        self._store.notifications.append(made)
        if self._to_lose > 0:
            self._to_lose -= 1
            made.state = "lost"
        elif self._held is not None:
            self._held.append(made)
        else:
            self._queue(made)

    def again(self, notification: Notification) -> None:
        """Send a notification once more: the same bytes, signed anew."""
        notification.attempts = []
        self._queue(notification)

    def hold(self) -> None:
        """Keep events back until they are released."""
        if self._held is None:
            self._held = []

    def release(self, *, reverse: bool) -> int:
        """Send what was kept back, the last one first if asked; return how many."""
        kept, self._held = self._held or [], None
        for notification in reversed(kept) if reverse else kept:
            self._queue(notification)
        return len(kept)

    def lose(self, count: int) -> None:
        """Let the next events never go out; the history shows them."""
        self._to_lose = count

    def _notification(self, subscription: Subscription, event: str, content: dict[str, Any]) -> Notification:
        event_id = self._store.new_uuid()
        metadata = {
            "eventId": event_id,
            "subscriptionId": subscription.id,
            "organizationId": self._organization_id,
            "eventType": event,
            "version": "1",
        }
        payload = write_json({"metadata": metadata, **content})
        return Notification(event_id, self._store.new_seq(), subscription.id, event, payload, self._store.now())

    def _queue(self, notification: Notification) -> None:
        with self._changed:
            notification.state = "waiting"
            heapq.heappush(self._waiting, (time.monotonic(), next(self._turn), notification))
            self._changed.notify_all()

    def _deliver(self) -> None:
        while (notification := self._next()) is not None:
            status = self._attempt(notification)
            with self._store.lock, self._changed:
                self._settle(notification, status=status)
                self._busy = False
                self._changed.notify_all()

    def _next(self) -> Notification | None:
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

    def _attempt(self, notification: Notification) -> int | None:
        with self._store.lock:
            subscription = self._store.subscriptions.get(notification.subscription_id)
            if subscription is None or not subscription.enabled:
                return NOT_WANTED
            body, headers = self._signed(notification.payload, key=subscription.security_key)
            url, notification.headers = subscription.notification_url, headers
        return _post(url, body, headers)

    def _signed(self, payload: bytes, *, key: str) -> tuple[bytes, dict[str, str]]:
        switches = self._store.switches
        body = json.dumps(payload.decode()).encode() if switches.webhook_body == "string" else payload
        signed = payload if switches.webhook_signs == "payload" else body
        digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        return body, {"Content-Type": "application/json", "x-bill-sha-signature": signature}

    def _settle(self, notification: Notification, *, status: int | None) -> None:
        if status == NOT_WANTED:
            notification.state = "given up"
            return
        notification.attempts.append(status)
        if status == http.client.OK:
            notification.state = "delivered"
        elif len(notification.attempts) >= self.attempts:
            notification.state = "given up"
            subscription = self._store.subscriptions.get(notification.subscription_id)
            if subscription is not None:
                subscription.enabled = False
        else:
            wait = min(self.longest, self.backoff * 2 ** (len(notification.attempts) - 1))
            heapq.heappush(self._waiting, (time.monotonic() + wait, next(self._turn), notification))


def _post(url: str, body: bytes, headers: dict[str, str]) -> int | None:
    target = urlsplit(url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    line = kind(target.hostname or "", target.port, timeout=ANSWER_SECONDS)
    path = f"{target.path or '/'}?{target.query}" if target.query else target.path or "/"
    try:
        line.request("POST", path, body=body, headers=headers)
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        line.close()
