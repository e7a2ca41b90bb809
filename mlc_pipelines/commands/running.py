"""Commands that ask and work: check, run, replay, close."""

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from mlc_pipelines.commands.output import (
    ATTENTION,
    CONFIGURATION,
    UNREACHABLE,
    as_json,
    console,
    plain,
    say,
)
from mlc_pipelines.errors import Cause

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Connection = Annotated[str, typer.Argument(help="Name of the connection.")]
FlowOption = Annotated[str | None, typer.Option(help="Only this flow.")]
Keys = Annotated[list[str] | None, typer.Option(help="Only this record: key or document number.")]
Causes = Annotated[list[Cause] | None, typer.Option(help="Only this cause, as account_unmapped.", metavar="CAUSE")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(check)
    app.command()(run)
    app.command()(replay)
    app.command()(close)


def check(
    connection: Annotated[str | None, typer.Argument(help="Name of the connection; all if left out.")] = None,
    as_document: Json = False,
) -> None:
    """Ask both sides whether all that is configured is there and allowed."""
    from mlc_pipelines.errors import MlcError, TransientError
    from mlc_pipelines.integrations.house import House
    from mlc_pipelines.integrations.integration import Finding

    found: dict[str, list[Finding]] = {}
    with House.open() as house:
        if connection is None:
            found = {item.name: [Finding("file", ok=False, message=item.problem)] for item in house.broken}
        elif connection not in {item.name for item in house.broken}:
            house.connection(connection)  # a name that is not there is a usage error, not a failed check
        for name in [connection] if connection else sorted(house.connections):
            try:
                with house.session(name) as session:
                    found[name] = list(session.check())
            except MlcError as error:
                unreachable = isinstance(error, TransientError)
                found[name] = [Finding("open", ok=False, message=str(error), unreachable=unreachable)]
    if not found:
        say("there are no connections; write one into the folder connections, see README.md")
        raise typer.Exit(CONFIGURATION)
    lines = [(name, line) for name, findings in found.items() for line in findings]
    if as_document:
        as_json(
            [{"connection": name, "check": line.name, "ok": line.ok, "message": line.message} for name, line in lines]
        )
    else:
        out = console()
        for name, line in lines:
            mark = ("ok  ", "green") if line.ok else ("FAIL", "red")
            out.print(Text.assemble(mark, " ", name, " ", (line.name, "bold"), ": ", plain(line.message)))
    bad = [line for _, line in lines if not line.ok]
    if bad:
        raise typer.Exit(UNREACHABLE if all(line.unreachable for line in bad) else ATTENTION)


def run(
    connection: Connection,
    flow: FlowOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and translate, and write to neither side.")] = False,
    as_document: Json = False,
) -> None:
    """Work a connection once, through Dagster: the run is seen in the UI."""
    from mlc_pipelines.commands.dagster_runs import work
    from mlc_pipelines.commands.run_report import document, tell
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        _flows([card.name for card in house.integration(connection).flows], flow)
        outcome = work(house, connection, flow, writing=not dry_run)
        sums = [line for line in house.ledger.books(connection).reports.sums() if flow in (None, line.flow)]
    held = sum(line.count for line in sums if line.place == "held")
    if as_document:
        as_json(document(connection, outcome, sums))
    else:
        tell(connection, outcome, sums)
    for problem in outcome.problems:
        say(problem)
    if not outcome.success:
        raise typer.Exit(UNREACHABLE if outcome.unreachable else ATTENTION)
    if held:
        say(f"{held} records are held; see `mlc holds {connection}`")
        raise typer.Exit(ATTENTION)


def replay(
    connection: Connection,
    reason: Annotated[str, typer.Option(help="Why; it is written in the trail of each record.")],
    flow: FlowOption = None,
    key: Keys = None,
    cause: Causes = None,
    since: Annotated[datetime | None, typer.Option(help="Only what is held since then (UTC).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go again, and stop.")] = False,
    as_document: Json = False,
) -> None:
    """Put held records back on the road, translated anew from our copy of the source; the next run takes them."""
    import getpass
    from datetime import UTC

    from mlc_pipelines.commands.run_report import held, held_document, tell_held
    from mlc_pipelines.flows.road import Choice
    from mlc_pipelines.flows.translating import put_back
    from mlc_pipelines.integrations.house import House

    moment = (since if since.tzinfo else since.replace(tzinfo=UTC)) if since else None
    choice = Choice(reason, getpass.getuser(), tuple(key or ()), tuple(cause or ()), moment)
    with House.open() as house:
        flows = _flows([card.name for card in house.integration(connection).flows], flow)
        books = house.ledger.books(connection)
        chosen = held(books, flows, choice)
        for name in flows if chosen and not dry_run else ():
            put_back(books, name, choice, None)
    if as_document:
        as_json(held_document("replayed", chosen, done=not dry_run))
    else:
        tell_held("would go again" if dry_run else "go again with the next run", chosen)


def close(
    connection: Connection,
    reason: Annotated[str, typer.Option(help="What was done by hand; it is written in the trail of each record.")],
    flow: FlowOption = None,
    key: Keys = None,
    cause: Causes = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be closed, and stop.")] = False,
    as_document: Json = False,
) -> None:
    """End holds that were settled by hand: never sent in this version; what the target has counts as delivered."""
    import getpass

    from mlc_pipelines.commands.run_report import held, held_document, tell_held
    from mlc_pipelines.flows.closing import close as close_holds
    from mlc_pipelines.flows.road import Choice
    from mlc_pipelines.integrations.house import House

    if not key and not cause:
        say("name what is to be closed: at least one --key or --cause")
        raise typer.Exit(CONFIGURATION)
    choice = Choice(reason, getpass.getuser(), tuple(key or ()), tuple(cause or ()))
    with House.open() as house:
        flows = _flows([card.name for card in house.integration(connection).flows], flow)
        books = house.ledger.books(connection)
        chosen = held(books, flows, choice)
        if not dry_run:
            close_holds(books, chosen, choice)
    if as_document:
        as_json(held_document("closed", chosen, done=not dry_run))
    else:
        tell_held("would be closed" if dry_run else "are closed", chosen)
    unknown = set(choice.keys) - {name for entry in chosen for name in (entry.key, entry.label)}
    for each in sorted(unknown):
        say(f"{connection}: nothing that is held and chosen is named {each!r}; see `mlc holds {connection}`")
    if unknown:
        raise typer.Exit(ATTENTION)


def _flows(there: list[str], chosen: str | None) -> list[str]:
    """Narrow the flows to the chosen one; a name that is not there is a usage error."""
    if chosen is None:
        return there
    if chosen not in there:
        say(f"there is no flow {chosen!r}; there are: {', '.join(there)}")
        raise typer.Exit(CONFIGURATION)
    return [chosen]
