"""The ledger's tables. Amounts are whole millionths of the currency unit; times are aware and in UTC."""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from mlc_pipelines.ledger.chain import moment_text

METADATA = MetaData()
_ID = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """A time as sortable text in UTC with microseconds, the same on every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write the time; a naive one is a mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("ledger: a time without a zone")
        return moment_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read the time back."""
        return datetime.fromisoformat(value).astimezone(UTC) if value else None


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index over some rows only; a query finds it when its condition says the same in the same words."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


entries = Table(
    "entries",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("company", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("latest", Boolean, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("tag", Text),  # the source's own mark of a version (ETag), to skip what has not changed
    Column("state", String(12), nullable=False),
    Column("stage", String(12), nullable=False),
    Column("cause", Text),
    Column("cause_key", Text),
    Column("problem", Text),
    Column("since", Moment, nullable=False),  # in this state since
    Column("label", Text, nullable=False),  # what a clerk calls the document: its number
    Column("partner", Text, nullable=False),  # supplier or vendor
    Column("amount_micros", BigInteger),
    Column("currency", String(3)),
    Column("dated", Date),
    Column("reference", Text),  # our reference in the target
    Column("external_id", Text),
    Column("confirmation", Text),  # what the write back gave: voucher number, sync id, mark
    Column("attempts", Integer, nullable=False),
    Column("source", LargeBinary, nullable=False),
    Column("payload", LargeBinary),
    Column("received_at", Moment, nullable=False),
    Column("chain_seq", Integer, nullable=False),
    Column("chain_head", String(64), nullable=False),
    Column("pruning", Integer, ForeignKey("prunings.id")),  # which one put documents and events into an archive
    UniqueConstraint("connection", "flow", "key", "version"),
    Index("ix_entries_due", "connection", "flow", "stage", "state", "id"),
    Index("ix_entries_label", "connection", "label"),
    _partial(
        "ix_entries_held",
        *("connection", "flow", "stage", "cause", "cause_key", "currency", "amount_micros", "since", "id"),
        where="state = 'held'",
    ),
    _partial("ix_entries_cause", "connection", "flow", "cause_key", where="cause_key IS NOT NULL"),
    _partial("ix_entries_reference", "connection", "reference", where="reference IS NOT NULL"),
    _partial("ix_entries_external", "connection", "external_id", where="external_id IS NOT NULL"),
)

totals = Table(
    "totals",
    METADATA,
    Column("connection", Text, primary_key=True),
    Column("flow", Text, primary_key=True),
    Column("company", Text, primary_key=True),
    Column("stage", String(12), primary_key=True),
    Column("state", String(12), primary_key=True),
    Column("currency", String(3), primary_key=True),  # empty where the entries have no money
    Column("latest", Boolean, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),
)

events = Table(
    "events",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("entry_id", _ID, ForeignKey("entries.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("before", String(12)),
    Column("after", String(12), nullable=False),
    Column("actor", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON; ids, codes and hashes, never a payload
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("entry_id", "seq"),
    Index("ix_events_at", "at"),
)

seals = Table(
    "seals",
    METADATA,
    Column("day", Date, primary_key=True),
    Column("first_event", _ID, nullable=False),
    Column("last_event", _ID, nullable=False),
    Column("count", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("sealed_at", Moment, nullable=False),
    Column("key_id", String(32)),
    Column("signature", String(128)),
    Column("left_count", Integer),  # once some of its events are in an archive: what is left of them here
    Column("left_hash", String(64)),
)

prunings = Table(
    "prunings",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("archive", Text, nullable=False),  # name of the file
    Column("end", BigInteger, nullable=False),  # how long the file is with this part, in bytes
    Column("entries", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("part", String(64), nullable=False),  # digest of the lines in the archive
    Column("rows", String(64), nullable=False),  # digest of what the ledger keeps of the entries
    Column("left", String(64), nullable=False),  # digest of what is left of sealed days
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("key_id", String(32)),
    Column("signature", String(128)),
)

intents = Table(
    "intents",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("entry_id", _ID, ForeignKey("entries.id"), nullable=False),
    Column("stage", String(12), nullable=False),
    Column("reference", Text),
    Column("payload_hash", String(64), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("outcome", String(12)),  # landed, refused, postponed, unknown, stopped, absent, unsent
    Column("external_id", Text),
    Index("ix_intents_entry", "entry_id"),
)

bindings = Table(
    "bindings",
    METADATA,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("external_id", Text, nullable=False),
    Column("reference", Text),
    Column("entry_id", _ID),
    Column("changed_at", Moment, nullable=False),
    Index("ix_bindings_external", "connection", "kind", "external_id"),
    Index("ix_bindings_reference", "connection", "kind", "reference"),
)

reference_data = Table(
    "reference_data",
    METADATA,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

watermarks = Table(
    "watermarks",
    METADATA,
    Column("connection", Text, primary_key=True),
    Column("flow", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("position", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

inbox = Table(
    "inbox",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("flow", Text),
    Column("object_id", Text),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("finished_at", Moment),
    UniqueConstraint("connection", "event_id"),
    _partial("ix_inbox_pending", "connection", "flow", where="finished_at IS NULL"),
)

leases = Table(
    "leases",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

passes = Table(
    "passes",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("counts", Text, nullable=False),
    Index("ix_passes_last", "connection", "flow", "stage", "id"),
)

files = Table(
    "files",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("path", Text, nullable=False),  # as the server names it
    Column("size", BigInteger, nullable=False),
    Column("mtime", Moment),  # as the server tells it; some tell none
    Column("sha256", String(64), nullable=False),  # empty until it was read
    Column("state", String(12), nullable=False),
    Column("listed", Boolean, nullable=False),  # the last look saw it
    Column("looks", Integer, nullable=False),  # how often it was seen with this size and mtime
    Column("first_seen", Moment, nullable=False),
    Column("same_since", Moment, nullable=False),  # first seen with this size and mtime
    Column("last_seen", Moment, nullable=False),
    Column("checked_at", Moment),  # read last, to see whether it is still the same
    Column("attempts", Integer, nullable=False),
    Column("layout", Text, nullable=False),  # version of the layout it was read by
    Column("records", Integer),
    Column("replaces", _ID),  # an earlier file of the same name, or the one that has the same content
    Column("problem", Text),
    Column("archived", Text),  # what was done to the remote file at the end
    UniqueConstraint("connection", "feed", "path", "size", "mtime", "sha256"),
    Index("ix_files_state", "connection", "feed", "state"),
    Index("ix_files_content", "connection", "feed", "sha256"),
)

file_parts = Table(
    "file_parts",
    METADATA,
    Column("file_id", _ID, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # counted from 0
    Column("content", LargeBinary, nullable=False),  # compressed, each part by itself
)
