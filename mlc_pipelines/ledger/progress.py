"""How far each feed has been read, and what each pass came to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, bindparam, delete, func, insert, select, update

from mlc_pipelines.ledger.chain import moment_text
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.tables import passes, watermarks
from mlc_pipelines.wire.clock import Clock

KEPT = 200
"""So many passes of one stage are remembered: two days of a poll every quarter of an hour."""

_SAME = (
    passes.c.connection == bindparam("b_connection"),
    passes.c.flow == bindparam("b_flow"),
    passes.c.stage == bindparam("b_stage"),
)
_OLD = select(passes.c.id).where(*_SAME).order_by(passes.c.id.desc()).limit(1).offset(KEPT).scalar_subquery()
_FORGET = delete(passes).where(*_SAME, passes.c.id <= _OLD)
_NOTE = insert(passes)
_POSITIONS = select(watermarks.c.flow, watermarks.c.feed, watermarks.c.position).where(
    watermarks.c.connection == bindparam("b_connection")
)


@dataclass(frozen=True, slots=True)
class Pass:
    """One stage of one flow, gone through once."""

    flow: str
    stage: str
    started_at: datetime
    finished_at: datetime
    counts: Mapping[str, Any]


class Progress:
    """Watermarks and passes of one connection."""

    def __init__(self, engine: Engine, clock: Clock, connection: str) -> None:
        self._engine = engine
        self._clock = clock
        self._name = connection

    def position(self, flow: str, feed: str) -> datetime | None:
        """Give the watermark of a feed: the largest value seen in its data."""
        return self.positions(flow).get(feed)

    def positions(self, flow: str) -> dict[str, datetime]:
        """Give the watermarks of all feeds of a flow."""
        return self.all_positions().get(flow, {})

    def all_positions(self) -> dict[str, dict[str, datetime]]:
        """Give the watermarks of all feeds, by flow; one that has none is left out."""
        found: dict[str, dict[str, datetime]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(_POSITIONS, {"b_connection": self._name}):
                found.setdefault(row.flow, {})[row.feed] = datetime.fromisoformat(row.position)
        return found

    def advance(self, flow: str, feed: str, position: datetime) -> None:
        """Save a watermark, after everything up to it has been committed."""
        where = (watermarks.c.connection == self._name, watermarks.c.flow == flow, watermarks.c.feed == feed)
        values = {"position": moment_text(position), "changed_at": self._clock.now()}
        with writing(self._engine) as connection:
            if connection.execute(update(watermarks).where(*where).values(values)).rowcount == 0:
                connection.execute(insert(watermarks).values(connection=self._name, flow=flow, feed=feed, **values))

    def note(self, flow: str, stage: str, started_at: datetime, counts: Mapping[str, Any]) -> None:
        """Write down what a pass came to; of each stage of a flow the newest are kept."""
        values = {"started_at": started_at, "finished_at": self._clock.now(), "counts": json.dumps(counts, default=str)}
        with writing(self._engine) as connection:
            connection.execute(_NOTE, {"connection": self._name, "flow": flow, "stage": stage, **values})
            connection.execute(_FORGET, {"b_connection": self._name, "b_flow": flow, "b_stage": stage})

    def last(self, *, most: int = 1) -> list[Pass]:
        """Give the newest passes of each flow and stage, newest first."""
        rank = (
            func.row_number()
            .over(partition_by=(passes.c.flow, passes.c.stage), order_by=passes.c.id.desc())
            .label("rank")
        )
        ranked = select(passes, rank).where(passes.c.connection == self._name).subquery()
        query = select(ranked).where(ranked.c.rank <= most).order_by(ranked.c.id.desc())
        with reading(self._engine) as connection:
            return [
                Pass(row.flow, row.stage, row.started_at, row.finished_at, json.loads(row.counts))
                for row in connection.execute(query)
            ]
