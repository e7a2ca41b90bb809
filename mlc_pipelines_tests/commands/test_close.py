"""`mlc close`: holds that were settled by hand end, named one by one or by cause, by someone, for a reason."""

from pathlib import Path

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.test_replay import FILE
from mlc_pipelines_tests.ledger.builders import hold, move, newest, receive

WHY = "entered by hand as voucher M 2026 4711"
HELD = {"10^1": State.HELD, "10^2": State.HELD, "10^3": State.HELD, "S-1": State.HELD}


@pytest.fixture
def books(empty: Path) -> Books:
    """Hold a credit note, a refused bill, a write back, and a vendor."""
    (empty / "connections" / "acme.yaml").write_text(FILE, encoding="utf-8")
    with House.open() as house:
        books = house.ledger.books("acme")
        note, refused, delivered = receive(books, "10^1", "10^2", "10^3", flow="bills")
        (vendor,) = receive(books, "S-1", flow="vendors")
        hold(books, note, cause=Cause.CREDIT_NOTE)
        hold(books, move(books, refused, State.TRANSLATED), cause=Cause.REJECTED_BY_TARGET)
        sent = move(books, delivered, State.TRANSLATED, State.SENDING, State.DELIVERED, State.SENDING)
        hold(books, sent, cause=Cause.CHANGED_ELSEWHERE)
        hold(books, vendor, cause=Cause.CREDIT_NOTE)
    return books


def states(books: Books) -> dict[str, State]:
    """Tell where the records stand."""
    return {entry.key: entry.state for entry in books.reports.select()}


@pytest.mark.parametrize(
    ("narrow", "closed"),
    [
        (["--key", "10^1"], {"10^1"}),
        (["--key", "INV-10^1", "--key", "10^2"], {"10^1", "10^2"}),
        (["--cause", "credit_note"], {"10^1", "S-1"}),
        (["--cause", "credit_note", "--flow", "vendors"], {"S-1"}),
        (["--cause", "credit_note", "--cause", "rejected_by_target"], {"10^1", "10^2", "S-1"}),
        (["--cause", "credit_note", "--key", "10^1"], {"10^1"}),
        (["--cause", "account_unmapped"], set()),
    ],
)
def test_holds_are_closed_by_key_and_by_cause(books: Books, narrow: list[str], closed: set[str]) -> None:
    """All conditions have to fit; the rest stays held."""
    said = mlc("close", "acme", "--reason", WHY, *narrow)
    assert said.code == 0, said.err
    assert states(books) == HELD | dict.fromkeys(closed, State.IGNORED)


def test_what_the_target_has_is_delivered_afterwards(books: Books) -> None:
    """A write back that was done by hand is at the end of the road."""
    assert mlc("close", "acme", "--reason", WHY, "--key", "10^3").code == 0
    entry = newest(books, "10^3", flow="bills")
    assert (entry.state, entry.stage) == (State.CONFIRMED, Stage.DONE)


def test_the_trail_says_who_and_why(books: Books) -> None:
    """With the name of whoever gave the command, and what was done instead."""
    mlc("close", "acme", "--reason", WHY, "--key", "10^1")
    (story,) = mlc("trail", "acme", "10^1", "--json").document
    last = story["events"][-1]
    assert (story["cause"], story["problem"], last["kind"]) == ("closed_by_hand", WHY, "closed")
    assert WHY in last["detail"]
    assert last["actor"] not in {"", "mlc"}


def test_month_end_has_no_holds_left(books: Books) -> None:
    """`mlc holds` ends with 0 once everything is closed, and a replay finds nothing."""
    keys = [word for key in HELD for word in ("--key", key)]
    assert mlc("close", "acme", "--reason", WHY, *keys).code == 0
    assert mlc("holds", "acme").code == 0
    assert mlc("replay", "acme", "--reason", "again", "--json").document["records"] == []


def test_a_dry_run_says_and_does_nothing(books: Books) -> None:
    """With --dry-run the records are named, and stay held."""
    said = mlc("close", "acme", "--dry-run", "--reason", WHY, "--cause", "credit_note")
    assert said.code == 0, said.err
    assert "2 records would be closed" in said.out
    assert states(books) == HELD


@pytest.mark.parametrize("dry", [True, False])
def test_scripts_are_told_what_was_closed(books: Books, dry: bool) -> None:
    """One document, with the names that a replay uses; cause and problem are those of the hold."""
    narrow = ["--key", "10^1", *(["--dry-run"] if dry else [])]
    said = mlc("close", "acme", "--reason", WHY, "--json", *narrow)
    record = {"flow": "bills", "label": "INV-10^1", "cause": "credit_note", "problem": "10^1 cannot go on"}
    assert said.document == {"closed": not dry, "records": [record]}


def test_people_are_told_on_one_screen(books: Books) -> None:
    """The table is no wider than 80 columns."""
    said = mlc("close", "acme", "--reason", WHY, "--cause", "credit_note")
    assert "2 records are closed" in said.out
    assert said.widest <= 80


@pytest.mark.parametrize(
    "wrong",
    [
        ["--reason", WHY],
        ["--reason", WHY, "--flow", "bills"],
        ["--key", "10^1"],
        ["--reason", WHY, "--key", "10^1", "--flow", "nothing"],
        ["--reason", WHY, "--cause", "nothing"],
    ],
    ids=["everything", "a whole flow", "no reason", "no such flow", "no such cause"],
)
def test_nobody_closes_everything_by_accident(books: Books, wrong: list[str]) -> None:
    """Records or causes have to be named, with a reason: else it is a usage error and nothing is closed."""
    said = mlc("close", "acme", *wrong)
    assert said.code == 2
    assert said.out == ""
    assert states(books) == HELD


@pytest.mark.parametrize("also", [[], ["--dry-run"], ["--json"]])
def test_a_key_that_names_nothing_held_is_told(books: Books, also: list[str]) -> None:
    """Whoever mistypes a number does not go home believing that it is closed; what was named rightly is."""
    said = mlc("close", "acme", "--reason", WHY, "--key", "10^1", "--key", "10^9", *also)
    assert said.code == 1
    assert "'10^9'" in said.err
    assert "'10^1'" not in said.err
    assert (states(books)["10^1"] is State.IGNORED) == (also != ["--dry-run"])


def test_what_is_closed_already_is_not_held(books: Books) -> None:
    """The second time its key names nothing."""
    mlc("close", "acme", "--reason", WHY, "--key", "10^1")
    assert mlc("close", "acme", "--reason", "again", "--key", "10^1").code == 1
    assert newest(books, "10^1", flow="bills").problem == WHY


def test_a_connection_that_is_not_there_is_a_usage_error(books: Books) -> None:
    """As for every command."""
    assert mlc("close", "acne", "--reason", WHY, "--key", "10^1").code == 2
    assert states(books) == HELD
