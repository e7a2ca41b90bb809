"""A simulated IFS tenant for all tests of this folder, and clients that talk to it over loopback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.ifs.client import IfsClient, open_ifs
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import Token, unguarded

OpenIfs = Callable[..., IfsClient]


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
    """A budget that is never used up."""

    def __init__(self) -> None:
        self.calls = 0
        self.paused: list[float] = []

    def acquire(self) -> None:
        self.calls += 1

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)


class QuickClock(SystemClock):
    """The machine's clock, except that waiting takes no time."""

    def sleep(self, seconds: float) -> None:
        self.slept = getattr(self, "slept", 0.0) + seconds


@pytest.fixture(scope="session")
def world() -> World:
    return World.make(seed=1, invoices=60)


@pytest.fixture(scope="session")
def _tenant(world: World) -> Iterator[IfsSandbox]:
    with IfsSandbox(world=world, requests_per_minute=1_000_000, catalogue_size=200) as sandbox:
        yield sandbox


@pytest.fixture
def ifs(_tenant: IfsSandbox) -> IfsSandbox:
    """The tenant as on its first day."""
    _tenant.reset()
    return _tenant


@pytest.fixture
def open_client() -> Iterator[OpenIfs]:
    """Opens clients that are closed at the end of the test."""
    with ExitStack() as stack:

        def opened(sandbox: IfsSandbox, **given: Any) -> IfsClient:
            return stack.enter_context(client_of(sandbox, **given))

        yield opened


@pytest.fixture
def client(ifs: IfsSandbox, open_client: OpenIfs) -> IfsClient:
    return open_client(ifs)


def client_of(sandbox: IfsSandbox, *, secret: str = "sandbox-ifs-secret", **given: Any) -> IfsClient:
    """A client of the simulated tenant with these settings."""
    settings = IfsSettings.model_validate(
        {
            "base_url": sandbox.url,
            "token_url": f"{sandbox.url}/auth/realms/sandbox/protocol/openid-connect/token",
            "credential": "acme/ifs",
            "read_seconds": 5,
            "write_seconds": 5,
        }
        | given
    )
    secrets = {"acme/ifs/client_id": "mlc-sandbox", "acme/ifs/client_secret": secret}
    return open_ifs(
        settings,
        vault_get=lambda name: SecretStr(secrets[name]),
        tokens=Drawer(),
        budget=Unlimited(),
        guard=unguarded,
        clock=QuickClock(),
    )
