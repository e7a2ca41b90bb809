"""Keys change under everybody's hands, and an old backup still opens."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from mlc_pipelines.connections.keys import KeyRing, add_key, write_keys
from mlc_pipelines.connections.tables import METADATA
from mlc_pipelines.connections.vault import Vault
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ledger.database import open_engine, writing
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.connections.rotating import turn
from mlc_pipelines_tests.databases import KINDS, address

NAME = "acme/ifs/client_secret"


@pytest.mark.parametrize("kind", KINDS)
def test_processes_read_and_store_while_keys_change(tmp_path: Path, kind: str) -> None:
    """No read fails, nothing is lost or goes back, and in the end the newest key alone opens everything."""
    seen = turn(address(tmp_path, kind=kind), tmp_path, readers=2, rotators=2, rotations=3)
    assert seen.wrong == []
    assert seen.rotations == 6
    assert min(seen.reads, seen.stored) > 0


def test_an_old_backup_opens_as_long_as_its_key_is_kept(tmp_path: Path) -> None:
    """A retired key stays in the file for that; when it is gone the message names it."""
    url = address(tmp_path, kind="sqlite")
    KeyRing.from_environment({}, tmp_path, create=True)
    vault = _vault(url, tmp_path)
    vault.set(NAME, SecretStr("as it was"))
    backup = tmp_path / "backup.db"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as there, closing(sqlite3.connect(backup)) as copy:
        there.backup(copy)
    retired = KeyRing.from_environment({}, tmp_path).keys[0].id
    newest = add_key(KeyRing.from_environment({}, tmp_path)).keys[0]
    vault.rotate()
    vault.set(NAME, SecretStr("as it is"))

    restored = _vault(f"sqlite:///{backup}", tmp_path)
    assert restored.get(NAME).get_secret_value() == "as it was"
    write_keys(tmp_path / "vault.key", [newest])
    assert _vault(url, tmp_path).get(NAME).get_secret_value() == "as it is"
    with pytest.raises(ConfigurationError, match=f"sealed with key {retired}, which is not on the key ring"):
        _vault(f"sqlite:///{backup}", tmp_path).get(NAME)


def test_folders_that_we_make_are_for_their_owner_alone(tmp_path: Path) -> None:
    """The key's, and the database's."""
    KeyRing.from_environment({}, tmp_path / "home", create=True)
    open_engine(f"sqlite:///{tmp_path / 'data' / 'mlc.db'}", durable=False).connect().close()
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("home", "data")] == [0o700, 0o700]
    assert stat.S_IMODE((tmp_path / "home" / "vault.key").stat().st_mode) == 0o600


def _vault(url: str, folder: Path) -> Vault:
    engine = open_engine(url, durable=False)
    with writing(engine) as connection:
        METADATA.create_all(connection)
    return Vault(engine, KeyRing.from_environment({}, folder), clock=SystemClock())
