"""What the wire must remember between processes; `connections` keeps it in the database."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, when it must be renewed and when it ends; both times are aware."""

    value: SecretStr
    refresh_at: datetime
    expires_at: datetime


class TokenStore(Protocol):
    """Tokens shared by all processes of one database.

    `asked` is a digest of what a token is asked with: to whoever asks with anything else it is no token.
    """

    def read(self, credential: str, asked: str) -> Token | None:
        """Give the stored token of a credential, however old."""
        ...

    def renew(self, credential: str, mint: Callable[[], Token], *, asked: str, refused: str | None) -> Token:
        """Give a token other than `refused`, calling `mint` in one process at a time.

        `refused` is the value that the other side did not accept (or that is due for refresh); a token stored
        meanwhile by another process is returned without minting.
        """
        ...


Guard = Callable[[], AbstractContextManager[None]]
"""Entered when a write begins to leave, left when its last byte has left. What it raises keeps the write back."""

unguarded: Guard = nullcontext


class Budget(Protocol):
    """A rate limit shared by all processes that use one credential."""

    def acquire(self) -> None:
        """Wait until one call may be made."""
        ...

    def pause(self, seconds: float) -> None:
        """Keep every process from calling for so many seconds."""
        ...


class Slots(Protocol):
    """Room for so many calls at the same moment, shared by all processes that use one credential."""

    def slot(self) -> AbstractContextManager[None]:
        """Wait until there is room, and keep it for a block."""
        ...
