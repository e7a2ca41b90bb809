"""The demo: every flow through Dagster against the simulators, then an account of every record."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from mlc_pipelines.commands.dagster_runs import Outcome, work
from mlc_pipelines.commands.output import console, money, say, table
from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.commands.verification import verify
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.reports import Sum
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.sandbox.office import Office

MOST_PASSES = 12
SETTLE_SECONDS = 2.0


def demonstrate(folder: Path, *, system: str | None, invoices: int, seed: int, faults: str) -> bool:
    """Run the demo and print a table for each spend system; true when every record is accounted for, to the cent."""
    out = console()
    with (
        open_playground(
            folder, systems=[system] if system else [], seed=seed, invoices=invoices, faults=faults
        ) as playground,
        House.open() as house,
    ):
        offices = list(playground.offices.values())
        out.print(f"{invoices} documents for each spend system, seed {seed}, simulators {faults}")
        problems = [problem for office in offices for problem in _one(out, house, office)]
    for office in offices:
        _stand_still(folder / "connections" / f"{office.name}.yaml")
    for problem in problems:
        say(problem)
    if problems:
        return False
    out.print("\n[green]0 lost, 0 duplicated[/], by the simulators' own books; a second run wrote nothing")
    out.print(f"\nlook around:  uv run mlc --home {_short(folder)} holds", markup=False)
    out.print(f"              uv run mlc --home {_short(folder)} ui       (the runs in Dagster)", markup=False)
    out.print("              uv run mlc ui --sandbox              (everything live)", markup=False)
    return True


def _one(out: Console, house: House, office: Office) -> list[str]:
    """Work one office until nothing moves any more, and once again; give what is wrong then."""
    out.print(f"\n[bold]IFS Cloud ⇄ {office.title}[/]")
    _pass_until_settled(house, office.name, f"{office.title}: documents out")
    out.print(office.act())
    _pass_until_settled(house, office.name, f"{office.title}: answers back")
    before = office.writes()
    office.use_faults("calm")
    work(house, office.name, title="once more: nothing may happen")
    again = office.writes() - before
    problems = verify(house, office)
    if again:
        problems.append(f"a second run over the same documents wrote {again} times")
    _report(out, house, office)
    return [f"{office.title}: {problem}" for problem in problems]


def _stand_still(file: Path) -> None:
    """Switch the schedule off: the simulators are gone, and who looks at the runs shall not see polls fail."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("enabled: true", "enabled: false"), encoding="utf-8")


def _pass_until_settled(house: House, name: str, title: str) -> None:
    """Run passes until nothing waits for another, or one changes nothing; lost answers are looked up in time."""
    books = house.ledger.books(name)
    before = None
    for number in range(1, MOST_PASSES + 1):
        outcome = work(house, name, title=title if number == 1 else f"{title}, pass {number}")
        stands = [(line.flow, line.company, line.state, line.currency, line.count) for line in books.reports.sums()]
        under_way = books.intents.count_open() or books.files.unfinished()
        if outcome.success and not under_way and (stands == before or _rests(books)):
            return
        before = stands
        _tell(outcome)
        house.ledger.clock.sleep(SETTLE_SECONDS if books.intents.count_open() else 0.0)


def _rests(books: Books) -> bool:
    """Tell whether every record is where only a person moves it on."""
    ends = {State.CONFIRMED, State.HELD, State.IGNORED, State.SUPERSEDED}
    return all(line.state in ends or line.stage is Stage.DONE for line in books.reports.sums())


def _tell(outcome: Outcome) -> None:
    for problem in outcome.problems[:3]:
        say(f"this pass was interrupted, the next one goes on: {problem}")


def _balances(sums: list[Sum], flows: list[str]) -> list[Mapping[str, Any]]:
    """Add up by flow and currency: received = delivered + held + ignored."""
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for each in sums:
        if each.flow not in flows or not (each.currency or each.amount):  # some records of a flow carry no money
            continue
        key = (each.flow, each.currency or "")
        line = lines.setdefault(
            key,
            {"flow": each.flow, "currency": each.currency or "", "count": 0, "received": Decimal(0)}
            | dict.fromkeys(_PLACES, Decimal(0)),
        )
        line["count"] += each.count
        line["received"] += each.amount
        line[each.place] += each.amount
    return [lines[key] for key in sorted(lines, key=lambda key: (flows.index(key[0]), key[1]))]


_PLACES = ("delivered", "held", "ignored", "under_way")


def _report(out: Console, house: House, office: Office) -> None:
    reports = house.ledger.books(office.name).reports
    balances = _balances(reports.sums(), [paper.flow for paper in office.papers()])
    rows = [
        (
            line["flow"].replace("_", " "),
            line["currency"],
            line["count"],
            *(_shown(line[name], line["currency"]) for name in ("received", "delivered", "held", "ignored")),
        )
        for line in balances
    ]
    columns = (office.title, "cur", "no.", "received", "delivered", "held", "ignored")
    out.print(table("received = delivered + held + ignored", columns, rows, right=columns[2:]))
    causes: dict[tuple[str, str], int] = {}
    for group in reports.held():
        causes[group.flow, group.cause] = causes.get((group.flow, group.cause), 0) + group.count
    out.print(
        table(
            "held, by cause",
            ("flow", "cause", "no."),
            [(*key, count) for key, count in sorted(causes.items())],
            right=("no.",),
        )
    )
    paid = {line["currency"]: line["delivered"] for line in balances if line["flow"] == "payments"}
    if paid:
        told = (f"{_shown(amount, currency)} {currency}" for currency, amount in sorted(paid.items()))
        out.print("paid back to IFS: " + ", ".join(told))


def _shown(amount: Decimal, currency: str) -> str:
    return money(amount, currency) if currency else ""


def _short(folder: Path) -> Path:
    return folder.resolve().relative_to(Path.cwd()) if folder.resolve().is_relative_to(Path.cwd()) else folder
