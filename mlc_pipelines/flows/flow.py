"""What a flow is: one kind of record moving one way, in up to four verbs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.records import Entry, Ignored, Landed, SourceRecord, Translated
from mlc_pipelines.wire.rows import Unread

UNFORESEEN = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What a strange value may raise where nobody thought of it; a database in trouble raises none of it."""


@dataclass(frozen=True, slots=True)
class Asset:
    """How one stage of a flow is shown: its name in trade words, a sentence, and the systems it touches."""

    name: str
    sentence: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assets:
    """The stages of a flow as assets; a flow that writes nothing back has no `confirm`."""

    collect: Asset
    translate: Asset
    deliver: Asset
    confirm: Asset | None = None

    def all(self) -> list[tuple[str, Asset]]:
        """Give stage names and assets in the order of the road."""
        stages = [("collect", self.collect), ("translate", self.translate), ("deliver", self.deliver)]
        return [*stages, ("confirm", self.confirm)] if self.confirm else stages


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """A record seen in a list or named by a webhook, before it is read in full.

    `tag` is the source's version mark (None: always read again); `position` moves the watermark of the feed, an
    aware time; `carry` is what the list gave already, for `fetch` alone. One with a `problem` is not read in full: it
    is held.
    """

    key: str
    tag: str | None = None
    position: datetime | None = None
    carry: Any = None
    problem: str | None = None

    @classmethod
    def of_unread(cls, row: Unread, *, prefix: str = "") -> "Sighting":
        """Make a sighting of a row that cannot be read: known by its name where it has one, else by its content."""
        key = f"{prefix}{row.name}" if row.name is not None else f"{prefix}row {digest(row.raw)[:16]}"
        return cls(key, carry=row.raw, problem=row.problem)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An entry on its way to a target; `bound` is the id of the record that it amends there, if any."""

    entry: Entry
    bound: str | None = None

    @property
    def payload(self) -> Any:
        """Give what translation made, decoded; amounts are text."""
        return msgspec.json.decode(self.entry.payload or b"null")


class Flow(Protocol):
    """One kind of record moving one way. Engines call the verbs; a flow never touches the ledger's entries.

    Verbs raise RecordError (hold the record), TransientError (later), OutcomeUnknownError (a write may have been
    performed) or ConfigurationError (stop the connection).
    """

    name: str
    sentence: str
    kind: str  # the kind of binding that a delivery makes
    assets: Assets
    deliver_batch: int  # records in one call
    confirm_batch: int
    amends: bool  # the target takes a changed version of what it has
    settle_after: float  # seconds after which a lost write can no longer be performed

    def feeds(self) -> Sequence[str]:
        """Name the lists to read, each with its own watermark."""
        ...

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        """List what may have changed since a position."""
        ...

    def hear(self, event_type: str, object_id: str) -> Sighting | None:
        """Turn a webhook event into a sighting; None when it does not concern this flow."""
        ...

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        """Read a record in full; None when it is gone."""
        ...

    def prepare(self) -> None:
        """Open the dictionary: read the names that translation needs."""
        ...

    def translate(self, entry: Entry) -> Translated | Ignored:
        """Make the target's payload of a source record; a pure function of record and dictionary."""
        ...

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look in the target for records of ours, by reference or natural key; answers by entry id."""
        ...

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Write to the target in one call that takes all of the batch or none; answers in order."""
        ...

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        """Tell the source, looking first, so that telling twice changes nothing."""
        ...
