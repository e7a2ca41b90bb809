"""A sandbox with an installation beside it: simulators, connection files, vault and an empty ledger."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from mlc_pipelines.commands.environment import use_home
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.office import Office
from mlc_pipelines.sandbox.samples import SECRETS, write_samples

CALLS_FOR_A_DEMO = 50_000


class Playground(Office):
    """The office, with a clock on the wall: people come and go."""

    def live(self, act_every: float) -> None:
        """Stay open until interrupted; approvers and payers visit every so many seconds."""
        closed = threading.Event()
        try:
            while not closed.wait(act_every or None):
                self.approve_and_pay()
        except KeyboardInterrupt:
            closed.set()


@contextmanager
def open_playground(
    folder: Path, *, port_base: int, seed: int, invoices: int, faults: str, webhook_url: str | None = None
) -> Iterator[Playground]:
    """Start simulators and lay out an installation in a folder; what an earlier sandbox left there is removed.

    The simulators forget everything when they stop, so a ledger of theirs would remember what is no more.
    """
    shutil.rmtree(folder, ignore_errors=True)
    use_home(folder)
    with Playground(
        seed=seed, invoices=invoices, faults=faults, port_base=port_base, calls_a_minute=CALLS_FOR_A_DEMO
    ) as office:
        path = write_samples(
            folder / "connections",
            world=office.world,
            ifs=office.ifs.url,
            ramp=office.ramp.url,
            webhook_url=webhook_url,
        )
        text = path.read_text(encoding="utf-8")
        quick = text.replace(
            "requests_per_minute: 900", "requests_per_minute: 30000   # the simulator allows it; IFS does not"
        )
        path.write_text(quick, encoding="utf-8")
        with House.open() as house:
            for name, value in SECRETS.items():
                house.vault.set(name, SecretStr(value))
        yield office
