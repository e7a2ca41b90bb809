"""drt loads a table into the target: `drt_load.py DOCUMENTS.json URL SYNCS FOLDER`.

One sync sends a table record by record; with more of them the table is cut by hand into as many models, and the syncs
run in threads as `drt run --threads` does. Pacing is off, and one batch holds all, because each opens a client anew.
"""

import json
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drt.integrations._runner import run_drt_sync
from drt.state.manager import LocalStateManager
from watch import Watch

SOURCE, URL, SYNCS, FOLDER = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
rows = json.loads(SOURCE.read_text())
with sqlite3.connect(FOLDER / "source.db") as source:
    source.execute(f"CREATE TABLE documents ({', '.join(rows[0])})")
    values = [tuple(row.values()) for row in rows]
    source.executemany(f"INSERT INTO documents VALUES ({', '.join('?' * len(rows[0]))})", values)
profiles = {"feed": {"type": "sqlite", "database": str(FOLDER / "source.db")}}
project = {"name": "feed", "version": "1.0", "profile": "feed"}
for name, content in {".drt/profiles.yml": profiles, "drt_project.yml": project}.items():
    (FOLDER / name).parent.mkdir(exist_ok=True)
    (FOLDER / name).write_text(json.dumps(content))
(FOLDER / "syncs").mkdir()
names = [f"load_{part}" for part in range(SYNCS)]
for part, name in enumerate(names):
    sync = {
        "name": name,
        "model": f"SELECT * FROM documents WHERE rowid % {SYNCS} = {part}",
        "destination": {"type": "rest_api", "url": f"{URL}/documents", "method": "POST"},
        "sync": {"mode": "full", "batch_size": len(rows), "rate_limit": {"requests_per_second": 0}, "on_error": "skip"},
    }
    (FOLDER / "syncs" / f"{name}.yml").write_text(json.dumps(sync))
state = LocalStateManager(FOLDER)
watch = Watch("drt-core", "httpx")
with watch, ThreadPoolExecutor(SYNCS) as pool:
    done = list(pool.map(lambda name: run_drt_sync(name, str(FOLDER), state_manager=state), names))
watch.tell(
    delivered=sum(each["rows_synced"] for each in done), errors=[error for each in done for error in each["errors"]][:3]
)
