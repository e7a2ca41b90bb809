"""Works a connection through Dagster in this process, with a progress bar, on the instance that the UI shows."""

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mlc_pipelines.commands.environment import dagster_home
from mlc_pipelines.integrations.house import House

LOOK_SECONDS = 0.2


@dataclass
class Outcome:
    """What a run came to: counts by flow and stage, and what went wrong."""

    run_id: str
    success: bool
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def unreachable(self) -> bool:
        """True when every failed step could not reach the other side."""
        return bool(self.problems) and all(
            "no connection" in problem or "no answer" in problem for problem in self.problems
        )


def work(house: House, connection: str, flow: str | None = None, *, title: str | None = None) -> Outcome:
    """Run the connection's job, or the part of it that is one flow; held records stay held."""
    import dagster as dg

    from mlc_pipelines.orchestration.assembly import assemble
    from mlc_pipelines.orchestration.config import unattended
    from mlc_pipelines.orchestration.keys import ASKED_BY_TAG, flow_keys

    dagster_home()
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    flows = [card for card in house.integration(connection).flows if flow in (None, card.name)]
    keys = flow_keys(connection, flows)
    stages = sum(len(card.assets.all()) for card in flows)
    books = house.ledger.books(connection)
    before = {(item.flow, item.stage): item.finished_at for item in books.progress.last()}
    results: list[dg.ExecuteInProcessResult] = []

    def execute() -> None:
        job = assemble(os.environ).resolve_job_def(connection)
        config = unattended(keys) | {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        with dg.DagsterInstance.get() as instance:
            results.append(
                job.execute_in_process(
                    run_config=config,
                    instance=instance,
                    asset_selection=keys if flow else None,
                    raise_on_error=False,
                    tags={ASKED_BY_TAG: "command line"},
                )
            )

    worker = threading.Thread(target=execute, name="run")
    worker.start()
    terminal = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task(title or connection, total=stages)
        while worker.is_alive():
            worker.join(LOOK_SECONDS)
            done = [item for item in books.progress.last() if before.get((item.flow, item.stage)) != item.finished_at]
            progress.update(task, completed=len(done))
    if not results:
        return Outcome("", success=False, problems=["the run could not start; the lines above say why"])
    result = results[0]
    now = [item for item in books.progress.last() if before.get((item.flow, item.stage)) != item.finished_at]
    order = [f"{card.name} {stage}" for card in flows for stage, _ in card.assets.all()]
    counts = {f"{item.flow} {item.stage}": item.counts for item in now}
    failed = [event for event in result.all_events if event.is_step_failure]
    problems = [_sentence(event) for event in failed]
    return Outcome(result.run_id, result.success, {name: counts[name] for name in order if name in counts}, problems)


def _sentence(event: object) -> str:
    data = getattr(event, "step_failure_data", None)
    failure = getattr(data, "user_failure_data", None)
    if failure is not None and failure.description:
        return str(failure.description)
    return str(getattr(getattr(data, "error", None), "message", "a step failed")).strip()
