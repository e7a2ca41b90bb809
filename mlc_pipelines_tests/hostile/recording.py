"""What the simulators answered while every flow was worked once, and how the ledger stood before each of them."""

import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mlc_pipelines_tests.hostile.line import Asked, Reply, answered_by
from mlc_pipelines_tests.roads.installation import Installation


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    asked: Asked
    reply: Reply


@dataclass
class FlowRecord:
    """One flow worked once: ledger and time before it, what was asked in each stage, and where its records stood."""

    before: bytes
    at: datetime
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    translated: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)


@dataclass
class Recording:
    """One system: the files of its installation, and its flows in the order of work."""

    system: str
    connection_file: str
    key_file: bytes
    flows: dict[str, FlowRecord]
    questions: list[Exchange] = field(default_factory=list)  # what both sides were asked beside the flows

    def pickled(self) -> bytes:
        """Give it as bytes, for another process."""
        return pickle.dumps(self)


def record(system: str, installation: Installation, clock: Callable[[], datetime]) -> Recording:
    """Work every flow of an installation once, from end to end, and write down what was said."""
    found = Recording(
        system,
        installation.file.read_text(encoding="utf-8"),
        (installation.folder / "vault.key").read_bytes(),
        {},
    )
    for flow in installation.session.flows:
        made = found.flows[flow.name] = FlowRecord(_image(installation.folder / "mlc.db"), clock())
        installation.session.close()
        installation.session = installation.open()  # one that knows nothing yet, so that it asks for everything
        for stage, _ in flow.assets.all():
            with _listening(made.exchanges.setdefault(stage, [])):
                installation.run_stages(flow.name, stage)
            if stage == "translate":
                made.translated = {key: (state, cause) for key, state, cause in _standing(installation, flow.name)}
        made.ended = {key: state for key, state, _ in _standing(installation, flow.name)}
    with _listening(found.questions):
        list(installation.session.check())
        list(installation.session.gaps())
    return found


def _image(database: Path) -> bytes:
    """Give a database as it stands, what is only in its write-ahead log included."""
    with closing(sqlite3.connect(database)) as there, closing(sqlite3.connect(":memory:")) as copy:
        there.backup(copy)
        return copy.serialize()


@contextmanager
def _listening(told: list[Exchange]) -> Iterator[None]:
    def listen(asked: Asked, real: Callable[[], Reply]) -> Reply:
        reply = real()
        told.append(Exchange(replace(asked, headers={}), reply))
        return reply

    with answered_by(listen):
        yield


def _standing(installation: Installation, flow: str) -> Iterator[tuple[str, str, Any]]:
    after = 0
    while found := installation.books.reports.select(flow=flow, after=after, limit=500):
        after = found[-1].id
        for entry in found:
            yield entry.key, entry.state.value, entry.cause.value if entry.cause else None
