"""A simulated Ramp business for all tests of this folder, and clients that talk to it over loopback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.ramp.client import RampClient, open_ramp
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import Token, unguarded

OpenRamp = Callable[..., RampClient]


class Drawer:
    """Tokens kept in memory, for one process."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], Token] = {}

    def read(self, credential: str, asked: str) -> Token | None:
        return self._tokens.get((credential, asked))

    def renew(self, credential: str, mint: Callable[[], Token], *, asked: str, refused: str | None) -> Token:
        stored = self.read(credential, asked)
        if stored is None or stored.value.get_secret_value() == refused:
            stored = self._tokens[credential, asked] = mint()
        return stored


class Unlimited:
    """A budget that is never used up, and remembers who asked to slow down."""

    def __init__(self) -> None:
        self.paused: list[float] = []

    def acquire(self) -> None:
        """Let every call pass."""

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)


class QuickClock(SystemClock):
    """The machine's clock, except that waiting takes no time."""

    def sleep(self, seconds: float) -> None:
        self.slept = getattr(self, "slept", 0.0) + seconds


@pytest.fixture(scope="session")
def world() -> World:
    return World.make(seed=1, invoices=5)


@pytest.fixture(scope="session")
def _business(world: World) -> Iterator[RampSandbox]:
    with RampSandbox(world=world, calls_per_window=0, http_webhooks=True) as sandbox:
        yield sandbox


@pytest.fixture
def ramp(_business: RampSandbox) -> Iterator[RampSandbox]:
    """The business as on its first day, and calm again afterwards."""
    _business.reset()
    yield _business
    _business.faults.profile = "calm"


@pytest.fixture
def open_client() -> Iterator[OpenRamp]:
    """Opens clients that are closed at the end of the test."""
    with ExitStack() as stack:

        def opened(sandbox: RampSandbox, **given: Any) -> RampClient:
            return stack.enter_context(client_of(sandbox, **given))

        yield opened


@pytest.fixture
def client(ramp: RampSandbox, open_client: OpenRamp) -> RampClient:
    """A client whose accounting connection is set up."""
    opened = open_client(ramp)
    opened.ensure_connection()
    return opened


def client_of(
    sandbox: RampSandbox, *, secret: str = RampSandbox.client_secret, budget: Unlimited | None = None, **given: Any
) -> RampClient:
    """A client of the simulated business with these settings."""
    settings = RampSettings.model_validate(
        {"base_url": sandbox.url, "credential": "acme/ramp", "read_seconds": 5, "write_seconds": 5} | given
    )
    secrets = {"acme/ramp/client_id": RampSandbox.client_id, "acme/ramp/client_secret": secret}
    return open_ramp(
        settings,
        vault_get=lambda name: SecretStr(secrets[name]),
        tokens=Drawer(),
        budget=budget or Unlimited(),
        guard=unguarded,
        clock=QuickClock(),
    )
