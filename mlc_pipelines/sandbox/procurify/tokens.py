"""Tokens of the client credentials grant: one application, one user, 24 hours."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.procurify.answers import Answer, refused, token_refused
from mlc_pipelines.sandbox.procurify.switches import Switches

CLIENT_ID = "procurify_sandbox_id"
CLIENT_SECRET = "procurify-sandbox-secret"  # noqa: S105  # the published secret of a simulator
AUDIENCE = "https://api.procurify.com/"
DOMAIN = "falkenried"
EMAIL = "service.payables@falkenried.example"
LIFETIME_SECONDS = 86400
USES_BEFORE_REVOCATION = 5  # a client that renews once after a 401 always gets on
FIELDS = frozenset({"client_id", "client_secret", "audience", "grant_type"})


@dataclass
class Token:
    """An access token and until when it works."""

    value: str
    expires_at: datetime
    uses: int = 0
    is_revoked: bool = False


class TokenOffice:
    """Issues tokens and tells whether one still opens the door."""

    def __init__(self, *, clock: SandboxClock, faults: Faults, switches: Switches) -> None:
        self._clock = clock
        self._faults = faults
        self._switches = switches
        self.tokens: dict[str, Token] = {}
        self.clear()

    def clear(self) -> None:
        """Forget every token, and who lost rights."""
        self.tokens.clear()
        self.secret = CLIENT_SECRET
        self.user_is_active = True

    def issue(self, *, content_type: str, body: bytes) -> Answer:
        """Answer the token request: JSON with exactly four fields; a wrong audience looks like a wrong secret."""
        given = _read(content_type, body)
        if given["grant_type"] != "client_credentials":
            raise token_refused(400, "Unsupported grant type")
        if (given["client_id"], given["client_secret"]) != (CLIENT_ID, self.secret):
            raise token_refused(401, "Unauthorized")
        if given["audience"] != AUDIENCE:
            raise token_refused(self._switches.audience_status, "Unauthorized")
        seconds = self._faults.token_seconds(LIFETIME_SECONDS)
        made = Token(self._jwt(seconds), self._clock.now() + timedelta(seconds=seconds))
        self.tokens[made.value] = made
        scope = f"urn:procurify-api:domain:{DOMAIN} urn:procurify-api:email:{EMAIL}"
        content = {"access_token": made.value, "scope": scope, "expires_in": seconds, "token_type": "Bearer"}
        return Answer(200, content)

    def admit(self, authorization: str) -> None:
        """Let a call pass, or refuse: 401 without a living token, 403 when its user lost the rights."""
        kind, _, value = authorization.partition(" ")
        if kind != "Bearer" or not value:
            raise refused(401, "Authentication credentials were not provided.")
        token = self.tokens.get(value)
        if token is None or token.is_revoked:
            raise refused(401, "Invalid token.")
        if token.expires_at <= self._clock.now():
            raise refused(401, "Signature has expired.")
        token.uses += 1
        if token.uses > USES_BEFORE_REVOCATION and self._faults.revoke_now():
            token.is_revoked = True
            raise refused(401, "Invalid token.")
        if not self.user_is_active:
            raise refused(403, "You do not have permission to perform this action.")

    def revoke_all(self) -> int:
        """Revoke every living token; return how many."""
        living = [token for token in self.tokens.values() if not token.is_revoked]
        for token in living:
            token.is_revoked = True
        return len(living)

    def _jwt(self, seconds: int) -> str:
        issued = self._clock.now().timestamp()
        head = {"alg": "RS256", "typ": "JWT"}
        claims = {"aud": AUDIENCE, "iat": int(issued), "exp": int(issued) + seconds, "jti": len(self.tokens) + 1}
        return f"{_part(head)}.{_part(claims)}.{_part('sandbox')}"


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _read(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise token_refused(400, "The body must be application/json")
    try:
        given = json.loads(body)
    except ValueError as exc:
        raise token_refused(400, f"The body is not JSON: {exc}") from exc
    if not isinstance(given, dict) or set(given) != FIELDS or not all(isinstance(row, str) for row in given.values()):
        raise token_refused(400, f"The body must have the texts {', '.join(sorted(FIELDS))} and nothing else")
    return given
