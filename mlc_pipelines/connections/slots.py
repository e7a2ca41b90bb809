"""Room for so many calls at once, as rows of the database: a call keeps one while it is under way."""

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections.tables import slots
from mlc_pipelines.errors import StorageError
from mlc_pipelines.wire.clock import Clock

LOOK_SECONDS = 0.05

logger = logging.getLogger(__name__)


class SharedSlots:
    """At most `number` calls at the same moment for all processes of one database.

    A slot whose process died is free again after `longest_seconds`, which no call may last.
    """

    def __init__(self, engine: Engine, name: str, *, number: int, longest_seconds: float, clock: Clock) -> None:
        self._engine = engine
        self._name = name
        self._number = number
        self._longest = longest_seconds
        self._clock = clock
        self._here = threading.BoundedSemaphore(number)  # threads of one process need not ask the database in vain
        self._there = False

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until there is room, and keep it for a block."""
        holder = secrets.token_hex(8)
        with self._here:
            while not self._taken(holder):
                self._clock.sleep(LOOK_SECONDS)
            try:
                yield
            finally:
                self._leave(holder)

    def _leave(self, holder: str) -> None:
        mine = (slots.c.name == self._name, slots.c.holder == holder)
        try:
            with self._engine.execution_options(mlc_write=True).begin() as connection:
                connection.execute(update(slots).where(*mine).values(holder=None, until=0.0))
        except StorageError as error:  # the call has its answer, which must not be lost; the slot becomes free in time
            logger.warning("slot not given back", extra={"slots": self._name, "error": str(error)})

    def _taken(self, holder: str) -> bool:
        self._ensure()
        now = self._clock.now().timestamp()
        # What ends later than a call may last was written by a clock that has stepped back since.
        free = or_(slots.c.until <= now, slots.c.until > now + 2 * self._longest)
        query = select(slots.c.number).where(slots.c.name == self._name, slots.c.number < self._number, free)
        with self._engine.begin() as connection:
            number = connection.execute(query.order_by(slots.c.number).limit(1)).scalar()
        if number is None:
            return False
        this = (slots.c.name == self._name, slots.c.number == number, free)
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            taken = connection.execute(update(slots).where(*this).values(holder=holder, until=now + self._longest))
            return taken.rowcount == 1

    def _ensure(self) -> None:
        if self._there:
            return
        with self._engine.begin() as connection:
            known = set(connection.execute(select(slots.c.number).where(slots.c.name == self._name)).scalars())
        for number in set(range(self._number)) - known:
            try:
                with self._engine.execution_options(mlc_write=True).begin() as connection:
                    connection.execute(insert(slots).values(name=self._name, number=number, holder=None, until=0.0))
            except IntegrityError:
                pass  # another process was first; its row is the one we share
        self._there = True
