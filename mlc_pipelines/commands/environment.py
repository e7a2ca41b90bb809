"""Where this installation keeps its things: one folder for ledger, vault key and Dagster's runs."""

import os
from pathlib import Path

RUNS = ".mlc/dagster"
SETTINGS = "dagster.yaml"
PROJECT = Path(__file__).resolve().parents[2]


def home() -> Path:
    """Give the folder of this installation: MLC_HOME, else .mlc here."""
    return Path(os.environ.get("MLC_HOME", ".mlc"))


def use_home(folder: Path) -> None:
    """Keep everything in a folder of its own: ledger, vault key, connections and runs."""
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["MLC_HOME"] = str(folder)
    os.environ["MLC_DATABASE_URL"] = f"sqlite:///{folder / 'mlc.db'}"
    os.environ["MLC_CONNECTIONS_DIR"] = str(folder / "connections")
    os.environ["DAGSTER_HOME"] = str(folder / "dagster")
    for name in ("MLC_VAULT_KEY", "MLC_VAULT_KEY_FILE"):
        os.environ.pop(name, None)


def dagster_home() -> Path:
    """Give Dagster's folder, with our settings in it; an operator's own DAGSTER_HOME is left as it is."""
    folder = Path(os.environ.setdefault("DAGSTER_HOME", str((home() / "dagster").resolve())))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = folder / SETTINGS
    ours = next((each for each in (Path(SETTINGS), PROJECT / SETTINGS) if each.exists()), None)
    if not settings.exists() and ours is not None:
        settings.write_text(ours.read_text(encoding="utf-8").replace(RUNS, str(folder)), encoding="utf-8")
    return folder
