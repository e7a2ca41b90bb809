"""A worker process that goes one stage of one flow, and kills itself at the step it is told."""

import os
import signal
import sys

from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations.house import House

STAGES = {"collect": collect, "translate": translate, "deliver": deliver, "confirm": confirm}


def go(connection: str, flow: str, stages: str, kill_at: int) -> None:
    """Work the stages; the `kill_at`-th step (a commit or a call) is the last thing this process does. 0: never."""
    steps = 0

    def watch(_step: str, _records: int) -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with House.open() as house, house.session(connection) as session:
        road = Road(session.flow(flow), house.ledger, house.ledger.books(connection), calls_in_flight=1, watch=watch)
        for stage in stages.split(","):
            STAGES[stage](road)


if __name__ == "__main__":
    go(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
