"""The same questions for every integration: its rooms, its flows, and how it behaves when the other side does not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Road, Tally
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations import catalogue as found
from mlc_pipelines.integrations.catalogue import catalogue, settings
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Integration, Session
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.states import State
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.office import Office
from mlc_pipelines.sandbox.offices import offices

STAGES = {"collect": collect, "translate": translate, "deliver": deliver, "confirm": confirm}
VERBS = ("feeds", "collect", "hear", "fetch", "prepare", "translate", "find", "deliver", "confirm")
PLACES = ("MLC_HOME", "MLC_DATABASE_URL", "MLC_CONNECTIONS_DIR", "DAGSTER_HOME")
INVOICES = 6
SHORTEST_SENTENCE = 12
A_WHILE = timedelta(minutes=30)


@dataclass(frozen=True)
class Probe:
    """The write of an integration's documents: the flow that makes it, and where it arrives."""

    flow: str
    into_ifs: bool
    path: str


PROBES = {
    "airbase": Probe("request_vouchers", into_ifs=True, path="VoucherHandling.svc/$batch"),
    "bill": Probe("bills", into_ifs=False, path="/v3/bills"),
    "procurify": Probe("bills", into_ifs=True, path="PostingProposalHandling.svc/$batch"),
    "ramp": Probe("bills", into_ifs=False, path="/bills/drafts"),
    "stampli": Probe("invoices", into_ifs=True, path="PostingProposalHandling.svc/$batch"),
}
SYSTEMS = sorted(PROBES)


@dataclass
class Clock:
    """The machine's time, and what was added to it; a wait is not waited."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self.ahead

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.ahead += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Workshop:
    """An office with its installation, worked road by road."""

    office: Office
    house: House
    session: Session
    clock: Clock

    @property
    def books(self) -> Books:
        """The connection's part of the ledger."""
        return self.house.ledger.books(self.office.name)

    def road(self, flow: str) -> Road:
        """Give the road of a flow, one call at a time so that a fault hits a known one."""
        return Road(self.session.flow(flow), self.house.ledger, self.books, calls_in_flight=1)

    def work(self, *flows: str) -> None:
        """Work flows from end to end."""
        for name in flows:
            for stage, _ in self.session.flow(name).assets.all():
                STAGES[stage](self.road(name))

    def walk(self) -> None:
        """Work all flows until nothing waits for another."""
        for _ in range(3):
            self.work(*(flow.name for flow in self.session.flows))
            self.clock.sleep(A_WHILE.total_seconds())

    def before(self, probe: Probe) -> None:
        """Do all that comes before the probed write."""
        names = [flow.name for flow in self.session.flows]
        self.work(*names[: names.index(probe.flow)])
        for stage in ("collect", "collect", "translate"):  # a file is whole when it was seen twice
            STAGES[stage](self.road(probe.flow))

    def faults(self, probe: Probe) -> Faults:
        """Give the faults of the side that is written to."""
        return self.office.ifs.faults if probe.into_ifs else self.office.spend.faults

    def count(self, probe: Probe, state: State) -> int:
        """Count the probed flow's records in a state."""
        return self.books.entries.tally(probe.flow).get(state, 0)

    def written(self, probe: Probe) -> int:
        """Count the probed writes that had effect."""
        journal = self.office.ifs.journal if probe.into_ifs else self.office.spend.journal
        return sum(
            1 for entry in journal.entries if entry.method == "POST" and probe.path in entry.path and entry.effect
        )


@contextmanager
def opened(system: str, folder: Path) -> Iterator[Workshop]:
    """Open an office and its house."""
    with (
        open_playground(folder, systems=[system], invoices=INVOICES) as playground,
        House.open(clock=(clock := Clock())) as house,
        house.session(f"sandbox_{system}") as session,
    ):
        yield Workshop(playground.offices[system], house, session, clock)


@pytest.fixture
def workshop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """Open the office of the system that a test is asked of."""
    for name in PLACES:
        monkeypatch.setenv(name, "")  # put back afterwards: opening the playground sets them
    with opened(request.param, tmp_path / "home") as found_:
        yield found_


every_integration = pytest.mark.parametrize("integration", catalogue().values(), ids=catalogue().keys())
every_workshop = pytest.mark.parametrize(("workshop", "probe"), PROBES.items(), ids=SYSTEMS, indirect=["workshop"])


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_documents_may_begin_on_a_day(name: str) -> None:
    """Every flow that books is one of the integration's, and the documents of the month end are among them."""
    integration = catalogue()[name]
    assert integration.documents in integration.booking
    assert set(integration.booking) <= {flow.name for flow in integration.flows}


def test_every_integration_has_its_office_and_its_probe() -> None:
    """Nobody is left out of the questions below."""
    assert set(catalogue()) == set(offices()) == set(PROBES)


@every_integration
def test_the_rooms_exist(integration: Integration) -> None:
    """A folder has its table of contents, its page for people, its settings, its words and its dictionary."""
    folder = Path(found.__file__).parent / integration.name
    for room in ("integration.py", "README.md", "settings.py", "models.py", "mapping.py", "opening.py"):
        assert (folder / room).is_file(), room
    assert integration.title in (folder / "README.md").read_text(encoding="utf-8")
    assert settings()[integration.name].model_config.get("extra") == "forbid"


@every_integration
def test_every_flow_has_a_sentence_and_its_assets_a_name(integration: Integration) -> None:
    """Names are unique, and each asset tells what it holds."""
    assets = [asset for flow in integration.flows for _, asset in flow.assets.all()]
    assert len({flow.name for flow in integration.flows}) == len(integration.flows)
    assert len({asset.name for asset in assets}) == len(assets)
    sentences = [flow.sentence for flow in integration.flows] + [asset.sentence for asset in assets]
    assert not [sentence for sentence in sentences if not sentence.endswith(".") or len(sentence) < SHORTEST_SENTENCE]
    assert integration.documents in {flow.name for flow in integration.flows}


@every_workshop
def test_a_session_has_the_flows_of_the_card_with_all_their_verbs(workshop: Workshop, probe: Probe) -> None:
    """What the UI shows before a connection is opened is what works then."""
    cards = catalogue()[workshop.office.system].flows
    assert [flow.name for flow in workshop.session.flows] == [card.name for card in cards]
    assert all(callable(getattr(flow, verb)) for flow in workshop.session.flows for verb in VERBS)
    assert all(finding.ok for finding in workshop.session.check())


@every_workshop
def test_a_second_run_changes_nothing(workshop: Workshop, probe: Probe) -> None:
    """When all is done, working everything once more writes nowhere."""
    workshop.walk()
    workshop.office.act()
    workshop.walk()
    before = workshop.office.writes()
    workshop.work(*(flow.name for flow in workshop.session.flows))
    assert workshop.office.writes() == before > 0
    assert workshop.office.duplicates() == []


@every_workshop
def test_a_401_stops_the_connection_and_loses_nothing(workshop: Workshop, probe: Probe) -> None:
    """The credential is refused for good: nothing is held for it, and all goes on when it is accepted again."""
    workshop.before(probe)
    waiting = workshop.count(probe, State.TRANSLATED)
    assert waiting > 0
    workshop.faults(probe).once("status", method="POST", path_part="", times=1000, status=401, body="{}")
    with pytest.raises(ConfigurationError):
        deliver(workshop.road(probe.flow))
    assert workshop.count(probe, State.HELD) + workshop.count(probe, State.UNKNOWN) <= 3
    workshop.faults(probe).reset(profile="calm")
    workshop.clock.sleep(A_WHILE.total_seconds())
    deliver(workshop.road(probe.flow))
    assert workshop.written(probe) > 0


@every_workshop
def test_a_422_holds_the_record_and_the_others_go_on(workshop: Workshop, probe: Probe) -> None:
    """One record is refused; it waits for a person, the rest is delivered."""
    workshop.before(probe)
    waiting, held = workshop.count(probe, State.TRANSLATED), workshop.count(probe, State.HELD)
    workshop.faults(probe).once("status", method="POST", path_part=probe.path, status=422, body="{}")
    tally: Tally = deliver(workshop.road(probe.flow))
    assert workshop.count(probe, State.HELD) >= held + 1
    assert tally.counts["landed"] >= 1
    assert sum(tally.counts.values()) == waiting


@every_workshop
def test_a_503_postpones_and_the_next_pass_delivers(workshop: Workshop, probe: Probe) -> None:
    """A side that is down for the whole pass costs nothing but time."""
    workshop.before(probe)
    waiting = workshop.count(probe, State.TRANSLATED)
    workshop.faults(probe).once("status", method="*", path_part="", times=1000, status=503, body="{}")
    tally = deliver(workshop.road(probe.flow))
    assert "landed" not in tally.counts
    assert workshop.count(probe, State.TRANSLATED) + workshop.count(probe, State.POSTPONED) == waiting
    workshop.faults(probe).reset(profile="calm")
    workshop.clock.sleep(A_WHILE.total_seconds())
    assert deliver(workshop.road(probe.flow)).counts["landed"] >= 1


@every_workshop
def test_a_lost_answer_is_not_resent_blindly(workshop: Workshop, probe: Probe) -> None:
    """The write was performed and its answer lost: it is unknown, then found, and never made twice."""
    workshop.before(probe)
    workshop.faults(probe).once("lost", method="POST", path_part=probe.path)
    deliver(workshop.road(probe.flow))
    assert workshop.count(probe, State.UNKNOWN) == 1
    written = workshop.written(probe)
    workshop.clock.sleep(A_WHILE.total_seconds())
    deliver(workshop.road(probe.flow))
    assert workshop.count(probe, State.UNKNOWN) == 0
    assert workshop.written(probe) == written
    assert workshop.office.duplicates() == []


def test_the_environment_is_put_back() -> None:
    """Opening a playground names its folders in the environment; the tests above leave none of it."""
    assert not [name for name in PLACES if "pytest-of" in os.environ.get(name, "")]
