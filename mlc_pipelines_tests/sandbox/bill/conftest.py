"""A running simulator, a caller with a session, and a webhook receiver."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.bill.caller import Bill


@pytest.fixture(scope="session")
def shared_bill() -> Iterator[BillSandbox]:
    with BillSandbox(world=World.make(invoices=1)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_bill: BillSandbox) -> BillSandbox:
    shared_bill.reset()
    return shared_bill


@pytest.fixture
def api(sandbox: BillSandbox) -> Iterator[Bill]:
    with Bill(sandbox) as caller:
        yield caller


class Receiver:
    """A webhook endpoint that answers the statuses it is told to, then 200."""

    def __init__(self) -> None:
        self.events: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name the standard library calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.events.append(({name.lower(): held for name, held in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/bill/tenant"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
