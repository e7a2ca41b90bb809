"""Keys of the SFTP line: which host keys are trusted, what a key is called, and our own private key."""

import base64
import binascii
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import paramiko
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError

STANDARD_PORT = 22
_LEAST_RSA_BITS = 3072
_KINDS = (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey)
_BAD_LINE = "each line is a public key such as ssh-ed25519 AAAA…, with or without a host before it"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key that a server shows."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The key's name as OpenSSH shows it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as `host_keys` takes it."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What the server must sign with for this key to be shown; SHA-1 is never accepted."""
        return ("rsa-sha2-512", "rsa-sha2-256") if self.kind == "ssh-rsa" else (self.kind,)


def trusted_keys(where: str, lines: Iterable[str], *, host: str, port: int) -> Sequence[HostKey]:
    """Read `host_keys`: plain public keys, or lines of a known_hosts file, of which those of other hosts are left out.

    No key at all is refused: without one nobody knows whose server answers.
    """
    keys = [key for line in lines for key in _read(where, line, host=host, port=port)]
    if not keys:
        raise ConfigurationError(
            f"{where}: host_keys names no key for {host}:{port}; ask the server's operator for its public key or "
            "fingerprint by another channel, and set it"
        )
    return keys


def _read(where: str, line: str, *, host: str, port: int) -> list[HostKey]:
    words = line.split()
    if not words or words[0].startswith("#"):
        return []
    if words[0].startswith("@"):
        raise ConfigurationError(f"{where}: host_keys: {words[0]} is not supported; {_BAD_LINE}")
    at = next((at for at, word in enumerate(words[1:3], start=1) if word.startswith("AAAA")), None)
    if at is None:
        raise ConfigurationError(f"{where}: host_keys: {_short(line)!r} is not a key; {_BAD_LINE}")
    kind, text = words[at - 1], words[at]
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        blob = b""
    if blob[4 : 4 + len(kind)] != kind.encode():
        raise ConfigurationError(f"{where}: host_keys: {_short(line)!r} is cut or altered; {_BAD_LINE}")
    if at > 1 and not _is_for(words[0], host=host, port=port):
        return []
    return [HostKey(kind, blob)]


def _is_for(names: str, *, host: str, port: int) -> bool:
    wanted = {host, f"[{host}]:{port}"} if port == STANDARD_PORT else {f"[{host}]:{port}"}
    for name in names.split(","):
        if name in wanted:
            return True
        if name.startswith("|1|") and any(paramiko.HostKeys.hash_host(known, name) == name for known in wanted):
            return True
    return False


def _short(line: str) -> str:
    return line.strip()[:40]


def open_private_key(where: str, text: SecretStr, *, passphrase: SecretStr | None) -> paramiko.PKey:
    """Read our private key, Ed25519, ECDSA or RSA of 3072 bits at least."""
    opened = passphrase.get_secret_value() if passphrase is not None else None
    for kind in _KINDS:
        try:
            key = kind.from_private_key(io.StringIO(text.get_secret_value().strip() + "\n"), opened)
        except paramiko.PasswordRequiredException:
            raise ConfigurationError(f"{where}: private_key is locked; set its passphrase") from None
        except (paramiko.SSHException, ValueError, IndexError):
            continue  # of another kind, or unreadable; what the library says of it may show parts of the key
        if isinstance(key, paramiko.RSAKey) and key.get_bits() < _LEAST_RSA_BITS:
            raise ConfigurationError(
                f"{where}: private_key is RSA of {key.get_bits()} bits; make an Ed25519 key or RSA of 3072 bits"
            )
        return key
    raise ConfigurationError(
        f"{where}: private_key cannot be read: it is no Ed25519, ECDSA or RSA key, or the passphrase is wrong"
    )
