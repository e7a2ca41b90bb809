"""Commands that tell: status, holds, trail, reconcile. Nothing here writes."""

from pathlib import Path
from typing import Annotated

import typer

from mlc_pipelines.commands.output import ATTENTION, as_json, console, money, say, table
from mlc_pipelines.commands.running import Connection, Json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(holds)
    app.command()(trail)
    app.command()(reconcile)


def status(
    connection: Annotated[str | None, typer.Argument(help="Name of the connection; all if left out.")] = None,
    as_document: Json = False,
) -> None:
    """Tell where records stand: by flow and state, with money, watermarks, the last run and open writes."""
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        names = [house.connection(connection).name] if connection else sorted(house.connections)
        told = []
        for name in names:
            books = house.ledger.books(name)
            last = books.progress.last()
            told.append(
                {
                    "connection": name,
                    "entries": [
                        {
                            "flow": s.flow,
                            "state": s.state.value,
                            "stage": s.stage.value,
                            "currency": s.currency,
                            "count": s.count,
                            "amount": s.amount,
                        }
                        for s in books.reports.sums()
                    ],
                    "watermarks": {
                        card.name: books.progress.positions(card.name) for card in house.integration(name).flows
                    },
                    "last_run": max((item.finished_at for item in last), default=None),
                    "open_intents": books.intents.count_open(),
                }
            )
    if as_document:
        as_json(told)
        return
    out = console()
    for each in told:
        rows = [(e["flow"], e["state"], e["count"], money(e["amount"]), e["currency"] or "") for e in each["entries"]]  # type: ignore[index, attr-defined]  # built above
        out.print(
            table(str(each["connection"]), ("flow", "state", "count", "amount", "cur"), rows, right=("count", "amount"))
        )
        open_writes = sum(each["open_intents"].values())  # type: ignore[attr-defined]  # built above
        out.print(f"last pass: {each['last_run'] or 'never'}; writes without a known outcome: {open_writes}\n")


def holds(
    connection: Annotated[str | None, typer.Argument(help="Name of the connection; all if left out.")] = None,
    as_document: Json = False,
) -> None:
    """Tell what is held, by cause: how many, how much, what happened, and what to do."""
    from mlc_pipelines.errors import Cause
    from mlc_pipelines.flows.causes import CATALOGUE
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        names = [house.connection(connection).name] if connection else sorted(house.connections)
        groups = [(name, group) for name in names for group in house.ledger.books(name).reports.held()]
    if as_document:
        as_json(
            [
                {"connection": name, "flow": g.flow, "cause": g.cause, "key": g.cause_key, "count": g.count, "amount": g.amount,
                 "currency": g.currency, "since": g.since, "happened": CATALOGUE[Cause(g.cause)].happened,
                 "remedy": CATALOGUE[Cause(g.cause)].remedy, "example": g.example}
                for name, g in groups
            ]
        )  # fmt: skip
    else:
        out = console()
        rows = [
            (g.flow, g.cause, g.cause_key or "", g.count, f"{money(g.amount)} {g.currency or ''}") for _, g in groups
        ]
        out.print(table("held", ("flow", "cause", "key", "count", "amount"), rows, right=("count", "amount")))
        for cause in sorted({g.cause for _, g in groups}):
            advice = CATALOGUE[Cause(cause)]
            example = next(g.example for _, g in groups if g.cause == cause)
            out.print(f"\n[bold]{cause}[/]: {advice.happened}")
            out.print(f"  for example: {example}", markup=False)
            out.print(f"  to do: {advice.remedy}", markup=False)
    if groups:
        raise typer.Exit(ATTENTION)


def trail(
    connection: Connection,
    key: Annotated[str, typer.Argument(help="Key, document number, our reference, or id in the spend system.")],
    as_document: Json = False,
) -> None:
    """Tell the whole story of a record: both ids, every attempt, every change of state."""
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        house.connection(connection)
        reports = house.ledger.books(connection).reports
        stories = [(entry, reports.trail(entry)) for entry in reports.find(key)]
    if not stories:
        say(f"{connection}: there is no record {key!r}; give its key, document number, or id in the spend system")
        raise typer.Exit(ATTENTION)
    if as_document:
        as_json(
            [
                {"flow": e.flow, "key": e.key, "version": e.version, "state": e.state.value, "label": e.label, "reference": e.reference,
                 "external_id": e.external_id, "confirmation": e.confirmation, "cause": e.cause, "problem": e.problem,
                 "amount": e.amount, "currency": e.currency,
                 "events": [{"at": h.at, "event": h.kind, "from": h.before, "to": h.after, "by": h.actor, "detail": h.detail} for h in told]}
                for e, told in stories
            ]
        )  # fmt: skip
        return
    out = console()
    for entry, told in stories:
        out.print(f"[bold]{entry.flow} {entry.label}[/] version {entry.version}: {entry.state.value}")
        out.print(f"  source {entry.key}, reference {entry.reference or '-'}, target {entry.external_id or '-'}")
        if entry.problem:
            out.print(f"  {entry.cause}: {entry.problem}", markup=False)
        rows = [(f"{h.at:%Y-%m-%d %H:%M:%S}", h.kind, f"{h.before or ''} → {h.after}", h.actor, h.detail) for h in told]
        out.print(table("", ("at (UTC)", "event", "state", "by", "facts"), rows))


def reconcile(
    connection: Connection,
    period: Annotated[
        str | None, typer.Option(help="Month of the document dates, as 2026-11; this month if left out.")
    ] = None,
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
    places = ("source", "target", "held", "ignored", "under_way")
    if as_document:
        as_json(
            {
                "connection": connection, "first": result.first, "last": result.last, "matched": result.matched,
                "matches": [{"company": m.company, "currency": m.currency, "counts": m.counts, "sums": m.sums, "difference": m.difference} for m in result.matches],
                "differences": [{"company": d.company, "currency": d.currency, "key": d.key, "label": d.label, "partner": d.partner, "source": d.source, "target": d.target, "what": d.what} for d in result.differences],
            }
        )  # fmt: skip
    else:
        out = console()
        rows = [
            (m.company, m.currency, *(money(m.sums.get(place)) for place in places), money(m.difference))
            for m in result.matches
        ]
        columns = ("co.", "cur", "IFS", title, "held", "ignored", "on way", "diff.")
        out.print(table(f"{connection}, {result.first} to {result.last}", columns, rows, right=columns[2:]))
        rows = [(d.company, d.label, money(d.source), money(d.target), d.what) for d in result.differences]
        if rows:
            out.print(table("differences", ("co.", "document", "IFS", title, "what"), rows, right=("IFS", title)))
        out.print("[green]matched to the cent[/]" if result.matched else "[red]does not match: see the differences[/]")
    if not result.matched:
        raise typer.Exit(ATTENTION)
