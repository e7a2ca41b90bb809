"""One installation with one connection of any integration, worked without Dagster, its house open."""

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import SecretStr

from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Choice, Road, Tally
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Session
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import State
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.wire.clock import Clock

NAME = "acme"
IFS_SECRETS = {"sandbox/ifs/client_id": "mlc-sandbox", "sandbox/ifs/client_secret": "sandbox-ifs-secret"}
STAGES = {"collect": collect, "translate": translate, "deliver": deliver, "confirm": confirm}


class CommonClock:
    """The clock of both simulators and of ours: who waits moves everybody's time on, and nobody waits in truth."""

    def __init__(self, *clocks: SandboxClock) -> None:
        self._clocks = clocks

    def now(self) -> datetime:
        """Tell the time."""
        return self._clocks[0].now()

    def sleep(self, seconds: float) -> None:
        """Move on."""
        for clock in self._clocks:
            clock.advance(seconds)


def ifs_section(ifs: IfsSandbox) -> dict[str, Any]:
    """Give the `ifs` section of a connection file for the simulator."""
    return {
        "base_url": ifs.url,
        "token_url": ifs.token_url,
        "credential": "sandbox/ifs",
        "requests_per_minute": 30000,
        "read_seconds": 10.0,
        "write_seconds": 10.0,
    }


def selling_section(ifs: IfsSandbox) -> dict[str, Any]:
    """Give it for a connection that makes invoices there: with the set that lists finally posted ones too."""
    invoices = {"service": "ManSuppInvoiceHandling", "set": "ManSuppInvoiceSet"}
    return ifs_section(ifs) | {"sets": {"supplier_invoice": invoices}}


class Installation:
    """A folder with one connection file, a ledger and a vault; `sections` is the file as an operator has it."""

    def __init__(
        self,
        folder: Path,
        sections: Mapping[str, Any],
        *,
        secrets: Mapping[str, str],
        clock: Clock,
        copy_of: Path | None = None,
        database: str | None = None,
    ) -> None:
        self.folder = folder
        self._sections = dict(sections)
        self._clock = clock
        self.environ = {
            "MLC_DATABASE_URL": database or f"sqlite:///{folder / 'mlc.db'}",
            "MLC_HOME": str(folder),
            "MLC_CONNECTIONS_DIR": str(folder / "connections"),
        }
        if copy_of is not None:
            shutil.copytree(copy_of, folder)
        (folder / "connections").mkdir(parents=True, exist_ok=True)
        self._write({})
        self.house = House.open(self.environ, clock=clock)
        for name, value in secrets.items():
            self.house.vault.set(name, SecretStr(value))
        self.session = self.open()

    def _write(self, changes: Mapping[str, Any]) -> None:
        for section, values in changes.items():
            before = self._sections.get(section)
            self._sections[section] = {**before, **values} if isinstance(before, dict) else values
        self.file = self.folder / "connections" / f"{NAME}.yaml"
        self.file.write_text(yaml.safe_dump(self._sections, allow_unicode=True, sort_keys=False), encoding="utf-8")

    def open(self) -> Session:
        """Open a session: nothing of an earlier one is known to it."""
        return self.house.integration(NAME).open(self.house.tenant(NAME))

    def change(self, **changes: Any) -> None:
        """Let an operator change sections of the connection file; the next run reads it."""
        self.close()
        self._write(changes)
        self.house = House.open(self.environ, clock=self._clock)
        self.session = self.open()

    def close(self) -> None:
        """Close session and house."""
        self.session.close()
        self.house.close()

    # Working

    def road(self, flow: str) -> Road:
        """Give the road of a flow."""
        return self.house.road(self.session, NAME, flow)

    def run(self, *flows: str) -> dict[str, dict[str, Tally]]:
        """Work flows from end to end; give their tallies by flow and stage."""
        cards = {flow.name: [stage for stage, _ in flow.assets.all()] for flow in self.session.flows}
        return {name: self.run_stages(name, *cards[name]) for name in flows}

    def run_stages(self, flow: str, *stages: str) -> dict[str, Tally]:
        """Work some stages of a flow; give their tallies."""
        road = self.road(flow)
        return {stage: STAGES[stage](road) for stage in stages}

    def walk(self) -> dict[str, dict[str, Tally]]:
        """Work every flow once, in order."""
        return self.run(*(flow.name for flow in self.session.flows))

    def replay(self, flow: str, *, stage: str = "deliver", choice: Choice | None = None) -> Tally:
        """Let a person put the held records of a flow back on the road."""
        again: Callable[[Road, Choice], Tally] = confirm if stage == "confirm" else deliver
        return again(self.road(flow), choice or Choice(reason="corrected"))

    def hear(self, flow: str, event_type: str, object_id: str) -> None:
        """Put an event into the inbox, as the webhook receiver does."""
        self.house.ledger.inbox.store(
            NAME,
            event_id=f"{event_type} {object_id}",
            event_type=event_type,
            flow=flow,
            object_id=object_id,
            body=b"{}",
        )

    # Questions to the ledger

    @property
    def books(self) -> Books:
        """The connection's part of the ledger."""
        return self.house.ledger.books(NAME)

    def entry(self, flow: str, key: str) -> Entry:
        """Give the newest version of a record, by key or document number."""
        (found,) = self.books.reports.select(flow=flow, keys=[key])
        return found

    def causes(self, flow: str) -> dict[str, str | None]:
        """Give the cause of every held record of a flow, by document number."""
        held = self.books.reports.select(flow=flow, states=[State.HELD])
        return {entry.label: entry.cause for entry in held}

    def states(self, flow: str) -> dict[str, int]:
        """Count the records of a flow by state."""
        return self.books.entries.tally(flow)


def references(voucher: Mapping[str, Any]) -> set[str]:
    """Give the references on a voucher's rows."""
    return {str(row["ReferenceNumber"]) for row in voucher["VoucherRows"]}
