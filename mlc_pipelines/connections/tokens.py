"""Tokens sealed in the database and shared by processes; one process at a time asks for a new one."""

import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from pydantic import SecretStr
from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections.tables import tokens
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.memory import Token

CLAIM_SECONDS = 180.0
"""How long a process may take to fetch a token before another tries: three tries with their time-outs and waits."""

BELIEVED_SECONDS = 2 * CLAIM_SECONDS
"""A claim that ends later than this was made by a clock that has stepped back since; clocks differ by less."""

LOOK_SECONDS = 0.05

logger = logging.getLogger(__name__)


class _Stored(msgspec.Struct):
    value: str
    refresh_at: float
    expires_at: float
    asked: str = ""  # not written down by earlier versions


class SealedTokens:
    """A TokenStore. No transaction is open while a token is fetched: a claim in the row keeps the others waiting."""

    def __init__(self, engine: Engine, vault: Vault, *, clock: Clock) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock

    def read(self, credential: str, asked: str) -> Token | None:
        """Give the stored token of a credential, however old.

        One that cannot be opened, or was asked for with another secret, scope or address, is as good as none.
        """
        with self._engine.begin() as connection:
            sealed = connection.execute(select(tokens.c.sealed).where(tokens.c.credential == credential)).scalar()
        if sealed is None:
            return None
        try:
            plain = self._vault.open(f"token/{credential}", sealed)
        except ConfigurationError:  # damaged, or its key is gone; nobody can set a token, so a new one is fetched
            logger.warning("stored token cannot be opened", extra={"credential": credential})
            return None
        stored = msgspec.json.decode(plain, type=_Stored)
        if stored.asked != asked:
            return None
        return Token(SecretStr(stored.value), _moment(stored.refresh_at), _moment(stored.expires_at))

    def renew(self, credential: str, mint: Callable[[], Token], *, asked: str, refused: str | None) -> Token:
        """Give a token other than `refused`, calling `mint` in one process at a time."""
        claim = secrets.token_hex(8)
        while True:
            token = self.read(credential, asked)
            if token is not None and self._serves(token, refused):
                return token
            if self._claim(credential, claim):
                break
            self._clock.sleep(LOOK_SECONDS)
        try:
            token = self.read(credential, asked)  # another may have stored one between our look and our claim
            if token is not None and self._serves(token, refused):
                return token
            return self._store(credential, mint(), asked=asked, claim=claim)
        finally:
            self._release(credential, claim)

    def _serves(self, token: Token, refused: str | None) -> bool:
        return token.value.get_secret_value() != refused and self._clock.now() < token.expires_at

    def _claim(self, credential: str, claim: str) -> bool:
        ends = tokens.c.claimed_until
        try:
            with self._engine.execution_options(mlc_write=True).begin() as connection:
                now = self._clock.now().timestamp()  # after our turn has come, which may have taken a while
                values = {"claimed_by": claim, "claimed_until": now + CLAIM_SECONDS}
                where = (tokens.c.credential == credential, or_(ends <= now, ends > now + BELIEVED_SECONDS))
                if connection.execute(update(tokens).where(*where).values(values)).rowcount == 1:
                    return True
                known = connection.execute(select(tokens.c.credential).where(tokens.c.credential == credential)).first()
                if known is None:
                    connection.execute(insert(tokens).values(credential=credential, **values))
                    return True
        except IntegrityError:  # another process put the row there first; its claim stands
            return False
        return False

    def _store(self, credential: str, token: Token, *, asked: str, claim: str) -> Token:
        ends = token.expires_at.timestamp()
        stored = _Stored(token.value.get_secret_value(), token.refresh_at.timestamp(), ends, asked)
        sealed = self._vault.seal(f"token/{credential}", msgspec.json.encode(stored))
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            where = (tokens.c.credential == credential, tokens.c.claimed_by == claim)
            connection.execute(update(tokens).where(*where).values(sealed=sealed))
        return token

    def _release(self, credential: str, claim: str) -> None:
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            where = (tokens.c.credential == credential, tokens.c.claimed_by == claim)
            connection.execute(update(tokens).where(*where).values(claimed_by=None, claimed_until=0.0))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
