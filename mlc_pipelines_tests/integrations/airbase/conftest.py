"""A simulated Airbase tenant for all tests of this folder, and clients that talk to it over loopback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.integrations.airbase.client import AirbaseClient, open_airbase
from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines.sandbox.airbase.switches import PATHS
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import unguarded
from mlc_pipelines_tests.integrations.airbase.builders import settings

OpenAirbase = Callable[..., AirbaseClient]


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
        """Go on at once."""


@pytest.fixture(scope="session")
def _tenant() -> Iterator[AirbaseSandbox]:
    with AirbaseSandbox(world=World.make(seed=1, invoices=1), calls_per_window=0) as sandbox:
        yield sandbox


@pytest.fixture
def airbase(_tenant: AirbaseSandbox) -> Iterator[AirbaseSandbox]:
    """The tenant as on its first day; whatever a test did, nobody wrote to accounts or subsidiaries."""
    _tenant.reset()
    yield _tenant
    assert _tenant.read_only_writes == []
    _tenant.budget.limit = 0


@pytest.fixture
def budget() -> Unlimited:
    return Unlimited()


@pytest.fixture
def open_client(airbase: AirbaseSandbox, budget: Unlimited) -> Iterator[OpenAirbase]:
    """Opens clients that are closed at the end of the test."""
    with ExitStack() as stack:

        def opened(*, tokens: tuple[str, ...] = (AirbaseSandbox.token,), **given: Any) -> AirbaseClient:
            secrets = dict(zip(("acme/ab/token", "acme/ab/token_next"), tokens, strict=False))

            def secret(name: str) -> SecretStr:
                if name not in secrets:
                    raise ConfigurationError(f"there is no secret {name}")
                return SecretStr(secrets[name])

            usual = {"base_url": airbase.url, "auth_scheme": "Token", "paths": dict(PATHS)}
            made = settings(**(usual | {"read_seconds": 5, "write_seconds": 5} | given))
            return stack.enter_context(
                open_airbase(made, vault_get=secret, budget=budget, guard=unguarded, clock=QuickClock())
            )

        yield opened


@pytest.fixture
def client(open_client: OpenAirbase) -> AirbaseClient:
    """A client with the token in use."""
    return open_client()
