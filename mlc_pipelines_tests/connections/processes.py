"""Work that several processes do at the same moment; imports only what that work needs."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

from pydantic import SecretStr

from mlc_pipelines.connections.budgets import SharedBudget
from mlc_pipelines.connections.keys import KeyRing
from mlc_pipelines.connections.tokens import SealedTokens
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.ledger.database import open_engine, upgrade
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import Token

T = TypeVar("T")
PATIENCE = 30.0


def in_processes(count: int, work: Callable[[str, Path], T], url: str, folder: Path) -> list[T]:
    """Do the same work in so many processes that begin together; they are forks of one that has imported this."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_wait_for_all, initargs=(barrier,)) as pool:
        futures = [pool.submit(work, url, folder) for _ in range(count)]
        return [future.result(PATIENCE) for future in futures]


def _wait_for_all(barrier: Barrier) -> None:
    barrier.wait(PATIENCE)


def renew(url: str, folder: Path) -> str:
    """Ask for another token than `token-0`, and note in a file who had to fetch it."""
    clock = SystemClock()

    def mint() -> Token:
        with (folder / "fetched").open("a", encoding="ascii") as notes:
            notes.write(f"{os.getpid()}\n")
        clock.sleep(0.3)  # long enough for the others to come and wait
        return Token(
            SecretStr(f"token-of-{os.getpid()}"), refresh_at=clock.now(), expires_at=clock.now().replace(year=2999)
        )

    engine = open_engine(url, durable=False)
    try:
        vault = Vault(engine, KeyRing.from_environment({}, folder), clock=clock)
        store = SealedTokens(engine, vault, clock=clock)
        return store.renew("acme/ifs", mint, asked="", refused="token-0").value.get_secret_value()
    finally:
        engine.dispose()


def bring_up(url: str, _folder: Path) -> str:
    """Bring the tables to the newest version, whether there are any or not."""
    engine = open_engine(url)
    try:
        upgrade(engine)
        return "up to date"
    finally:
        engine.dispose()


def spend(url: str, folder: Path) -> list[float]:
    """Make twelve calls on a budget of twenty in half a second named like the folder; the first time is from before."""
    clock = SystemClock()
    engine = open_engine(url, durable=False)
    try:
        shared = SharedBudget(engine, folder.name, limit=20, window_seconds=0.5, burst=5, clock=clock)
        moments = [clock.now().timestamp()]
        for _ in range(12):
            shared.acquire()
            moments.append(clock.now().timestamp())
        return moments
    finally:
        engine.dispose()
