"""A drop folder to read from, and how it is opened in most tests."""

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines.wire.clock import Clock
from mlc_pipelines.wire.sftp import Sftp, open_sftp


@contextlib.contextmanager
def drop_folder() -> Iterator[StampliSandbox]:
    """A server with empty folders."""
    with StampliSandbox(world=World.make(invoices=1), invoices=1, exported=False) as sandbox:
        yield sandbox


def opened(stampli: StampliSandbox, clock: Clock, **changes: Any) -> Sftp:
    """Log in with the key; `changes` replace arguments."""
    usual: dict[str, Any] = {
        "port": stampli.port,
        "username": stampli.username,
        "host_keys": [stampli.host_key],
        "private_key": SecretStr(stampli.client_key),
        "connect_seconds": 5,
        "login_seconds": 5,
        "operation_seconds": 5,
        "clock": clock,
    }
    return open_sftp("acme stampli", stampli.host, **(usual | changes))
