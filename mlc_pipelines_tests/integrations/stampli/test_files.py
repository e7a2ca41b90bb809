"""Files of any length: read whole before the first of their records is given, and held a page at a time."""

import gc
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

import pytest

from mlc_pipelines.flows.collecting import PAGE, in_parts
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.integrations.stampli.drop import KEPT_AT_ONCE, Drop
from mlc_pipelines.integrations.stampli.files import FILE_KEY
from mlc_pipelines.integrations.stampli.flows.invoices import InvoicesToIfs
from mlc_pipelines.integrations.stampli.raw import RawRecord
from mlc_pipelines.ledger.files import FileRecord, FileState, Listed
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.wire.sftp import Downloaded, RemoteFile, Sftp
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.integrations.stampli.builders import COLUMNS, XML, feed, xml_feed
from mlc_pipelines_tests.integrations.stampli.file_mutations import AT
from mlc_pipelines_tests.integrations.stampli.file_trial import StillClock, desk_of

STAMPED = {**COLUMNS, "exported_at": AT}
AT_ONCE = 4


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    ledger = open_ledger(tmp_path)
    yield ledger.books("acme")
    ledger.engine.dispose()


def csv_file(*numbers: int, at: str = "") -> bytes:
    """Write an invoice of two lines for each number: the first lines of all of them, then the second."""
    rows = [[number, line] for line in (1, 2) for number in numbers]
    made = [
        f'10,NT-{number},S-2201,"Nordtek, Inc.",2026-11-03,USD,1250.00,50.00,Approved,{line},6110,300,600.00,x,{at}'
        for number, line in rows
    ]
    return "\n".join([",".join(STAMPED.values()), *made, ""]).encode()


def xml_file(*numbers: int) -> bytes:
    """Write the same as elements."""
    line = '<line no="{}"><account>6110</account><costCenter>300</costCenter><amount>600.00</amount></line>'
    made = [
        f'<invoice number="NT-{number}" status="Approved"><company>10</company><vendor id="S-2201">Nordtek</vendor>'
        f"<date>2026-11-03</date><currency>USD</currency><total>1250.00</total><tax>50.00</tax>"
        f"<lines>{line.format(1)}{line.format(2)}</lines></invoice>"
        for number in numbers
    ]
    return f"<invoices>{''.join(made)}</invoices>".encode()


def put(books: Books, name: str, content: bytes, *, day: int = 5) -> FileRecord:
    """Keep a copy of a file, as the drop does."""
    books.files.look(
        "invoices", [Listed(f"/outbound/invoices/{name}", len(content), datetime(2026, 11, day, tzinfo=UTC))]
    )
    (record,) = books.files.select("invoices", states=[FileState.DISCOVERED])
    (kept,) = books.files.keep([(books.files.move(record, FileState.STABLE), io.BytesIO(content))])
    return kept


def taken(books: Books, flow: InvoicesToIfs) -> Iterator[list[Sighting]]:
    """Collect as a run does: a page is committed before the next one is asked for."""
    for page in in_parts(flow.collect("invoices", None), PAGE):
        sources = [source for sighting in page if (source := flow.fetch(sighting)) is not None]
        books.entries.receive("invoices", sources, None)
        yield page


def held() -> int:
    return sum(type(each) is RawRecord for each in gc.get_objects())


@pytest.mark.parametrize("name", ["long.csv", "long.xml"])
def test_of_a_long_file_a_few_pages_are_held(books: Books, name: str) -> None:
    """Not its length decides how many invoices are in memory, not even where their lines lie far apart."""
    numbers = range(3 * PAGE)
    chosen = xml_feed() if name.endswith(".xml") else feed(columns=STAMPED)
    put(books, name, xml_file(*numbers) if name.endswith(".xml") else csv_file(*numbers))
    flow = InvoicesToIfs(desk_of(chosen, books))
    gc.collect()
    before = held()
    counts = [(len(page), held() - before) for page in taken(books, flow)]
    assert [count for count, _ in counts] == [PAGE] * 3
    assert max(most for _, most in counts) <= 2 * PAGE


@pytest.mark.parametrize("name", ["bad.csv", "bad.xml"])
def test_of_a_file_that_is_bad_at_its_end_nothing_is_used(books: Books, name: str) -> None:
    """However long it is: the last bytes decide."""
    numbers = range(2 * PAGE)
    content = xml_file(*numbers)[:-4] if name.endswith(".xml") else csv_file(*numbers) + b"10,NT-1\n"
    record = put(books, name, content)
    flow = InvoicesToIfs(desk_of(feed(columns=STAMPED, xml=XML), books))
    (page,) = taken(books, flow)
    assert [sighting.key for sighting in page] == [f"{FILE_KEY}{record.id}"]
    assert books.entries.tally("invoices") == {"held": 1}


def test_an_older_export_never_follows_a_newer_one(books: Books) -> None:
    """Whether the newer one was given long ago, or a moment ago and is not in the ledger yet."""
    numbers = range(2 * PAGE + PAGE // 2)
    put(books, "a.csv", csv_file(*numbers, at="2026-11-10T08:00:00Z"), day=5)
    put(books, "b.csv", csv_file(*numbers, at="2026-11-09T08:00:00Z"), day=6)
    flow = InvoicesToIfs(desk_of(feed(columns=STAMPED), books))
    given = [sighting for page in taken(books, flow) for sighting in page]
    assert len(given) == len(numbers)
    assert all((sighting.tag or "").startswith("2026-11-10") for sighting in given)


class Folder:
    """A drop server with many files, which counts the downloads that nobody has closed."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self._given: list[IO[bytes]] = []
        self.most = 0

    def listing(self, directory: str) -> list[RemoteFile]:
        return [RemoteFile(name, len(name), 1_700_000_000, is_regular=True) for name in self.names]

    def download(self, path: str, into: IO[bytes], *, most_bytes: int) -> Downloaded:
        content = path.rpartition("/")[2].encode()
        into.write(content)
        self._given.append(into)
        self.most = max(self.most, sum(not stream.closed for stream in self._given))
        return Downloaded(len(content), "", 1_700_000_000)


def test_downloads_do_not_run_ahead(books: Books) -> None:
    """Of many files a few wait to be kept, and all of them are in the end."""
    folder = Folder([f"{number:04}.csv" for number in range(2 * KEPT_AT_ONCE)])
    ready = feed(ready={"settle_seconds": 0})
    drop = Drop(
        "invoices", ready, files=books.files, remote=lambda: cast(Sftp, folder), clock=StillClock(), at_once=AT_ONCE,
        longest=600,
    )  # fmt: skip
    drop.poll()
    drop.poll()
    kept = books.files.select("invoices", states=[FileState.FETCHED])
    assert [b"".join(books.files.content(record)).decode() for record in kept[::50]] == folder.names[::50]
    assert len(kept) == 2 * KEPT_AT_ONCE
    assert folder.most <= KEPT_AT_ONCE + 2 * AT_ONCE
