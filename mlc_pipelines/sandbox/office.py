"""An office: IFS Cloud and one spend system of a made-up manufacturer, and the people who work with both."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import Journal
from mlc_pipelines.sandbox.world import World

MANY_CALLS = 100_000
VOUCHER_TYPE, USER_GROUP, PAYABLES = "M", "AC", "2400"
Amount = tuple[str, Decimal]
"""Currency and amount."""


class Simulator(Protocol):
    """What an office needs of a spend system's simulator."""

    @property
    def faults(self) -> Faults:
        """How it misbehaves."""
        ...

    @property
    def journal(self) -> Journal:
        """Every request as it saw it."""
        ...

    def start(self) -> None:
        """Begin to answer."""
        ...

    def stop(self) -> None:
        """Stop."""
        ...


@dataclass(frozen=True)
class Paper:
    """Documents of one flow by the simulators' own books, under the flow's keys.

    `source` are those that ought to be carried, `target` those that were; a mark without an amount of its own is None.
    """

    flow: str
    what: str  # one of them in words: invoice
    place: str  # where they go: Ramp
    source: Mapping[str, Amount]
    target: Mapping[str, Amount | None]
    names: Mapping[str, str]  # what people call them


@dataclass(frozen=True)
class Sample:
    """How a connection file for an office is to be written."""

    webhooks_at: str | None = None  # address of the receiver, when one listens
    patience: float = 10.0  # seconds to wait for an answer
    settle: float = 2.0  # seconds until a lost write can no longer be performed
    calls_a_minute: int = 900


class Office(ABC):
    """One IFS Cloud, one spend system, one connection between them."""

    system: ClassVar[str]
    title: ClassVar[str]
    sells_into_ifs: ClassVar[bool] = False  # documents are born in the spend system, so IFS begins with none

    def __init__(
        self,
        *,
        seed: int = 1,
        invoices: int = 120,
        faults: str = "calm",
        port: int = 0,
        calls_a_minute: int = MANY_CALLS,
    ) -> None:
        self.world = World.make(seed=seed, invoices=invoices)
        known = replace(self.world, invoices=()) if self.sells_into_ifs else self.world
        self.ifs = IfsSandbox(world=known, seed=seed, port=port, faults=faults, requests_per_minute=calls_a_minute)
        self.spend = self.open_system(seed=seed, documents=invoices, faults=faults, port=port + 1 if port else 0)

    @property
    def name(self) -> str:
        """Name of the sample connection."""
        return f"sandbox_{self.system}"

    # What each office has of its own

    @abstractmethod
    def open_system(self, *, seed: int, documents: int, faults: str, port: int) -> Simulator:
        """Make the simulator of the spend system, not yet started."""

    @abstractmethod
    def addresses(self) -> Mapping[str, str]:
        """Name where each simulator listens."""

    @abstractmethod
    def secrets(self) -> Mapping[str, str]:
        """Give what opens the spend system, by the names in the vault."""

    @abstractmethod
    def section(self, sample: Sample) -> str:
        """Write the spend system's section of the connection file, and its mapping."""

    @abstractmethod
    def act(self) -> str:
        """Let the people in the spend system do a day's work; say what they did."""

    @abstractmethod
    def papers(self) -> Sequence[Paper]:
        """Give the documents of each flow that carries money, as the simulators have them now."""

    def doubled(self) -> Iterator[str]:
        """Name what stands twice in the spend system, by its own books; vouchers are counted for all offices."""
        return iter(())

    def tables(self) -> Mapping[str, Sequence[Sequence[str]]]:
        """Give the CSV tables that lie beside the connection file: by file name, rows with the header first."""
        return {f"{self.name}_accounts.csv": self.account_table()}

    # What all have

    def __enter__(self) -> Self:
        self.ifs.start()
        self.spend.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.spend.stop()
        self.ifs.stop()

    def use_faults(self, profile: str) -> None:
        """Change the fault profile of both."""
        self.ifs.faults.profile = profile
        self.spend.faults.profile = profile

    def writes(self) -> int:
        """Count the requests that changed something, as the simulators saw them."""
        entries = [*self.ifs.journal.entries, *self.spend.journal.entries]
        return sum(1 for entry in entries if entry.effect and not entry.path.startswith("/_sandbox"))

    def duplicates(self) -> list[str]:
        """Name every reference that stands on more than one document, by the simulators' own stores."""
        vouchers: Counter[str] = Counter()
        for voucher in self.ifs.vouchers:
            vouchers.update({str(row.get("ReferenceNumber")) for row in voucher["VoucherRows"]})
        doubled = [f"voucher of {key} stands {count} times" for key, count in vouchers.items() if count > 1]
        numbers = Counter((row["Company"], row["Identity"], row["InvoiceNo"]) for row in self.ifs.invoices.values())
        doubled += [f"invoice {' '.join(key)} stands {count} times" for key, count in numbers.items() if count > 1]
        return [*doubled, *self.doubled()]

    def unguarded(self) -> list[str]:
        """Name every change to an IFS record that came without If-Match, by the simulator's own journal."""
        return [
            f"{entry.method} {entry.path}"
            for entry in self.ifs.journal.entries
            if entry.method in {"PATCH", "PUT", "DELETE"} and not _header(entry, "if-match")
        ]

    def voucher_totals(self, *, against: str = PAYABLES) -> dict[str, Amount]:
        """Give currency and total of every voucher, by the reference on its rows; the total stands on one account."""
        found = {}
        for voucher in self.ifs.vouchers:
            for row in voucher["VoucherRows"]:
                if row["Account"] == against:
                    total = Decimal(row["CurrencyCreditAmount"] or 0) - Decimal(row["CurrencyDebetAmount"] or 0)
                    found[str(row["ReferenceNumber"])] = (str(row["CurrencyCode"]), total)
        return found

    def account_table(self) -> list[list[str]]:
        """Give the table of accounts; a few are left out, so that their documents are held."""
        mapped = sorted({account.code for account in self.world.accounts} - self.world.unmapped_accounts)
        return [["account", "gl_account"], *([code, code] for code in mapped)]

    def ifs_secrets(self) -> dict[str, str]:
        """Give what opens IFS, by the names in the vault."""
        return {f"{self.name}/ifs/client_id": "mlc-sandbox", f"{self.name}/ifs/client_secret": "sandbox-ifs-secret"}

    def all_secrets(self) -> dict[str, str]:
        """Give what opens both; they listen on loopback and hold made-up data only."""
        return self.ifs_secrets() | dict(self.secrets())

    def lay_out(self, folder: Path, sample: Sample) -> Path:
        """Write the connection file and its tables into a folder; give the file."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables().items():
            text = "".join(",".join(row) + "\n" for row in rows)
            (folder / name).write_text(text, encoding="utf-8")
        head = _HEAD.format(
            name=self.name,
            system=self.system,
            ifs=self.ifs.url,
            calls=sample.calls_a_minute,
            patience=sample.patience,
        )
        path = folder / f"{self.name}.yaml"
        invoices = _INVOICES if self.sells_into_ifs else ""
        path.write_text(f"{head}{invoices}\n{self.section(sample)}", encoding="utf-8")
        return path


_HEAD = """\
# Made for the sandbox: two companies of a made-up manufacturer, against simulators on this machine.
name: {name}
integration: {system}
companies: ["10", "20"]
schedule: "*/1 * * * *"
enabled: true

ifs:
  base_url: {ifs}
  token_url: {ifs}/auth/realms/sandbox/protocol/openid-connect/token
  credential: {name}/ifs
  requests_per_minute: {calls}        # 900 is what a tenant of IFS Cloud takes; the simulator takes more
  read_seconds: {patience}
  write_seconds: {patience}
"""
_INVOICES = """\
  sets:
    supplier_invoice: {service: ManSuppInvoiceHandling, set: ManSuppInvoiceSet}
"""


def _header(entry: Any, name: str) -> str | None:
    return next((value for key, value in entry.headers.items() if key.lower() == name), None)
