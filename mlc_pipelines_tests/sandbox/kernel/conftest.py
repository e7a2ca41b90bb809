"""A small simulator to try the kernel with: it counts what it is sent."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlc_pipelines.sandbox.kernel.app import build_app
from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.kernel.journal import Journal, note_effect
from mlc_pipelines.sandbox.kernel.server import Server


class Counter:
    """A simulator with one resource, whose only deed is to remember the bodies it was sent."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.bodies: list[bytes] = []
        self.faults = Faults(seed=3)
        self.journal = Journal()
        self.clock = SandboxClock()
        routes = [Route("/things/{name}", self.take, methods=["GET", "POST"]), Route("/token", self.take)]
        self.server = Server(
            build_app(
                [*routes],
                faults=self.faults,
                journal=self.journal,
                clock=self.clock,
                state=lambda: {"bodies": len(self.bodies)},
                people={"say": self.say},
                reset=self.bodies.clear,
            ),
            certificate=certificate,
        )

    async def take(self, request: Request) -> JSONResponse:
        if request.method == "POST":
            self.bodies.append(await request.body())
            note_effect(request, f"took {len(self.bodies)}")
        return JSONResponse({"bodies": len(self.bodies)})

    def say(self, *, word: str) -> str:
        if not word:
            raise ValueError("a word is needed")
        return word.upper()


@pytest.fixture
def counter() -> Iterator[Counter]:
    counter = Counter()
    with counter.server:
        yield counter


@pytest.fixture
def client(counter: Counter) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=counter.server.url, timeout=5) as client:
        yield client
