"""Tokens of the client credentials grant: issued, expired, revoked."""

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.ramp.answers import Answer, RefusalError
from mlc_pipelines.sandbox.ramp.store import Store

CLIENT_ID = "ramp_sandbox_id"
CLIENT_SECRET = "ramp-sandbox-secret"  # noqa: S105  # the published secret of a simulator
LIFETIME_SECONDS = 864000
USES_BEFORE_REVOCATION = 5  # a client that renews once after a 401 always gets on
SCOPES = frozenset(
    f"{resource}:{right}"
    for resource, rights in {
        "accounting": ("read", "write"),
        "bills": ("read", "write"),
        "vendors": ("read", "write"),
        "entities": ("read",),
        "bank_accounts": ("read",),
        "business": ("read",),
        "users": ("read",),
        "purchase_orders": ("read", "write"),
        "transactions": ("read",),
        "reimbursements": ("read",),
        "cards": ("read",),
        "departments": ("read",),
        "locations": ("read",),
        "receipts": ("read",),
    }.items()
    for right in rights
)


@dataclass
class Token:
    """An access token with what it allows and until when."""

    value: str
    scopes: frozenset[str]
    expires_at: datetime
    uses: int = 0
    is_revoked: bool = False


class TokenOffice:
    """Issues tokens and tells whether one still opens the door; knows one app, with the scopes granted to it."""

    def __init__(self, store: Store, *, faults: Faults, granted: Collection[str] = SCOPES) -> None:
        self.granted = frozenset(granted)
        self.tokens: dict[str, Token] = {}
        self._store = store
        self._faults = faults

    def clear(self) -> None:
        """Forget every token."""
        self.tokens.clear()

    def issue(self, *, authorization: str, content_type: str, body: bytes) -> Answer:
        """Answer POST /token; a scope the app lacks is left out and noticed only at the call."""
        self._check_client(authorization)
        form = _read_form(content_type, body)
        if form.get("grant_type") != "client_credentials":
            raise _oauth(400, "invalid_grant", "grant_type must be client_credentials")
        wanted = form.get("scope", "").split()
        unknown = [scope for scope in wanted if scope not in SCOPES]
        if unknown:
            raise _oauth(400, "invalid_scope", f"unknown scope {' '.join(unknown)}")
        seconds = self._faults.token_seconds(LIFETIME_SECONDS)
        made = Token(
            value=f"ramp_tok_{self._store.new_secret(40)}",
            scopes=frozenset(wanted) & self.granted,
            expires_at=self._store.now() + timedelta(seconds=seconds),
        )
        self.tokens[made.value] = made
        shown = " ".join(scope for scope in wanted if scope in made.scopes)
        return Answer(200, {"access_token": made.value, "token_type": "Bearer", "expires_in": seconds, "scope": shown})

    def revoke(self, *, authorization: str, content_type: str, body: bytes) -> Answer:
        """Answer POST /token/revoke; an unknown token is no error."""
        self._check_client(authorization)
        form = _read_form(content_type, body)
        if "token" not in form:
            raise _oauth(400, "invalid_request", "token is required")
        if found := self.tokens.get(form["token"]):
            found.is_revoked = True
        return Answer(200, {})

    def revoke_all(self) -> int:
        """Revoke every living token; return how many."""
        living = [token for token in self.tokens.values() if not token.is_revoked]
        for token in living:
            token.is_revoked = True
        return len(living)

    def admit(self, authorization: str, *, scope: str | None) -> None:
        """Let a call pass, or refuse: 401 without a living token, 403 without the scope."""
        kind, _, value = authorization.partition(" ")
        token = self.tokens.get(value.strip())
        if kind != "Bearer" or token is None:
            raise _unauthorized("missing or invalid access token")
        if token.is_revoked:
            raise _unauthorized("access token was revoked")
        if token.expires_at <= self._store.now():
            raise _unauthorized("access token is expired")
        token.uses += 1
        if token.uses > USES_BEFORE_REVOCATION and self._faults.revoke_now():
            token.is_revoked = True
            raise _unauthorized("access token was revoked")
        self.require(authorization, scope=scope)

    def require(self, authorization: str, *, scope: str | None) -> None:
        """Refuse with 403 when the token of this call lacks a scope."""
        token = self.tokens[authorization.partition(" ")[2].strip()]
        if scope is not None and scope not in token.scopes:
            raise RefusalError(403, "DEVELOPER_7100", f"The token lacks the scope {scope}")

    def _check_client(self, authorization: str) -> None:
        kind, _, value = authorization.partition(" ")
        try:
            given = base64.b64decode(value, validate=True).decode() if kind == "Basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            given = ""
        if given != f"{CLIENT_ID}:{CLIENT_SECRET}":
            raise _oauth(401, "invalid_client", "client authentication failed")


def _read_form(content_type: str, body: bytes) -> Mapping[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise _oauth(400, "invalid_request", "the body must be application/x-www-form-urlencoded")
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", errors="replace")).items()}


def _unauthorized(message: str) -> RefusalError:
    return RefusalError(401, "DEVELOPER_7003", message)


class OAuthError(RefusalError):
    """A refusal of the token endpoint, where `error` is a word."""

    def answer(self) -> Answer:
        """Return the OAuth error form beside `error_v2`."""
        answer = super().answer()
        answer.content.update(error=self.code, error_description=self.message)
        return answer


def _oauth(status: int, code: str, message: str) -> OAuthError:
    return OAuthError(status, code, message)
