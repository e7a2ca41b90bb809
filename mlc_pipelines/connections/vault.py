"""The vault: secrets sealed with AES-256-GCM, each bound to its row and to the key that sealed it."""

import base64
import re
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from pydantic import SecretStr
from sqlalchemy import Column, Engine, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections.keys import Key, KeyRing, add_key
from mlc_pipelines.connections.tables import tokens, vault_secrets
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.redaction import REDACTOR

__all__ = ["KeyRing", "Vault", "add_key", "environment_name", "is_filled"]

NONCE_BYTES = 12
FORM = "v1"
PREFIX = "MLC_SECRET__"
NAME = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*(/[a-z0-9]+([_-][a-z0-9]+)*)*")


def is_filled(engine: Engine) -> bool:
    """Tell whether the vault holds anything: then there is a key somewhere, and a new one would open nothing."""
    with engine.begin() as connection:
        return connection.execute(select(vault_secrets.c.name).limit(1)).first() is not None


class Vault:
    """Secrets by name; the environment overrides what is stored."""

    def __init__(
        self, engine: Engine, keys: KeyRing, *, clock: Clock, environ: Mapping[str, str] | None = None
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._clock = clock
        self._environ = environ or {}

    def get(self, name: str) -> SecretStr:
        """Give a secret: from MLC_SECRET__<NAME with __ for />, else (also when that is empty) from the vault."""
        value = self._environ.get(environment_name(name))
        if not value:
            with self._engine.begin() as connection:
                sealed = connection.execute(select(vault_secrets.c.sealed).where(vault_secrets.c.name == name)).scalar()
            if sealed is None:
                raise ConfigurationError(f"vault: there is no secret {name}; set it with `mlc secrets set {name}`")
            value = self.open(f"secret/{name}", sealed).decode()
        secret = SecretStr(value)
        REDACTOR.register(secret, name)
        return secret

    def set(self, name: str, value: SecretStr) -> None:
        """Store or replace a secret."""
        if not NAME.fullmatch(name):
            raise ConfigurationError(
                f"vault: {name!r} cannot name a secret; write words of a-z and 0-9, such as acme/ifs/client_secret"
            )
        if not value.get_secret_value():
            raise ConfigurationError(f"vault: secret {name} is empty; nothing is stored")
        REDACTOR.register(value, name)
        sealed = self.seal(f"secret/{name}", value.get_secret_value().encode())
        row = {"key_id": _key_id(sealed), "sealed": sealed, "changed_at": self._clock.now().timestamp()}
        try:
            self._put(name, row)
        except IntegrityError:  # another process put the row there first: now there is one to replace
            self._put(name, row)

    def names(self) -> list[str]:
        """Name the stored secrets."""
        with self._engine.begin() as connection:
            return list(connection.execute(select(vault_secrets.c.name).order_by(vault_secrets.c.name)).scalars())

    def remove(self, name: str) -> bool:
        """Forget a secret; False when there was none."""
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            return connection.execute(delete(vault_secrets).where(vault_secrets.c.name == name)).rowcount == 1

    def rotate(self) -> int:
        """Seal everything with the newest key, row by row, while others go on reading; return how many rows changed.

        A secret that cannot be opened stays as it is, and is named in a ConfigurationError once the others are done.
        """
        self._keys = self._keys.reread()
        changed, problems = 0, []
        for table, column in ((vault_secrets, vault_secrets.c.name), (tokens, tokens.c.credential)):
            with self._engine.begin() as connection:
                names = list(connection.execute(select(column).where(table.c.sealed.is_not(None))).scalars())
            for name in names:
                try:
                    changed += self._reseal(table, column, name)
                except ConfigurationError as error:
                    problems.append(str(error))
        if problems:
            raise ConfigurationError("\n".join([*problems, f"vault: the other values are sealed anew ({changed})"]))
        return changed

    def seal(self, context: str, plain: bytes) -> str:
        """Seal bytes for one place: `v1:key id:base64 of nonce and ciphertext`."""
        self._keys = self._keys.reread()
        return _sealed(self._keys.keys[0], context, plain)

    def open(self, context: str, sealed: str) -> bytes:
        """Open what was sealed for that very place, or raise ConfigurationError: changed, moved, or its key is gone."""
        try:
            form, key_id, text = sealed.split(":")
            content = base64.b64decode(text if form == FORM else "?", validate=True)
            cipher = self._key(key_id).cipher()
            return cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _bound_to(context, key_id))
        except (ValueError, InvalidTag) as error:
            raise ConfigurationError(
                f"vault: {context} cannot be opened: it was changed, or belongs elsewhere; set it again"
            ) from error

    def _key(self, key_id: str) -> Key:
        if not self._keys.has(key_id):  # a key that another process made after we read the file
            self._keys = self._keys.reread()
        return self._keys.named(key_id)

    def _put(self, name: str, row: Mapping[str, object]) -> None:
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            if connection.execute(update(vault_secrets).where(vault_secrets.c.name == name).values(row)).rowcount == 0:
                connection.execute(insert(vault_secrets).values(name=name, **row))

    def _reseal(self, table: Table, column: Column[str], name: str) -> int:
        """Seal one row with the newest key, unless somebody has written it meanwhile; a token past opening goes."""
        newest = self._keys.keys[0]
        context = f"{'secret' if table is vault_secrets else 'token'}/{name}"
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            old = connection.execute(select(table.c.sealed).where(column == name)).scalar()
            if old is None or _key_id(old) == newest.id:
                return 0
            try:
                values: dict[str, str | None] = {"sealed": _sealed(newest, context, self.open(context, old))}
            except ConfigurationError:
                if table is vault_secrets:
                    raise
                values = {"sealed": None}
            if table is vault_secrets:
                values["key_id"] = newest.id
            return connection.execute(
                update(table).where(column == name, table.c.sealed == old).values(values)
            ).rowcount


def _sealed(key: Key, context: str, plain: bytes) -> str:
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = key.cipher().encrypt(nonce, plain, _bound_to(context, key.id))
    return f"{FORM}:{key.id}:{base64.b64encode(nonce + sealed).decode()}"


def _key_id(sealed: str) -> str:
    return sealed.split(":")[1] if sealed.count(":") > 1 else ""


def environment_name(name: str) -> str:
    """Name the environment variable of a secret: acme/ifs/client_secret is MLC_SECRET__ACME__IFS__CLIENT_SECRET."""
    return PREFIX + name.replace("/", "__").upper()


def _bound_to(context: str, key_id: str) -> bytes:
    return f"{context}|{key_id}".encode()
