"""A sandbox with an installation beside it: simulators, connection files, vault and an empty ledger."""

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from mlc_pipelines.commands.environment import use_home
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.office import Office, Sample
from mlc_pipelines.sandbox.offices import offices

CALLS_FOR_A_DEMO = 50_000
CALLS_A_MINUTE = 30_000
PORTS_AN_OFFICE = 10


@dataclass(frozen=True)
class Playground:
    """Offices that are open, by spend system, with a connection laid out for each."""

    offices: Mapping[str, Office]
    folder: Path

    def live(self, act_every: float) -> None:
        """Stay open until interrupted; people come to work every so many seconds."""
        interrupted = threading.Event()
        while not interrupted.wait(act_every or None):
            for office in self.offices.values():
                office.act()


@contextmanager
def open_playground(
    folder: Path,
    *,
    systems: Sequence[str] = (),
    port_base: int = 0,
    seed: int = 1,
    invoices: int,
    faults: str = "calm",
    webhooks_at: str | None = None,
) -> Iterator[Playground]:
    """Start the simulators of spend systems (all by default) and lay out an installation in a folder.

    What an earlier sandbox left there is removed: the simulators forget everything when they stop, so a ledger of
    theirs would remember what is no more.
    """
    shutil.rmtree(folder, ignore_errors=True)
    use_home(folder)
    sample = Sample(webhooks_at=webhooks_at, calls_a_minute=CALLS_A_MINUTE)
    with ExitStack() as stack:
        opened = {}
        for number, (system, kind) in enumerate(sorted(offices().items())):
            if systems and system not in systems:
                continue
            port = port_base + number * PORTS_AN_OFFICE if port_base else 0
            office = kind(seed=seed, invoices=invoices, faults=faults, port=port, calls_a_minute=CALLS_FOR_A_DEMO)
            opened[system] = stack.enter_context(office)
        with House.open() as house:
            for office in opened.values():
                office.lay_out(folder / "connections", sample)
                for name, value in office.all_secrets().items():
                    house.vault.set(name, SecretStr(value))
        yield Playground(opened, folder)
