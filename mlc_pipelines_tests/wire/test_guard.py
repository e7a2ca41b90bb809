"""The guard: the last word on every write, in the moment in which it leaves."""

import ast
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mlc_pipelines
from mlc_pipelines.errors import MlcError, OutcomeUnknownError
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines.wire.memory import Guard
from mlc_pipelines_tests.strict.server import Reply, StrictServer
from mlc_pipelines_tests.wire.conftest import CountedBudget, SteppedClock
from mlc_pipelines_tests.wire.scripted_server import Asked, ScriptedServer

READS_ONLY = {"procurify", "bill spend"}


class OvertakenError(MlcError):
    """Somebody else has the lease."""


class Gate:
    """A guard that refuses at its first look if told to, and notes when writes began to leave and had left."""

    def __init__(self, *, refuse: int = 0) -> None:
        self.refuse = refuse
        self.began: list[float] = []
        self.left: list[float] = []

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.began.append(time.monotonic())
        if len(self.began) <= self.refuse:
            raise OvertakenError("another worker took over")
        try:
            yield
        finally:
            self.left.append(time.monotonic())


@contextmanager
def guarded(url: str, gate: Guard, *, budget: CountedBudget) -> Iterator[HttpClient]:
    judge = judge_by_status("v")
    with HttpClient("v", url, judge=judge, budget=budget, guard=gate, clock=SteppedClock()) as client:
        yield client


def whole(server: ScriptedServer) -> list[Asked]:
    """The requests that came in to their last byte."""
    return [asked for asked in server.asked if len(asked.body) == int(asked.headers.get("content-length", 0))]


def test_what_the_guard_refuses_is_not_sent(server: ScriptedServer, budget: CountedBudget) -> None:
    """Its error comes out as it is, the target has no whole request, and the next write goes over a line of its own."""
    with guarded(server.url, Gate(refuse=1), budget=budget) as client:
        with pytest.raises(OvertakenError):
            client.send("POST", "bills", json={"amount": 1})
        client.send("POST", "bills", json={"amount": 2})
    assert [asked.body for asked in whole(server)] == [b'{"amount":2}']


@pytest.mark.parametrize(("method", "content"), [("POST", b""), ("DELETE", None), ("PATCH", b"{}"), ("PUT", b"{}")])
def test_every_write_is_guarded_at_each_try(
    server: ScriptedServer, budget: CountedBudget, method: str, content: bytes | None
) -> None:
    """With a body or without, repeatable or not."""
    gate = Gate()
    server.script(429)
    with guarded(server.url, gate, budget=budget) as client:
        client.send(method, "bills/1", content=content, repeatable=True)
    assert len(server.asked) == len(gate.began) == len(gate.left) == 2


def test_the_guard_is_asked_after_all_waiting(server: ScriptedServer) -> None:
    """A call that waited long for its share of the rate limit asks when its turn has come."""
    gate, waited = Gate(), []

    class Waiting(CountedBudget):
        def acquire(self) -> None:
            waited.append(len(gate.began))

    with guarded(server.url, gate, budget=Waiting()) as client:
        client.send("POST", "bills", json={})
    assert waited == [0]
    assert len(gate.began) == 1


def test_a_write_whose_answer_is_awaited_has_left(budget: CountedBudget) -> None:
    """The guard ends with the last byte: it is no matter of the lease how long the other side takes."""
    gate = Gate()
    with StrictServer(lambda _: Reply(seconds=0.5)) as slow, guarded(slow.url, gate, budget=budget) as client:
        client.send("POST", "bills", json={})
        answered = time.monotonic()
    assert answered - gate.left[0] > 0.3


def test_a_line_that_breaks_under_a_write_ends_the_guard(budget: CountedBudget) -> None:
    """What cannot be sent has left, too: the answer that may still come is waited for without a guard."""
    gate = Gate()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def cut() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(100)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=cut)
        thread.start()
        with guarded(f"http://127.0.0.1:{listening.getsockname()[1]}", gate, budget=budget) as client:
            with pytest.raises(OutcomeUnknownError):
                client.send("POST", "bills", content=bytes(50_000_000))
            thread.join()
    assert len(gate.began) == len(gate.left) == 1


def test_reads_need_no_leave(server: ScriptedServer, budget: CountedBudget) -> None:
    """Who has lost the lease may still look."""
    with guarded(server.url, Gate(refuse=1), budget=budget) as client:
        assert client.send("GET", "bills").status == 200


def test_every_client_that_writes_has_a_guard() -> None:
    """One that is assembled without would write after its lease; those that only read are named here."""
    rooms = [Path(path) / room for path in mlc_pipelines.__path__ for room in ("ifs", "integrations")]
    calls = [
        node
        for room in rooms
        for path in room.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "HttpClient"
    ]
    names = {ast.literal_eval(call.args[0]): {word.arg for word in call.keywords} for call in calls}
    assert {name for name, words in names.items() if "guard" not in words} == READS_ONLY
    assert {"ifs", "ramp", "bill", "airbase"} <= set(names)
