"""A ledger restored from a backup that is older than very many postings, then worked again: what the target saw."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from mlc_pipelines.commands.verification import verify
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.office import Office, Sample
from mlc_pipelines.sandbox.offices import offices
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.roads.installation import STAGES

CALLS_A_MINUTE = 50_000
PASSES = 2
"""So many until nothing waits for another flow; the calm simulators answer everything."""

QUEUES = {"ramp": "vouchers", "airbase": "payment_vouchers"}
"""Flows whose source lists no more what was acknowledged: after a restore nobody asks for it again, or needs to."""

Bound = Mapping[tuple[str, str], str]
"""Ids in the target by flow and key."""


@dataclass(frozen=True)
class Restored:
    """What became of the documents that were posted after the backup was made."""

    posted: int  # without those of a queue
    linked: int  # of these, those that the restored ledger has again, under the same id
    acknowledged: int  # taken from a queue, and no longer in it
    rewritten: int  # requests that changed anything on either side, after the restore
    wrong: tuple[str, ...]


class Restoring:
    """An office and an installation on a database; documents are posted, forgotten and met again."""

    def __init__(self, system: str, folder: Path, *, documents: int, kind: str) -> None:
        self.office: Office = offices()[system](invoices=documents, calls_a_minute=CALLS_A_MINUTE)
        self._folder = folder
        self._environ = {
            "MLC_HOME": str(folder),
            "MLC_DATABASE_URL": address(folder, kind=kind),
            "MLC_CONNECTIONS_DIR": str(folder / "connections"),
        }

    def go(self) -> Restored:
        """Post, restore and work again."""
        with self.office as office:
            office.lay_out(self._folder / "connections", Sample(settle=0.0, calls_a_minute=CALLS_A_MINUTE))
            with House.open(self._environ) as house:
                for name, secret in office.all_secrets().items():
                    house.vault.set(name, SecretStr(secret))
                self._work(house, self._reference_flows(house))
                back_up(house.ledger.engine, self._folder / "backup")
                before = self._bound(house)
                self._work(house, self._document_flows())
                office.act()
                self._work(house, self._document_flows())
                posted = {key: id_ for key, id_ in self._bound(house).items() if key not in before}
                writes = office.writes()
                bring_back(house.ledger.engine, self._folder / "backup")
            with House.open(self._environ) as house:
                self._work(house, self._flows(house))
                return self._compare(house, posted, office.writes() - writes)

    def _compare(self, house: House, posted: Bound, rewritten: int) -> Restored:
        """Hold the restored ledger against what was posted, and against the simulators' own books."""
        queue = QUEUES.get(self.office.system)
        there = self._bound(house)
        linked = sum(there.get(key) == id_ for key, id_ in posted.items())
        acknowledged = sum(flow == queue and there.get((flow, key)) is None for flow, key in posted)
        words = [f"{paper.what} " for paper in self.office.papers() if paper.flow == queue]
        wrong = verify(house, self.office)
        known = [line for line in wrong if words and line.startswith(words[0]) and line.endswith("does not know it")]
        if len(known) == acknowledged:
            wrong = [line for line in wrong if line not in known and not line.startswith(f"{queue}: ")]
        return Restored(len(posted) - acknowledged, linked, acknowledged, rewritten, tuple(wrong))

    def _work(self, house: House, flows: list[str]) -> None:
        with house.session(self.office.name) as session:
            for _ in range(PASSES):
                for name in flows:
                    for stage, _asset in session.flow(name).assets.all():
                        STAGES[stage](house.road(session, self.office.name, name))

    def _document_flows(self) -> list[str]:
        return [paper.flow for paper in self.office.papers()]

    def _flows(self, house: House) -> list[str]:
        return [flow.name for flow in house.integration(self.office.name).flows]

    def _reference_flows(self, house: House) -> list[str]:
        return [name for name in self._flows(house) if name not in self._document_flows()]

    def _bound(self, house: House) -> Bound:
        """Give the ids of all documents there."""
        with house.session(self.office.name) as session:
            kinds = {name: session.flow(name).kind for name in self._document_flows()}
        books = house.ledger.books(self.office.name)
        return {(name, key): id_ for name, kind in kinds.items() for key, id_ in books.dictionary.bound(kind).items()}
