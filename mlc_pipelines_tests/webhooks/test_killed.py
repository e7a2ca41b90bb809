"""Tests of the receiver as its own program, killed while many post: what was answered yes is there, once."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.tables import inbox
from mlc_pipelines_tests.webhooks.conftest import UNHURRIED
from mlc_pipelines_tests.webhooks.post import Post, event, eventually

SENDERS = 6
AT_WORK = 80


class Senders:
    """Threads that post events of their own, one after the other; an event that is not answered is sent again."""

    def __init__(self, there: Post) -> None:
        self.there = there
        self.answered: list[str] = []
        self.asked: list[str] = []
        self.broken = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    @contextmanager
    def at_work(self) -> Iterator["Senders"]:
        """Let them send for a block."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(timeout=30)

    def have(self, goal: int) -> bool:
        """Tell whether so many events were answered yes."""
        return len(self.answered) >= goal

    def _send(self, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            name = f"e-{number}-{count}"
            self.asked.append(name)
            try:
                status = self.there.signed(event(name))
            except (OSError, http.client.HTTPException):
                self.broken += 1
                self._stop.wait(0.05)
                continue
            if status == 200:
                self.answered.append(name)
                count += 1


@contextmanager
def life(port: int, environ: dict[str, str]) -> Iterator[None]:
    """Run `mlc webhooks serve`, and kill it at the end of the block."""
    command = [sys.executable, "-m", "mlc_pipelines.cli", "webhooks", "serve", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | environ | UNHURRIED, stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(lambda: _answers(port), seconds=30)
            yield
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=20) == -signal.SIGKILL


def _answers(port: int) -> bool:
    try:
        return Post(f"http://127.0.0.1:{port}").get("/healthz") == 200
    except OSError:
        return False


def test_what_was_answered_yes_outlives_a_kill_under_load(
    house: House, environ: dict[str, str], open_house: Callable[[], House]
) -> None:
    """Killed in the middle of many posts, started anew and killed again: every yes is in the inbox exactly once."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    senders = Senders(Post(f"http://127.0.0.1:{port}"))
    with senders.at_work():
        for goal in (AT_WORK, 2 * AT_WORK):
            with life(port, environ):
                assert eventually(partial(senders.have, goal), seconds=30)
    with reading(open_house().ledger.engine) as database:
        rows = [row.event_id for row in database.execute(inbox.select())]
    assert senders.broken
    assert len(rows) == len(set(rows))
    assert set(senders.answered) <= set(rows) <= set(senders.asked)
