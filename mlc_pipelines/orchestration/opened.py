"""The house as runs and sensors see it: a run's is closed with the run, the sensors' stays open from tick to tick."""

import functools
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import dagster as dg

from mlc_pipelines.flows.road import Road
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Session
from mlc_pipelines.ledger.leases import Leases
from mlc_pipelines.wire.redaction import REDACTOR

RUN = "run/"
"""How the leases of runs begin; no connection can be called so."""


class OpenHouse:
    """Opens the house and one session per connection, on demand; steps of a run share clients and tokens."""

    def __init__(self, environ: Mapping[str, str], run_id: str | None = None) -> None:
        self._environ = environ
        self._run_id = run_id
        self._opened = ExitStack()
        self._house: House | None = None
        self._sessions: dict[str, Session] = {}

    @property
    def house(self) -> House:
        """Give the house; the first to ask opens it."""
        if self._house is None:
            REDACTOR.install(logging.getLogger())
            self._house = self._opened.enter_context(House.open(self._environ))
            if self._run_id is not None:
                self._opened.enter_context(_alive(self._house.ledger.leases, self._run_id))
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


@contextmanager
def _alive(leases: Leases, run_id: str) -> Iterator[None]:
    """Show that a run is alive for as long as the block lasts."""
    try:
        with leases.hold(RUN + run_id):
            yield
    finally:
        leases.forget(RUN + run_id)


@dg.resource(description="Ledger, vault and connections of this environment, opened when a step first asks.")
def opened_house(context: dg.InitResourceContext) -> Iterator[OpenHouse]:
    """Lend the house to a run."""
    house = OpenHouse(os.environ, context.run.run_id if context.run else None)
    try:
        yield house
    finally:
        house.close()


def house_of(environ: Mapping[str, str]) -> House:
    """Give the open house of an environment; it stays open from tick to tick."""
    return _kept(environ.get("MLC_DATABASE_URL", ""))


@functools.cache
def _kept(_database: str) -> House:
    """Keep the house open from tick to tick: to open it brings the tables up to date, which is not for every tick."""
    return House.open()
