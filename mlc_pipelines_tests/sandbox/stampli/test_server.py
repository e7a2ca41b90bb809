"""The server: who gets in, what may be done, and what is written down of it."""

import io
import stat

import paramiko
import pytest

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import ARCHIVE, INVOICES
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.stampli.caller import connected, fetched, logged_in


def test_key_and_password_open_the_door(stampli: StampliSandbox) -> None:
    """Either proof is enough; the host key is the one that is told."""
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(stampli.client_key))
    with connected(stampli) as line:
        shown = line.get_remote_server_key()
        line.auth_publickey(stampli.username, key)
        assert line.is_authenticated()
    assert f"{shown.get_name()} {shown.get_base64()}" == " ".join(stampli.host_key.split()[:2])
    assert shown.fingerprint == stampli.fingerprint
    assert [entry.status for entry in stampli.journal.of("LOGIN")] == [0]


def test_wrong_proofs_do_not(stampli: StampliSandbox) -> None:
    """A wrong password, a strange key and an unknown user are refused, and written down."""
    with connected(stampli) as line, pytest.raises(paramiko.AuthenticationException):
        line.auth_password(stampli.username, "guess")
    with connected(stampli) as line, pytest.raises(paramiko.AuthenticationException):
        line.auth_publickey(stampli.username, paramiko.RSAKey.generate(2048))
    with connected(stampli) as line, pytest.raises(paramiko.AuthenticationException):
        line.auth_password("somebody", stampli.password)
    refused = [entry for entry in stampli.journal.of("LOGIN") if entry.effect]
    assert len(refused) == 3


def test_a_proof_may_be_switched_off(stampli: StampliSandbox) -> None:
    """A server that takes keys only says so."""
    stampli.switches.password_login = False
    with connected(stampli) as line, pytest.raises(paramiko.BadAuthenticationType) as refused:
        line.auth_password(stampli.username, stampli.password)
    assert refused.value.allowed_types == ["publickey"]


def test_files_are_listed_read_moved_and_removed(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """What a client needs works on real files, and the journal tells it in order."""
    stampli.people.upload_file("a.csv", b"content", mtime=1_790_000_000)
    (listed,) = [found for found in sftp.listdir_attr(INVOICES) if found.filename == "a.csv"]
    assert (listed.st_size, listed.st_mtime) == (7, 1_790_000_000)
    assert fetched(sftp, "a.csv") == b"content"
    sftp.rename(f"{INVOICES}/a.csv", f"{ARCHIVE}/b.csv")
    sftp.remove(f"{ARCHIVE}/b.csv")
    assert stampli.files(ARCHIVE) == {}
    assert [entry.effect for entry in stampli.journal.writes()] == [f"renamed to {ARCHIVE}/b.csv", "removed"]
    methods = [entry.method for entry in stampli.journal.entries]
    assert methods[:4] == ["LOGIN", "LIST", "OPEN", "READ"]
    assert stampli.journal.of("READ", f"{INVOICES}/a.csv")[0].query.startswith("offset=0&length=")


def test_everything_else_is_refused(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """Nobody writes, makes folders or sets times here; a rename does not overwrite; absent is absent."""
    stampli.people.upload_file("a.csv", b"1")
    stampli.people.upload_file("b.csv", b"2")
    for forbidden in (
        lambda: sftp.open(f"{INVOICES}/new.csv", "w"),
        lambda: sftp.mkdir("/outbound/x"),
        lambda: sftp.rmdir(ARCHIVE),
        lambda: sftp.utime(f"{INVOICES}/a.csv", (1, 1)),
        lambda: sftp.symlink("/etc/passwd", f"{INVOICES}/p.csv"),
    ):
        with pytest.raises(PermissionError):
            forbidden()
    with pytest.raises(OSError, match="Failure"):
        sftp.rename(f"{INVOICES}/a.csv", f"{INVOICES}/b.csv")
    with pytest.raises(FileNotFoundError):
        sftp.open(f"{INVOICES}/absent.csv")
    with pytest.raises(FileNotFoundError):
        sftp.open("/../../../../etc/passwd")
    assert stampli.drop.read(f"{INVOICES}/b.csv") == b"2"


def test_rename_and_remove_can_be_forbidden(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """With the switches a client without rights is seen."""
    stampli.switches.refuse_rename = stampli.switches.refuse_remove = True
    stampli.people.upload_file("a.csv", b"1")
    with pytest.raises(PermissionError):
        sftp.rename(f"{INVOICES}/a.csv", f"{ARCHIVE}/a.csv")
    with pytest.raises(PermissionError):
        sftp.remove(f"{INVOICES}/a.csv")
    assert [entry.status for entry in stampli.journal.writes()] == [3, 3]


def test_listings_may_lack_times_and_modes(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """Servers may leave attributes out."""
    stampli.switches.listing_without_times = stampli.switches.listing_without_modes = True
    for found in sftp.listdir_attr(INVOICES):
        assert (found.st_mtime, found.st_mode) == (None, None)
        assert found.longname.startswith("-")


def test_listings_may_hold_strange_names(stampli: StampliSandbox, sftp: paramiko.SFTPClient) -> None:
    """Names with parent folders and control characters, and links, are shown; nothing is behind the former."""
    stampli.show_names([b"../../etc/passwd.csv", b"line\nbreak.csv"])
    stampli.people.link_file("link.csv", "/etc/passwd")
    found = {each.filename: each for each in sftp.listdir_attr(INVOICES)}
    assert {"../../etc/passwd.csv", "line\nbreak.csv"} < set(found)
    assert stat.S_ISLNK(found["link.csv"].st_mode or 0)
    with pytest.raises(FileNotFoundError):
        sftp.stat(f"{INVOICES}/../../etc/passwd.csv")


def test_sessions_of_a_connection_are_limited(stampli: StampliSandbox) -> None:
    """One more than allowed is refused; a closed one makes room."""
    stampli.switches.max_sessions = 1
    with connected(stampli) as line:
        line.auth_password(stampli.username, stampli.password)
        with line.open_session(timeout=5), pytest.raises(paramiko.ChannelException):
            line.open_session(timeout=5)


def test_a_server_keeps_its_port_over_a_restart(stampli: StampliSandbox) -> None:
    """A restart cuts who is there; the next login finds the same server."""
    with logged_in(stampli) as client:
        stampli.restart_server()
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            client.listdir(INVOICES)
    with logged_in(stampli) as client:
        assert client.listdir(INVOICES)


def test_a_server_that_was_down_is_the_same_afterwards() -> None:
    """Stopped and started again it has its port, its key and its files."""
    with StampliSandbox(world=World.make(invoices=1), invoices=1) as sandbox:
        told = sandbox.url, sandbox.control_url, sandbox.host_key, sandbox.files()
        sandbox.stop()
        with pytest.raises(ConnectionRefusedError), connected(sandbox):
            pass
        sandbox.start()
        assert (sandbox.url, sandbox.control_url, sandbox.host_key, sandbox.files()) == told
        with logged_in(sandbox) as client:
            assert len(client.listdir(INVOICES)) == 1
        root = sandbox.drop.root
    assert not root.exists()


def test_another_host_key_is_shown_until_reset(stampli: StampliSandbox) -> None:
    """An impostor has another key; the first day has the old one."""
    before = stampli.host_key
    other = stampli.swap_host_key()
    with connected(stampli) as line:
        assert line.get_remote_server_key().fingerprint == other
    stampli.reset()
    assert stampli.host_key == before
    with connected(stampli) as line:
        assert line.get_remote_server_key().get_base64() in before
