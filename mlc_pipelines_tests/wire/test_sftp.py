"""Files over SFTP: listed as they are, read whole or not at all, moved once."""

import functools
import hashlib
import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlc_pipelines.errors import ConfigurationError, OutcomeUnknownError, TransientError
from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.stampli.drop import ARCHIVE, INVOICES
from mlc_pipelines.wire.sftp import (
    AbsentFileError,
    ChangedFileError,
    FileRefusedError,
    FileTooLargeError,
    RemoteFile,
    Sftp,
)
from mlc_pipelines_tests.wire.conftest import SteppedClock
from mlc_pipelines_tests.wire.sftp_opening import drop_folder, opened

MANY = 10_000_000


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[StampliSandbox]:
    with drop_folder() as sandbox:
        yield sandbox


@pytest.fixture
def stampli(shared_folder: StampliSandbox) -> StampliSandbox:
    shared_folder.reset()
    return shared_folder


@pytest.fixture
def sftp(stampli: StampliSandbox, clock: SteppedClock) -> Iterator[Sftp]:
    with opened(stampli, clock) as client:
        yield client


def read(sftp: Sftp, path: str, *, most_bytes: int = MANY) -> bytes:
    """Download into memory."""
    into = io.BytesIO()
    told = sftp.download(path, into, most_bytes=most_bytes)
    assert (told.size, told.sha256) == (len(into.getvalue()), hashlib.sha256(into.getvalue()).hexdigest())
    return into.getvalue()


# Listing


def test_a_listing_tells_size_time_and_kind(stampli: StampliSandbox, sftp: Sftp) -> None:
    """Files are regular; links and folders are flagged, not followed."""
    stampli.people.upload_file("a.csv", b"1234", mtime=1_790_000_000)
    stampli.people.link_file("link.csv", "/etc/passwd")
    found = {file.name: file for file in sftp.listing(INVOICES)}
    assert found["a.csv"] == RemoteFile("a.csv", 4, 1_790_000_000, is_regular=True)
    assert not found["link.csv"].is_regular
    assert {file.name: file.is_regular for file in sftp.listing("/outbound")} == dict.fromkeys(
        ["archive", "invoices", "purchase_orders", "vendors"], False
    )
    assert sftp.listing(ARCHIVE) == []


def test_times_and_modes_may_be_missing(stampli: StampliSandbox, sftp: Sftp) -> None:
    """A server that gives no times is listed without; kinds are then read from the line of text."""
    stampli.switches.listing_without_times = stampli.switches.listing_without_modes = True
    stampli.people.upload_file("a.csv", b"1234")
    assert sftp.listing(INVOICES) == [RemoteFile("a.csv", 4, None, is_regular=True)]
    assert not any(file.is_regular for file in sftp.listing("/outbound"))
    assert read(sftp, f"{INVOICES}/a.csv") == b"1234"


def test_one_strange_name_does_not_spoil_the_listing(stampli: StampliSandbox, sftp: Sftp) -> None:
    """Names come as the server gives them; one that is not UTF-8 is flagged and spelt with escapes."""
    stampli.people.upload_file("good.csv", b"1")
    stampli.people.upload_file(os.fsdecode(b"caf\xe9.csv"), b"1")
    stampli.show_names([b"../x.csv", b"line\nbreak.csv"])
    found = {file.name: file.is_readable for file in sftp.listing(INVOICES)}
    assert found == {"good.csv": True, "caf\\xe9.csv": False, "../x.csv": True, "line\nbreak.csv": True}


def test_a_thousand_files_are_one_listing(stampli: StampliSandbox, sftp: Sftp) -> None:
    """A long listing comes in several answers and is whole."""
    for number in range(1000):
        stampli.drop.write(f"{INVOICES}/f{number:04}.csv", b"")
    assert sorted(file.name for file in sftp.listing(INVOICES)) == [f"f{number:04}.csv" for number in range(1000)]
    assert len(stampli.journal.of("LIST")) == 1


def test_a_listing_is_tried_three_times(stampli: StampliSandbox, sftp: Sftp, clock: SteppedClock) -> None:
    """A busy server or a cut line is asked again after a growing wait; the fourth time is not ours."""
    stampli.faults.once("status", method="LIST")
    stampli.faults.once("reset", method="LIST")
    assert sftp.listing(INVOICES) == []
    assert [2 <= clock.slept[0] <= 3, 4 <= clock.slept[1] <= 5] == [True, True]
    stampli.faults.once("status", method="LIST", times=3)
    with pytest.raises(TransientError, match=r"acme stampli: list '/outbound/invoices': status 4: 'Server is busy'"):
        sftp.listing(INVOICES)
    assert len(clock.slept) == 4


def test_a_missing_directory_is_a_matter_of_settings(stampli: StampliSandbox, sftp: Sftp, clock: SteppedClock) -> None:
    """It is said at once, with the directory, and not tried again."""
    with pytest.raises(ConfigurationError, match="'/outbound/absent': no such file"):
        sftp.listing("/outbound/absent")
    assert clock.slept == []


# Download


def test_a_file_comes_whole_under_its_name(stampli: StampliSandbox, sftp: Sftp, tmp_path: Path) -> None:
    """Five megabytes arrive with size, time and hash, and no part is left."""
    content = os.urandom(5_000_000)
    path = stampli.people.upload_file("big.csv", content, mtime=1_790_000_000)
    told = sftp.download(path, tmp_path / "kept", most_bytes=MANY)
    assert (told.size, told.mtime, told.sha256) == (5_000_000, 1_790_000_000, hashlib.sha256(content).hexdigest())
    assert (tmp_path / "kept").read_bytes() == content
    assert [found.name for found in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 100_000])
def test_every_size_is_read_to_the_last_byte(stampli: StampliSandbox, sftp: Sftp, size: int) -> None:
    """Empty files, and sizes about the length of one answer."""
    content = os.urandom(size)
    assert read(sftp, stampli.people.upload_file("a.csv", content)) == content


def test_short_answers_are_completed(stampli: StampliSandbox, sftp: Sftp) -> None:
    """A server may give less than was asked for; nothing is missing or twice."""
    stampli.switches.longest_read = 10_001
    content = os.urandom(150_000)
    assert read(sftp, stampli.people.upload_file("a.csv", content)) == content


def test_a_cut_line_leaves_nothing_behind(
    stampli: StampliSandbox, sftp: Sftp, tmp_path: Path, clock: SteppedClock
) -> None:
    """A read that breaks in the middle is not tried again here; the next one makes a new line and reads it whole."""
    path = stampli.people.upload_file("big.csv", b"x" * 5_000_000)
    stampli.drop_mid_read(path, 1_000_000)
    threads = threading.active_count()
    with pytest.raises(TransientError, match=r"read '/outbound/invoices/big.csv': the line broke"):
        sftp.download(path, tmp_path / "kept", most_bytes=MANY)
    assert list(tmp_path.iterdir()) == []
    assert clock.slept == []
    assert threading.active_count() <= threads
    assert sftp.download(path, tmp_path / "kept", most_bytes=MANY).size == 5_000_000
    assert len(stampli.journal.of("LOGIN")) == 2


def test_a_file_that_grows_meanwhile_is_not_taken(stampli: StampliSandbox, sftp: Sftp, tmp_path: Path) -> None:
    """Whether it grew, or was written anew with the same size: what was read is thrown away, the next read is good."""
    path = stampli.people.upload_file("a.csv", b"x" * 100_000, mtime=1_790_000_000)
    stampli.grow_mid_read(path, b"more", after_bytes=50_000)
    with pytest.raises(ChangedFileError, match="100000 bytes read, 100004 there now"):
        sftp.download(path, tmp_path / "kept", most_bytes=MANY)
    assert list(tmp_path.iterdir()) == []
    assert read(sftp, path).endswith(b"more")
    stampli.drop.touch(path, mtime=1_790_000_000)
    stampli.grow_mid_read(path, b"")
    with pytest.raises(ChangedFileError):
        read(sftp, path)


def test_a_file_that_shrinks_meanwhile_is_not_taken(stampli: StampliSandbox, sftp: Sftp, clock: SteppedClock) -> None:
    """Fewer bytes than were promised are no file, and the channel is good for the next."""
    path = stampli.people.upload_file("a.csv", b"x" * 100_000)

    class Shrinking(io.BytesIO):
        def write(self, part: object) -> int:
            stampli.drop.write(path, b"y")
            return 0

    stampli.switches.longest_read = 20_000  # so that most is asked for after it shrank
    with pytest.raises(ChangedFileError, match=", 1 there now"):
        sftp.download(path, Shrinking(), most_bytes=MANY)
    assert read(sftp, path) == b"y"
    assert len(stampli.journal.of("LOGIN")) == 1


def test_a_vanished_file_is_normal(stampli: StampliSandbox, sftp: Sftp) -> None:
    """Others clean up too: an absent file has an error of its own, before or after the read."""
    with pytest.raises(AbsentFileError, match="not there any more"):
        read(sftp, f"{INVOICES}/gone.csv")
    path = stampli.people.upload_file("a.csv", b"1")

    class Removing(io.BytesIO):
        def write(self, part: object) -> int:
            stampli.people.remove_file("a.csv")
            return 1

    with pytest.raises(AbsentFileError) as gone:
        sftp.download(path, Removing(), most_bytes=MANY)
    assert gone.value.refused


def test_a_large_file_is_not_read(stampli: StampliSandbox, sftp: Sftp) -> None:
    """The limit is looked at before the first byte."""
    path = stampli.people.upload_file("a.csv", b"x" * 1001)
    with pytest.raises(FileTooLargeError, match="1001 bytes, more than 1000"):
        read(sftp, path, most_bytes=1000)
    assert stampli.journal.of("READ") == []
    assert len(read(sftp, path, most_bytes=1001)) == 1001


def test_a_full_disk_is_ours_to_mend(stampli: StampliSandbox, sftp: Sftp) -> None:
    """Bytes that cannot be kept are no fault of the server."""
    path = stampli.people.upload_file("a.csv", b"x" * 100_000)
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(ConfigurationError, match="cannot be kept here"),
    ):
        sftp.download(path, full, most_bytes=MANY)


def test_many_files_come_at_once_over_one_login(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Eight channels serve sixteen threads: never more than eight files open, each whole."""
    wanted = {stampli.people.upload_file(f"f{number}.csv", os.urandom(120_000)): number for number in range(60)}
    with opened(stampli, clock, channels=8) as sftp, ThreadPoolExecutor(16) as threads:
        got = dict(zip(wanted, threads.map(lambda path: read(sftp, path), wanted), strict=True))
    assert got == {path: stampli.drop.read(path) for path in wanted}
    assert 2 <= stampli.most_open_files <= 8
    assert len(stampli.journal.of("LOGIN")) == 1


def test_a_server_that_allows_fewer_channels_is_taken_at_its_word(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """Eight are asked for, two are given, all files come."""
    stampli.switches.max_sessions = 2
    paths = [stampli.people.upload_file(f"f{number}.csv", b"x" * 50_000) for number in range(20)]
    with opened(stampli, clock, channels=8) as sftp, ThreadPoolExecutor(8) as threads:
        assert [len(content) for content in threads.map(lambda path: read(sftp, path), paths)] == [50_000] * 20
    assert stampli.most_open_files <= 2
    assert clock.slept == []


def test_a_slow_answer_is_not_waited_for_for_ever(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """An operation ends after its time, and the next one works."""
    path = stampli.people.upload_file("a.csv", b"1")
    with opened(stampli, clock, operation_seconds=0.3) as sftp:
        stampli.faults.once("stall", method="OPEN", seconds=0.6)
        with pytest.raises(TransientError, match="timed out"):
            read(sftp, path)
        assert read(sftp, path) == b"1"


# Move and remove


def test_a_file_is_moved_and_removed(stampli: StampliSandbox, sftp: Sftp) -> None:
    """Once each."""
    path = stampli.people.upload_file("a.csv", b"1")
    sftp.move(path, f"{ARCHIVE}/20261116_a.csv")
    assert list(stampli.files()) == [f"{ARCHIVE}/20261116_a.csv"]
    sftp.remove(f"{ARCHIVE}/20261116_a.csv")
    assert stampli.files() == {}


def test_a_refused_change_is_told_from_an_absent_file(stampli: StampliSandbox, sftp: Sftp) -> None:
    """Missing rights, a target that exists and a folder that does not are refusals; only the file itself is absent."""
    path = stampli.people.upload_file("a.csv", b"1")
    stampli.drop.write(f"{ARCHIVE}/taken.csv", b"2")
    with pytest.raises(FileRefusedError, match=r"move .*a.csv' to .*taken.csv': refused \(status 4"):
        sftp.move(path, f"{ARCHIVE}/taken.csv")
    with pytest.raises(FileRefusedError, match="no such file"):
        sftp.move(path, "/outbound/absent/a.csv")
    with pytest.raises(AbsentFileError):
        sftp.move(f"{INVOICES}/gone.csv", f"{ARCHIVE}/gone.csv")
    with pytest.raises(AbsentFileError):
        sftp.remove(f"{INVOICES}/gone.csv")
    stampli.switches.refuse_rename = stampli.switches.refuse_remove = True
    with pytest.raises(FileRefusedError, match="permission denied"):
        sftp.move(path, f"{ARCHIVE}/a.csv")
    with pytest.raises(FileRefusedError, match="permission denied"):
        sftp.remove(path)
    assert len(stampli.journal.of("LOGIN")) == 1


@pytest.mark.parametrize("method", ["RENAME", "REMOVE"])
def test_a_lost_answer_to_a_change_is_unknown(stampli: StampliSandbox, sftp: Sftp, method: str) -> None:
    """It was done, nobody knows, and it is not done again by itself."""
    path = stampli.people.upload_file("a.csv", b"1")
    stampli.faults.once("lost", method=method)
    act = sftp.remove if method == "REMOVE" else functools.partial(sftp.move, target=f"{ARCHIVE}/a.csv")
    with pytest.raises(OutcomeUnknownError, match="look before trying again"):
        act(path)
    assert path not in stampli.files()
    assert len(stampli.journal.writes()) == 1
    with pytest.raises(AbsentFileError):
        sftp.remove(path)


# The line


def test_a_broken_line_is_made_anew(stampli: StampliSandbox, sftp: Sftp) -> None:
    """After a restart of the server the next operation logs in again."""
    path = stampli.people.upload_file("a.csv", b"1")
    assert read(sftp, path) == b"1"
    stampli.restart_server()
    while stampli.connections:
        threading.Event().wait(0.01)
    assert [file.name for file in sftp.listing(INVOICES)] == ["a.csv"]
    assert read(sftp, path) == b"1"
    assert len(stampli.journal.of("LOGIN")) == 2


@pytest.mark.parametrize("profile", ["storm", "lossy", "contended", "expiring"])
def test_whoever_comes_again_gets_all(stampli: StampliSandbox, clock: SteppedClock, profile: str) -> None:
    """In any weather each file is read right or not at all, and moved in the end."""
    wanted = {stampli.people.upload_file(f"f{number}.csv", os.urandom(50_000)): number for number in range(12)}
    contents = {path: stampli.drop.read(path) for path in wanted}
    stampli.faults.stall_seconds = 0.01
    stampli.faults.profile = profile
    with opened(stampli, clock) as sftp:
        for path in wanted:
            target = path.replace(INVOICES, ARCHIVE)
            for _ in range(30):
                try:
                    if len(read(sftp, path)) == 50_000:
                        sftp.move(path, target)
                        break
                except AbsentFileError:
                    break
                except (TransientError, OutcomeUnknownError, FileRefusedError):
                    continue
    stampli.faults.profile = "calm"
    assert {path.replace(ARCHIVE, INVOICES): stampli.drop.read(path) for path in stampli.files(ARCHIVE)} == contents


def test_after_the_end_nothing_is_asked(stampli: StampliSandbox, clock: SteppedClock) -> None:
    """A closed client says so, and leaves no connection behind."""
    with opened(stampli, clock) as sftp:
        sftp.listing(INVOICES)
    with pytest.raises(RuntimeError, match="closed already"):
        sftp.listing(INVOICES)
    while stampli.connections:
        threading.Event().wait(0.01)
