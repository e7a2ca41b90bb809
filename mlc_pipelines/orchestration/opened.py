"""The house as a run sees it: opened when a step first asks, once per run, and closed with the run."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import dagster as dg

from mlc_pipelines.flows.road import Road
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Session
from mlc_pipelines.orchestration.runs import worker_note
from mlc_pipelines.wire.redaction import REDACTOR


class OpenHouse:
    """Opens the house and one session per connection, on demand; steps of a run share clients and tokens."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._opened = ExitStack()
        self._house: House | None = None
        self._sessions: dict[str, Session] = {}

    @property
    def house(self) -> House:
        """Give the house; the first to ask opens it."""
        if self._house is None:
            REDACTOR.install(logging.getLogger())
            self._house = self._opened.enter_context(House.open(self._environ))
        return self._house

    def session(self, connection: str) -> Session:
        """Give the session of a connection; the first to ask opens it."""
        if connection not in self._sessions:
            self._sessions[connection] = self._opened.enter_context(self.house.session(connection))
        return self._sessions[connection]

    def road(self, connection: str, flow: str) -> Road:
        """Give the road of a flow."""
        return self.house.road(self.session(connection), connection, flow)

    def close(self) -> None:
        """Close sessions and house."""
        self._opened.close()


@dg.resource(description="Ledger, vault and connections of this environment, opened when a step first asks.")
def opened_house(context: dg.InitResourceContext) -> Iterator[OpenHouse]:
    """Lend the house to a run, and note in which process it works."""
    if context.run is not None and context.instance is not None:
        context.instance.add_run_tags(context.run.run_id, worker_note(context.run.run_id))
    house = OpenHouse(os.environ)
    try:
        yield house
    finally:
        house.close()
