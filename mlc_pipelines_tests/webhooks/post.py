"""A post office for tests: signs what Ramp would sign, and sends it as plain HTTP."""

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

SECRET = "canary-webhook-secret-5b1d"


class Post:
    """Sends to one receiver; every answer is its status."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.netloc = urlsplit(url).netloc

    def send(self, body: bytes | Iterable[bytes], headers: Mapping[str, str], *, to: str = "acme") -> int:
        with closing(http.client.HTTPConnection(self.netloc, timeout=20)) as line:
            return self.send_by(line, body, headers, to=to)

    def send_by(
        self,
        line: http.client.HTTPConnection,
        body: bytes | Iterable[bytes],
        headers: Mapping[str, str],
        *,
        to: str = "acme",
    ) -> int:
        line.request("POST", f"/webhooks/{to}", body=body, headers=dict(headers))
        answer = line.getresponse()
        answer.read()
        return answer.status

    def signed(self, body: bytes, *, to: str = "acme", secret: str = SECRET) -> int:
        return self.send(body, signature(body, secret=secret), to=to)

    def get(self, path: str) -> int:
        with closing(http.client.HTTPConnection(self.netloc, timeout=20)) as line:
            line.request("GET", path)
            return line.getresponse().status


def event(
    event_id: str = "e-1", event_type: str = "bills.paid", *, object_id: str | None = "b-1", **more: Any
) -> bytes:
    """An event in the words of Ramp."""
    told = {"id": event_id, "type": event_type, "created_at": "2026-10-01T12:00:00Z", "business_id": "biz-1"}
    return json.dumps(told | ({"object": {"id": object_id}} if object_id else {}) | more).encode()


def challenge(text: str = "c-1") -> bytes:
    return json.dumps({"type": "webhooks.verification", "challenge": text}).encode()


def signature(
    body: bytes, *, secret: str = SECRET, header: str = "X-Ramp-Signature", in_base64: bool = False
) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {header: base64.b64encode(digest).decode() if in_base64 else digest.hex()}


def eventually(condition: Callable[[], bool], *, seconds: float = 15.0) -> bool:
    """Wait until it is so; False when the time is over first."""
    until, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        if time.monotonic() > until:
            return False
        pause.wait(0.02)
    return True
