"""Secrets that can be told at once wherever they turn up, and that the other side may throw back at us."""

from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from mlc_pipelines.wire.memory import Token
from mlc_pipelines.wire.redaction import REDACTOR

SECRET = "canary-5c1e-secret"
TOKEN = "canary-9f27-token"
CANARIES = (SECRET, TOKEN)
ECHOES = (TOKEN, SECRET, f"Authorization: Bearer {TOKEN} is not valid", f"client_secret={SECRET}")
"""What a careless or malicious answer may repeat of what we sent."""

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)


def secret(name: str) -> SecretStr:
    """Give the secret of a name: every one of them is a canary. It is known to be secret, as one of the vault is."""
    REDACTOR.register(SecretStr(SECRET))
    return SecretStr(SECRET)


class OneToken:
    """A token store whose token never ends, and has been sent before: nobody repeats what was never sent."""

    def __init__(self) -> None:
        REDACTOR.register(SecretStr(TOKEN))

    def read(self, credential: str, asked: str) -> Token | None:
        """Give the token."""
        return Token(SecretStr(TOKEN), FOREVER, FOREVER)

    def renew(self, credential: str, mint: Any, *, asked: str, refused: str | None) -> Token:
        """Give the same again: nobody is asked for a new one."""
        return Token(SecretStr(TOKEN), FOREVER, FOREVER)


class Free:
    """A rate budget, and room for calls, without an end."""

    def acquire(self) -> None:
        """Go on."""

    def pause(self, seconds: float) -> None:
        """Go on."""


def told(text: str) -> list[str]:
    """Give the canaries that a text tells."""
    return [canary for canary in CANARIES if canary in text]
