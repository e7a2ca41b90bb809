"""A scripted server, a clock that only moves when slept on, and memories that live in the process."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.http import HttpClient, Limits
from mlc_pipelines.wire.memory import Token
from mlc_pipelines_tests.wire.scripted_server import ScriptedServer


class SteppedClock:
    """Sleeping moves it at once and is remembered."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Tell the time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Move on."""
        with self._lock:
            self.slept.append(seconds)
            self.time += timedelta(seconds=seconds)


class CountedBudget:
    """Counts calls and remembers pauses."""

    def __init__(self) -> None:
        self.calls = 0
        self.pauses: list[float] = []

    def acquire(self) -> None:
        """Count a call."""
        self.calls += 1

    def pause(self, seconds: float) -> None:
        """Remember a pause."""
        self.pauses.append(seconds)


class TokensInMemory:
    """A token store of one process, with the contract of the shared one."""

    def __init__(self) -> None:
        self.tokens: dict[str, tuple[str, Token]] = {}
        self._lock = threading.Lock()

    def read(self, credential: str, asked: str) -> Token | None:
        """Give the stored token."""
        kept, token = self.tokens.get(credential, (None, None))
        return token if kept == asked else None

    def renew(self, credential: str, mint: Callable[[], Token], *, asked: str, refused: str | None) -> Token:
        """Mint unless another token is there."""
        with self._lock:
            token = self.read(credential, asked)
            if token is None or token.value.get_secret_value() == refused:
                token = mint()
                self.tokens[credential] = asked, token
            return token


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server with an empty script."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def clock() -> SteppedClock:
    """A clock at eight in the morning."""
    return SteppedClock()


@pytest.fixture
def budget() -> CountedBudget:
    """A budget without a limit."""
    return CountedBudget()


@pytest.fixture
def tokens() -> TokensInMemory:
    """An empty token store."""
    return TokensInMemory()


class Badge:
    """An auth that counts its renewals."""

    def __init__(self) -> None:
        self.number = 1

    def headers(self) -> dict[str, str]:
        """Give the number."""
        return {"Authorization": f"Bearer badge-{self.number}"}

    def renew(self) -> None:
        """Count up."""
        self.number += 1


@pytest.fixture
def badge() -> Badge:
    """An auth that counts its renewals."""
    return Badge()


@pytest.fixture
def client(server: ScriptedServer, clock: SteppedClock, budget: CountedBudget, badge: Badge) -> Iterator[HttpClient]:
    """A client of the scripted server."""
    limits = Limits(read_seconds=5, write_seconds=5, connect_seconds=2, max_body_bytes=10_000)
    judge = judge_by_status("vendor", clock=clock)
    with HttpClient(
        "vendor",
        server.url,
        judge=judge,
        auth=badge,
        budget=budget,
        limits=limits,
        clock=clock,
        headers={"X-House": "1"},
    ) as client:
        yield client
