"""Takes one file the way of every file: read into records, written down, translated; only the ledger is set aside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.connections.tables_of_words import MappingTables
from mlc_pipelines.errors import RecordError
from mlc_pipelines.flows.flow import Sighting
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.stampli.desk import Desk
from mlc_pipelines.integrations.stampli.feeds import InvoiceFeed
from mlc_pipelines.integrations.stampli.flows.invoices import InvoicesToIfs
from mlc_pipelines.integrations.stampli.periods import OpenDays
from mlc_pipelines.integrations.stampli.settings import StampliSettings
from mlc_pipelines.integrations.stampli.words import Words
from mlc_pipelines.ledger.files import FileMove, FileRecord, FileState, Listed
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry, Ignored, SourceRecord, to_micros
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.wire.sftp import Sftp
from mlc_pipelines_tests.integrations.stampli.builders import section, words
from mlc_pipelines_tests.integrations.stampli.file_mutations import Kind

NOW = datetime(2026, 11, 16, 8, tzinfo=UTC)
VOUCHERS = {"voucher_type": "M", "user_group": "AC", "credit_account": {"*": "2400"}}
IFS = IfsSettings(base_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/token", credential="none")
LONGEST_INDEXED = 2000  # bytes: a database refuses a row whose indexed words are longer than about 2,700


class StillClock:
    """Stands."""

    def now(self) -> datetime:
        return NOW

    def sleep(self, seconds: float) -> None:
        """Nobody waits here."""


class OneFile:
    """The file ledger with one fetched file in it. A real one costs a hundred times what is tried here."""

    def hold(self, path: str, content: bytes) -> None:
        """Put another file in the place of the last."""
        self._content = content
        self.record = FileRecord(
            id=1, feed="invoices", path=path, size=len(content), mtime=NOW, sha256="5" * 64, state=FileState.FETCHED,
            listed=False, looks=2, first_seen=NOW, same_since=NOW, last_seen=NOW, checked_at=NOW, attempts=0,
            layout="", records=None, replaces=None, problem=None, archived=None,
        )  # fmt: skip

    def select(
        self, feed: str | None = None, *, states: Sequence[FileState] = (), listed: bool | None = None
    ) -> list[FileRecord]:
        return [self.record] if self.record.state in states else []

    def get(self, record_id: int) -> FileRecord:
        return self.record

    def content(self, record: FileRecord) -> Iterator[bytes]:
        yield self._content

    def move(self, record: FileRecord, state: FileState, **values: Any) -> FileRecord:
        self.record = replace(record, state=state, **values)
        return self.record

    def move_all(self, moves: Sequence[FileMove]) -> None:
        for move in moves:
            self.move(self.record, move.state, **move.values)

    def look(self, feed: str, listed: Sequence[Listed]) -> None:
        """Nothing new is listed."""

    def keep(self, fetched: Sequence[object]) -> list[FileRecord]:
        """Nothing is fetched."""
        return []

    def forget(self, older_than: timedelta) -> int:
        return 0


class NothingKnown:
    """A ledger that knows no record yet."""

    def tags(self, flow: str, keys: Sequence[str]) -> dict[str, str | None]:
        return {}

    def by_key(self, kind: str, key: str) -> None:
        return None

    def find(self, number: str) -> list[Entry]:
        return []


@dataclass(frozen=True)
class Shelf:
    """Of the books what a collect and a translation ask."""

    files: OneFile = field(default_factory=OneFile)
    entries: NothingKnown = field(default_factory=NothingKnown)
    dictionary: NothingKnown = field(default_factory=NothingKnown)
    reports: NothingKnown = field(default_factory=NothingKnown)


class EmptyFolder:
    """The folder is listed, and nothing new is in it."""

    def listing(self, directory: str) -> list[Any]:
        return []


@dataclass(frozen=True)
class SilentIfs:
    """IFS, of which only the names are asked before delivery."""

    settings: IfsSettings


def desk_of(feed: InvoiceFeed, books: Books) -> Desk:
    """Give a flow what it is handed: these books, a folder with nothing new in it, and an IFS that nobody asks."""
    settings = StampliSettings.model_validate(section(vouchers=VOUCHERS, timezone="Europe/Berlin"))
    feeds = settings.feeds.model_copy(update={"invoices": feed})
    sections = {"stampli": settings.model_copy(update={"feeds": feeds})}
    folder = Path("acme.yaml")
    connection = Connection(
        "acme", "stampli", ("10",), None, enabled=True, path=folder, sections=sections, mapping=MappingTables({})
    )
    ifs, remote = cast("IfsClient", SilentIfs(IFS)), cast("Sftp", EmptyFolder())
    return Desk(connection, books, ifs, lambda: remote, StillClock())


class KnowingAll(InvoicesToIfs):
    """The flow, with words that IFS has told before."""

    def __init__(self, desk: Desk, known: Words) -> None:
        super().__init__(desk)
        self._known = known

    def _opened(self) -> Words:
        return self._known


@dataclass
class Told:
    """What became of a file: `rejected`, or so many records by what became of each."""

    rejected: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    sources: list[SourceRecord] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """Name the file's end in one word."""
        if self.rejected is not None:
            return "rejected"
        return "+".join(sorted(self.counts)) or "no records"

    def add(self, what: str) -> None:
        """Count a record."""
        self.counts[what] = self.counts.get(what, 0) + 1


class Trial:
    """One layout, ready for any number of files."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._shelf = Shelf()
        desk = desk_of(kind.feed, cast("Books", self._shelf))
        self._flow = KnowingAll(desk, words(feed=kind.feed, periods=OpenDays()))

    def of(self, content: bytes) -> Told:
        """Work a file from its bytes to what would be sent; whatever is not an answer on purpose goes up as it is."""
        files = self._shelf.files
        files.hold(f"/outbound/invoices/{self._kind.file}", content)
        told = Told()
        found = list(self._flow.collect("invoices", None))
        if files.record.state is FileState.REJECTED:
            told.rejected = files.record.problem or ""
        for sighting in found:
            self._work(self._flow, sighting, told)
        self._flow.exported(NOW.date())
        return told

    def _work(self, flow: InvoicesToIfs, sighting: Sighting, told: Told) -> None:
        source = flow.fetch(sighting)
        assert source is not None
        told.sources.append(source)
        told.wrong += _unfit(source)
        try:
            done = flow.translate(_entry(source))
        except RecordError as error:
            told.add("held")
            if not str(error) or len((error.key or "").encode()) > LONGEST_INDEXED:
                told.wrong.append(f"held for a cause that cannot be kept: {str(error)[:80]!r}")
            return
        if source.problem is not None and "exported_at" not in source.problem:  # a person may send it all the same
            told.wrong.append(f"held when written down ({source.problem[:80]}), not when translated")
        told.add("ignored" if isinstance(done, Ignored) else "translated")


def _unfit(source: SourceRecord) -> list[str]:
    """Tell why a ledger could not keep a record."""
    texts = [source.key, source.company, source.tag or "", source.label, source.partner, source.problem or ""]
    told = [f"a text with a NUL: {text[:40]!r}" for text in texts if "\x00" in text]
    told += ["a text that cannot be written" for text in texts if text.encode(errors="replace").decode() != text]
    if len(source.key.encode()) > LONGEST_INDEXED:
        told.append(f"a key of {len(source.key.encode())} bytes")
    if len(source.currency or "") > 3 or len(source.fingerprint) > 64:
        told.append("currency or fingerprint too long for its column")
    if abs(to_micros(source.amount) or 0) >= 2**63:
        told.append(f"an amount beyond the column: {source.amount}")
    if source.problem is not None and (not source.problem.startswith("stampli: ") or len(source.problem) > 1000):
        told.append(f"a problem that nobody reads: {source.problem[:80]}")
    return told


def _entry(source: SourceRecord) -> Entry:
    return Entry(
        id=1, connection="acme", flow="invoices", company=source.company, key=source.key, version=1,
        state=State.RECEIVED, stage=Stage.TRANSLATE, since=NOW, fingerprint=source.fingerprint, label=source.label,
        partner=source.partner, amount=source.amount, currency=source.currency, dated=source.dated, cause=None,
        cause_key=None, problem=source.problem, reference=None, external_id=None, confirmation=None, attempts=0,
        chain_seq=1, chain_head="", source=source.content,
    )  # fmt: skip
