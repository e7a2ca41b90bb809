"""Static tokens made in the portal: two work at once, so that one can be rotated without a gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlc_pipelines.sandbox.airbase.answers import refused
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import EXPIRING_SECONDS, Faults

TOKEN = "airbase-sandbox-token"  # noqa: S105  # the published secret of a simulator
TOKEN_NEXT = "airbase-sandbox-token-next"  # noqa: S105  # the published secret of a simulator
FIRST_ID = 41


@dataclass
class Token:
    """A token with the small number that names it in answers."""

    id: int
    value: str
    is_revoked: bool = False
    back_at: datetime | None = None


class TokenOffice:
    """Tells whether a token opens the door."""

    def __init__(self, *, clock: SandboxClock, faults: Faults) -> None:
        self.tokens: list[Token] = []
        self._clock = clock
        self._faults = faults
        self.clear()

    def clear(self) -> None:
        """Bring the two tokens of the first day back."""
        self.tokens[:] = [Token(FIRST_ID, TOKEN), Token(FIRST_ID + 1, TOKEN_NEXT)]

    def living(self) -> list[Token]:
        """Return the tokens that work."""
        return [token for token in self.tokens if not token.is_revoked]

    def admit(self, authorization: str, *, schemes: Sequence[str]) -> Token:
        """Return the token of a call, or refuse with 401; another word than the tenant's counts as no credential."""
        word, _, value = authorization.partition(" ")
        if word not in schemes or not value:
            raise refused(401, "Authentication credentials were not provided.", WWW_Authenticate=schemes[0])
        self._bring_back()
        token = next((known for known in self.living() if known.value == value), None)
        if token is None or self._revoked_just_now(token):
            raise refused(401, "Invalid token.", WWW_Authenticate=schemes[0])
        return token

    def issue(self, value: str) -> Token:
        """Make one more token."""
        made = Token(self.tokens[-1].id + 1, value)
        self.tokens.append(made)
        return made

    def revoke(self, which: str) -> int:
        """Revoke for good by value, or by the words `token` and `token_next`; return its number."""
        value = {"token": TOKEN, "token_next": TOKEN_NEXT}.get(which, which)
        for token in self.tokens:
            if token.value == value:
                token.is_revoked, token.back_at = True, None
                return token.id
        raise KeyError(which)

    def _revoked_just_now(self, token: Token) -> bool:
        others = [known for known in self.living() if known is not token]
        if token.value != TOKEN or not others or not self._faults.revoke_now():
            return False
        token.is_revoked = True
        token.back_at = self._clock.now() + timedelta(seconds=EXPIRING_SECONDS)
        return True

    def _bring_back(self) -> None:
        for token in self.tokens:
            if token.back_at is not None and token.back_at <= self._clock.now():
                token.is_revoked, token.back_at = False, None
