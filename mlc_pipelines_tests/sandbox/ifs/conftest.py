"""One tenant for all tests here, back on its first day before each of them."""

from collections.abc import Iterator

import httpx
import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.ifs.caller import Caller, token

WORLD = World.make(invoices=60)


@pytest.fixture(scope="session")
def running_ifs() -> Iterator[IfsSandbox]:
    with IfsSandbox(world=WORLD, catalogue_size=200, requests_per_minute=0) as sandbox:
        yield sandbox


@pytest.fixture
def ifs(running_ifs: IfsSandbox) -> IfsSandbox:
    running_ifs.faults.profile = "calm"
    running_ifs.reset()
    return running_ifs


@pytest.fixture(scope="session")
def client(running_ifs: IfsSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running_ifs.url, timeout=10) as client:
        yield client


@pytest.fixture
def caller(ifs: IfsSandbox, client: httpx.Client) -> Caller:
    client.headers["authorization"] = f"Bearer {token(ifs, client)}"
    return Caller(client)
