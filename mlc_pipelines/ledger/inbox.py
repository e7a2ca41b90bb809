"""The inbox: webhook events, durable before they are answered, each stored once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.tables import inbox
from mlc_pipelines.wire.clock import Clock

_PENDING = (
    select(inbox.c.id, inbox.c.event_id, inbox.c.event_type, inbox.c.object_id, inbox.c.received_at)
    .where(
        inbox.c.connection == bindparam("b_connection"),
        inbox.c.flow == bindparam("b_flow"),
        inbox.c.finished_at.is_(None),
    )
    .order_by(inbox.c.id)
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One stored event."""

    id: int
    event_id: str
    event_type: str
    object_id: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events that no run has taken up, by connection and flow."""

    connection: str
    flow: str
    count: int
    newest: int
    oldest_at: datetime


class Inbox:
    """The events of all connections of one database."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def store(
        self, connection: str, *, event_id: str, event_type: str, flow: str | None, object_id: str | None, body: bytes
    ) -> bool:
        """Commit an event; False when it is there already. One for no flow is stored as finished."""
        now = self._clock.now()
        values = {
            "connection": connection,
            "event_id": event_id,
            "event_type": event_type,
            "flow": flow,
            "object_id": object_id,
            "body": body,
            "received_at": now,
            "finished_at": None if flow else now,
        }
        try:
            with writing(self._engine) as database:
                database.execute(insert(inbox).values(values))
        except IntegrityError:
            return False
        return True

    def pending(self, connection: str, flow: str) -> list[Letter]:
        """Give the events of a flow that have not been taken up, oldest first."""
        wanted = {"b_connection": connection, "b_flow": flow}
        with reading(self._engine) as database:
            return [Letter(*row) for row in database.execute(_PENDING, wanted)]

    def finish(self, letters: list[Letter]) -> None:
        """Mark events as taken up: what they told of is in the ledger."""
        if letters:
            with writing(self._engine) as database:
                database.execute(
                    update(inbox)
                    .where(inbox.c.id.in_([letter.id for letter in letters]))
                    .values(finished_at=self._clock.now())
                )

    def waiting(self) -> list[Waiting]:
        """Tell for which connections and flows events wait."""
        query = (
            select(inbox.c.connection, inbox.c.flow, func.count(), func.max(inbox.c.id), func.min(inbox.c.received_at))
            .where(inbox.c.finished_at.is_(None), inbox.c.flow.is_not(None))
            .group_by(inbox.c.connection, inbox.c.flow)
        )
        with reading(self._engine) as database:
            return [Waiting(*row) for row in database.execute(query)]
