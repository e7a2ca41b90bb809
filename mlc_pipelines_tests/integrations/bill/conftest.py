"""A BILL organization for all tests of this folder, and clients that talk to it over loopback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.bill.client import BillClient, Means, open_bill, open_events
from mlc_pipelines.integrations.bill.webhook_client import WebhookCalls
from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.wire.memory import Token, unguarded
from mlc_pipelines_tests.integrations.bill.builders import settings
from mlc_pipelines_tests.integrations.bill.organization import emptied

OpenBill = Callable[..., BillClient]


class Drawer:
    """Sessions kept in memory, for one process."""

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
    """A budget and a room that are never full."""

    def acquire(self) -> None:
        """Let every call pass."""

    def pause(self, seconds: float) -> None:
        """Nobody is kept."""

    def slot(self) -> ExitStack:
        """There is always room."""
        return ExitStack()


class QuickClock:
    """The organization's clock, moved on by whoever waits."""

    def __init__(self, organization: BillSandbox) -> None:
        self._clock = organization.clock
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.advance(seconds)


@pytest.fixture(scope="session")
def _started() -> Iterator[BillSandbox]:
    with BillSandbox(world=World.make(seed=1, invoices=1)) as sandbox:
        yield sandbox


@pytest.fixture
def organization(_started: BillSandbox) -> BillSandbox:
    """An organization without records, and calm."""
    return emptied(_started)


def means_for(organization: BillSandbox, *, password: str | None = None, **given: Any) -> Means:
    """What calls need beside the settings."""
    secrets = {
        "acme/bill/username": organization.token_name,
        "acme/bill/password": password or organization.token_value,
        "acme/bill/developer_key": organization.dev_key,
    }
    usual: dict[str, Any] = {
        "tokens": Drawer(), "budget": Unlimited(), "slots": Unlimited(), "guard": unguarded,
        "clock": QuickClock(organization),
    }  # fmt: skip
    return Means(vault_get=lambda name: SecretStr(secrets[name]), **{**usual, **given})


@pytest.fixture
def open_client(organization: BillSandbox) -> Iterator[OpenBill]:
    """Opens clients that are closed at the end of the test."""
    with ExitStack() as stack:

        def opened(*, means: Means | None = None, **given: Any) -> BillClient:
            where = {"base_url": organization.ap_url, "organization_id": organization.organization_id}
            wanted = settings(**where | {"read_seconds": 5, "write_seconds": 5} | given)
            return stack.enter_context(open_bill(wanted, means or means_for(organization)))

        yield opened


@pytest.fixture
def client(open_client: OpenBill) -> BillClient:
    """A client with the usual settings."""
    return open_client()


@pytest.fixture
def events_api(organization: BillSandbox) -> Iterator[WebhookCalls]:
    """A client of the webhook address."""
    where = {"base_url": organization.ap_url, "organization_id": organization.organization_id}
    with open_events(settings(**where), means_for(organization)) as opened:
        yield opened
