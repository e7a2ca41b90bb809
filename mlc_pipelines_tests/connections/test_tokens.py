"""Shared tokens: sealed, fetched by one process at a time, and never a dead end."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select, update

from mlc_pipelines.connections.keys import Key, KeyRing
from mlc_pipelines.connections.tables import tokens
from mlc_pipelines.connections.tokens import BELIEVED_SECONDS, CLAIM_SECONDS, SealedTokens
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.errors import TransientError
from mlc_pipelines.ledger.database import open_engine, reading, writing
from mlc_pipelines.wire.clock import Clock, SystemClock
from mlc_pipelines.wire.memory import Token
from mlc_pipelines_tests.connections.processes import PATIENCE, in_processes, renew
from mlc_pipelines_tests.wire.conftest import SteppedClock

ACME = "acme/ifs"
ASKED = "digest of id, secret and scope"


@pytest.fixture
def store(engine: Engine, vault: Vault, clock: SteppedClock) -> SealedTokens:
    """An empty store."""
    return SealedTokens(engine, vault, clock=clock)


def token(clock: Clock, value: str = "token-1", *, lives: float = 3600.0) -> Token:
    now = clock.now()
    return Token(SecretStr(value), now + timedelta(seconds=lives / 2), now + timedelta(seconds=lives))


def minted(clock: Clock, value: str, *, lives: float = 3600.0) -> Callable[[], Token]:
    return lambda: token(clock, value, lives=lives)


def never() -> Token:
    raise AssertionError("a token was fetched without need")


def test_a_token_is_stored_as_it_was_fetched(store: SealedTokens, clock: SteppedClock) -> None:
    """Value and both times are the same for whoever reads it next; old ones are given too."""
    assert store.read(ACME, ASKED) is None
    fetched = store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None)
    assert store.read(ACME, ASKED) == fetched == token(clock)
    clock.sleep(7200)
    assert store.read(ACME, ASKED) == fetched
    assert store.read("acme/ramp", ASKED) is None


def test_the_database_holds_no_token_in_plain_text(store: SealedTokens, engine: Engine, clock: SteppedClock) -> None:
    """The row is sealed for its credential."""
    store.renew(ACME, minted(clock, "bearer-of-acme"), asked=ASKED, refused=None)
    with reading(engine) as connection:
        sealed = connection.execute(select(tokens.c.sealed)).scalar_one()
    assert sealed is not None
    assert "bearer-of-acme" not in sealed


def test_only_another_token_than_the_refused_one_is_given(store: SealedTokens, clock: SteppedClock) -> None:
    """One that somebody stored meanwhile serves; the refused one is replaced."""
    store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None)
    assert store.renew(ACME, never, asked=ASKED, refused=None) == token(clock)
    assert store.renew(ACME, never, asked=ASKED, refused="token-0") == token(clock)
    second = store.renew(ACME, minted(clock, "token-2"), asked=ASKED, refused="token-1")
    assert second == store.read(ACME, ASKED) == token(clock, "token-2")


def test_a_token_that_has_ended_does_not_serve(store: SealedTokens, clock: SteppedClock) -> None:
    """Being another one than the refused is not enough."""
    store.renew(ACME, minted(clock, "token-1", lives=100), asked=ASKED, refused=None)
    clock.sleep(101)
    assert store.renew(ACME, minted(clock, "token-2"), asked=ASKED, refused="token-0") == token(clock, "token-2")


def test_a_token_that_was_asked_with_something_else_does_not_serve(store: SealedTokens, clock: SteppedClock) -> None:
    """It may be another app's, or may do less; what is fetched instead takes its place."""
    store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None)
    assert store.read(ACME, "digest of another secret") is None
    second = store.renew(ACME, minted(clock, "token-2"), asked="digest of another secret", refused=None)
    assert second == store.read(ACME, "digest of another secret") == token(clock, "token-2")
    assert store.read(ACME, ASKED) is None


def test_a_token_of_which_nobody_knows_what_it_was_asked_with_does_not_serve(
    store: SealedTokens, engine: Engine, vault: Vault, clock: SteppedClock
) -> None:
    """Earlier versions did not write that down."""
    ends = clock.now().timestamp() + 3600
    plain = msgspec.json.encode({"value": "token-0", "refresh_at": ends, "expires_at": ends})
    with writing(engine) as connection:
        sealed = vault.seal(f"token/{ACME}", plain)
        connection.execute(insert(tokens).values(credential=ACME, sealed=sealed, claimed_until=0.0))
    assert store.read(ACME, ASKED) is None
    assert store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None) == token(clock)


def test_a_failed_fetch_lets_the_next_one_try(store: SealedTokens, clock: SteppedClock) -> None:
    """The claim is given back, and what was stored stays."""
    store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None)

    def fails() -> Token:
        raise TransientError("the realm is down")

    with pytest.raises(TransientError, match="the realm is down"):
        store.renew(ACME, fails, asked=ASKED, refused="token-1")
    assert store.read(ACME, ASKED) == token(clock)
    assert store.renew(ACME, minted(clock, "token-2"), asked=ASKED, refused="token-1") == token(clock, "token-2")
    assert clock.slept == []


def test_credentials_do_not_wait_for_each_other(store: SealedTokens, clock: SteppedClock) -> None:
    """While one is fetched another can be; no transaction is open meanwhile."""

    def slowly() -> Token:
        store.renew("acme/ramp", minted(clock, "token-r"), asked=ASKED, refused=None)
        return token(clock)

    assert store.renew(ACME, slowly, asked=ASKED, refused=None) == token(clock)
    assert store.read("acme/ramp", ASKED) == token(clock, "token-r")
    assert clock.slept == []


def test_a_claim_whose_owner_died_is_taken_over(store: SealedTokens, engine: Engine, clock: SteppedClock) -> None:
    """It ends by itself; until then the others look again and again."""
    ends = clock.now().timestamp() + 0.2
    with writing(engine) as connection:
        connection.execute(insert(tokens).values(credential=ACME, claimed_by="the dead", claimed_until=ends))
    assert store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None).value.get_secret_value() == "token-1"
    assert sum(clock.slept) == pytest.approx(0.2)


def test_a_claim_from_a_clock_that_stepped_back_holds_nobody(
    store: SealedTokens, engine: Engine, clock: SteppedClock
) -> None:
    """No claim ends so late."""
    ends = clock.now().timestamp() + BELIEVED_SECONDS + 1
    with writing(engine) as connection:
        connection.execute(insert(tokens).values(credential=ACME, claimed_by="tomorrow", claimed_until=ends))
    assert store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None) == token(clock)
    assert clock.slept == []


def test_a_claim_from_a_clock_that_is_ahead_holds(engine: Engine, vault: Vault) -> None:
    """Clocks of two machines differ, and waiting for the database takes time: neither makes two fetch at once."""

    class ReleasingClock(SteppedClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            with writing(engine) as connection:
                connection.execute(update(tokens).values(claimed_by=None, claimed_until=0.0))

    clock = ReleasingClock()
    with writing(engine) as connection:
        ends = clock.now().timestamp() + CLAIM_SECONDS + 5
        connection.execute(insert(tokens).values(credential=ACME, claimed_by="ahead", claimed_until=ends))
    SealedTokens(engine, vault, clock=clock).renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None)
    assert len(clock.slept) == 1


def test_who_lost_the_claim_does_not_overwrite(store: SealedTokens, clock: SteppedClock) -> None:
    """A fetch that took too long keeps its own token to itself; the newer one stays."""

    def too_slowly() -> Token:
        clock.sleep(CLAIM_SECONDS + 1)
        store.renew(ACME, minted(clock, "token-2"), asked=ASKED, refused=None)
        return token(clock)

    assert store.renew(ACME, too_slowly, asked=ASKED, refused=None).value.get_secret_value() == "token-1"
    assert store.read(ACME, ASKED) == token(clock, "token-2")


@pytest.mark.parametrize("damage", ["rubbish", "moved", "key lost"])
def test_a_token_that_cannot_be_opened_is_fetched_anew(
    engine: Engine, vault: Vault, clock: SteppedClock, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody can set a token by hand, so a damaged one, or one whose key is lost, must not stop the connection."""
    store = SealedTokens(engine, vault, clock=clock)
    store.renew(ACME, minted(clock, "token-1"), asked=ASKED, refused=None)
    if damage == "key lost":
        store = SealedTokens(engine, Vault(engine, KeyRing((Key.new(),)), clock=clock), clock=clock)
    else:
        sealed = "rubbish" if damage == "rubbish" else vault.seal("token/beta/ifs", b"{}")
        with writing(engine) as connection:
            connection.execute(update(tokens).values(sealed=sealed))
    with caplog.at_level(logging.WARNING):
        assert store.read(ACME, ASKED) is None
    assert [(record.message, vars(record)["credential"]) for record in caplog.records] == [
        ("stored token cannot be opened", ACME)
    ]
    assert (
        store.renew(ACME, minted(clock, "token-2"), asked=ASKED, refused=None)
        == store.read(ACME, ASKED)
        == token(clock, "token-2")
    )


def test_threads_fetch_once(url: str, keys: KeyRing) -> None:
    """All who ask while a token is fetched get that token."""
    clock, fetched = SystemClock(), []
    fetching = threading.Event()

    def mint() -> Token:
        fetched.append(1)
        fetching.set()
        clock.sleep(0.2)  # long enough for the others to come and wait
        return token(clock)

    def work(_: int) -> str:
        engine = open_engine(url, durable=False)
        try:
            return renew_with(engine, keys, mint)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(6) as pool:
        values = list(pool.map(work, range(6)))
    assert (values, fetched) == (["token-1"] * 6, [1])


def renew_with(engine: Engine, keys: KeyRing, mint: Callable[[], Token]) -> str:
    clock = SystemClock()
    store = SealedTokens(engine, Vault(engine, keys, clock=clock), clock=clock)
    return store.renew(ACME, mint, asked=ASKED, refused="token-0").value.get_secret_value()


def test_processes_fetch_once(url: str, keys: KeyRing, tmp_path: Path) -> None:
    """Of four processes that are refused at the same moment one fetches, and all go on with its token."""
    assert keys.file == tmp_path / "vault.key"
    values = in_processes(4, renew, url, tmp_path)
    fetched = (tmp_path / "fetched").read_text(encoding="ascii").split()
    assert len(fetched) == 1
    assert values == [f"token-of-{fetched[0]}"] * 4


def test_nobody_waits_for_a_reader(store: SealedTokens, engine: Engine, clock: SteppedClock) -> None:
    """A read that is open while a token is stored holds nobody up."""
    with reading(engine) as connection:
        assert connection.execute(select(tokens)).all() == []
        with ThreadPoolExecutor(1) as pool:
            renewed = pool.submit(store.renew, ACME, minted(clock, "token-1"), asked=ASKED, refused=None).result(
                PATIENCE
            )
    assert renewed == store.read(ACME, ASKED)
