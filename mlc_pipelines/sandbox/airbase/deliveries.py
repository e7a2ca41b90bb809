"""Webhook deliveries: a background thread posts events to the one subscription and tries again when refused."""

import base64
import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import threading
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from mlc_pipelines.sandbox.airbase.answers import stamp
from mlc_pipelines.sandbox.airbase.records import Delivery
from mlc_pipelines.sandbox.airbase.store import Store
from mlc_pipelines.sandbox.airbase.switches import EVENTS, WebhookSigning

ATTEMPTS = 8
ANSWER_SECONDS = 10.0


class DeliveryOffice:
    """Sends events of the subscribed types; 429, 5xx and no answer are tried again."""

    def __init__(self, store: Store, *, signing: WebhookSigning, backoff: float = 0.05, longest: float = 1.0) -> None:
        self.url: str | None = None
        self.events: Collection[str] = EVENTS
        self.signing = signing
        self.backoff = backoff
        self.longest = longest
        self.sent: list[Delivery] = []
        self._store = store
        self._held: list[Delivery] | None = None
        self._to_lose = 0
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._turn = itertools.count()
        self._busy = False
        self._running = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start delivering."""
        self._running = True
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="airbase-deliveries")
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
        """Forget what waits, what is held and what was sent."""
        with self._changed:
            self._waiting.clear()
            self.sent.clear()
            self._held, self._to_lose = None, 0
            self._changed.notify_all()

    def idle(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is on its way; held events do not count. False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def emit(self, event_type: str, data: dict[str, Any]) -> str | None:
        """Send an event to the subscription, if it wants this type; return the event's id."""
        event_id = f"evt_{self._store.new_id().replace('-', '')[:12]}"
        if self.url is None or event_type not in self.events:
            return None
        event = {
            "id": event_id,
            "object": "event",
            "type": event_type,
            "created_date": stamp(self._store.now().replace(microsecond=0)),
            "data": data,
        }
        if self._to_lose > 0:
            self._to_lose -= 1
            return None
        body = json.dumps(event, ensure_ascii=False).encode()
        made = Delivery(event_id, event_type, self.url.replace("{event}", event_type), body, {})
        if self._held is None:
            self._queue(made)
        else:
            self._held.append(made)
        return event_id

    def again(self, delivery: Delivery) -> None:
        """Send a delivery once more: the same body, signed anew."""
        self._queue(Delivery(delivery.event_id, delivery.type, delivery.url, delivery.body, {}))

    def hold(self) -> None:
        """Keep events back until they are released."""
        if self._held is None:
            self._held = []

    def release(self, *, reverse: bool) -> int:
        """Send what was kept back, the last one first if asked; return how many."""
        kept, self._held = self._held or [], None
        for delivery in reversed(kept) if reverse else kept:
            self._queue(delivery)
        return len(kept)

    def lose(self, count: int) -> None:
        """Let the next events never go out."""
        self._to_lose = count

    def proof(self, body: bytes) -> dict[str, str]:
        """Return the headers that prove where a body comes from; timestamps are real time, as a receiver's clock is."""
        signing, proof = self.signing, dict[str, str]()
        if "hmac" in signing.modes:
            stamped = str(int(time.time()) + signing.timestamp_skew)
            signed = body
            if signing.timestamp_header:
                proof[signing.timestamp_header] = stamped
                signed = stamped.encode() + b"." + body
            digest = hmac.new(signing.secret.encode(), signed, hashlib.sha256).digest()
            encoded = digest.hex() if signing.encoding == "hex" else base64.b64encode(digest).decode()
            proof[signing.header] = signing.prefix + encoded
        if "header_secret" in signing.modes:
            proof[signing.secret_header] = signing.secret
        if "basic" in signing.modes:
            pair = f"{signing.username}:{signing.password}".encode()
            proof["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return proof

    def _queue(self, delivery: Delivery) -> None:
        self.sent.append(delivery)
        with self._changed:
            heapq.heappush(self._waiting, (time.monotonic(), next(self._turn), delivery))
            self._changed.notify_all()

    def _deliver(self) -> None:
        while (delivery := self._next()) is not None:
            status = self._post(delivery)
            with self._changed:
                delivery.attempts.append(status)
                self._settle(delivery, status=status)
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

    def _settle(self, delivery: Delivery, *, status: int | None) -> None:
        again = status is None or status == http.client.TOO_MANY_REQUESTS or status >= http.client.INTERNAL_SERVER_ERROR
        if status is not None and http.client.OK <= status < http.client.MULTIPLE_CHOICES:
            delivery.state = "delivered"
        elif not again or len(delivery.attempts) >= ATTEMPTS:
            delivery.state = "given up"
        else:
            wait = min(self.longest, self.backoff * 2 ** (len(delivery.attempts) - 1))
            heapq.heappush(self._waiting, (time.monotonic() + wait, next(self._turn), delivery))

    def _post(self, delivery: Delivery) -> int | None:
        delivery.headers = {"Content-Type": "application/json", **self.proof(delivery.body)}
        target = urlsplit(delivery.url)
        kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
        line = kind(target.hostname or "", target.port, timeout=ANSWER_SECONDS)
        path = f"{target.path or '/'}?{target.query}" if target.query else target.path or "/"
        try:
            line.request("POST", path, body=delivery.body, headers=delivery.headers)
            return line.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            line.close()
