"""Finds records in one of BILL's classifications, and makes those that are missing where policy says so."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.integrations.bill.client import BillClient
from mlc_pipelines.integrations.bill.models import Classification
from mlc_pipelines.ledger.records import Landed

Same = Callable[[Sequence[Classification], Mapping[str, Any]], Classification | None]
"""Finds the row that a payload means."""

Body = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Gives what to send for a payload."""


class Classifier:
    """Keeps one company's record and another's of the same number or name on one row of BILL."""

    def __init__(self, bill: BillClient, *, same: Same, body: Body) -> None:
        self._bill = bill
        self._same = same
        self._body = body
        self._making = threading.Lock()  # two companies may send the same number at the same time

    def find(self, batch: Sequence[Outgoing]) -> dict[int, Landed]:
        """Look the records of a batch up, list by list."""
        found = {}
        for kind in {outgoing.payload["kind"] for outgoing in batch}:
            rows = list(self._bill.classifications(kind))
            for outgoing in batch:
                if outgoing.payload["kind"] == kind:
                    row = self._same(rows, outgoing.payload)
                    if row is not None:
                        found[outgoing.entry.id] = Landed(row.id)
        return found

    def deliver(self, batch: Sequence[Outgoing]) -> list[Landed]:
        """Make what is still missing; what is there keeps the name that people gave it in BILL."""
        landed = {o.entry.id: Landed(o.bound, {"linked": "yes"}) for o in batch if o.bound is not None}
        new = [outgoing for outgoing in batch if outgoing.bound is None]
        if new:
            with self._making:
                landed |= self.find(new)
                landed |= self._made([outgoing for outgoing in new if outgoing.entry.id not in landed])
        return [landed[outgoing.entry.id] for outgoing in batch]

    def _made(self, missing: Sequence[Outgoing]) -> dict[int, Landed]:
        landed: dict[int, Landed] = {}
        for kind in sorted({outgoing.payload["kind"] for outgoing in missing}):
            bodies: list[Mapping[str, Any]] = []
            place_of = {}
            for outgoing in missing:
                if outgoing.payload["kind"] == kind:
                    body = self._body(outgoing.payload)
                    if body not in bodies:
                        bodies.append(body)
                    place_of[outgoing.entry.id] = bodies.index(body)
            ids = self._bill.create_classifications(kind, bodies)
            landed |= {entry: Landed(ids[place]) for entry, place in place_of.items()}
        return landed
