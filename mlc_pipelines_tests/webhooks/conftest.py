"""A house with one connection, a simulated Ramp, and a receiver on loopback."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.inbox import Letter
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.webhooks.app import WebhookServer
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.webhooks.post import SECRET, Post

FILE = """\
name: {name}
integration: ramp
companies: ["10", "20"]
enabled: {enabled}
ifs: {{base_url: "http://127.0.0.1:9", token_url: "http://127.0.0.1:9/token", credential: acme/ifs}}
ramp:
  base_url: {ramp}
  credential: acme/ramp
  {more}
"""
UNHURRIED = {"MLC_WEBHOOKS_PER_SECOND": "100000", "MLC_WEBHOOKS_BURST": "100000"}
DEAD = "http://127.0.0.1:9"  # nobody listens there
Write = Callable[..., Path]


class QuickClock(SystemClock):
    """The machine's clock, except that waiting takes no time."""

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    return {
        "MLC_DATABASE_URL": f"sqlite:///{home / 'data' / 'mlc.db'}",
        "MLC_HOME": str(home),
        "MLC_CONNECTIONS_DIR": str(home / "files"),
    }


@pytest.fixture
def write(home: Path) -> Write:
    """Write connection files; without an address of ours nothing is subscribed."""

    def write_file(name: str = "acme", *, ramp: str = DEAD, url: str | None = None, enabled: bool = True) -> Path:
        more = f"webhook_secret: {name}/ramp/webhook" + (f"\n  webhook_url: {url}" if url else "")
        path = home / "files" / f"{name}.yaml"
        path.write_text(FILE.format(name=name, ramp=ramp, more=more, enabled=str(enabled).lower()), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def open_house(environ: dict[str, str]) -> Iterator[Callable[[], House]]:
    """Open the house after its files are written; the credentials are in its vault."""
    with ExitStack() as stack:

        def opened(kind: type[House] = House) -> House:
            house = stack.enter_context(kind.open(environ, clock=QuickClock()))
            for system in ("ramp", "ifs"):  # IFS is not called here
                house.vault.set(f"acme/{system}/client_id", SecretStr(RampSandbox.client_id))
                house.vault.set(f"acme/{system}/client_secret", SecretStr(RampSandbox.client_secret))
            return house

        yield opened


@pytest.fixture
def house(write: Write, open_house: Callable[[], House]) -> House:
    """A house whose one connection, acme, has a webhook secret and no subscription to keep."""
    write()
    opened = open_house()
    opened.vault.set("acme/ramp/webhook", SecretStr(SECRET))
    return opened


@pytest.fixture
def post(house: House, listening: socket.socket) -> Iterator[Post]:
    """A running receiver of that house."""
    with receiving(house, listening):
        yield Post(address(listening))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A port that is ours before anyone must be told of it."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture(scope="session")
def _business() -> Iterator[RampSandbox]:
    with RampSandbox(world=World.make(seed=1, invoices=3), calls_per_window=0, http_webhooks=True) as sandbox:
        yield sandbox


@pytest.fixture
def ramp(_business: RampSandbox) -> RampSandbox:
    """The business as on its first day."""
    _business.reset()
    return _business


def address(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def receiving(
    house: House, listening: socket.socket, environ: Mapping[str, str] | None = None
) -> Iterator[WebhookServer]:
    """Run the receiver in a thread for a block; all tests are one source, and may send as they like."""
    server = WebhookServer(house, environ or UNHURRIED)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(timeout=15)


def letters(house: House, flow: str = "payments", *, of: str = "acme") -> list[Letter]:
    return house.ledger.inbox.pending(of, flow)
