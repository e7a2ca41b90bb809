"""An integration of paper: names feed papers, papers are what receipts are written for."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict

from mlc_pipelines.errors import ConfigurationError, MlcError
from mlc_pipelines.flows.flow import Asset, Assets, Sighting
from mlc_pipelines.flows.reconciling import Document
from mlc_pipelines.integrations.integration import Finding, Gap, Integration, Period, Session, Tenant
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines_tests.flows.world import Paper, PaperFlow


def today() -> date:
    """Tell the day as the house's own clock does."""
    return datetime.now(UTC).date()


class Papers(PaperFlow):
    """The documents; `down` is what the source answers instead of a list."""

    down: MlcError | None = None
    lists_failed = 0

    def collect(self, feed: str, since: datetime | None) -> Iterator[Sighting]:
        if self.down is not None:
            self.lists_failed += 1
            raise self.down
        yield from super().collect(feed, since)

    def fetch(self, sighting: Sighting) -> SourceRecord | None:
        record = super().fetch(sighting)
        return replace(record, dated=today()) if record is not None else None


class Names(Papers):
    """What papers are written on."""

    name = "names"
    sentence = "Names go ahead of papers."
    kind = "name"
    assets = Assets(Asset("names_written", "W.", ("ifs",)), Asset("names_read", "R."), Asset("names_kept", "K."))


class Receipts(Papers):
    """What is written for papers."""

    name = "receipts"
    sentence = "Receipts follow papers."
    kind = "receipt"
    assets = Assets(
        Asset("receipts_written", "W."), Asset("receipts_read", "R."), Asset("receipts_kept", "K."), Asset("said", "S.")
    )


class PaperSettings(BaseModel):
    """Settings of a paper desk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    room: str = "1"


class Desk:
    """What is on the desk during a test."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.names = Names(Paper())
        self.papers = Papers(Paper(A="1.00", B="2.50"))
        self.receipts = Receipts(Paper())
        self.gaps: list[Gap] = []
        self.locked: str | None = None
        self.opened = 0
        self.closed = 0

    def open(self, _tenant: Tenant) -> Session:
        """Open a session, or say that the door is locked."""
        if self.locked:
            raise ConfigurationError(self.locked)
        self.opened += 1
        return Session(
            flows=[self.names, self.papers, self.receipts],
            check=lambda: iter([Finding("door", ok=True, message="open")]),
            source_documents=self._source,
            target_documents=self._target,
            gaps=lambda: iter(self.gaps),
            close=self._close,
        )

    def _close(self) -> None:
        self.closed += 1

    def _source(self, period: Period) -> Iterator[Document]:
        amounts = {key: document["amount"] for key, document in self.papers.paper.documents.items()}
        return self._documents(amounts, period)

    def _target(self, period: Period) -> Iterator[Document]:
        return self._documents(dict(self.papers.kept), period)

    def _documents(self, amounts: dict[str, str], period: Period) -> Iterator[Document]:
        for key, amount in amounts.items():
            if period.first <= today() <= period.last:
                yield Document(key, "10", f"INV-{key}", "", "EUR", Decimal(amount), today())


DESK = Desk()
PAPER = Integration(
    name="paper",
    title="Paper",
    flows=[Names, Papers, Receipts],
    documents="papers",
    booking=(),
    open=DESK.open,
)
