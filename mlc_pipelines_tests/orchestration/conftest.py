"""A house of its own for each test, with connections of paper in it, and a throw-away Dagster."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from mlc_pipelines import integrations
from mlc_pipelines.integrations.house import House
from mlc_pipelines_tests.orchestration.desk import DESK, Desk

SHELF = str(Path(__file__).parent / "shelf")

FILE = """\
name: {name}
integration: paper
companies: ["10"]
{more}
ifs:
  base_url: http://127.0.0.1:9
  token_url: http://127.0.0.1:9/token
  credential: {name}/ifs
paper: {{}}
"""

Write = Callable[..., Path]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Put the paper integration on the shelf, where the catalogue finds it."""
    monkeypatch.setattr(integrations, "__path__", [*integrations.__path__, SHELF])  # a folder more, as a user adds one
    DESK.clear()
    return DESK


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name an empty house in the environment; give its folder of connection files."""
    connections = tmp_path / "connections"
    connections.mkdir()
    monkeypatch.setenv("MLC_DATABASE_URL", f"sqlite:///{tmp_path / 'mlc.db'}")
    monkeypatch.setenv("MLC_HOME", str(tmp_path))
    monkeypatch.setenv("MLC_CONNECTIONS_DIR", str(connections))
    return connections


@pytest.fixture
def write(desk: Desk, folder: Path) -> Write:
    """Write connection files."""

    def write_file(name: str, more: str = "") -> Path:
        path = folder / f"{name}.yaml"
        path.write_text(FILE.format(name=name, more=more), encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def house(write: Write) -> Iterator[House]:
    """Open a house with one connection, acme."""
    write("acme", 'schedule: "*/15 * * * *"\nenabled: true')
    with House.open() as opened:
        yield opened


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Give a Dagster that forgets, in memory: seven times quicker than one with files."""
    with dg.DagsterInstance.ephemeral() as forgetful:
        yield forgetful


@pytest.fixture
def kept_instance() -> Iterator[dg.DagsterInstance]:
    """Give a Dagster with files, in a folder that goes away."""
    with dg.instance_for_test() as throw_away:
        yield throw_away
