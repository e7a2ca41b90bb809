"""Commands that tell: status, holds, trail, reconcile. Nothing here writes."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlc_pipelines.commands.output import ATTENTION, CONFIGURATION, as_json, console, money, plain, say, table
from mlc_pipelines.commands.running import Connection, Json

Chosen = Annotated[str | None, typer.Argument(help="Name of the connection; all if left out.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(holds)
    app.command()(trail)
    app.command()(reconcile)


def status(connection: Chosen = None, as_document: Json = False) -> None:
    """Tell where records stand: by flow and state, with money, watermarks, the last run and open writes."""
    from mlc_pipelines.commands.choosing import chosen
    from mlc_pipelines.commands.documents import sum_document
    from mlc_pipelines.integrations.house import House

    out = console()
    told = []
    with House.open() as house:
        names, legible = chosen(house, connection)
        for name in names:
            books = house.ledger.books(name)
            sums, open_writes = books.reports.sums(), books.intents.count_open()
            last = max((item.finished_at for item in books.progress.last()), default=None)
            if as_document:
                marks = books.progress.all_positions()
                facts = {"watermarks": marks, "last_run": last, "open_intents": open_writes}
                told.append({"connection": name, "entries": [sum_document(each) for each in sums], **facts})
                continue
            rows = [(s.flow, s.state.value, s.count, money(s.amount, s.currency), s.currency or "") for s in sums]
            out.print(table(name, ("flow", "state", "count", "amount", "cur"), rows, right=("count", "amount")))
            seen = f"{last:%Y-%m-%d %H:%M:%S} UTC" if last else "never"
            out.print(f"last pass: {seen}; writes without a known outcome: {sum(open_writes.values())}\n")
    if as_document:
        as_json(told)
    if not legible:
        raise typer.Exit(CONFIGURATION)


def holds(connection: Chosen = None, as_document: Json = False) -> None:
    """Tell what is held, by cause: how many, how much, what happened, and what to do."""
    from mlc_pipelines.commands.choosing import chosen
    from mlc_pipelines.commands.documents import advice_for, hold_document
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        names, legible = chosen(house, connection)
        groups = [(name, group) for name in names for group in house.ledger.books(name).reports.held()]
    if as_document:
        as_json([hold_document(name, group) for name, group in groups])
    else:
        out = console()
        rows = [
            (g.flow, g.cause, g.cause_key or "", g.count, f"{money(g.amount, g.currency)} {g.currency or ''}")
            for _, g in groups
        ]
        out.print(table("held", ("flow", "cause", "key", "no.", "amount"), rows, right=("no.", "amount")))
        for cause, group in sorted({g.cause: g for _, g in reversed(groups)}.items()):
            out.print(f"\n[bold]{cause}[/]: {advice_for(group).happened}")
            out.print(plain(f"  for example: {group.example}"))
            out.print(plain(f"  to do: {advice_for(group).remedy}"))
    if groups or not legible:
        raise typer.Exit(ATTENTION if groups else CONFIGURATION)


def trail(
    connection: Connection,
    key: Annotated[str, typer.Argument(help="Key, document number, our reference, or id in the spend system.")],
    archive: Annotated[list[Path] | None, typer.Option(help="Archives of `mlc db prune` to look into.")] = None,
    as_document: Json = False,
) -> None:
    """Tell the whole story of a record: both ids, every attempt, every change of state."""
    from mlc_pipelines.commands.documents import story_document
    from mlc_pipelines.integrations.house import House
    from mlc_pipelines.ledger.archive_audit import archived_trail

    with House.open() as house:
        reports = house.ledger.books(connection).reports
        stories = []
        for entry in reports.find(key):
            away = [each for file in archive or [] for each in archived_trail(house.ledger.engine, file, entry)]
            stories.append((entry, reports.trail(entry) or away, reports.archive_of(entry)))
        if not stories:
            house.connection(connection)  # records of one that is broken or gone are told all the same
    if not stories:
        say(f"{connection}: there is no record {key!r}; give its key, document number, or id in the spend system")
        raise typer.Exit(ATTENTION)
    if as_document:
        as_json([story_document(*story) for story in stories])
        return
    out = console()
    for entry, told, file in stories:
        out.print(plain(f"{entry.flow} {entry.label}"), style="bold", end=" ")
        out.print(f"version {entry.version}: {entry.state.value}")
        out.print(plain(f"  source {entry.key}, reference {entry.reference or '-'}, target {entry.external_id or '-'}"))
        if entry.problem:
            out.print(plain(f"  {entry.cause}: {entry.problem}"))
        if file is not None and not told:
            out.print(plain(f"  what happened to it is in the archive {file}: give it with --archive"))
            continue
        rows = [(f"{h.at:%m-%d %H:%M:%S}", h.kind, h.after, h.actor, h.detail) for h in told]
        out.print(table("", ("at (UTC)", "event", "state", "by", "facts"), rows))


def reconcile(
    connection: Connection,
    period: Annotated[str | None, typer.Option(help="Month of the document dates, as 2026-11.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to read and file.")] = None,
    as_document: Json = False,
) -> None:
    """Match IFS with the spend system and the ledger, by company and currency, to the cent."""
    from mlc_pipelines.commands.matching import match_month
    from mlc_pipelines.commands.reconcile_page import page
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        result = match_month(house, connection, period)
        title = house.integration(connection).title
        made_at = house.ledger.clock.now()
    if html is not None:
        html.write_text(page(result, title, made_at), encoding="utf-8")
    if as_document:
        plain = {"connection": connection, "first": result.first, "last": result.last, "matched": result.matched}
        matches = [{**asdict(match), "difference": match.difference} for match in result.matches]
        as_json({**plain, "matches": matches, "differences": [asdict(each) for each in result.differences]})
    else:
        out = console()
        places = ("source", "target", "held", "ignored", "under_way")
        rows = [
            (m.company, m.currency, *(money(m.sums.get(place), m.currency) for place in places), m.difference)
            for m in result.matches
        ]
        columns = ("co.", "cur", "IFS", title, "held", "ignored", "on way", "diff.")
        out.print(table(f"{connection}, {result.first} to {result.last}", columns, rows, right=columns[2:]))
        lines = [
            (d.company, d.label, money(d.source, d.currency), money(d.target, d.currency), d.what)
            for d in result.differences
        ]
        if lines:
            out.print(table("differences", ("co.", "document", "IFS", title, "what"), lines, right=("IFS", title)))
        out.print("[green]matched to the cent[/]" if result.matched else "[red]does not match: see the differences[/]")
    if not result.matched:
        raise typer.Exit(ATTENTION)
