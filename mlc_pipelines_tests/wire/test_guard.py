"""The guard: the last word on every write, in the moment in which it leaves."""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mlc_pipelines
from mlc_pipelines.errors import MlcError
from mlc_pipelines.wire.http import HttpClient, judge_by_status
from mlc_pipelines_tests.wire.conftest import CountedBudget, SteppedClock
from mlc_pipelines_tests.wire.scripted_server import Asked, Reply, ScriptedServer

READS_ONLY = {"procurify", "bill spend"}


class OvertakenError(MlcError):
    """Somebody else has the lease."""


@contextmanager
def guarded(server: ScriptedServer, guard: Callable[[], None], *, budget: CountedBudget) -> Iterator[HttpClient]:
    judge = judge_by_status("v")
    with HttpClient("v", server.url, judge=judge, budget=budget, guard=guard, clock=SteppedClock()) as client:
        yield client


def whole(server: ScriptedServer) -> list[Asked]:
    """The requests that came in to their last byte."""
    return [asked for asked in server.asked if len(asked.body) == int(asked.headers.get("content-length", 0))]


@pytest.mark.parametrize("look", [1, 2], ids=["before the first byte", "before the body"])
def test_what_the_guard_refuses_is_not_performed(server: ScriptedServer, budget: CountedBudget, look: int) -> None:
    """Its error comes out as it is, the target has no whole request, and the next write goes over a line of its own."""
    looks: list[None] = []

    def guard() -> None:
        looks.append(None)
        if len(looks) == look:
            raise OvertakenError("another worker took over")

    with guarded(server, guard, budget=budget) as client:
        with pytest.raises(OvertakenError):
            client.send("POST", "bills", json={"amount": 1})
        assert whole(server) == []
        client.send("POST", "bills", json={"amount": 2})
    assert [asked.body for asked in whole(server)] == [b'{"amount":2}']


@pytest.mark.parametrize(("method", "content"), [("POST", b""), ("DELETE", None), ("PATCH", b"{}"), ("PUT", b"{}")])
def test_every_write_is_guarded_at_each_try(
    server: ScriptedServer, budget: CountedBudget, method: str, content: bytes | None
) -> None:
    """With a body or without, repeatable or not: after the wait for the budget and after each wait for another try."""
    asked_at: list[int] = []
    server.script(429, Reply(200))
    with guarded(server, lambda: asked_at.append(budget.calls), budget=budget) as client:
        client.send(method, "bills/1", content=content, repeatable=True)
    assert set(asked_at) == {1, 2}


def test_reads_need_no_leave(server: ScriptedServer, budget: CountedBudget) -> None:
    """Who has lost the lease may still look."""

    def refuse() -> None:
        raise OvertakenError("another worker took over")

    with guarded(server, refuse, budget=budget) as client:
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
