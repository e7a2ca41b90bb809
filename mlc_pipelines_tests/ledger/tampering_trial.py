"""A ledger that has lived some days, tampered with again and again, and both verifiers held to what they must find."""

import contextlib
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Choice
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.database import open_engine, reading
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.ledger.tables import entries, events, seals
from mlc_pipelines.ledger.verifying import as_stored
from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, TestClock, road_of
from mlc_pipelines_tests.ledger.builders import verdict
from mlc_pipelines_tests.ledger.tampering import Forger, Rows, Tampering
from mlc_pipelines_tests.ledger.tampering_kinds import KINDS

TABLES = {"entries": (entries, "id"), "events": (events, "id"), "seals": (seals, "day")}
KEYS = SealKeys({"new": bytes(32), "old": bytes(range(32))})
DAY = 86_400.0


class Trial:
    """One ledger: `judge` tampers with it by a seed and says what was not found, or named wrongly."""

    def __init__(self, folder: Path, *, kind: str) -> None:
        engine = open_engine(address(folder, kind=kind, name="trail.db"), durable=False)
        self._anchor = folder / "audit.anchor"
        self.ledger = Ledger(engine, TestClock(), anchor=self._anchor, keys=KEYS)
        self._pack = folder / "pack.jsonl"
        self._earlier = _lived_in(self.ledger)
        self._remembered = self._anchor.read_text(encoding="ascii")
        self.pristine = stored(engine)
        self._there = self.pristine
        self.kinds: dict[str, int] = {}

    def judge(self, seed: int) -> list[str]:
        """Tamper by a seed; give what is wrong with what the verifiers say."""
        forger = Forger(random.Random(seed), self.pristine, self._earlier, self._remembered)
        tampering = KINDS[seed % len(KINDS)](forger)
        self.kinds[tampering.name] = self.kinds.get(tampering.name, 0) + 1
        self._put(tampering)
        said = [f"{finding.where}: {finding.what}" for finding in self.ledger.audit.verify()]
        lines = list(self.ledger.audit.pack())
        code, told = self._outside(tampering.lines(lines) if tampering.lines else lines)
        wrong = [*_compare("verify", tampering.named, said), *_compare("the script", tampering.told, told)]
        if (code == 0) != (not tampering.told):
            wrong.append(f"the script ended with {code}")
        return [f"seed {seed}, {tampering.name}: {each}" for each in wrong]

    def _put(self, tampering: Tampering) -> None:
        replace(self.ledger.engine, self._there, tampering.rows)
        self._there = tampering.rows
        self._anchor.write_text(self._remembered if tampering.anchor is None else tampering.anchor, encoding="utf-8")

    def _outside(self, lines: list[str]) -> tuple[int, list[str]]:
        """Let the script of the pack look at lines; give its exit code and what it found."""
        self._pack.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        code, said = verdict(self._pack, KEYS.public()["new"])
        return code, said.splitlines() if code else []

    def close(self) -> None:
        """Close the database."""
        self.ledger.engine.dispose()


def _compare(who: str, expected: tuple[str, ...], said: list[str]) -> Iterator[str]:
    if expected and not said:
        yield f"{who} found nothing"
    elif said and not any(re.match(pattern, said[0]) for pattern in expected):
        yield f"{who} said {said[0]!r} first; expected {' or '.join(expected[:3]) or 'nothing'}"


# The ledger


@dataclass
class Moods(PaperFlow):
    """A target that refuses some and whose answers to some are lost, once each."""

    paper: Paper
    moods: dict[str, Exception] = field(default_factory=dict)

    def __post_init__(self) -> None:
        PaperFlow.__init__(self, self.paper)
        self.before_deliver = lambda batch: self._answer(batch[0].entry.key)

    def _answer(self, key: str) -> None:
        error = self.moods.pop(key, None)
        if error is not None:
            raise error


def _lived_in(ledger: Ledger) -> Rows:
    """Work three days with a quiet one between, and half a day more; give the tables as they were after the first."""
    paper = Paper(**{f"D{number}": f"{number}.00" for number in range(8)})
    flow = Moods(paper)
    road = road_of(ledger, flow)
    clock = ledger.clock
    assert isinstance(clock, TestClock)

    def work(*, before: Callable[[], None] = lambda: None) -> None:
        before()
        for stage in (collect, translate, deliver, confirm):
            stage(road)

    flow.moods = {"D1": OutcomeUnknownError("no answer"), "D2": RecordError("no", cause=Cause.REJECTED_BY_TARGET)}
    paper.write("D3", account="9999")
    paper.write("D4", account="none")
    work()
    work()
    clock.sleep(DAY)
    ledger.audit.seal()
    earlier = stored(ledger.engine)
    paper.write("D0", amount="7.50")
    deliver(road, Choice(reason="looked at"))
    work()
    clock.sleep(2 * DAY)
    for number in range(8, 14):
        paper.write(f"D{number}", amount=f"{number}.25")
    flow.moods = {"D9": OutcomeUnknownError("no answer")}
    paper.write("D3", account="4010")
    work()
    work()
    clock.sleep(DAY)
    paper.write("D5", amount="5.55")
    paper.write("D14", amount="14.00")
    work()
    ledger.audit.seal()
    return earlier


# Its tables, as somebody with the database's own tool sees them


def stored(engine: Engine) -> Rows:
    """Read the tables of the audit trail as they are kept."""

    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value

    with reading(engine) as connection:
        return {
            name: [
                {column: plain(value) for column, value in row._mapping.items()}
                for row in connection.execute(select(*as_stored(table)).order_by(table.c[key]))
            ]
            for name, (table, key) in TABLES.items()
        }


def replace(engine: Engine, before: Rows, after: Rows) -> None:
    """Write the rows that differ; foreign keys do not stop anybody."""
    sqlite = engine.dialect.name == "sqlite"
    with contextlib.closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=OFF" if sqlite else "SET session_replication_role = replica")
        if sqlite:
            cursor.execute("BEGIN")
        written = []
        for name, (_, key) in TABLES.items():
            old = {row[key]: row for row in before[name]}
            new = {row[key]: row for row in after[name]}
            gone = [(number,) for number, row in old.items() if new.get(number) != row]
            fresh = [row for number, row in new.items() if old.get(number) != row]
            if gone:
                cursor.executemany(f"DELETE FROM {name} WHERE {key} = {'?' if sqlite else '%s'}", gone)
            written.append((name, fresh))
        for name, fresh in written:
            if fresh:
                marks = ", ".join("?" if sqlite else "%s" for _ in fresh[0])
                insert = f"INSERT INTO {name} ({', '.join(fresh[0])}) VALUES ({marks})"
                cursor.executemany(insert, [tuple(row.values()) for row in fresh])
        connection.commit()
