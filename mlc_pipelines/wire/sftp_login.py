"""Connecting over SSH: first the server proves who it is, then we do. Opens secrets only to log in."""

import contextlib
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import paramiko
from paramiko.ssh_exception import IncompatiblePeer
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, MlcError, TransientError
from mlc_pipelines.wire.faults import reason
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines.wire.sftp_keys import HostKey, open_private_key

_REMEMBERED = 20
_LONGEST_TEXT = 200
_SHOWN_KINDS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)

Proof: TypeAlias = paramiko.PKey | SecretStr


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait, in seconds; `keepalive` is how often an idle line says that it is there."""

    connect: float = 20.0
    login: float = 30.0
    operation: float = 60.0
    keepalive: float = 15.0


class _Heard(logging.Handler):
    """What the library says of one connection: for our messages, not for the log."""

    def __init__(self) -> None:
        super().__init__(level=logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said = [*self.said, record.getMessage()][-_REMEMBERED:]

    @property
    def login_failed(self) -> bool:
        """Whether the server said no; it may hang up in the same moment, which looks like a broken line."""
        return any(text.startswith("Authentication (") and "failed" in text for text in self.said)

    @property
    def farewell(self) -> str:
        """What the server said when it hung up, to be put behind a message."""
        for text in self.said:
            if text.startswith("Disconnect (code"):
                return f"; it said: {REDACTOR.redact(' '.join(text.split()))[:_LONGEST_TEXT]!r}"
        return ""


class Line:
    """One SSH connection before login."""

    def __init__(self, where: str, host: str, *, port: int, patience: Patience) -> None:
        self.address = f"{host}:{port}"
        self._where = where
        self._patience = patience
        self._heard = _Heard()
        try:
            self._socket = socket.create_connection((host, port), timeout=patience.connect)
        except OSError as exc:
            raise self._broken("no connection to", exc) from exc
        with contextlib.suppress(OSError):  # of a line that is gone already; the handshake tells it
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = paramiko.Transport(self._socket)
        # Not in the logging tree: it writes a traceback for every broken line, and we tell each of them once.
        self.transport.logger = logging.Logger("sftp line", level=logging.INFO)
        self.transport.logger.addHandler(self._heard)
        self.transport.packetizer.set_log(self.transport.logger)
        self.transport.banner_timeout = self.transport.handshake_timeout = patience.login
        self.transport.auth_timeout = patience.login

    def close(self) -> None:
        """Hang up."""
        self.transport.close()
        self._socket.close()

    def shown_key(self, algorithms: Sequence[str]) -> HostKey:
        """Shake hands and give the key that the server proved to hold; kinds are asked for in this order."""
        self.transport.get_security_options().key_types = tuple(algorithms)
        try:
            self.transport.start_client(timeout=self._patience.login)
            if not self.transport.initial_kex_done:
                raise TimeoutError
            key = self.transport.get_remote_server_key()
        except IncompatiblePeer as exc:
            raise ConfigurationError(
                f"{self._where}: {self.address} shares no method with us ({exc}); SHA-1 and DSA are not spoken: "
                "its operator must offer newer ones"
            ) from exc
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise self._broken("no handshake with", exc) from exc
        return HostKey(key.get_name(), key.asbytes())

    def check_server(self, trusted: Sequence[HostKey]) -> None:
        """Shake hands, and hang up on a server whose key we do not trust."""
        wanted = [name for key in trusted for name in key.algorithms]
        known = self.transport.get_security_options().key_types
        others = [name for name in known if name not in wanted]
        shown = self.shown_key([*dict.fromkeys(name for name in wanted if name in known), *others])
        if shown not in trusted:
            raise ConfigurationError(
                f"{self._where}: {self.address} shows the host key {shown.fingerprint} ({shown.kind}), but host_keys "
                f"trusts {', '.join(f'{key.fingerprint} ({key.kind})' for key in trusted)}; nothing was sent. It may "
                "be another server: ask its operator by another channel before host_keys is changed"
            )

    def log_in(self, username: str, proofs: Sequence[Proof]) -> None:
        """Prove who we are; a server that wants several proofs gets key, then password."""
        wanted: list[str] = []
        try:
            for proof in proofs:
                if isinstance(proof, paramiko.PKey):
                    wanted = self.transport.auth_publickey(username, proof)
                else:
                    wanted = self.transport.auth_password(username, proof.get_secret_value())
                if not wanted:
                    break
        except paramiko.BadAuthenticationType as exc:
            raise self._refused(f"it takes {', '.join(exc.allowed_types) or 'nothing of ours'}") from exc
        except (paramiko.SSHException, EOFError, OSError) as exc:
            if self._heard.login_failed or _is_refusal(exc):
                raise self._refused("key or password is wrong, or the user is not known") from exc
            raise self._broken("login broken off by", exc) from exc
        if wanted:
            raise self._refused(f"it asks for {', '.join(wanted)} as well")
        if self._patience.keepalive:
            self.transport.set_keepalive(max(1, round(self._patience.keepalive)))

    def _refused(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._where}: {self.address} refuses the login: {why}{self._heard.farewell}; not tried again, so that "
            "nobody is locked out: check user and credential"
        )

    def _broken(self, what: str, exc: BaseException) -> MlcError:
        return TransientError(
            f"{self._where}: {what} {self.address} ({why(exc)}){self._heard.farewell}; try later, "
            "or check host and port",
            refused=True,
        )


def why(exc: BaseException) -> str:
    """Name what broke the line; the library's own texts name no secrets, but may repeat what the server said."""
    if isinstance(exc, paramiko.SSHException) and not isinstance(exc.__context__, ConnectionError | TimeoutError):
        return REDACTOR.redact(" ".join(str(exc).split()))[:_LONGEST_TEXT] or "broken"
    if isinstance(exc, EOFError):
        return "it hung up"
    return reason(exc)


def _is_refusal(exc: BaseException) -> bool:
    """Tell a no from a broken line, which the library calls a failed login too."""
    lost = "EOF" in str(exc) or "timeout" in str(exc)
    return isinstance(exc, paramiko.AuthenticationException) and not lost


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are: a user with a private key, a password, or both where the server wants both."""

    username: str
    password: SecretStr | None = field(default=None, repr=False)
    private_key: SecretStr | None = field(default=None, repr=False)
    passphrase: SecretStr | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for secret in (self.password, self.private_key, self.passphrase):
            if secret is not None:
                REDACTOR.register(secret)

    def proofs(self, where: str) -> list[Proof]:
        """Give what proves it, the key first. Neither the home directory nor an agent is looked at."""
        found: list[Proof] = []
        if self.private_key is not None:
            found.append(open_private_key(where, self.private_key, passphrase=self.passphrase))
        if self.password is not None:
            found.append(self.password)
        if not found:
            raise ConfigurationError(f"{where}: no credential for {self.username}; set private_key or password")
        return found


def connect(
    where: str, host: str, *, port: int, trusted: Sequence[HostKey], login: Login, patience: Patience
) -> paramiko.Transport:
    """Connect, check the server, log in; one try."""
    proofs = login.proofs(where)  # an unreadable key is told before anything is sent
    line = Line(where, host, port=port, patience=patience)
    with contextlib.ExitStack() as stack:
        stack.callback(line.close)
        line.check_server(trusted)
        line.log_in(login.username, proofs)
        stack.pop_all()
    return line.transport


def server_keys(host: str, port: int = 22, *, where: str = "sftp", patience: Patience | None = None) -> list[HostKey]:
    """Ask a server for its public keys, one of each kind it has, for comparison by another channel.

    Nothing is logged in, trusted or stored.
    """
    found = []
    refusal: ConfigurationError | None = None
    for kinds in _SHOWN_KINDS:
        line = Line(where, host, port=port, patience=patience or Patience())
        try:
            found.append(line.shown_key(kinds))
        except ConfigurationError as exc:
            refusal = exc  # it has no key of this kind
        finally:
            line.close()
    if not found and refusal is not None:
        raise refusal
    return found
