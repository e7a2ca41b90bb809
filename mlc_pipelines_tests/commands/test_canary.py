"""Secrets stay where they belong: not in a file, not in a stream, not in a log, not in a repr."""

import base64
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mlc_pipelines.commands import demonstration
from mlc_pipelines.commands.playground import Playground, open_playground
from mlc_pipelines.connections.tokens import SealedTokens
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.sandbox.office import Office
from mlc_pipelines.sandbox.offices.ramp import RampOffice
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.wire.auth import ClientCredentials, ramp_refresh
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import Token
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.laying import NAME, SECRETS, lay_out

CANARY = "canary-7731-secret"


def canaries(office: Office) -> dict[str, str]:
    """Name everything that opens a door: the stored secrets, how they travel, and every token that was issued."""
    found = {name: value for name, value in SECRETS.items() if name.endswith("client_secret")}
    for system in ("ifs", "ramp"):
        pair = f"{SECRETS[f'{NAME}/{system}/client_id']}:{SECRETS[f'{NAME}/{system}/client_secret']}"
        found[f"{system}: pair"] = pair
        found[f"{system}: basic"] = base64.b64encode(pair.encode()).decode()
    tokens = [*office.ifs.tokens._until, *ramp_of(office).tokens.tokens]
    assert len(tokens) >= 2
    return found | {f"token {number}": token for number, token in enumerate(tokens)}


def ramp_of(office: Office) -> RampSandbox:
    """Give the Ramp of an office that has one."""
    assert isinstance(office, RampOffice)
    return office.ramp


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Give every file as bytes, and what databases keep compressed as it was before."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        yield str(file.relative_to(folder)), data
        if data.startswith(b"SQLite format 3\0"):
            with closing(sqlite3.connect(file)) as database:
                for number, value in enumerate(blobs(database)):
                    yield f"{file.relative_to(folder)}, value {number}", value


def blobs(database: sqlite3.Connection) -> Iterator[bytes]:
    """Open what is compressed in any table."""
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        for row in database.execute(f'SELECT * FROM "{name}"'):
            for value in row:
                if isinstance(value, bytes) and value[:1] == b"\x78":
                    yield zlib.decompress(value)


def test_a_demo_leaves_no_secret_anywhere(
    empty: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """With answers lost on the way all is accounted for, and no secret or token is in a file, a stream or a log."""
    offices: list[Office] = []

    @contextmanager
    def remembered(folder: Path, **given: Any) -> Iterator[Playground]:
        with open_playground(folder, **given) as playground:
            offices.extend(playground.offices.values())
            yield playground

    monkeypatch.setattr(demonstration, "open_playground", remembered)  # the tokens are known to the simulators alone
    for name in ("mlc_pipelines", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    said = mlc("demo", "--integration", "ramp", "--invoices", "12", "--seed", "2", "--faults", "lossy")
    assert said.code == 0, said.err
    assert "0 lost, 0 duplicated" in said.out

    searched = canaries(offices[0])
    streams = capfd.readouterr()
    spoken = {"stdout": said.out, "stderr": said.err, "fd 1": streams.out, "fd 2": streams.err, "log": caplog.text}
    places = [*contents(empty), *((name, text.encode()) for name, text in spoken.items())]
    assert any(name.endswith("mlc.db") for name, _ in places)
    assert any("dagster" in name and "value" in name for name, _ in places)
    leaks = [(name, what) for name, data in places for what, value in searched.items() if value.encode() in data]
    assert leaks == []
    assert caplog.records


def test_a_secret_is_in_the_vault_all_the_same(empty: Path) -> None:
    """What no file shows can be opened, and what is opened does not show itself."""
    with House.open() as house:
        house.vault.set("a/client_secret", SecretStr(CANARY))
        secret = house.vault.get("a/client_secret")
        store = SealedTokens(house.ledger.engine, house.vault, clock=SystemClock())
        token = store.renew("a", lambda: Token(SecretStr(CANARY), _now(), _now()), refused=None)
        shown = [repr(thing) + str(thing) for thing in (house, house.vault, secret, store, token)]
    assert secret.get_secret_value() == token.value.get_secret_value() == CANARY
    assert not [text for text in shown if CANARY in text]
    assert not [name for name, data in contents(empty) if CANARY.encode() in data]


def test_credentials_do_not_show_their_secret(empty: Path) -> None:
    """repr of what holds a secret, and of all it holds, has no secret in it."""
    with House.open() as house:
        clock = SystemClock()
        credentials = ClientCredentials(
            credential="a",
            token_url="http://127.0.0.1:9/token",
            client_id=SecretStr("id"),
            client_secret=SecretStr(CANARY),
            store=SealedTokens(house.ledger.engine, house.vault, clock=clock),
            clock=clock,
            refresh=ramp_refresh,
        )
        assert CANARY not in repr(credentials) + repr(vars(credentials))


def test_settings_name_secrets_and_hold_none(empty: Path) -> None:
    """Settings of a connection show the name of a credential, and no value of it."""
    nowhere = "http://127.0.0.1:9"
    lay_out(empty / "connections", ifs=nowhere, ramp=nowhere)
    with House.open() as house:
        connection = house.connection(NAME)
        shown = repr(connection) + repr(connection.section(IfsSettings)) + repr(connection.section(RampSettings))
    assert f"{NAME}/ifs" in shown
    assert not [value for value in SECRETS.values() if value in shown]


def _now() -> datetime:
    return datetime.now(UTC)
