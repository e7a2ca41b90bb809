"""A running simulator and a caller with a token."""

from collections.abc import Iterator

import httpx
import pytest

from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.procurify.caller import Procurify


@pytest.fixture(scope="session")
def shared_procurify() -> Iterator[ProcurifySandbox]:
    with ProcurifySandbox(world=World.make(invoices=1)) as sandbox:
        yield sandbox


@pytest.fixture
def procurify(shared_procurify: ProcurifySandbox) -> ProcurifySandbox:
    shared_procurify.reset()
    return shared_procurify


@pytest.fixture
def bare(procurify: ProcurifySandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=procurify.url, timeout=10) as client:
        yield client


@pytest.fixture
def api(procurify: ProcurifySandbox) -> Iterator[Procurify]:
    with Procurify(procurify) as caller:
        yield caller
