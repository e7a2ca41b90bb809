"""Secrets stay where they belong: not in a file, not in a stream, not in a log, not in a repr."""

import itertools
import json
import logging
import re
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlc_pipelines.commands.output import ATTENTION
from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.connections.tokens import SealedTokens
from mlc_pipelines.ifs.settings import IfsSettings
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.ramp.settings import RampSettings
from mlc_pipelines.sandbox.offices import offices
from mlc_pipelines.wire.auth import ClientCredentials, ramp_refresh
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.memory import Token
from mlc_pipelines_tests.commands.asking import Said, mlc
from mlc_pipelines_tests.commands.laying import NAME, SECRETS, lay_out
from mlc_pipelines_tests.hostile.line import Asked, Reply, answered_by

DOORS = re.compile(r"(?i)authorization|devkey|session|token|cookie|secret|api-?key")
CANARY = "canary-7731-secret"


class Mirror:
    """The other side: as it is, or repeating in a refusal our secrets and all of a request, or failing with them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self.mood = "calm"
        self._secrets = sorted(secrets)
        self.sent = set(self._secrets)
        self._statuses = itertools.cycle((400, 401, 403, 409, 422))
        self._count = 0

    def __call__(self, asked: Asked, real: Callable[[], Reply]) -> Reply:
        """Answer a request."""
        doors = {name: value for name, value in asked.headers.items() if DOORS.search(name)}
        self.sent |= {value.rpartition(" ")[2] for value in doors.values()}
        self._count += 1
        if self.mood == "calm" or self._count % 3:
            return real()
        said = f"{doors} {self._secrets} {asked.content.decode(errors='replace')}"
        if self.mood == "broken":
            raise RuntimeError(said)
        body = {
            "error": {"message": said},
            "error_v2": {"message": said},
            "errors": [{"message": said}],
            "detail": said,
        }
        headers = {"content-type": "application/json", "x-request-id": said.encode("ascii", "replace").decode()}
        return Reply(json.dumps(body).encode(), next(self._statuses), headers)


@contextmanager
def overseen(every: float = 0.02) -> Iterator[set[str]]:
    """Look every so many seconds at the arguments of all processes of this machine, as `ps` does for everybody."""
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(every):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):  # it has ended
                    seen.add(file.read_text(encoding="utf-8", errors="replace"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


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


@pytest.mark.parametrize("system", sorted(offices()))
def test_no_secret_is_left_anywhere(
    system: str, empty: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in a file, a stream, a log or a process list, though the other side repeats whatever it is sent."""
    for name in ("mlc_pipelines", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    with open_playground(empty / "sandbox", systems=[system], invoices=3, seed=2) as playground:
        office = playground.offices[system]
        secrets = {
            name: value for name, value in office.all_secrets().items() if not name.endswith(("_id", "username"))
        }
        mirror = Mirror(secrets.values())
        with answered_by(mirror), overseen(every=0.5) as arguments:
            said = [mlc("run", office.name)]
            office.act()
            said += [_with(mirror, mood, "run", office.name, "--json") for mood in ("mirror", "broken")]
            said += [_with(mirror, "mirror", "check", office.name)]
            said += [mlc("holds", office.name), mlc("reconcile", office.name, "--html", str(empty / "page.html"))]
        key = (empty / "sandbox" / "vault.key").read_text(encoding="ascii").split(":")[1].strip()
    assert said[0].code in (0, ATTENTION), said[0].err  # in fair weather; some records are made to be held
    assert len(mirror.sent) > len(secrets)

    streams = capfd.readouterr()
    spoken = {"fd 1": streams.out, "fd 2": streams.err, "log": caplog.text, "ps": "\n".join(arguments)}
    spoken |= {f"command {number}": each.out + each.err for number, each in enumerate(said)}
    places = [*contents(empty), *((name, text.encode()) for name, text in spoken.items())]
    assert {"page.html", "sandbox/mlc.db"} <= {name for name, _ in places}
    assert any("dagster" in name and b"unexpected RuntimeError" in data for name, data in places)
    searched = {**{value: name for name, value in secrets.items()}, **dict.fromkeys(mirror.sent, "sent"), key: "key"}
    leaks = [(name, searched[value]) for name, data in places for value in searched if value.encode() in data]
    assert leaks == [("sandbox/vault.key", "key")]
    assert caplog.records


def _with(mirror: Mirror, mood: str, *arguments: str) -> Said:
    mirror.mood = mood
    try:
        return mlc(*arguments)
    finally:
        mirror.mood = "calm"


def test_a_secret_comes_in_by_the_stream_and_by_no_argument(empty: Path) -> None:
    """Whoever lists the processes meanwhile sees a name, and not the value."""
    command = [sys.executable, "-m", "mlc_pipelines.cli", "secrets", "set", "acme/ifs/client_secret"]
    with overseen() as arguments:
        subprocess.run(command, input=CANARY.encode(), check=True, capture_output=True)  # our own command
    assert any("acme/ifs/client_secret" in each for each in arguments)
    assert not [each for each in arguments if CANARY in each]
    with House.open() as house:
        assert house.vault.get("acme/ifs/client_secret").get_secret_value() == CANARY


def test_a_secret_is_in_the_vault_all_the_same(empty: Path) -> None:
    """What no file shows can be opened, and what is opened does not show itself."""
    with House.open() as house:
        house.vault.set("a/client_secret", SecretStr(CANARY))
        secret = house.vault.get("a/client_secret")
        store = SealedTokens(house.ledger.engine, house.vault, clock=SystemClock())
        token = store.renew("a", lambda: Token(SecretStr(CANARY), _now(), _now()), asked="", refused=None)
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
