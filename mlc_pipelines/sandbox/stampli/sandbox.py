"""The Stampli simulator as one object: drop folder, SFTP server, people, exports, control endpoints."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh
from starlette.types import ASGIApp

from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.server import Server
from mlc_pipelines.sandbox.stampli import layouts
from mlc_pipelines.sandbox.stampli.drop import INVOICES, Drop, MidRead
from mlc_pipelines.sandbox.stampli.exporting import Exporter
from mlc_pipelines.sandbox.stampli.house import House
from mlc_pipelines.sandbox.stampli.operations import SftpJournal
from mlc_pipelines.sandbox.stampli.people import PER_FILE, People
from mlc_pipelines.sandbox.stampli.records import Invoice
from mlc_pipelines.sandbox.stampli.seed import make_invoices
from mlc_pipelines.sandbox.stampli.ssh_server import Doorkeeper, SshServer, Visit
from mlc_pipelines.sandbox.stampli.switches import Switches
from mlc_pipelines.sandbox.world import World

USERNAME, PASSWORD = "falkenried", "sandbox-stampli-password"  # opens a simulator on loopback
HOST = "127.0.0.1"


class StampliSandbox:
    """A Stampli company whose files lie on an SFTP server on loopback; `switches` are the fields of `Switches`.

    `port` is that of SFTP, `control_port` that of the control endpoints. With `exported` false the folders are empty
    on the first day.
    """

    host = HOST
    username = USERNAME
    password = PASSWORD
    columns = layouts.COLUMNS
    xml_paths = layouts.XML_PATHS
    vendor_columns = layouts.VENDOR_COLUMNS
    order_columns = layouts.ORDER_COLUMNS

    def __init__(
        self,
        *,
        world: World,
        seed: int = 1,
        port: int = 0,
        faults: str = "calm",
        certificate: tuple[Path, Path] | None = None,
        control_port: int = 0,
        clock: SandboxClock | None = None,
        invoices: int = 40,
        per_file: int = PER_FILE,
        layout: str = "csv",
        exported: bool = True,
        **switches: Any,
    ) -> None:
        self.world = world
        self.seed = seed
        self.switches = Switches(**switches)
        self.clock = clock or SandboxClock(_first_day(world))
        self.faults = Faults(faults, seed=seed)
        self.journal = SftpJournal()
        self.drop = Drop(self.clock)
        self.lock = self.drop.lock
        self.invoices: dict[str, Invoice] = {}
        self._initial = switches
        self._first_export = (invoices, per_file, layout, exported)
        self._exporter = Exporter(world, self.drop, switches=self.switches)
        self._host_key = asyncssh.generate_private_key("ssh-ed25519", comment="stampli sandbox")
        self._client_key = asyncssh.generate_private_key("ssh-ed25519", comment="connector")
        self._doorkeeper = Doorkeeper(USERNAME, password=PASSWORD, client_key=self._client_key)
        self._house = House(self.drop, faults=self.faults, journal=self.journal, switches=self.switches, seed=seed)
        self._sftp = SshServer(
            lambda: Visit(self._house, self._doorkeeper), house=self._house, port=port, host_key=self._host_key
        )
        self.people = self._people()
        self._control = Server(self._app(), port=control_port, certificate=certificate)
        self._fill()

    def _people(self) -> People:
        server = {"restart_server": self.restart_server, "swap_host_key": self.swap_host_key}
        return People(self.world, self.drop, invoices=self.invoices, exporter=self._exporter, server=server)

    def _app(self) -> ASGIApp:
        return build_app(
            [],
            faults=self.faults,
            journal=self.journal,
            clock=self.clock,
            state=self.state,
            people=self.people.actions(),
            reset=self._clear,
        )

    # Running

    def start(self) -> None:
        """Return when SFTP and control endpoints answer."""
        self._sftp.start()
        self._control.start()

    def stop(self) -> None:
        """Stop both threads; the files stay for another start on the same ports."""
        self._control.stop()
        self._sftp.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.drop.close()

    @property
    def port(self) -> int:
        """Where SFTP is spoken."""
        return self._sftp.port

    @property
    def url(self) -> str:
        """Where the files are, as sftp://host:port."""
        return f"sftp://{HOST}:{self.port}"

    @property
    def control_url(self) -> str:
        """Where the control endpoints answer; paths begin with /_sandbox."""
        return self._control.url

    @property
    def host_key(self) -> str:
        """The server's public key as one line of OpenSSH."""
        return self._sftp.host_key.export_public_key().decode().strip()

    @property
    def fingerprint(self) -> str:
        """The host key's SHA-256 fingerprint."""
        return self._sftp.host_key.get_fingerprint()

    @property
    def client_key(self) -> str:
        """The private key that may log in, as OpenSSH text."""
        return self._client_key.export_private_key().decode()

    @property
    def most_open_files(self) -> int:
        """How many files were open at the same moment, at most."""
        return self._house.most_open_files

    @property
    def connections(self) -> int:
        """How many connections there are now."""
        return len(self._house.connections)

    def reset(self) -> None:
        """Bring the first day back: files, invoices, host key, switches; no faults."""
        self.journal.clear()
        self.faults.reset()
        self._clear()

    def _clear(self) -> None:
        with self.lock:
            vars(self.switches).update(vars(Switches(**self._initial)))
            self.drop.clear()
            self._house.weather.clear()
            self._house.most_open_files = self._house.open_files
            self._doorkeeper.full = self._doorkeeper.busy = 0
            self._fill()
        if self._sftp.host_key is not self._host_key:
            self._sftp.use_host_key(self._host_key)

    def _fill(self) -> None:
        count, per_file, layout, exported = self._first_export
        self.invoices.clear()
        self.invoices.update(
            (invoice.id, invoice) for invoice in make_invoices(self.world, seed=self.seed, count=count)
        )
        if exported:
            self._exporter.invoices(list(self.invoices.values()), layout=layout, per_file=per_file)
            self._exporter.vendors()
            self._exporter.purchase_orders()

    def state(self) -> dict[str, Any]:
        """Return a summary of what is there."""
        with self.lock:
            return {
                "files": self.drop.files(),
                "invoices": [_told(invoice) for invoice in self.invoices.values()],
                "host_key": self.host_key,
                "connections": self.connections,
                "restarts": self._house.restarts,
                "switches": dataclasses.asdict(self.switches),
            }

    # What can go wrong, by order

    def drop_mid_read(self, path: str, after_bytes: int = 0, *, times: int = 1) -> None:
        """Cut the connection in the next reads of a file, once so many bytes were given."""
        self._prepare(MidRead(path, after_bytes, times))

    def grow_mid_read(self, path: str, more: bytes, *, after_bytes: int = 0) -> None:
        """Let a file grow while it is read the next time."""
        self._prepare(MidRead(path, after_bytes, more=more))

    def _prepare(self, trick: MidRead) -> None:
        with self.lock:
            self.drop.mid_reads.append(trick)

    def refuse_connections(self, times: int) -> None:
        """Close so many connections before a word is said, as a full server does."""
        self._doorkeeper.full = times

    def refuse_logins(self, times: int) -> None:
        """Answer so many logins that there are too many connections."""
        self._doorkeeper.busy = times

    def show_names(self, names: Iterable[bytes], *, folder: str = INVOICES) -> None:
        """Put names into listings that no disk can hold, such as ../x; nothing is behind them."""
        with self.lock:
            self.drop.shown_names[folder] = list(names)

    def swap_host_key(self) -> str:
        """Show another host key from now on, as an impostor or a new machine would; return its fingerprint."""
        self._sftp.use_host_key(asyncssh.generate_private_key("ssh-ed25519"))
        return self.fingerprint

    def restart_server(self) -> None:
        """Cut every connection."""
        self._house.restarts += 1
        self._sftp.cut_all()

    def files(self, folder: str | None = None) -> Mapping[str, int]:
        """Give the sizes of the files by path."""
        return self.drop.files(folder)


def _first_day(world: World) -> datetime | None:
    """Return when the clock begins: today, unless the world's documents are from later."""
    first = world.as_of + timedelta(hours=12)
    return first if datetime.now(UTC) < first else None


def _told(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": invoice.id,
        "company": invoice.company,
        "number": invoice.number,
        "type": invoice.type,
        "vendor_id": invoice.vendor_id,
        "vendor_name": invoice.vendor_name,
        "total": str(invoice.total),
        "currency": invoice.currency,
        "status": invoice.status,
        "exported": invoice.exported == invoice.standing(),
    }
