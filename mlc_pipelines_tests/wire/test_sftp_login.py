"""Logging in over SSH: the server first, then we; what must not be tried again is not."""

import base64
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from paramiko import common
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines.wire.sftp import open_sftp, server_keys
from mlc_pipelines.wire.sftp_keys import open_private_key, trusted_keys
from mlc_pipelines_tests.wire.conftest import SteppedClock
from mlc_pipelines_tests.wire.sftp_opening import drop_folder, opened

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBaTLm0bq8j3ZPhM3XzJ0m9Vt3wzG7m0uGJt5H7M0J8k"
OPENSSH = PrivateFormat.OpenSSH


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[StampliSandbox]:
    with drop_folder() as sandbox:
        yield sandbox


@pytest.fixture
def stampli(shared_folder: StampliSandbox) -> StampliSandbox:
    shared_folder.reset()
    return shared_folder


def private(key: Any, *, passphrase: str | None = None, form: PrivateFormat = OPENSSH) -> SecretStr:
    """Write a private key as text."""
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return SecretStr(key.private_bytes(Encoding.PEM, form, lock).decode())


# Who the server is


def test_an_untrusted_server_learns_nothing(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Both fingerprints are told, no proof is sent, nothing is tried again."""
    right, trusted = stampli.host_key, stampli.fingerprint
    shown = stampli.swap_host_key()
    with pytest.raises(ConfigurationError) as refused:
        opened(stampli, clock, host_keys=[right])
    assert shown in str(refused.value)
    assert trusted in str(refused.value)
    assert "nothing was sent" in str(refused.value)
    assert clock.slept == []
    assert [entry.status for entry in stampli.journal.of("LOGIN")] == [None]


def test_a_key_that_changes_between_two_logins_stops_the_work(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """A line that is made anew is checked like the first."""
    with opened(stampli, clock) as sftp:
        stampli.swap_host_key()
        stampli.restart_server()
        with pytest.raises(ConfigurationError, match="host_keys"):
            sftp.listing("/outbound/invoices")


def test_keys_may_be_rotated(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Several keys are trusted at once, as plain keys, with a comment, or as lines of a known_hosts file."""
    host, key = f"[{stampli.host}]:{stampli.port}", stampli.host_key
    hashed = paramiko.HostKeys.hash_host(host)
    for lines in (
        [OTHER, key],
        ["# our drop folder", "", f"{key} stampli sandbox"],
        [f"{host} {key}"],
        [f"sftp.example,{host} {key}"],
        [f"{hashed} {key}"],
        [f"other.example {OTHER}", key],
    ):
        opened(stampli, clock, host_keys=lines).close()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "host_keys names no key for sftp.example:22"),
        (["# none"], "host_keys names no key"),
        ([f"other.example {OTHER}"], "host_keys names no key"),
        ([f"[sftp.example]:2222 {OTHER}"], "host_keys names no key"),
        (["|1|AAAA|BBBB ssh-ed25519"], "is not a key"),
        (["ssh-ed25519"], "is not a key"),
        ([OTHER[:-7]], "cut or altered"),
        ([OTHER.replace("ssh-ed25519", "ssh-rsa")], "cut or altered"),
        ([f"@cert-authority * {OTHER}"], "@cert-authority is not supported"),
    ],
)
def test_host_keys_that_trust_nobody_are_refused(lines: list[str], said: str) -> None:
    """Without a key for this host nothing is connected; the message names the setting."""
    with pytest.raises(ConfigurationError, match=said.replace("|", r"\|")):
        open_sftp("acme stampli", "sftp.example", username="x", host_keys=lines, password=SecretStr("of-the-drop-4711"))


def test_a_host_counts_with_its_port() -> None:
    """At the usual port a name stands alone or with the port; else with the port only."""
    for line, port in ((f"h {OTHER}", 22), (f"[h]:22 {OTHER}", 22), (f"[h]:2200 {OTHER}", 2200), (OTHER, 2200)):
        (key,) = trusted_keys("x", [line], host="h", port=port)
        assert key.line == OTHER
    with pytest.raises(ConfigurationError):
        trusted_keys("x", [f"h {OTHER}"], host="h", port=2200)


def test_the_first_contact_shows_keys_and_logs_nobody_in(stampli: StampliSandbox) -> None:
    """Key and fingerprint are as the server has them, in the form that host_keys takes."""
    (key,) = server_keys(stampli.host, stampli.port)
    assert (key.fingerprint, key.line) == (stampli.fingerprint, " ".join(stampli.host_key.split()[:2]))
    assert key in trusted_keys("x", [key.line], host=stampli.host, port=stampli.port)
    assert not [entry for entry in stampli.journal.entries if entry.status is not None]


# Who we are


def test_password_or_key_opens_the_door(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Either is enough where the server takes either."""
    opened(stampli, clock).close()
    opened(stampli, clock, private_key=None, password=SecretStr(stampli.password)).close()
    assert [entry.status for entry in stampli.journal.of("LOGIN")] == [0, 0]


def test_a_refused_login_is_never_tried_again(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """A wrong password, a strange key, an unknown user: one try each, no secret in the message."""
    wrong: list[dict[str, Any]] = [
        {"private_key": None, "password": SecretStr("wrong-password-17")},
        {"private_key": private(ed25519.Ed25519PrivateKey.generate())},
        {"username": "nobody"},
    ]
    for number, change in enumerate(wrong, start=1):
        with pytest.raises(ConfigurationError, match="refuses the login: key or password is wrong") as refused:
            opened(stampli, clock, **change)
        assert "wrong-password-17" not in str(refused.value)
        assert len(stampli.journal.of("LOGIN")) == number
    assert clock.slept == []


def test_a_proof_that_is_not_taken_is_named(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """A server for keys only says what it takes."""
    stampli.switches.password_login = False
    with pytest.raises(ConfigurationError, match="it takes publickey"):
        opened(stampli, clock, private_key=None, password=SecretStr(stampli.password))


def test_no_credential_is_told_before_connecting(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Neither an agent nor the home directory is asked."""
    with pytest.raises(ConfigurationError, match="no credential for falkenried; set private_key or password"):
        opened(stampli, clock, private_key=None)
    assert stampli.journal.entries == []


@pytest.mark.parametrize("form", [OPENSSH, PrivateFormat.TraditionalOpenSSL])
def test_private_keys_of_three_kinds_are_read(form: PrivateFormat) -> None:
    """RSA of 3072 bits and ECDSA in both forms, Ed25519 in its only one; locked ones with their passphrase."""
    kinds = [rsa.generate_private_key(65537, 3072), ec.generate_private_key(ec.SECP256R1())]
    for key in [*kinds, *([ed25519.Ed25519PrivateKey.generate()] if form is OPENSSH else [])]:
        plain = open_private_key("x", private(key, form=form), passphrase=None)
        locked = open_private_key("x", private(key, passphrase="pass-17", form=form), passphrase=SecretStr("pass-17"))
        assert plain.asbytes() == locked.asbytes()


def test_an_unusable_private_key_is_told_without_its_text() -> None:
    """A missing or wrong passphrase, a short RSA key and nonsense each have their sentence."""
    key = ed25519.Ed25519PrivateKey.generate()
    locked, short = private(key, passphrase="pass-17"), private(rsa.generate_private_key(65537, 2048))
    for text, passphrase, said in (
        (locked, None, "is locked; set its passphrase"),
        (locked, SecretStr("pass-18"), "the passphrase is wrong"),
        (short, None, "RSA of 2048 bits"),
        (SecretStr("nonsense"), None, "cannot be read"),
        (SecretStr(private(key).get_secret_value()[:200]), None, "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=said) as refused:
            open_private_key("acme stampli", text, passphrase=passphrase)
        assert text.get_secret_value()[40:80] not in str(refused.value) or text.get_secret_value() == "nonsense"
        assert "pass-1" not in str(refused.value)


def test_secrets_are_known_to_the_redactor(
    stampli: StampliSandbox, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What was handed in to log in is masked from then on, and nothing of it is logged."""
    password = SecretStr("a-password-only-used-here")
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError):
        opened(stampli, clock, private_key=None, password=password)
    assert "a-password" not in REDACTOR.redact(f"it was {password.get_secret_value()}")
    ours = [record for record in caplog.records if record.name.startswith(("mlc_pipelines.wire", "paramiko"))]
    assert not [record for record in ours if "a-password" in record.getMessage()]


class TwoSteps(paramiko.ServerInterface):
    """A server that wants a key and a password."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return common.AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_password(self, username: str, password: str) -> int:
        return common.AUTH_SUCCESSFUL if password == "second" else common.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return common.OPEN_SUCCEEDED


def test_a_server_may_want_both_proofs(clock: SteppedClock) -> None:
    """Key, then password; with the key alone the message says what is missing."""
    host_key = paramiko.ECDSAKey.generate()
    mine = private(ed25519.Ed25519PrivateKey.generate())
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            line, _ = listener.accept()
            transport = paramiko.Transport(line)
            transport.logger = logging.Logger("server")
            transport.add_server_key(host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer)
            transport.start_server(server=TwoSteps())
            transport.join()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    usual: dict[str, Any] = {
        "port": listener.getsockname()[1],
        "username": "x",
        "host_keys": [f"{host_key.get_name()} {host_key.get_base64()}"],
        "private_key": mine,
        "clock": clock,
    }
    open_sftp("two", "127.0.0.1", password=SecretStr("second"), **usual).close()
    with pytest.raises(ConfigurationError, match="it asks for publickey, password as well"):
        open_sftp("two", "127.0.0.1", **usual)
    server.join(5)
    listener.close()


# The line


def test_a_full_server_is_tried_three_times(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Connections that end before login may be tried again; the third refusal is told."""
    stampli.refuse_connections(2)
    opened(stampli, clock).close()
    assert len(clock.slept) == 2
    stampli.refuse_connections(3)
    with pytest.raises(TransientError, match=r"no (handshake with|connection to) 127") as broken:
        opened(stampli, clock)
    assert broken.value.refused
    assert len(clock.slept) == 4


def test_too_many_connections_is_not_a_refused_login(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """A server that hangs up during login for want of room is tried again, and its words are repeated."""
    stampli.refuse_logins(1)
    opened(stampli, clock).close()
    assert len(clock.slept) == 1
    stampli.refuse_logins(3)
    with pytest.raises(TransientError, match=r"login broken off by .*Too many connections"):
        opened(stampli, clock)


def test_nobody_listens(clock: SteppedClock) -> None:
    """A closed port is tried three times and told with the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    arguments: dict[str, Any] = {"username": "x", "host_keys": [OTHER], "password": SecretStr("of-the-drop-4711")}
    with pytest.raises(TransientError, match=f"no connection to 127.0.0.1:{port} .connection refused"):
        open_sftp("acme stampli", "127.0.0.1", port=port, clock=clock, **arguments)
    assert len(clock.slept) == 2
    with pytest.raises(TransientError, match="connection refused"):
        server_keys("127.0.0.1", port)
    with pytest.raises(TransientError, match="the name is not known"):
        open_sftp("acme stampli", "nobody.invalid", clock=clock, **arguments)


def test_a_silent_server_is_not_waited_for(clock: SteppedClock) -> None:
    """Somebody accepts and says nothing: the login time ends it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(TransientError, match="no handshake with"),
    ):
        open_sftp(
            "acme stampli",
            "127.0.0.1",
            port=listener.getsockname()[1],
            username="x",
            host_keys=[OTHER],
            password=SecretStr("of-the-drop-4711"),
            login_seconds=0.2,
            clock=clock,
        )


def test_a_server_of_another_kind_is_told(clock: SteppedClock) -> None:
    """Whoever speaks no SSH is no SFTP server; no thread is left behind."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        for _ in range(3):
            line, _ = listener.accept()
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            line.close()

    server = threading.Thread(target=answer, daemon=True)
    server.start()
    arguments: dict[str, Any] = {"username": "x", "host_keys": [OTHER], "password": SecretStr("of-the-drop-4711")}
    with pytest.raises(TransientError, match="no handshake with"):
        open_sftp("acme stampli", "127.0.0.1", port=listener.getsockname()[1], clock=clock, **arguments)
    server.join(5)
    listener.close()


def test_a_key_is_told_by_its_fingerprint() -> None:
    """Fingerprints are those of OpenSSH; an RSA key is asked for with SHA-2 only."""
    text = paramiko.RSAKey.generate(3072)
    (key,) = trusted_keys("x", [f"ssh-rsa {text.get_base64()}"], host="h", port=22)
    assert key.fingerprint == text.fingerprint
    assert key.algorithms == ("rsa-sha2-512", "rsa-sha2-256")
    assert key.blob == base64.b64decode(text.get_base64())
