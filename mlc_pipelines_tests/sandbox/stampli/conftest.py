"""A Stampli sandbox, a plain SFTP client that is logged in, and a client of the control endpoints."""

from collections.abc import Iterator

import httpx
import paramiko
import pytest

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.stampli.caller import logged_in


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[StampliSandbox]:
    with StampliSandbox(world=World.make(invoices=1)) as sandbox:
        yield sandbox


@pytest.fixture
def stampli(shared_sandbox: StampliSandbox) -> StampliSandbox:
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def sftp(stampli: StampliSandbox) -> Iterator[paramiko.SFTPClient]:
    with logged_in(stampli) as client:
        yield client


@pytest.fixture
def control(stampli: StampliSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{stampli.control_url}/_sandbox", timeout=10) as client:
        yield client
