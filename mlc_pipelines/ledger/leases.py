"""Leases: one worker a connection, with a fencing token that grows at each change of hands."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.errors import MlcError, StorageError
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.handle import held_until
from mlc_pipelines.ledger.tables import leases
from mlc_pipelines.wire.clock import Clock

LEASE_SECONDS = 60.0
CLOCKS_DIFFER = timedelta(minutes=10)
"""A lease that seems to last longer by more than this was taken by a clock that was ahead, and has ended."""

_STANDS = select(leases.c.fence, leases.c.expires_at).where(leases.c.name == bindparam("b_name"))
_LOCKED = select(leases).where(leases.c.name == bindparam("b_name")).with_for_update()
_KEPT = (
    update(leases)
    .where(leases.c.name == bindparam("b_name"), leases.c.fence == bindparam("b_fence"))
    .values(expires_at=bindparam("b_until"))
)
_TAKEN = (
    update(leases)
    .where(leases.c.name == bindparam("b_name"))
    .values(holder=bindparam("b_holder"), fence=bindparam("b_fence"), expires_at=bindparam("b_until"))
)
_PROC = Path("/proc")
_DEAD = frozenset({"Z", "X"})  # ended, and nobody has asked yet how


class LeaseTakenError(MlcError):
    """Another worker holds the connection; it will be free when that one ends or stops renewing."""


class LeaseLostError(MlcError):
    """This worker was overtaken: what it was about to write was refused."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work a connection, until someone with a higher fence takes it."""

    name: str
    holder: str
    fence: int


def worker_name() -> str:
    """Name this process so that it can be told from any other, also on another machine or in another container."""
    pid = os.getpid()
    return f"{_machine()}:{pid}:{_started(pid)}"


def _machine() -> str:
    boot = _PROC / "sys/kernel/random/boot_id"
    space = _PROC / "self/ns/pid"
    return (
        f"{boot.read_text().strip()}/{space.stat().st_ino}" if boot.exists() and space.exists() else os.uname().nodename
    )


def _started(pid: int) -> str | None:
    try:
        state, *rest = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return None if state in _DEAD else rest[18]
    except (OSError, ValueError, IndexError):
        return None


def machine_of(holder: str) -> str:
    """Give the part of a worker's name that all workers share until their machine or container is started anew."""
    return holder.rpartition(":")[0].rpartition(":")[0]


def has_died(holder: str) -> bool:
    """Tell whether a worker of this very machine is gone; of another machine we cannot know."""
    _, _, pid = holder.rpartition(":")[0].rpartition(":")
    started = holder.rpartition(":")[2]
    if machine_of(holder) != _machine() or not pid.isdigit() or not _PROC.exists():
        return False
    return _started(int(pid)) != started


class Leases:
    """Takes, renews and returns leases; one lasts `seconds` unless it is renewed."""

    def __init__(self, engine: Engine, clock: Clock, *, seconds: float = LEASE_SECONDS) -> None:
        self._engine = engine
        self._clock = clock
        self._seconds = seconds
        self._until: dict[Lease, datetime] = {}  # of those held by a block; never later than the row says
        self._turn = threading.Lock()

    def take(self, name: str, holder: str) -> Lease:
        """Take a lease, or raise LeaseTakenError naming who has it and until when."""
        now = self._clock.now()
        until = now + timedelta(seconds=self._seconds)
        try:
            with writing(self._engine) as connection:
                row = connection.execute(_LOCKED, {"b_name": name}).one_or_none()
                if row is None:
                    connection.execute(insert(leases).values(name=name, holder=holder, fence=1, expires_at=until))
                    return Lease(name, holder, 1)
                if now < row.expires_at <= until + CLOCKS_DIFFER and not has_died(row.holder):
                    raise LeaseTakenError(
                        f"{name}: {row.holder} is at work until {row.expires_at:%H:%M:%S} UTC; wait for that run to end"
                    )
                fence = row.fence + 1
                taken = {"b_name": name, "b_holder": holder, "b_fence": fence, "b_until": until}
                connection.execute(_TAKEN, taken)
                return Lease(name, holder, fence)
        except IntegrityError as error:  # two first-comers: the row of the other one stands
            raise LeaseTakenError(f"{name}: another worker has just started; wait for that run to end") from error

    def renew(self, lease: Lease) -> None:
        """Keep the lease, or raise LeaseLostError."""
        with self._turn:
            until = self._clock.now() + timedelta(seconds=self._seconds)
            if not self._keep(lease, until):
                raise LeaseLostError(f"{lease.name}: another worker took over; this one stops")
            if lease in self._until:
                self._until[lease] = until

    def assure(self, lease: Lease) -> None:
        """See right before a call that the lease is still ours; one that ended while we slept is taken up again.

        LeaseLostError when another worker took over meanwhile: what it settles must not be written a second time.
        """
        with reading(self._engine) as connection:
            row = connection.execute(_STANDS, {"b_name": lease.name}).one_or_none()
        if row is not None and row.fence == lease.fence and row.expires_at > self._clock.now():
            return
        self.renew(lease)

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Keep the lease of this name for a block in which a write leaves, or do not go on from here at all.

        One of which less than half is left is renewed first: LeaseLostError keeps the write back. A process that is
        stopped in the block until the lease has ended does not wake up. A name that nobody here holds is not guarded.
        """
        held = self.held(name)
        for lease in held:
            if self._left(lease) < self._seconds / 2:
                self.renew(lease)
        before = time.monotonic()
        with held_until(before + min(map(self._left, held))) if held else nullcontext():
            yield

    def held(self, name: str) -> list[Lease]:
        """Give the leases of this name that a block of this process holds, whether or not somebody overtook it."""
        return [lease for lease in list(self._until) if lease.name == name]

    def _left(self, lease: Lease) -> float:
        return (self._until[lease] - self._clock.now()).total_seconds()

    @contextmanager
    def hold(self, name: str) -> Iterator[Lease]:
        """Hold a lease for a block, renewing it from a thread of its own so that long calls keep it."""
        until = self._clock.now() + timedelta(seconds=self._seconds)
        lease = self.take(name, worker_name())
        self._until[lease] = until
        done = threading.Event()

        def keep() -> None:
            while not done.wait(self._seconds / 3):
                try:
                    self.renew(lease)
                except LeaseLostError:  # the next write of this worker is refused by its fence
                    return
                except StorageError:  # tried again; when the lease ends meanwhile, nothing is written without renewing
                    continue

        keeper = threading.Thread(target=keep, name=f"lease {name}", daemon=True)
        keeper.start()
        try:
            yield lease
        finally:
            done.set()
            keeper.join()
            del self._until[lease]
            self.give_back(lease)

    def lost(self, beginning: str, *, grace: timedelta) -> list[str]:
        """Name the leases that begin so whose holder is dead here, or that have ended so long ago."""
        query = select(leases.c.name, leases.c.holder, leases.c.expires_at).where(
            leases.c.name.startswith(beginning, autoescape=True)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        latest = self._clock.now() - grace
        return [row.name for row in rows if row.expires_at < latest or has_died(row.holder)]

    def forget(self, name: str) -> None:
        """Remove a lease that nobody will ask for again."""
        with writing(self._engine) as connection:
            connection.execute(delete(leases).where(leases.c.name == name))

    def give_back(self, lease: Lease) -> None:
        """End the lease now, unless another worker has it already."""
        self._keep(lease, self._clock.now())

    def _keep(self, lease: Lease, until: datetime) -> bool:
        """Let the lease end then; False when another worker has it."""
        kept = {"b_name": lease.name, "b_fence": lease.fence, "b_until": until}
        with writing(self._engine) as connection:
            return connection.execute(_KEPT, kept).rowcount == 1
