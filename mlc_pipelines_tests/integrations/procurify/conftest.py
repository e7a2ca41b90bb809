"""A simulated Procurify for all tests of this folder, and clients that talk to it over loopback."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.procurify.client import ProcurifyClient, open_procurify
from mlc_pipelines.integrations.procurify.settings import ProcurifySettings
from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.integrations.ramp.conftest import Drawer, QuickClock, Unlimited

OpenProcurify = Callable[..., ProcurifyClient]


class Roomy:
    """Room for any number of calls at once."""

    def slot(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.fixture(scope="session")
def _tenant() -> Iterator[ProcurifySandbox]:
    with ProcurifySandbox(world=World.make(seed=1, invoices=1)) as sandbox:
        yield sandbox


@pytest.fixture
def procurify(_tenant: ProcurifySandbox) -> ProcurifySandbox:
    """The tenant as on its first day, its weather calm."""
    _tenant.reset()
    return _tenant


@pytest.fixture
def open_client() -> Iterator[OpenProcurify]:
    """Opens clients that are closed at the end of the test."""
    with ExitStack() as stack:

        def opened(sandbox: ProcurifySandbox, **given: Any) -> ProcurifyClient:
            return stack.enter_context(client_of(sandbox, **given))

        yield opened


@pytest.fixture
def client(procurify: ProcurifySandbox, open_client: OpenProcurify) -> ProcurifyClient:
    """A client of the tenant."""
    return open_client(procurify)


def client_of(
    sandbox: ProcurifySandbox,
    *,
    secret: str = ProcurifySandbox.client_secret,
    tokens: Drawer | None = None,
    budget: Unlimited | None = None,
    clock: QuickClock | None = None,
    **given: Any,
) -> ProcurifyClient:
    """A client of the simulated tenant with these settings."""
    settings = ProcurifySettings.model_validate(
        {"base_url": sandbox.url, "credential": "acme/procurify", "read_seconds": 5} | given
    )
    secrets = {"acme/procurify/client_id": ProcurifySandbox.client_id, "acme/procurify/client_secret": secret}
    return open_procurify(
        settings,
        vault_get=lambda name: SecretStr(secrets[name]),
        tokens=tokens or Drawer(),
        budget=budget or Unlimited(),
        slots=Roomy(),
        clock=clock or QuickClock(),
    )


def queries(sandbox: ProcurifySandbox, path: str) -> list[dict[str, str]]:
    """Give the queries that a list was asked with, in order."""
    asked = [entry for entry in sandbox.journal.entries if entry.path == path]
    return [dict(pair.split("=", 1) for pair in entry.query.split("&")) for entry in asked]


def pages(sandbox: ProcurifySandbox, path: str) -> list[tuple[int, int]]:
    """Give page and page size of each request for a list, in order."""
    return [(int(query["page"]), int(query["page_size"])) for query in queries(sandbox, path)]
