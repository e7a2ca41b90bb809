"""The file ledger: every file is known by path, size, time and content, and moves only as the table allows."""

import io
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.files import MOVES, FileMove, FileRecord, FileState, Listed
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.states import MoveError
from mlc_pipelines.ledger.tables import file_parts
from mlc_pipelines_tests.ledger.builders import clock_of

FEED = "invoices"
THEN = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
PATH = "/out/a.csv"


def listed(path: str = PATH, *, size: int = 10, mtime: datetime | None = THEN, part: bool = False) -> Listed:
    return Listed(path, size, mtime, part=part)


def look(books: Books, *files: Listed) -> list[FileRecord]:
    books.files.look(FEED, files)
    return books.files.select(FEED)


def fetched(
    books: Books, content: bytes = b"a,b\n1,2\n", *, path: str = PATH, mtime: datetime | None = THEN
) -> FileRecord:
    """Bring a file to our copy."""
    look(books, listed(path, size=len(content), mtime=mtime))
    record = next(each for each in books.files.select(FEED, states=[FileState.DISCOVERED]) if each.path == path)
    (kept,) = books.files.keep([(books.files.move(record, FileState.STABLE), io.BytesIO(content))])
    return kept


def states(records: Sequence[FileRecord]) -> list[str]:
    return [record.state.value for record in records]


def test_a_first_look_discovers(books: Books) -> None:
    """A listed file is written down as discovered, seen once."""
    (record,) = look(books, listed())
    assert (record.state, record.looks, record.listed, record.sha256) == (FileState.DISCOVERED, 1, True, "")
    assert record.first_seen == record.same_since == record.last_seen


def test_a_second_look_counts(ledger: Ledger, books: Books) -> None:
    """The same size and time in the next listing is the same file, seen twice."""
    look(books, listed())
    clock_of(ledger).sleep(30)
    (record,) = look(books, listed())
    assert record.looks == 2
    assert record.last_seen - record.same_since >= timedelta(seconds=30)


def test_a_file_that_grows_begins_anew(ledger: Ledger, books: Books) -> None:
    """Another size before it was fetched: the same row, as if it was seen for the first time."""
    look(books, listed(size=10))
    clock_of(ledger).sleep(30)
    (record,) = look(books, listed(size=20))
    assert (record.size, record.looks) == (20, 1)
    assert record.same_since == record.last_seen
    assert record.first_seen < record.same_since


def test_a_stable_file_that_grows_is_discovered_again(books: Books) -> None:
    """What was taken for whole and was not fetched yet goes back."""
    (record,) = look(books, listed(size=10))
    books.files.move(record, FileState.STABLE)
    (record,) = look(books, listed(size=11))
    assert record.state is FileState.DISCOVERED


def test_a_file_that_left_and_came_back_is_not_settled(books: Books) -> None:
    """Two looks with a gap between them are no two looks in a row."""
    look(books, listed())
    look(books)
    (record,) = look(books, listed())
    assert record.looks == 1


def test_a_vanished_file_is_only_no_longer_listed(books: Books) -> None:
    """Nothing is forgotten because somebody cleaned up."""
    look(books, listed())
    (record,) = look(books)
    assert (record.state, record.listed) == (FileState.DISCOVERED, False)
    assert books.files.select(FEED, listed=True) == []


def test_a_server_without_times_is_told_apart_by_size(books: Books) -> None:
    """A listing without times still tells equal from other."""
    look(books, listed(mtime=None))
    (record,) = look(books, listed(mtime=None))
    assert record.looks == 2
    (record,) = look(books, listed(mtime=None, size=11))
    assert record.looks == 1


def test_our_copy_is_what_was_fetched(books: Books) -> None:
    """The copy comes back byte by byte, under the hash of its content."""
    record = fetched(books, b"\x00raw\xff" * 1000)
    assert record.state is FileState.FETCHED
    assert len(record.sha256) == 64
    assert b"".join(books.files.content(record)) == b"\x00raw\xff" * 1000


def test_of_no_file_nothing_is_kept(books: Books) -> None:
    """A poll that fetched none says so."""
    assert books.files.keep([]) == []


def test_a_long_copy_is_kept_in_parts(ledger: Ledger, books: Books) -> None:
    """None of them is long, and they come back in their order; forgotten with the file."""
    content = random.Random(1).randbytes(1_000_003)
    record = fetched(books, content)
    parts = list(books.files.content(record))
    assert b"".join(parts) == content
    assert len(parts) == 4
    books.files.move(books.files.move(record, FileState.PARSED), FileState.DONE)
    look(books)
    clock_of(ledger).sleep(401 * 86_400)
    assert books.files.forget(timedelta(days=400)) == 1
    with reading(ledger.engine) as connection:
        assert connection.execute(select(file_parts)).all() == []


def test_twins_that_come_together_are_seen(books: Books) -> None:
    """The second of two files that are kept at the same time is a duplicate of the first."""
    look(books, listed("/out/a.csv", size=3), listed("/out/b.csv", size=3))
    stable = [books.files.move(record, FileState.STABLE) for record in books.files.select(FEED)]
    first, second = books.files.keep([(record, io.BytesIO(b"a,b")) for record in stable])
    assert (first.state, second.state) == (FileState.FETCHED, FileState.DUPLICATE)
    assert second.replaces == first.id


def test_moves_are_made_together_or_not_at_all(books: Books) -> None:
    """One that is none keeps the others from being written."""
    first, second = look(books, listed("/out/a.csv"), listed("/out/b.csv"))
    with pytest.raises(MoveError, match=r"b\.csv"):
        books.files.move_all([FileMove(first, FileState.STABLE), FileMove(second, FileState.DONE)])
    assert states(books.files.select(FEED)) == ["discovered", "discovered"]
    books.files.move_all([FileMove(first, FileState.STABLE), FileMove(second, FileState.REJECTED, {"problem": "big"})])
    assert states(books.files.select(FEED)) == ["stable", "rejected"]
    assert books.files.select(FEED)[1].problem == "big"


def test_the_same_content_under_another_name_is_a_duplicate(books: Books) -> None:
    """Content decides; the duplicate names the file that has it, and keeps no copy."""
    first = fetched(books, path="/out/a.csv")
    second = fetched(books, path="/out/b.csv")
    assert (states([second]), second.replaces) == (["duplicate"], first.id)
    assert books.files.unfinished() == 0
    assert "/out/a.csv" in (second.problem or "")
    with pytest.raises(ValueError, match="no copy"):
        list(books.files.content(second))


@pytest.mark.parametrize("unread", [True, False])
def test_content_that_comes_again_after_other_content_is_news(books: Books, unread: bool) -> None:
    """What was withdrawn and then given back is read again, with a copy of its own; a third time it is a duplicate."""
    first = fetched(books, path="/out/a.csv")
    if unread:
        look(books, listed("/out/a.csv"), listed("/out/b.csv"))
    else:
        fetched(books, b"a,b\n1,3\n", path="/out/b.csv")
    second = fetched(books, path="/out/c.csv", mtime=THEN + timedelta(hours=1))
    assert (second.state, second.replaces) == (FileState.FETCHED, first.id)
    assert b"".join(books.files.content(second)) == b"a,b\n1,2\n"
    third = fetched(books, path="/out/d.csv")
    assert (third.state, third.replaces) == (FileState.DUPLICATE, second.id)


def test_what_is_copied_back_under_its_name_is_no_news(books: Books) -> None:
    """A folder restored from a backup says nothing new, whatever times its files have; an edit taken back does."""
    first = fetched(books, path="/out/a.csv")
    fetched(books, b"a,b\n1,3\n", path="/out/b.csv")
    again = fetched(books, path="/out/a.csv", mtime=THEN + timedelta(days=1))
    assert (again.state, again.replaces) == (FileState.DUPLICATE, first.id)
    fetched(books, b"a,b\n1,4\n", path="/out/a.csv", mtime=THEN + timedelta(days=2))
    back = fetched(books, path="/out/a.csv", mtime=THEN + timedelta(days=3))
    assert back.state is FileState.FETCHED


def test_other_content_that_was_written_before_is_no_news(books: Books) -> None:
    """Unless it was seen later, or its time is that of the content or none at all."""
    fetched(books, b"old", path="/out/old.csv", mtime=THEN - timedelta(days=1))
    fetched(books, path="/out/a.csv")
    assert fetched(books, path="/out/b.csv").state is FileState.DUPLICATE


@pytest.mark.parametrize("mtime", [THEN, THEN + timedelta(days=1), None])
def test_other_content_that_may_be_later_makes_it_news(books: Books, mtime: datetime | None) -> None:
    """The order of the files decides, not the order in which they were seen."""
    fetched(books, b"old", path="/out/old.csv", mtime=mtime)
    fetched(books, path="/out/a.csv")
    assert fetched(books, path="/out/b.csv").state is FileState.FETCHED


def test_without_times_content_that_comes_again_is_told_by_what_else_came(books: Books) -> None:
    """A server that tells no times stops nobody: alone it is a duplicate, beside other content it may be news."""
    first = fetched(books, path="/out/a.csv", mtime=None)
    again = fetched(books, path="/out/b.csv", mtime=None)
    assert (again.state, again.replaces) == (FileState.DUPLICATE, first.id)
    fetched(books, b"a,b\n1,3\n", path="/out/c.csv", mtime=None)
    assert fetched(books, path="/out/d.csv", mtime=None).state is FileState.FETCHED


def test_another_feed_has_its_own_content(books: Books) -> None:
    """The same bytes in another folder are another file."""
    fetched(books)
    books.files.look("vendors", [listed("/vendors/a.csv", size=8)])
    (record,) = books.files.select("vendors")
    (kept,) = books.files.keep([(books.files.move(record, FileState.STABLE), io.BytesIO(b"a,b\n1,2\n"))])
    assert kept.state is FileState.FETCHED


def test_the_same_name_with_new_content_is_a_new_version(books: Books) -> None:
    """A rewrite after it was read is a new row that replaces the old one, which stays."""
    first = fetched(books, b"old")
    done = books.files.move(books.files.move(first, FileState.PARSED), FileState.DONE)
    records = look(books, listed(size=99))
    assert states(records) == ["done", "discovered"]
    assert (records[1].replaces, records[1].path) == (done.id, done.path)
    assert [record.listed for record in records] == [False, True]


def test_an_old_version_that_is_back_is_known(books: Books) -> None:
    """Size and time of an earlier version are recognised, even behind a later one."""
    first = fetched(books, b"old")
    books.files.move(books.files.move(first, FileState.PARSED), FileState.DONE)
    look(books, listed(size=99))
    records = look(books, listed(size=3))
    assert states(records) == ["done", "discovered"]
    assert [record.listed for record in records] == [True, False]


def test_a_daily_reading_that_finds_the_same_changes_nothing(ledger: Ledger, books: Books) -> None:
    """Only the time of the reading is noted."""
    first = fetched(books, b"same")
    clock_of(ledger).sleep(86_400)
    assert books.files.recheck(first, io.BytesIO(b"same")) is None
    again = books.files.get(first.id)
    assert again is not None
    assert again.checked_at is not None
    assert first.checked_at is not None
    assert again.checked_at - first.checked_at >= timedelta(days=1)


def test_a_daily_reading_that_finds_other_bytes_makes_a_new_version(books: Books) -> None:
    """Same name, size and time, but other bytes: read as a new file, linked to the old one."""
    first = fetched(books, b"aaaa")
    second = books.files.recheck(first, io.BytesIO(b"bbbb"))
    assert second is not None
    assert (second.state, second.replaces, second.listed) == (FileState.FETCHED, first.id, True)
    assert b"".join(books.files.content(second)) == b"bbbb"
    look(books, listed(size=4))
    assert [record.listed for record in books.files.select(FEED)] == [False, True]
    assert books.files.recheck(second, io.BytesIO(b"aaaa")) is None  # back again: known content


def test_parts_are_kept_apart(ledger: Ledger, books: Books) -> None:
    """A file under a temporary name is remembered since it was first seen; used again, it begins anew."""
    part = listed("/out/a.csv.filepart", part=True)
    look(books, part)
    clock_of(ledger).sleep(3600)
    (record,) = look(books, listed("/out/a.csv.filepart", size=20, part=True))
    assert (record.state, record.size, record.looks) == (FileState.PART, 20, 2)
    assert record.last_seen - record.first_seen >= timedelta(hours=1)
    look(books)
    (record,) = look(books, part)
    assert record.first_seen == record.last_seen


def test_a_name_that_is_no_part_any_more_is_discovered(books: Books) -> None:
    """Another rule for temporary names makes a file of what was a part."""
    look(books, listed(part=True))
    assert states(look(books, listed())) == ["discovered"]


@pytest.mark.parametrize(
    ("before", "after"),
    [(before, after) for before in FileState for after in FileState if after not in MOVES[before] and after != before],
)
def test_a_move_outside_the_table_is_our_mistake(books: Books, before: FileState, after: FileState) -> None:
    """States move as the table says, and no other way."""
    (record,) = look(books, listed())
    with pytest.raises(MoveError):
        books.files.move(
            FileRecord(
                **{name: getattr(record, name) for name in FileRecord.__slots__ if name != "state"}, state=before
            ),
            after,
        )


def test_a_move_changes_only_what_may_change(books: Books) -> None:
    """Path, size and hash are facts; a move cannot rewrite them."""
    (record,) = look(books, listed())
    with pytest.raises(MoveError, match="path"):
        books.files.move(record, FileState.STABLE, path="/elsewhere")
    assert books.files.move(record, record.state, attempts=1).attempts == 1


def test_only_a_stable_file_is_kept(books: Books) -> None:
    """Nothing is fetched of a file that may still grow."""
    (record,) = look(books, listed())
    with pytest.raises(MoveError):
        books.files.keep([(record, io.BytesIO(b"early"))])


def test_files_are_remembered_for_400_days(ledger: Ledger, books: Books) -> None:
    """What is listed or on its way stays for ever; what ended goes after 400 days, not before."""
    done = books.files.move(books.files.move(fetched(books, b"old"), FileState.PARSED), FileState.DONE)
    look(books, listed("/out/new.csv"))
    with pytest.raises(ValueError, match="400"):
        books.files.forget(timedelta(days=399))
    clock_of(ledger).sleep(399 * 86_400)
    assert books.files.forget(timedelta(days=400)) == 0
    clock_of(ledger).sleep(2 * 86_400)
    assert books.files.forget(timedelta(days=400)) == 1
    assert books.files.get(done.id) is None
    assert [record.path for record in books.files.select()] == ["/out/new.csv"]


def test_each_connection_has_its_own_files(ledger: Ledger, books: Books) -> None:
    """Another tenant sees and finds nothing of these."""
    record = fetched(books)
    other = ledger.books("globex")
    assert other.files.select() == []
    assert other.files.get(record.id) is None
    other.files.look(FEED, [listed(size=8)])
    (theirs,) = other.files.select(FEED)
    (kept,) = other.files.keep([(other.files.move(theirs, FileState.STABLE), io.BytesIO(b"a,b\n1,2\n"))])
    assert kept.state is FileState.FETCHED
