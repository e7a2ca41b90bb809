"""Processes that read and store secrets and tokens while others make keys and seal everything anew."""

import multiprocessing
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from mlc_pipelines.connections.keys import KeyRing, add_key, write_keys
from mlc_pipelines.connections.tables import METADATA
from mlc_pipelines.connections.tokens import SealedTokens
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.errors import MlcError
from mlc_pipelines.ledger.database import open_engine, writing
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import Token

SHARES = 3  # sets of names, each stored by one process, so that their values only go up
NAMES = tuple(tuple(f"acme{share}/secret{number}" for number in range(5)) for share in range(SHARES))
CREDENTIALS = tuple(f"acme{share}/ifs" for share in range(SHARES))
DONE = "done"
PATIENCE = 900.0
MONTH = timedelta(days=30)


@dataclass
class Seen:
    """What one process did, and what was not as it must be."""

    reads: int = 0
    stored: int = 0
    rotations: int = 0
    last: dict[str, int] = field(default_factory=dict)  # the number that was stored last, by name
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            self.reads + other.reads,
            self.stored + other.stored,
            self.rotations + other.rotations,
            self.last | other.last,
            self.wrong + other.wrong,
        )


class Desk:
    """One process' vault and tokens, opened once and kept, as a worker keeps them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = open_engine(url, durable=False)
        self.clock = SystemClock()
        self.vault = Vault(self.engine, KeyRing.from_environment({}, folder), clock=self.clock)
        self.tokens = SealedTokens(self.engine, self.vault, clock=self.clock)

    def store(self, name: str, number: int) -> None:
        """Store the next value of a secret."""
        self.vault.set(name, SecretStr(f"{name}:{number}"))

    def renew(self, credential: str, number: int) -> None:
        """Fetch the next token of a credential, the one before is refused."""
        now = self.clock.now()
        token = Token(SecretStr(f"{credential}:{number}"), now + MONTH, now + MONTH)
        self.tokens.renew(credential, lambda: token, asked="", refused=f"{credential}:{number - 1}")

    def number(self, name: str) -> int:
        """Read a secret or token; ValueError for one that is not what was stored, or is gone."""
        if name in CREDENTIALS:
            token = self.tokens.read(name, "")
            value = token.value.get_secret_value() if token is not None else "nothing"
        else:
            value = self.vault.get(name).get_secret_value()
        if not re.fullmatch(re.escape(name) + r":\d+", value):
            raise ValueError(f"{name} opens as {value!r}")
        return int(value.rpartition(":")[2])


def turn(url: str, folder: Path, *, readers: int, rotators: int, rotations: int) -> Seen:
    """Let all of them work until each of the rotators has made so many keys; then look with the newest key alone."""
    engine = open_engine(url, durable=False)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    engine.dispose()
    KeyRing.from_environment({}, folder, create=True)
    with _desk(url, folder) as desk:
        for names, credential in zip(NAMES, CREDENTIALS, strict=True):
            for name in names:
                desk.store(name, 0)
            desk.renew(credential, 0)
    work: list[Callable[[str, Path], Seen]] = [
        *(partial(_read, seed) for seed in range(readers)),
        *(partial(_store, share) for share in range(SHARES)),
    ]
    turning = [partial(_rotate, rotations)] * rotators
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(len(work) + len(turning), mp_context=context) as pool:
        others = [pool.submit(each, url, folder) for each in work]
        rotating = [pool.submit(each, url, folder) for each in turning]
        try:
            seen = sum((each.result(PATIENCE) for each in rotating), Seen())
        finally:
            (folder / DONE).touch()
        return _left(url, folder, sum((each.result(PATIENCE) for each in others), seen))


def _left(url: str, folder: Path, seen: Seen) -> Seen:
    """Seal all once more, throw every key but the newest away, and open everything."""
    with _desk(url, folder) as desk:
        desk.vault.rotate()
    ring = KeyRing.from_environment({}, folder)
    write_keys(folder / "vault.key", [ring.keys[0]])
    with _desk(url, folder) as desk:
        for name, number in seen.last.items():
            with _noting(seen):
                found = desk.number(name)
                if found != number:
                    seen.wrong.append(f"{name} was stored {number} times, and what is left is number {found}")
    return seen


def _read(seed: int, url: str, folder: Path) -> Seen:
    seen, rng = Seen(), random.Random(seed)
    newest: dict[str, int] = {}
    everything = [*CREDENTIALS, *(name for names in NAMES for name in names)]
    with _desk(url, folder) as desk:
        while not (folder / DONE).exists():
            name = rng.choice(everything)
            with _noting(seen):
                number = desk.number(name)
                if number < newest.get(name, 0):
                    seen.wrong.append(f"{name} went back from {newest[name]} to {number}")
                newest[name] = number
            seen.reads += 1
    return seen


def _store(share: int, url: str, folder: Path) -> Seen:
    seen, number = Seen(), 0
    with _desk(url, folder) as desk:
        while not (folder / DONE).exists():
            number += 1
            with _noting(seen):
                for name in NAMES[share]:
                    desk.store(name, number)
                    seen.last[name] = number
                desk.renew(CREDENTIALS[share], number)
                seen.last[CREDENTIALS[share]] = number
            seen.stored += len(NAMES[share]) + 1
    return seen


def _rotate(times: int, url: str, folder: Path) -> Seen:
    seen = Seen()
    with _desk(url, folder) as desk:
        for _ in range(times):
            with _noting(seen):
                add_key(KeyRing.from_environment({}, folder))
                desk.vault.rotate()
            seen.rotations += 1
    return seen


@contextmanager
def _desk(url: str, folder: Path) -> Iterator[Desk]:
    desk = Desk(url, folder)
    try:
        yield desk
    finally:
        desk.engine.dispose()


@contextmanager
def _noting(seen: Seen) -> Iterator[None]:
    try:
        yield
    except (MlcError, ValueError) as error:
        seen.wrong.append(f"{type(error).__name__}: {error}")
