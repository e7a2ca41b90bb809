"""What the pages show is what the program takes: connection files, the backup, links."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import read_connections
from mlc_pipelines.ledger.database import open_engine, reading, upgrade, writing

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md"),
                *ROOT.glob("mlc_pipelines/**/README.md")])  # fmt: skip
YAML = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")
TABLE = re.compile(r"\{file: (\S+\.csv)\}")


def connection_files() -> dict[str, str]:
    """Give the whole connection files that the pages show, by the name of the connection."""
    shown = [re.sub(r"^ {3}", "", found, flags=re.MULTILINE) if found.startswith("   ") else found
             for page in PAGES for found in YAML.findall(page.read_text(encoding="utf-8"))]  # fmt: skip
    return {text.split()[1]: text for text in shown if text.startswith("name: ")}


def test_every_system_has_a_connection_file_to_begin_with() -> None:
    """One that may be copied as it is, on its page or in the README."""
    assert set(connection_files()) == {f"acme_{name}" for name in catalogue()}


@pytest.mark.parametrize("name", sorted(connection_files()))
def test_a_connection_file_is_taken_as_it_is_shown(name: str, tmp_path: Path) -> None:
    """Each key is known and each value valid."""
    text = connection_files()[name]
    (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
    for table in TABLE.findall(text):
        (tmp_path / table).write_text("account,gl_account\n4000,5000\n", encoding="utf-8")
    (connection,), broken = read_connections({"MLC_CONNECTIONS_DIR": str(tmp_path)})
    assert broken == []
    assert (connection.name, connection.enabled) == (name, False)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    """Files and images beside it."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_backup_that_is_shown_has_what_was_committed_a_moment_ago(tmp_path: Path) -> None:
    """While the ledger is in use; put in its place, as the page says, it is the ledger again."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^uv run (python -c .*VACUUM INTO.*)$", page, re.MULTILINE)
    file = tmp_path / ".mlc" / "mlc.db"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('before', 'x', 1, '2026')")
    subprocess.run(["bash", "-c", command.replace("python", sys.executable, 1)], cwd=tmp_path, check=True)
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO leases VALUES ('after', 'x', 1, '2026')")
    engine.dispose()
    (tmp_path / "backup.db").replace(file)
    for beside in ("mlc.db-wal", "mlc.db-shm"):
        (file.parent / beside).unlink(missing_ok=True)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT name FROM leases").scalars().all() == ["before"]
    engine.dispose()
