"""What a run, a replay or a closing came to, for scripts and for people."""

from collections.abc import Sequence

from mlc_pipelines.commands.dagster_runs import Outcome
from mlc_pipelines.commands.output import console, money, table
from mlc_pipelines.flows.road import Choice
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.reports import Sum
from mlc_pipelines.ledger.states import State

MANY = 100_000


def document(connection: str, outcome: Outcome, sums: Sequence[Sum]) -> dict[str, object]:
    """Make the document of a run for scripts."""
    names = ("flow", "company", "place", "currency", "count", "amount")
    did = {name: dict(counts) for name, counts in outcome.counts.items()}
    entries = [{name: getattr(line, name) for name in names} for line in sums]
    told = {"connection": connection, "run": outcome.run_id, "success": outcome.success}
    return {**told, "did": did, "entries": entries}


def tell(connection: str, outcome: Outcome, sums: Sequence[Sum]) -> None:
    """Tell a run to people."""
    rows = [
        (name, ", ".join(f"{what} {n}" for what, n in counts.items()))
        for name, counts in outcome.counts.items()
        if counts
    ]
    out = console()
    out.print(table(f"{connection}: this run", ("stage", "what it came to"), rows))
    stands = [(s.flow, s.company, s.place, s.count, money(s.amount, s.currency), s.currency or "") for s in sums]
    columns = ("flow", "company", "stands", "count", "amount", "cur")
    out.print(table("where records stand", columns, stands, right=("count", "amount")))


def held(books: Books, flows: list[str], choice: Choice) -> list[Entry]:
    """Give the held entries of some flows that a choice names."""
    return [
        entry
        for flow in flows
        for entry in books.reports.select(
            flow=flow,
            states=(State.HELD,),
            keys=choice.keys,
            causes=choice.causes,
            since=choice.since,
            limit=MANY,
        )
    ]


def held_document(done_as: str, chosen: Sequence[Entry], *, done: bool) -> dict[str, object]:
    """Make the document of what was done with held records, as they were held."""
    names = ("flow", "label", "cause", "problem")
    return {done_as: done, "records": [dict(zip(names, row, strict=True)) for row in _rows(chosen)]}


def tell_held(what: str, chosen: Sequence[Entry]) -> None:
    """Tell people what becomes of held records."""
    columns = ("flow", "record", "cause", "what was wrong")
    console().print(table(f"{len(chosen)} records {what}", columns, _rows(chosen)))


def _rows(chosen: Sequence[Entry]) -> list[tuple[str, str, str, str]]:
    return [(entry.flow, entry.label, entry.cause or "", entry.problem or "") for entry in chosen]
