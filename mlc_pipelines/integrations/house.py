"""Opens the house: database, vault and connection files of this environment, and sessions on demand."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import Engine

from mlc_pipelines.connections.budgets import SharedBudget
from mlc_pipelines.connections.settings import BrokenConnection, Connection, connections_folder, load_connections
from mlc_pipelines.connections.slots import SharedSlots
from mlc_pipelines.connections.tokens import SealedTokens
from mlc_pipelines.connections.vault import KeyRing, Vault, is_filled
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.road import Road, Watcher, unwatched
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.catalogue import Lazily, catalogue, settings
from mlc_pipelines.integrations.integration import Integration, Session, Tenant
from mlc_pipelines.ledger.database import open_engine, upgrade
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.signing import SealKeys
from mlc_pipelines.wire.clock import Clock, SystemClock
from mlc_pipelines.wire.memory import Budget, Slots

DEFAULT_DATABASE = "sqlite:///.mlc/mlc.db"


def sections() -> Mapping[str, type[BaseModel]]:
    """Name the sections that a connection file may have, with their settings."""
    own = settings()
    return Lazily(["ifs", *own], lambda name: IfsSettings if name == "ifs" else own[name])


def read_connections(environ: Mapping[str, str]) -> tuple[list[Connection], list[BrokenConnection]]:
    """Read all connection files of the environment; a broken one never stops the others."""
    return load_connections(connections_folder(environ), sections())


@dataclass(frozen=True, slots=True)
class House:
    """One installation: its ledger, its vault, its connections."""

    ledger: Ledger
    vault: Vault
    connections: Mapping[str, Connection]
    broken: tuple[BrokenConnection, ...]
    engines: tuple[Engine, Engine]

    @classmethod
    def open(cls, environ: Mapping[str, str] | None = None, *, clock: Clock | None = None) -> "House":
        """Open what MLC_DATABASE_URL, MLC_VAULT_KEY and MLC_CONNECTIONS_DIR name; tables are upgraded.

        A key is made where there is none, unless something was sealed with one already.
        """
        environ = os.environ if environ is None else environ
        clock = clock or SystemClock()
        url = environ.get("MLC_DATABASE_URL", DEFAULT_DATABASE)
        engine, quick = open_engine(url), open_engine(url, durable=False)
        upgrade(engine)
        folder = Path(environ.get("MLC_HOME", ".mlc"))
        keys = KeyRing.from_environment(environ, folder, create=not is_filled(engine))
        vault = Vault(engine, keys, clock=clock, environ=environ)
        connections, broken = read_connections(environ)
        return cls(
            Ledger(
                engine,
                clock,
                anchor=folder / "audit.anchor",
                keys=SealKeys({key.id: key.derived("audit seals") for key in keys.keys}),
            ),
            vault,
            {item.name: item for item in connections},
            tuple(broken),
            (engine, quick),
        )

    def connection(self, name: str) -> Connection:
        """Give a connection by name, or say which ones there are."""
        for broken in self.broken:
            if broken.name == name:
                raise ConfigurationError(broken.problem)
        if name not in self.connections:
            there = ", ".join(sorted(self.connections)) or "none"
            raise ConfigurationError(f"connections: there is no connection {name!r}; there are: {there}")
        return self.connections[name]

    def tenant(self, connection: str) -> Tenant:
        """Give what an integration needs to work for a connection."""
        clock = self.ledger.clock

        def budget(name: str, *, limit: int, window_seconds: float, burst: int) -> Budget:
            return SharedBudget(
                self.engines[1], name, limit=limit, window_seconds=window_seconds, burst=burst, clock=clock
            )

        def slots(name: str, *, number: int, longest_seconds: float) -> Slots:
            return SharedSlots(self.engines[1], name, number=number, longest_seconds=longest_seconds, clock=clock)

        tokens = SealedTokens(self.engines[0], self.vault, clock=clock)
        books = self.ledger.books(connection)
        return Tenant(
            self.connection(connection),
            books,
            self.vault.get,
            tokens,
            budget,
            slots,
            partial(self.ledger.leases.guard, connection),
            clock,
        )

    def integration(self, name: str) -> Integration:
        """Give the integration that a connection uses."""
        return catalogue()[self.connection(name).integration]

    @contextmanager
    def session(self, name: str) -> Iterator[Session]:
        """Open the clients of a connection for a block."""
        session = self.integration(name).open(self.tenant(name))
        try:
            yield session
        finally:
            session.close()

    def road(self, session: Session, name: str, flow: str, *, watch: Watcher = unwatched) -> Road:
        """Give the road of one flow."""
        connection, books = self.connection(name), self.ledger.books(name)
        begins = connection.documents_from if flow in self.integration(name).booking else None
        return Road(session.flow(flow), self.ledger, books, connection.calls_in_flight, watch, begins=begins)

    def close(self) -> None:
        """Close the database."""
        for engine in self.engines:
            engine.dispose()

    def __enter__(self) -> "House":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
