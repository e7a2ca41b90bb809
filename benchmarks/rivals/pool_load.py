"""What one writes in ten minutes, httpx in threads, three tries: `pool_load.py DOCUMENTS.json URL THREADS`."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
from watch import Watch

rows, url, threads = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], int(sys.argv[3])
TRIES = 3


def send(row):
    """Make one document; an answer that does not come is asked for again."""
    for _ in range(TRIES):
        with suppress(httpx.TransportError):
            client.post(f"{url}/documents", json=row).raise_for_status()
            return True
    return False


watch = Watch("httpx")
limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
with httpx.Client(limits=limits, timeout=60) as client, ThreadPoolExecutor(threads) as pool, watch:
    delivered = sum(pool.map(send, rows))
watch.tell(delivered=delivered)
