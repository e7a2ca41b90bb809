"""One installation that has worked a small sandbox once, and empty ones."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlc_pipelines.commands.environment import use_home
from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.offices.ramp import RampOffice
from mlc_pipelines_tests.commands.asking import Said, mlc

INVOICES = 24
PLACES = ("MLC_HOME", "MLC_DATABASE_URL", "MLC_CONNECTIONS_DIR", "DAGSTER_HOME", "MLC_VAULT_KEY", "MLC_VAULT_KEY_FILE")


@dataclass(frozen=True)
class Installation:
    """A sandbox, the installation beside it, and what the first runs said."""

    office: RampOffice
    folder: Path
    environ: Mapping[str, str]
    first: Said
    second: Said


@pytest.fixture(scope="session")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Work a sandbox: invoices to Ramp, people there approve and pay, and back to IFS."""
    folder = tmp_path_factory.mktemp("worked")
    with pytest.MonkeyPatch.context() as patch:
        for name in PLACES:
            patch.setenv(name, "")  # remembered, and put back at the end
            patch.delenv(name)
        with open_playground(folder / "home", systems=["ramp"], invoices=INVOICES) as playground:
            office = playground.offices["ramp"]
            assert isinstance(office, RampOffice)
            first = mlc("run", "sandbox_ramp", "--json")
            office.approve_and_pay()
            second = mlc("run", "sandbox_ramp")
            environ = {name: os.environ[name] for name in PLACES if name in os.environ}
            patch.undo()
            yield Installation(office, folder / "home", environ, first, second)


@pytest.fixture
def at_work(worked: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Stand in the installation that has worked."""
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    for name, value in worked.environ.items():
        monkeypatch.setenv(name, value)
    return worked


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an installation without connections; give its folder."""
    for name in PLACES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    use_home(home)
    (home / "connections").mkdir()
    return home


@pytest.fixture
def house(at_work: Installation) -> Iterator[House]:
    """Open the house that has worked."""
    with House.open() as opened:
        yield opened
