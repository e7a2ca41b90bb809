"""Works a connection through Dagster in this process, with a progress bar, on the instance that the UI shows."""

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mlc_pipelines.commands.environment import dagster_home
from mlc_pipelines.integrations.house import House
from mlc_pipelines.orchestration.assembly import assemble
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines.orchestration.keys import ASKED_BY_TAG, READING, flow_keys

LOOK_SECONDS = 0.2
_DOWN = ("no connection", "no answer", "HTTP 429", "HTTP 502", "HTTP 503", "HTTP 504")
"""How the sentences of a side that is down say it."""


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
        return bool(self.problems) and all(any(word in problem for word in _DOWN) for problem in self.problems)


def work(
    house: House, connection: str, flow: str | None = None, *, writing: bool = True, title: str | None = None
) -> Outcome:
    """Run the connection's job, or the part of it that is one flow or writes to neither side; what is held stays so."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    flows = [card for card in house.integration(connection).flows if flow in (None, card.name)]
    stages = [(card.name, stage) for card in flows for stage, _ in card.assets.all()]
    order = [f"{name} {stage}" for name, stage in stages if writing or stage in READING]
    passes = house.ledger.books(connection).progress
    before = {(item.flow, item.stage): item.finished_at for item in passes.last()}

    def done() -> dict[str, Mapping[str, int]]:
        new = [item for item in passes.last() if before.get((item.flow, item.stage)) != item.finished_at]
        return {f"{item.flow} {item.stage}": item.counts for item in new}

    with ThreadPoolExecutor(1, thread_name_prefix="run") as pool:
        keys = flow_keys(connection, flows, writing=writing)
        running = pool.submit(_execute, connection, keys, narrowed=flow is not None or not writing)
        with _bar() as bar:
            task = bar.add_task(title or connection, total=len(order))
            while not wait([running], timeout=LOOK_SECONDS).done:
                bar.update(task, completed=len(done()))
        result = running.result()
    counts = done()
    problems = [_sentence(event) for event in result.all_events if event.is_step_failure]
    return Outcome(result.run_id, result.success, {name: counts[name] for name in order if name in counts}, problems)


def _execute(connection: str, keys: Sequence[dg.AssetKey], *, narrowed: bool) -> dg.ExecuteInProcessResult:
    """Execute in this process, on the instance that the UI shows. Nobody waits for a retry: what is due stays due."""
    dagster_home()
    job = assemble(os.environ, job=connection, patience=dg.RetryPolicy(max_retries=0)).resolve_job_def(connection)
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(
            run_config=unattended(keys) | {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            instance=instance,
            asset_selection=keys if narrowed else None,
            raise_on_error=False,
            tags={ASKED_BY_TAG: "command line"},
        )


def _bar() -> Progress:
    terminal = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal)


def _sentence(event: object) -> str:
    data = getattr(event, "step_failure_data", None)
    failure = getattr(data, "user_failure_data", None)
    if failure is not None and failure.description:
        return str(failure.description)
    return str(getattr(getattr(data, "error", None), "message", "a step failed")).strip()
