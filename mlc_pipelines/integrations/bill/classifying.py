"""Finds records in one of BILL's classifications, and makes those that are missing where policy says so."""

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.integrations.bill.client import BillClient
from mlc_pipelines.integrations.bill.models import Classification
from mlc_pipelines.ledger.records import Landed

Same = Callable[[Sequence[Classification], Mapping[str, Any]], Classification | None]
"""Finds the row that a payload means."""

Body = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Gives what to send for a payload."""

Known = Callable[[Mapping[str, Any]], Hashable]
"""Gives by what the row of a payload is known in BILL: two payloads of one word are one row, under the first's name."""


class Classifier:
    """Keeps one company's record and another's of the same number or name on one row of BILL."""

    def __init__(self, bill: BillClient, *, same: Same, body: Body, known: Known) -> None:
        self._bill = bill
        self._same = same
        self._body = body
        self._known = known
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
            wanted = [outgoing for outgoing in missing if outgoing.payload["kind"] == kind]
            bodies: dict[Hashable, Mapping[str, Any]] = {}
            for outgoing in wanted:
                bodies.setdefault(self._known(outgoing.payload), self._body(outgoing.payload))
            made = dict(zip(bodies, self._bill.create_classifications(kind, list(bodies.values())), strict=True))
            landed |= {o.entry.id: Landed(made[self._known(o.payload)]) for o in wanted}
        return landed
