"""The keys of the vault: from the environment, or from a file that only its owner may read."""

import base64
import binascii
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from mlc_pipelines.durable import write_whole
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.wire.redaction import REDACTOR

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9]{1,32}")


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
        if size != KEY_BYTES or not KEY_ID.fullmatch(key_id):
            raise ConfigurationError(
                f"{where}: a key is written as id:base64 of {KEY_BYTES} bytes; "
                f'make one with: echo "k1:$(openssl rand -base64 {KEY_BYTES})"'
            )
        secret = SecretStr(value)
        REDACTOR.register(secret)
        return cls(key_id, secret)

    @classmethod
    def new(cls) -> Self:
        """Make a random key."""
        value = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        return cls.parse(f"k{secrets.token_hex(4)}:{value}", where="vault")

    def cipher(self) -> AESGCM:
        """Open the key for use."""
        return AESGCM(base64.b64decode(self.value.get_secret_value()))

    def derived(self, purpose: str) -> bytes:
        """Make 32 secret bytes for another purpose: the same each time, and nothing that leads back to the key."""
        derivation = HKDF(SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
        return derivation.derive(base64.b64decode(self.value.get_secret_value()))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys, newest first: the first seals, any opens. `file` is where they were read from, if from a file."""

    keys: tuple[Key, ...]
    file: Path | None = None

    def __post_init__(self) -> None:
        ids = [key.id for key in self.keys]
        if not ids or len(set(ids)) != len(ids):
            raise ConfigurationError(
                f"vault: a key ring has at least one key and each key id once; it has: {', '.join(ids) or 'none'}"
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], folder: Path, *, create: bool = False) -> Self:
        """Read MLC_VAULT_KEY (`id:base64,id:base64`, newest first), or the file MLC_VAULT_KEY_FILE, or `vault.key`.

        A key file must be readable by its owner alone. With `create` a missing one is made, with a random key.
        """
        if text := environ.get("MLC_VAULT_KEY"):
            return cls(tuple(Key.parse(part, where="MLC_VAULT_KEY") for part in text.split(",")))
        file = Path(environ.get("MLC_VAULT_KEY_FILE") or folder / "vault.key")
        if create and not file.exists():
            write_keys(file, [Key.new()], new=True)
        return cls.from_file(file)

    @classmethod
    def from_file(cls, file: Path) -> Self:
        """Read a key file: one key a line, newest first."""
        try:
            with file.open(encoding="ascii") as stream:
                mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
                text = stream.read()
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"vault: there is no key file {file}; restore it from your backup, or set MLC_VAULT_KEY or "
                "MLC_VAULT_KEY_FILE"
            ) from error
        except OSError as error:
            raise ConfigurationError(f"vault: key file {file} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError:  # its error would carry the bytes it read
            raise ConfigurationError(f"vault: key file {file} is not text; restore it from your backup") from None
        if mode & 0o077:
            raise ConfigurationError(
                f"vault: key file {file} may be read by others (mode {mode:04o}); run `chmod 600 {file}`"
            )
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            raise ConfigurationError(f"vault: key file {file} is empty; restore it from your backup")
        return cls(tuple(Key.parse(line, where=str(file)) for line in lines), file)

    def reread(self) -> "KeyRing":
        """Give the ring as its file stands now: another process may have put a key on it."""
        return self if self.file is None else KeyRing.from_file(self.file)

    def has(self, key_id: str) -> bool:
        """Tell whether a key is on the ring."""
        return any(key.id == key_id for key in self.keys)

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
    with _alone(keys.file.parent):  # two who add a key at once would lose one of them, and all that it sealed
        write_keys(keys.file, [Key.new(), *keys.reread().keys])
        return keys.reread()


def write_keys(file: Path, keys: list[Key], *, new: bool = False) -> None:
    """Write a key file for its owner alone, whole or not at all; with `new`, keep one made meanwhile."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "".join(f"{key.id}:{key.value.get_secret_value()}\n" for key in keys)
    write_whole(file, text.encode("ascii"), new=new)  # on the disk: what a key seals must not outlive the key


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
