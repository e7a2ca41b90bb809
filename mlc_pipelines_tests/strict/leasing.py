"""A worker process that works one connection pass after pass, and writes down when it took the lease and lost it.

`python -m mlc_pipelines_tests.strict.leasing DATABASE TARGET LEASE_SECONDS DOCUMENTS` prints one JSON line an event.
"""

import json
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from mlc_pipelines.connections.budgets import SharedBudget
from mlc_pipelines.errors import StorageError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.database import open_engine
from mlc_pipelines.ledger.leases import Lease, LeaseLostError, Leases, LeaseTakenError
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines_tests.flows.world import Paper, PaperFlow

CONNECTION = "acme"
SETTLE_SECONDS = 0.2
CALLS_IN_FLIGHT = 4
CALLS_A_SECOND = 400
STAGES: Sequence[Callable[[Road], object]] = (collect, translate, deliver, confirm)


def fact(event: str, **facts: Any) -> dict[str, Any]:
    """Make an event of this process and moment."""
    return {"event": event, "pid": os.getpid(), "at": time.time(), **facts}


def told(event: str, **facts: Any) -> None:
    """Print an event; in one write, so that lines stay whole."""
    os.write(1, f"{json.dumps(fact(event, **facts))}\n".encode())


class ToldLeases(Leases):
    """Leases whose change of hands is told; `fence` is the last one that this process was given."""

    tell: Callable[..., None]
    fence = 0

    def take(self, name: str, holder: str) -> Lease:
        """Take a lease; the one before it has ended when `began` is over, if this succeeds."""
        began = time.time()
        lease = super().take(name, holder)
        self.fence = lease.fence
        self.tell("took", fence=lease.fence, began=began)
        return lease

    def give_back(self, lease: Lease) -> None:
        """End the lease."""
        self.tell("gives back", fence=lease.fence)
        super().give_back(lease)

    @contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Tell of each write that is kept back."""
        try:
            with super().guard(name):
                yield
        except LeaseLostError:
            self.tell("kept back", fence=self.fence)
            raise


class PostedPapers(PaperFlow):
    """Papers whose target is the strict server; every write carries the fence under which it was begun."""

    settle_after = SETTLE_SECONDS

    def __init__(self, paper: Paper, http: HttpClient, leases: ToldLeases) -> None:
        super().__init__(paper)
        self._http = http
        self._leases = leases

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Ask which are there."""
        asked = [("reference", outgoing.entry.key) for outgoing in batch]
        there = set(self._http.send("GET", "kept", params=asked).json())
        return {o.entry.id: Landed(f"T-{o.entry.key}") for o in batch if o.entry.key in there}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Write one paper; the target would make a second one of it."""
        (outgoing,) = batch
        return [self._write("kept", outgoing)]

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Tell the source."""
        (outgoing,) = batch
        return [self._write("told", outgoing)]

    def _write(self, path: str, outgoing: Outgoing) -> Landed:
        document = {"reference": outgoing.entry.key, "amount": outgoing.entry.label}
        self._http.send("POST", path, json=document, headers={"X-Fence": str(self._leases.fence)})
        return Landed(f"T-{outgoing.entry.key}")


@contextmanager
def laid(url: str, target: str, lease_seconds: float, tell: Callable[..., None]) -> Iterator[tuple[Road, PostedPapers]]:
    """Lay the road to the strict server, with leases that last so many seconds."""
    engine, quick, clock = open_engine(url), open_engine(url, durable=False), SystemClock()
    ledger = Ledger(engine, clock)
    leases = ledger.leases = ToldLeases(engine, clock, seconds=lease_seconds)
    leases.tell = tell
    budget = SharedBudget(quick, "target", limit=CALLS_A_SECOND, window_seconds=1.0, burst=10, clock=clock)
    with HttpClient(
        "target",
        target,
        judge=judge_by_status("target"),
        budget=budget,
        guard=partial(leases.guard, CONNECTION),
        clock=clock,
    ) as http:
        flow = PostedPapers(Paper(), http, leases)
        yield Road(flow, ledger, ledger.books(CONNECTION), calls_in_flight=CALLS_IN_FLIGHT), flow
    engine.dispose()
    quick.dispose()


def work(url: str, target: str, lease_seconds: float, documents: int) -> None:
    """Work until standard input ends: each round has new documents, and what another worker left."""
    with laid(url, target, lease_seconds, told) as (road, flow):
        told("ready")
        number = stage = 0
        while not _over():
            if stage == 0 and not flow.paper.documents:
                number += 1
                flow.paper = Paper(**{f"{os.getpid()}-{number}-{each}": "1.00" for each in range(documents)})
                told("written", keys=sorted(flow.paper.documents))
            try:
                STAGES[stage](road)
            except LeaseTakenError:
                time.sleep(0.01)  # another process has it; nothing tells when it lets go
                continue
            except (LeaseLostError, StorageError) as error:
                told("lost", said=str(error))
                continue
            if stage == 0:
                flow.paper = Paper()
            stage = (stage + 1) % len(STAGES)


def _over() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
