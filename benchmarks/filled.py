"""Ledgers of any size for measurements: a thousand records are carried by the road, the others are copies of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, text

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Asset, Assets, Outgoing, Sighting
from mlc_pipelines.flows.road import Road, Tally
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated

CONNECTION, FLOW = "acme_ramp", "bills"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
BLOCK = 1000
AT_ONCE = 20_000  # copies in one transaction
ORDERED = os.environ.get("MLC_BENCHMARK_KEYS") == "ordered"
STAGES = {"collect": collect, "translate": translate, "deliver": deliver, "confirm": confirm}
FILE = f"""\
name: {CONNECTION}
integration: ramp
companies: ["10", "20"]
ifs: {{base_url: "http://127.0.0.1:9", token_url: "http://127.0.0.1:9/token", credential: acme/ifs}}
ramp: {{base_url: "http://127.0.0.1:9", credential: acme/ramp}}
"""
HEAD = {f"Attribute{number:02}": f"value {number} of the head of an invoice" for number in range(27)}
LINE = {f"Code{letter}": f"part {letter}" for letter in "ABCDEFGHIJ"}


def unused(count: int) -> range:
    """Give numbers of documents that no ledger has: the microseconds of now."""
    first = (datetime.now(UTC) - BEGIN) // timedelta(microseconds=1)
    return range(first, first + count)


class Desk:
    """A flow whose source and target answer at once, so that what is measured is ours.

    Of two hundred documents one is held, four are ignored. Keys are scattered: each one lands anywhere in an index;
    with MLC_BENCHMARK_KEYS=ordered they come one after the other, as IFS numbers invoices.
    """

    name, kind = FLOW, "bill"
    sentence = "Documents go from one desk to the other."
    assets = Assets(Asset("written", "."), Asset("read", "."), Asset("kept", "."), Asset("told", "."))
    deliver_batch = confirm_batch = 1
    amends = True
    settle_after = 0.0

    def __init__(self, numbers: Sequence[int] = ()) -> None:
        self.numbers = numbers

    def feeds(self) -> Sequence[str]:
        """One feed."""
        return ["10"]

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List the documents."""
        return (
            Sighting(key_of(number), tag="1", position=BEGIN + timedelta(microseconds=number), carry=number)
            for number in self.numbers
        )

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Nothing."""
        return None

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Write a document as long as one of IFS with a line."""
        content = msgspec.json.encode({"number": sighting.carry, "head": HEAD, "lines": [LINE, LINE]})
        return SourceRecord(
            key=sighting.key,
            company="10",
            content=content,
            fingerprint=digest(content),
            tag=sighting.tag,
            label=f"INV-{sighting.carry}",
            partner="S-1001",
            amount=Decimal("19.99"),
            currency="EUR",
            dated=date(2026, 11, 3),
        )

    def prepare(self) -> None:
        """Nothing."""

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make a payload of 600 bytes."""
        document = msgspec.json.decode(entry.source)
        number = document["number"]
        if number % 200 == 7:
            raise RecordError(
                "no such account", cause=Cause.ACCOUNT_UNMAPPED, key=f"account:{4000 + number // 100 % 10}"
            )
        if number % 50 == 3:
            return Ignored(Cause.CANCELLED, "cancelled")
        return Translated(msgspec.json.encode(dict(list(document["head"].items())[:12])), entry.key)

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Nothing is there."""
        return {}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Take it."""
        return [Landed(f"bill-{outgoing.entry.key}") for outgoing in batch]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Take it."""
        return [Landed("told") for _ in batch]


def key_of(number: int) -> str:
    """Give the key of a document; numbers are scattered unless they are to stay in order."""
    return f"10^{10**15 + number if ORDERED else number * 2654435761 % 4294967296}"


def furnished(folder: Path, database: str | None = None) -> dict[str, str]:
    """Make a house with one connection; give its environment."""
    (folder / "connections").mkdir(parents=True)
    (folder / "connections" / "acme.yaml").write_text(FILE, encoding="utf-8")
    return {
        **os.environ,
        "MLC_HOME": str(folder),
        "MLC_DATABASE_URL": database or f"sqlite:///{folder / 'mlc.db'}",
        "MLC_CONNECTIONS_DIR": str(folder / "connections"),
    }


def carried(house: House, numbers: Sequence[int]) -> dict[str, Tally]:
    """Carry documents the whole road."""
    road = Road(Desk(numbers), house.ledger, house.ledger.books(CONNECTION))
    return {name: stage(road) for name, stage in STAGES.items()}


def fill(house: House, entries: int) -> None:
    """Bring a fresh ledger to so many entries, a multiple of a thousand."""
    carried(house, range(1, BLOCK + 1))
    engine = house.engines[1]  # the one that does not wait for the disk at each commit
    for first in range(BLOCK, entries, AT_ONCE):
        with engine.execution_options(mlc_write=True).begin() as connection:
            for block in range(first, min(first + AT_ONCE, entries), BLOCK):
                _copy(connection, block)
    _finish(engine)


def _copy(connection: Connection, by: int) -> None:
    """Copy the first thousand records, numbered on."""
    number = f"{10**15} + id + {by}" if ORDERED else f"((id + {by}) * 2654435761) % 4294967296"
    name = f"'10^' || CAST({number} AS TEXT)"
    told = f"CASE WHEN {{0}} IS NULL THEN NULL ELSE {{1}}{name} END"
    copies: Mapping[str, dict[str, str]] = {
        "entries": {
            "id": f"id + {by}",
            "key": name,
            "label": f"'INV-' || (id + {by})",
            "reference": told.format("reference", ""),
            "external_id": told.format("external_id", "'bill-' || "),
        },
        "events": {"id": f"id + {by} * 6", "entry_id": f"entry_id + {by}"},
        "intents": {"id": f"id + {by} * 2", "entry_id": f"entry_id + {by}"},
    }
    for table, changed in copies.items():
        columns = _columns(connection, table)
        values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
        names = ", ".join(f'"{column}"' for column in columns)
        first = "entry_id" if table != "entries" else "id"
        connection.execute(
            text(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {first} <= {BLOCK} ORDER BY id")
        )
    connection.execute(
        text(
            "INSERT INTO bindings (connection, kind, key, external_id, reference, entry_id, changed_at) "
            "SELECT connection, 'bill', key, external_id, reference, id, since FROM entries "
            f"WHERE external_id IS NOT NULL AND id > {by} AND id <= {by + BLOCK}"
        )
    )


def _columns(connection: Connection, table: str) -> list[str]:
    return list(connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys())


def _finish(engine: Engine) -> None:
    """Bring the database into the state of one that has grown by itself."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            return
        for table in ("entries", "events", "intents"):
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
            )
        connection.execute(text("VACUUM ANALYZE"))


def size_of(engine: Engine) -> int:
    """Tell how many bytes the database takes."""
    query = "SELECT pg_database_size(current_database())"
    if engine.dialect.name == "sqlite":
        query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())
