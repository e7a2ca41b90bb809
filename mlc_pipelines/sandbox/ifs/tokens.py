"""The token endpoint: OAuth 2.0 client credentials with the errors Keycloak gives."""

import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults

REALM = "sandbox"
CLIENT_ID = "mlc-sandbox"
CLIENT_SECRET = "sandbox-ifs-secret"  # noqa: S105  the simulator's own, written in its README
SCOPES = frozenset({"openid", "microprofile-jwt", "profile", "email"})


class TokenOffice:
    """Issues tokens and knows which ones still hold."""

    def __init__(self, clock: SandboxClock, faults: Faults) -> None:
        self.issued = 0
        self._clock = clock
        self._faults = faults
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def answer(
        self, body: bytes, headers: Mapping[str, str], *, realm: str, seconds: int
    ) -> tuple[int, dict[str, Any]]:
        """Answer one token request with status and body."""
        if realm != REALM:
            return 404, {"error": "Realm does not exist"}
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", errors="replace")).items()}
        if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            form = {}
        refused = _refusal(form)
        if refused is not None:
            status, error, description = refused
            return status, {"error": error, "error_description": description}
        return 200, self._issue(self._faults.token_seconds(seconds), scope=form.get("scope", ""))

    def holds(self, authorization: str) -> bool:
        """Say whether this Authorization header carries a token that holds; it may be revoked just now."""
        scheme, _, token = authorization.partition(" ")
        with self._lock:
            until = self._until.get(token)
            if scheme.lower() != "bearer" or until is None or until <= self._clock.now():
                return False
            if self._faults.revoke_now():
                del self._until[token]
                return False
            return True

    def revoke_all(self) -> None:
        """Make every token issued so far invalid."""
        with self._lock:
            self._until.clear()

    def _issue(self, seconds: int, *, scope: str) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        with self._lock:
            self.issued += 1
            self._until[token] = self._clock.now() + timedelta(seconds=seconds)
        return {
            "access_token": token,
            "expires_in": seconds,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": scope or "profile email",
        }


def _refusal(form: Mapping[str, str]) -> tuple[int, str, str] | None:
    if "grant_type" not in form:
        return 400, "invalid_request", "Missing form parameter: grant_type"
    if form["grant_type"] != "client_credentials":
        return 400, "unsupported_grant_type", "Unsupported grant_type"
    known = secrets.compare_digest(form.get("client_id", "").encode(), CLIENT_ID.encode())
    if not known or not secrets.compare_digest(form.get("client_secret", "").encode(), CLIENT_SECRET.encode()):
        return 401, "invalid_client", "Invalid client or Invalid client credentials"
    if not set(form.get("scope", "").split()) <= SCOPES:
        return 400, "invalid_scope", f"Invalid scopes: {form['scope']}"
    return None
