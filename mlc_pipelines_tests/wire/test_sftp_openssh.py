"""The same questions to the simulator and to OpenSSH's own server: our client finds no difference between them."""

import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncssh
import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError, TransientError
from mlc_pipelines.wire.sftp import (
    AbsentFileError,
    ChangedFileError,
    FileRefusedError,
    FileTooLargeError,
    RemoteFile,
    Sftp,
    server_keys,
)
from mlc_pipelines_tests.wire.conftest import SteppedClock
from mlc_pipelines_tests.wire.sftp_servers import SSHD, WHY_NOT, OpenSsh, Server, openssh, simulator

MANY = 10_000_000
NOON = 1_790_000_000
needs_sshd = pytest.mark.skipif(SSHD is None, reason=WHY_NOT)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSsh]:
    if SSHD is None:
        pytest.skip(WHY_NOT)
    with openssh(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def simulated() -> Iterator[Server]:
    with simulator() as server:
        yield server


@pytest.fixture(params=["simulator", pytest.param("openssh", marks=needs_sshd)])
def server(request: pytest.FixtureRequest) -> Server:
    chosen: Server = request.getfixturevalue("simulated" if request.param == "simulator" else "real")
    chosen.empty()
    return chosen


@pytest.fixture
def sftp(server: Server, clock: SteppedClock) -> Iterator[Sftp]:
    with server.opened(clock) as client:
        yield client


def read(sftp: Sftp, path: str, *, most_bytes: int = MANY) -> bytes:
    into = io.BytesIO()
    told = sftp.download(path, into, most_bytes=most_bytes)
    assert (told.size, told.sha256) == (len(into.getvalue()), hashlib.sha256(into.getvalue()).hexdigest())
    return into.getvalue()


class Meddling(io.BytesIO):
    """Does something when the first bytes arrive."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act: Callable[[], object] | None = act

    def write(self, part: object) -> int:
        if self._act is not None:
            self._act()
            self._act = None
        return 0


# Listing


def test_a_listing_tells_size_time_and_kind(server: Server, sftp: Sftp) -> None:
    """Files are regular; links and folders are flagged, not followed; an empty folder is an empty list."""
    server.put("a.csv", b"1234", mtime=NOON)
    server.on_disk(f"{server.invoices}/link.csv").symlink_to("/etc/passwd")
    server.on_disk(f"{server.invoices}/folder").mkdir()
    found = {file.name: file for file in sftp.listing(server.invoices)}
    assert found["a.csv"] == RemoteFile("a.csv", 4, NOON, is_regular=True)
    assert {name: file.is_regular for name, file in found.items()} == {
        "a.csv": True,
        "link.csv": False,
        "folder": False,
    }
    assert sftp.listing(server.archive) == []


def test_one_strange_name_does_not_spoil_the_listing(server: Server, sftp: Sftp) -> None:
    """A name that is not UTF-8 is flagged and spelt with escapes; a line end in a name is part of it."""
    for name in ("good.csv", "größe.csv", "line\nbreak.csv", os.fsdecode(b"caf\xe9.csv")):
        server.put(name, b"1")
    found = {file.name: file.is_readable for file in sftp.listing(server.invoices)}
    assert found == {"good.csv": True, "größe.csv": True, "line\nbreak.csv": True, "caf\\xe9.csv": False}
    assert read(sftp, f"{server.invoices}/größe.csv") == b"1"


def test_a_thousand_files_are_one_listing(server: Server, sftp: Sftp) -> None:
    """A long listing comes in several answers and is whole."""
    names = [f"f{number:04}.csv" for number in range(1000)]
    for name in names:
        server.put(name, b"")
    assert sorted(file.name for file in sftp.listing(server.invoices)) == names


def test_a_missing_directory_is_a_matter_of_settings(server: Server, sftp: Sftp, clock: SteppedClock) -> None:
    """It is said at once, with the directory, and not tried again."""
    with pytest.raises(ConfigurationError, match="absent': no such file"):
        sftp.listing(f"{server.prefix}/outbound/absent")
    assert clock.slept == []


# Download


def test_a_file_comes_whole_under_its_name(server: Server, sftp: Sftp, tmp_path: Path) -> None:
    """Five megabytes arrive with size, time and hash, and no part is left."""
    content = os.urandom(5_000_000)
    path = server.put("big.csv", content, mtime=NOON)
    told = sftp.download(path, tmp_path / "kept", most_bytes=MANY)
    assert (told.size, told.mtime, told.sha256) == (5_000_000, NOON, hashlib.sha256(content).hexdigest())
    assert (tmp_path / "kept").read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 100_000])
def test_every_size_is_read_to_the_last_byte(server: Server, sftp: Sftp, size: int) -> None:
    """Empty files, and sizes about the length of one answer."""
    content = os.urandom(size)
    assert read(sftp, server.put("a.csv", content)) == content


def test_a_file_that_grows_meanwhile_is_not_taken(server: Server, sftp: Sftp) -> None:
    """More bytes than when it was opened: what was read is thrown away, and the next read has them."""
    path = server.put("a.csv", b"x" * 100_000, mtime=NOON)

    def grow() -> None:
        with server.on_disk(path).open("ab") as file:
            file.write(b"more")

    with pytest.raises(ChangedFileError, match="100000 bytes read, 100004 there now"):
        sftp.download(path, Meddling(grow), most_bytes=MANY)
    assert read(sftp, path).endswith(b"more")


def test_a_file_that_is_written_anew_meanwhile_is_not_taken(server: Server, sftp: Sftp) -> None:
    """The size is the same, the time is another."""
    path = server.put("a.csv", b"x" * 100_000, mtime=NOON)
    with pytest.raises(ChangedFileError):
        sftp.download(path, Meddling(lambda: server.put("a.csv", b"y" * 100_000)), most_bytes=MANY)
    assert read(sftp, path) == b"y" * 100_000


def test_a_file_that_shrinks_meanwhile_is_not_taken(server: Server, sftp: Sftp) -> None:
    """Fewer bytes than were promised are no file, and the client is good for the next."""
    path = server.put("a.csv", b"x" * 8_000_000)  # so that most is asked for after it shrank
    with pytest.raises(ChangedFileError, match=", 1 there now"):
        sftp.download(path, Meddling(lambda: server.put("a.csv", b"y")), most_bytes=MANY)
    assert read(sftp, path) == b"y"


def test_a_vanished_file_is_normal(server: Server, sftp: Sftp) -> None:
    """Others clean up too: an absent file has an error of its own, before or after the read."""
    with pytest.raises(AbsentFileError, match="not there any more"):
        read(sftp, f"{server.invoices}/gone.csv")
    path = server.put("a.csv", b"1")
    with pytest.raises(AbsentFileError) as gone:
        sftp.download(path, Meddling(server.on_disk(path).unlink), most_bytes=MANY)
    assert gone.value.refused


def test_a_large_file_is_not_read(server: Server, sftp: Sftp) -> None:
    """The limit is looked at before the first byte."""
    path = server.put("a.csv", b"x" * 1001)
    with pytest.raises(FileTooLargeError, match="1001 bytes, more than 1000"):
        read(sftp, path, most_bytes=1000)
    assert len(read(sftp, path, most_bytes=1001)) == 1001


def test_many_files_come_at_once_over_one_login(server: Server, clock: SteppedClock) -> None:
    """Eight channels serve sixteen threads, each file whole."""
    wanted = {server.put(f"f{number}.csv", os.urandom(120_000)): number for number in range(60)}
    with server.opened(clock, channels=8) as sftp, ThreadPoolExecutor(16) as threads:
        got = dict(zip(wanted, threads.map(lambda path: read(sftp, path), wanted), strict=True))
    assert got == {path: server.on_disk(path).read_bytes() for path in wanted}
    assert clock.slept == []


# Move and remove


def test_a_file_is_moved_and_removed(server: Server, sftp: Sftp) -> None:
    """Once each."""
    path = server.put("a.csv", b"1")
    sftp.move(path, f"{server.archive}/20261116_a.csv")
    assert not server.on_disk(path).exists()
    assert server.on_disk(f"{server.archive}/20261116_a.csv").read_bytes() == b"1"
    sftp.remove(f"{server.archive}/20261116_a.csv")
    assert list(server.on_disk(server.archive).iterdir()) == []


def test_a_refused_change_is_told_from_an_absent_file(server: Server, sftp: Sftp) -> None:
    """A target that exists stays as it is; that and a missing folder are refusals, only the file itself is absent."""
    path = server.put("a.csv", b"1")
    taken = server.on_disk(f"{server.archive}/taken.csv")
    taken.write_bytes(b"2")
    with pytest.raises(FileRefusedError, match=r"move .*a.csv' to .*taken.csv': refused \(status 4"):
        sftp.move(path, f"{server.archive}/taken.csv")
    with pytest.raises(FileRefusedError, match="no such file"):
        sftp.move(path, f"{server.prefix}/outbound/absent/a.csv")
    with pytest.raises(AbsentFileError):
        sftp.move(f"{server.invoices}/gone.csv", f"{server.archive}/gone.csv")
    with pytest.raises(AbsentFileError):
        sftp.remove(f"{server.invoices}/gone.csv")
    assert (server.on_disk(path).read_bytes(), taken.read_bytes()) == (b"1", b"2")


# Who is there


def test_another_servers_key_is_not_spoken_to(server: Server, clock: SteppedClock) -> None:
    """Both fingerprints are told, nothing is sent, and it is not tried again."""
    stranger = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO6nVxvF0kS4pGkV0Yw3zqk3G0m6k0m8b8m8c7YF9hQd"
    with pytest.raises(ConfigurationError, match=r"shows the host key SHA256:.* nothing was sent"):
        server.opened(clock, host_keys=[stranger])
    assert clock.slept == []


def test_the_offered_keys_can_be_asked_for(server: Server) -> None:
    """They are those of the server, and each of them may be the one that is trusted."""
    offered = [key.line for key in server_keys("127.0.0.1", server.port, where="acme stampli")]
    assert offered == [" ".join(line.split()[:2]) for line in server.host_keys]


@pytest.mark.parametrize("wrong", ["key", "user"])
def test_a_login_that_is_refused_is_not_tried_again(server: Server, clock: SteppedClock, wrong: str) -> None:
    """A key that nobody wrote down there, or a user that is not known."""
    strange = SecretStr(asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode())
    changes: dict[str, object] = {"private_key": strange} if wrong == "key" else {"username": "nobody-of-ours"}
    with pytest.raises(ConfigurationError, match="refuses the login"):
        server.opened(clock, **changes)
    assert clock.slept == []


def test_after_the_end_nothing_is_asked(server: Server, clock: SteppedClock) -> None:
    """A closed client says so."""
    with server.opened(clock) as sftp:
        sftp.listing(server.invoices)
    with pytest.raises(RuntimeError, match="closed already"):
        sftp.listing(server.invoices)


# Only a real one


def test_any_of_its_keys_may_be_trusted(real: OpenSsh, clock: SteppedClock) -> None:
    """A server with keys of two kinds shows the kind that we know."""
    for line in real.host_keys:
        with real.opened(clock, host_keys=[line]) as sftp:
            assert sftp.listing(real.archive) == []


def test_a_line_that_is_killed_is_made_anew(real: OpenSsh, clock: SteppedClock, tmp_path: Path) -> None:
    """In mid-read nothing is left behind and no thread hangs; the next operations log in again by themselves."""
    real.empty()
    path = real.put("big.csv", b"x" * 5_000_000)
    before = set(threading.enumerate())
    with real.opened(clock) as sftp:
        with pytest.raises(TransientError, match="the line broke"):
            sftp.download(path, Meddling(real.cut_all), most_bytes=MANY)
        assert sftp.download(path, tmp_path / "kept", most_bytes=MANY).size == 5_000_000
        real.cut_all()
        assert [file.name for file in sftp.listing(real.invoices)] == ["big.csv"]
    of_ours = set(threading.enumerate()) - before
    for thread in of_ours:
        thread.join(10)
    assert not [thread.name for thread in of_ours if thread.is_alive()]


@needs_sshd
def test_a_server_that_allows_fewer_channels_is_taken_at_its_word(tmp_path: Path, clock: SteppedClock) -> None:
    """Eight are asked for, two are given, all files come."""
    with openssh(tmp_path, sessions=2) as server:
        paths = [server.put(f"f{number}.csv", b"x" * 50_000) for number in range(20)]
        with server.opened(clock, channels=8) as sftp, ThreadPoolExecutor(8) as threads:
            assert [len(content) for content in threads.map(lambda path: read(sftp, path), paths)] == [50_000] * 20
    assert clock.slept == []


@needs_sshd
def test_a_folder_that_is_only_for_reading_is_read(tmp_path: Path, clock: SteppedClock) -> None:
    """Moves and removals are refused for want of rights, and the file stays."""
    with openssh(tmp_path, read_only=True) as server:
        path = server.put("a.csv", b"1")
        with server.opened(clock) as sftp:
            with pytest.raises(FileRefusedError, match="permission denied"):
                sftp.move(path, f"{server.archive}/a.csv")
            with pytest.raises(FileRefusedError, match="permission denied"):
                sftp.remove(path)
            assert read(sftp, path) == b"1"
