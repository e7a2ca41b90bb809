"""A process that works with a BILL connection as another one does at the same moment."""

import sys
from concurrent.futures import ThreadPoolExecutor

from mlc_pipelines.integrations.bill.flows.vendors import VendorsToBill
from mlc_pipelines.integrations.house import House

CALLS = 12
THREADS = 8


def ask(name: str) -> None:
    """Read the vendors many times from many threads."""
    with House.open() as house, house.session(name) as session:
        flow = session.flow(VendorsToBill.name)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda _: list(session.gaps()), range(CALLS)))
        flow.prepare()


if __name__ == "__main__":
    ask(sys.argv[1])
