"""The vault: secrets sealed with AES-256-GCM, each bound to its row and to the key that sealed it."""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from sqlalchemy import Engine, delete, insert, select, update

from mlc_pipelines.connections.tables import tokens, vault_secrets
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.redaction import REDACTOR

KEY_BYTES = 32
NONCE_BYTES = 12
FORM = "v1"
PREFIX = "MLC_SECRET__"


@dataclass(frozen=True, slots=True)
class Key:
    """A sealing key and the id that is written beside what it sealed."""

    id: str
    value: SecretStr  # base64 of 32 bytes

    @classmethod
    def parse(cls, text: str, *, where: str) -> Self:
        """Read `id:base64`."""
        key_id, separator, value = text.strip().partition(":")
        try:
            size = len(base64.b64decode(value, validate=True)) if separator else 0
        except binascii.Error:
            size = 0
        if size != KEY_BYTES or not key_id.isalnum():
            raise ConfigurationError(
                f"{where}: a key is written as id:base64 of {KEY_BYTES} bytes; make one with `mlc secrets rotate`"
            )
        secret = SecretStr(value)
        REDACTOR.register(secret)
        return cls(key_id, secret)

    @classmethod
    def new(cls) -> Self:
        """Make a random key."""
        return cls("k" + secrets.token_hex(4), SecretStr(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()))

    def cipher(self) -> AESGCM:
        """Open the key for use."""
        return AESGCM(base64.b64decode(self.value.get_secret_value()))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys, newest first: the first seals, any opens. `file` is where they were read from, if from a file."""

    keys: tuple[Key, ...]
    file: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], folder: Path, *, create: bool = False) -> Self:
        """Read MLC_VAULT_KEY (`id:base64,id:base64`, newest first), or the file MLC_VAULT_KEY_FILE, or `vault.key`.

        A key file must be readable by its owner alone. With `create` a missing one is made, with a random key.
        """
        if text := environ.get("MLC_VAULT_KEY"):
            return cls(tuple(Key.parse(part, where="MLC_VAULT_KEY") for part in text.split(",")))
        file = Path(environ.get("MLC_VAULT_KEY_FILE", folder / "vault.key"))
        if not file.exists():
            if not create:
                raise ConfigurationError(f"vault: there is no key file {file}; set MLC_VAULT_KEY or MLC_VAULT_KEY_FILE")
            write_keys(file, [Key.new()], new=True)
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise ConfigurationError(
                f"vault: key file {file} may be read by others (mode {mode:04o}); run `chmod 600 {file}`"
            )
        lines = [line for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
        if not lines:
            raise ConfigurationError(f"vault: key file {file} is empty; restore it from your backup")
        return cls(tuple(Key.parse(line, where=str(file)) for line in lines), file)

    def named(self, key_id: str) -> Key:
        """Give the key of an id, or say that it is missing."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise ConfigurationError(
            f"vault: a value was sealed with key {key_id}, which is not on the key ring; put that key back"
        )


def add_key(keys: KeyRing) -> KeyRing:
    """Put a new random key at the head of a key file; the old ones stay, to open what they sealed."""
    if keys.file is None:
        raise ConfigurationError("vault: the keys are not in a file; put a new key first in MLC_VAULT_KEY yourself")
    grown = [Key.new(), *keys.keys]
    write_keys(keys.file, grown)
    return KeyRing(tuple(grown), keys.file)


def write_keys(file: Path, keys: list[Key], *, new: bool = False) -> None:
    """Write a key file for its owner alone, whole or not at all; with `new`, keep one made meanwhile."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    text = "".join(f"{key.id}:{key.value.get_secret_value()}\n" for key in keys)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if not new:
            draft.replace(file)
        elif not file.exists():
            try:
                os.link(draft, file)
            except FileExistsError:
                return
    finally:
        draft.unlink(missing_ok=True)


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
        """Give a secret: from MLC_SECRET__<NAME with __ for />, else from the vault."""
        value = self._environ.get(environment_name(name))
        if value is None:
            with self._engine.begin() as connection:
                sealed = connection.execute(select(vault_secrets.c.sealed).where(vault_secrets.c.name == name)).scalar()
            if sealed is None:
                raise ConfigurationError(f"vault: there is no secret {name}; set it with `mlc secrets set {name}`")
            value = self.open(f"secret/{name}", sealed).decode()
        secret = SecretStr(value)
        REDACTOR.register(secret)
        return secret

    def set(self, name: str, value: SecretStr) -> None:
        """Store or replace a secret."""
        REDACTOR.register(value)
        sealed = self.seal(f"secret/{name}", value.get_secret_value().encode())
        row = {"key_id": self._keys.keys[0].id, "sealed": sealed, "changed_at": self._clock.now().timestamp()}
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            if connection.execute(update(vault_secrets).where(vault_secrets.c.name == name).values(row)).rowcount == 0:
                connection.execute(insert(vault_secrets).values(name=name, **row))

    def names(self) -> list[str]:
        """Name the stored secrets."""
        with self._engine.begin() as connection:
            return list(connection.execute(select(vault_secrets.c.name).order_by(vault_secrets.c.name)).scalars())

    def remove(self, name: str) -> bool:
        """Forget a secret; False when there was none."""
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            return connection.execute(delete(vault_secrets).where(vault_secrets.c.name == name)).rowcount == 1

    def rotate(self) -> int:
        """Seal everything with the newest key, row by row, while others go on reading; return how many rows changed."""
        changed = 0
        for table, key, context in (
            (vault_secrets, vault_secrets.c.name, "secret"),
            (tokens, tokens.c.credential, "token"),
        ):
            with self._engine.begin() as connection:
                names = list(connection.execute(select(key).where(table.c.sealed.is_not(None))).scalars())
            for name in names:
                with self._engine.execution_options(mlc_write=True).begin() as connection:
                    sealed = connection.execute(select(table.c.sealed).where(key == name)).scalar()
                    if sealed is None or sealed.split(":")[1] == self._keys.keys[0].id:
                        continue
                    fresh = self.seal(f"{context}/{name}", self.open(f"{context}/{name}", sealed))
                    values = {"sealed": fresh} | ({"key_id": self._keys.keys[0].id} if table is vault_secrets else {})
                    connection.execute(update(table).where(key == name).values(values))
                    changed += 1
        return changed

    def seal(self, context: str, plain: bytes) -> str:
        """Seal bytes for one place: `v1:key id:base64 of nonce and ciphertext`."""
        key = self._keys.keys[0]
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = key.cipher().encrypt(nonce, plain, _bound_to(context, key.id))
        return f"{FORM}:{key.id}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, context: str, sealed: str) -> bytes:
        """Open what was sealed for that very place, or raise ConfigurationError: changed, moved, or its key is gone."""
        try:
            form, key_id, text = sealed.split(":")
            content = base64.b64decode(text if form == FORM else "?", validate=True)
            return (
                self._keys.named(key_id)
                .cipher()
                .decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _bound_to(context, key_id))
            )
        except (ValueError, InvalidTag) as error:
            raise ConfigurationError(
                f"vault: {context} cannot be opened: it was changed, or belongs elsewhere; set it again"
            ) from error


def environment_name(name: str) -> str:
    """Name the environment variable of a secret: acme/ifs/client_secret is MLC_SECRET__ACME__IFS__CLIENT_SECRET."""
    return PREFIX + name.replace("/", "__").upper()


def _bound_to(context: str, key_id: str) -> bytes:
    return f"{context}|{key_id}".encode()
