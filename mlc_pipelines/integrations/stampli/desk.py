"""What every Stampli flow is handed: IFS, the drop server, the settings, and the connection's books."""

from collections.abc import Callable
from dataclasses import dataclass

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.integrations.stampli.drop import Drop
from mlc_pipelines.integrations.stampli.feeds import Feed
from mlc_pipelines.integrations.stampli.files import FileFeed, Kind
from mlc_pipelines.integrations.stampli.settings import StampliSettings
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.states import State
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.sftp import Sftp

_WAITING = (State.RECEIVED, State.TRANSLATED, State.POSTPONED, State.HELD)


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection's clients and settings; `remote` opens the server when it is first asked."""

    connection: Connection
    books: Books
    ifs: IfsClient
    remote: Callable[[], Sftp]
    clock: Clock

    @property
    def settings(self) -> StampliSettings:
        """The connection's `stampli` section."""
        return self.connection.section(StampliSettings)

    def table(self, name: str) -> dict[str, str]:
        """Give a mapping table of the connection file; an empty one where it has none of that name."""
        return dict(self.connection.mapping.table(name) or {})

    def drop(self, name: str, feed: Feed) -> Drop:
        """Give the folder of a feed."""
        settings = self.settings
        return Drop(
            name,
            feed,
            files=self.books.files,
            remote=self.remote,
            clock=self.clock,
            at_once=settings.files_at_once,
            longest=settings.poll_seconds,
        )

    def file_feed(self, flow: str, name: str, feed: Feed, kind: Kind) -> FileFeed:
        """Give the files of a feed as records for a flow."""
        return FileFeed(
            flow, feed, name=name, drop=self.drop(name, feed), books=self.books, zone=self.settings.zone, kind=kind
        )

    def has_work(self, flow: str) -> bool:
        """Tell whether a flow has anything to translate, so that nobody is asked for nothing."""
        tally = self.books.entries.tally(flow)
        return any(tally.get(state.value) for state in _WAITING)

    def wanted(self, flow: str) -> dict[str, set[str]]:
        """Give what the held records of a flow wait for: keys by kind."""
        wanted: dict[str, set[str]] = {}
        for group in self.books.reports.held(flow=flow):
            kind, colon, key = (group.cause_key or "").partition(":")
            if colon:
                wanted.setdefault(kind, set()).add(key)
        return wanted
