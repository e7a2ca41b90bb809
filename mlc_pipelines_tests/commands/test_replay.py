"""`mlc replay`: held records go again, on purpose, by someone, for a reason."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.commands.asking import mlc

FILE = """\
name: acme
integration: ramp
companies: ["10"]
ifs: {base_url: "http://127.0.0.1:9", token_url: "http://127.0.0.1:9/token", credential: acme/ifs}
ramp: {base_url: "http://127.0.0.1:9", credential: acme/ramp}
"""


@pytest.fixture
def books(empty: Path) -> Books:
    """Hold two bills and a vendor that nobody can read."""
    (empty / "connections" / "acme.yaml").write_text(FILE, encoding="utf-8")
    with House.open() as house:
        books = house.ledger.books("acme")
        for flow, keys in (("bills", ["10^1", "10^2"]), ("vendors", ["S-1"])):
            records = [
                SourceRecord(
                    key=key, company="10", content=b"{}", fingerprint=key, label=f"INV {key}", problem="unreadable"
                )
                for key in keys
            ]
            books.entries.receive(flow, records, None)
    return books


def states(books: Books) -> dict[str, State]:
    """Tell where the records stand."""
    return {entry.key: entry.state for entry in books.reports.select()}


def test_a_dry_run_says_and_does_nothing(books: Books) -> None:
    """With --dry-run the records are named, and stay held."""
    said = mlc("replay", "acme", "--dry-run", "--reason", "look", "--json")
    assert said.code == 0, said.err
    assert said.document["replayed"] is False
    assert {record["label"] for record in said.document["records"]} == {"INV 10^1", "INV 10^2", "INV S-1"}
    assert set(states(books).values()) == {State.HELD}


def test_a_replay_says_who_and_why(books: Books) -> None:
    """Held records are back on the road, and their trail has the reason and a name."""
    assert mlc("replay", "acme", "--reason", "attribute corrected").code == 0
    assert set(states(books).values()) == {State.RECEIVED}
    (story,) = mlc("trail", "acme", "10^1", "--json").document
    last = story["events"][-1]
    assert last["kind"] == "replayed"
    assert "attribute corrected" in last["detail"]
    assert last["actor"] not in {"", "mlc"}


@pytest.mark.parametrize(
    ("narrow", "moved"),
    [
        (["--flow", "bills"], {"10^1", "10^2"}),
        (["--key", "10^1"], {"10^1"}),
        (["--key", "10^1", "--key", "S-1"], {"10^1", "S-1"}),
        (["--key", "INV 10^2"], {"10^2"}),
        (["--cause", "unreadable", "--flow", "vendors"], {"S-1"}),
        (["--cause", "account_unmapped"], set()),
        (["--since", "2099-01-01"], set()),
        (["--since", "2020-01-01T08:00:00"], {"10^1", "10^2", "S-1"}),
    ],
)
def test_a_replay_is_narrowed(books: Books, narrow: list[str], moved: set[str]) -> None:
    """Flow, key, cause and time choose what goes again; the rest stays held."""
    assert mlc("replay", "acme", "--reason", "r", *narrow).code == 0
    assert {key for key, state in states(books).items() if state is State.RECEIVED} == moved


@pytest.mark.parametrize("wrong", [["--flow", "nothing"], ["--cause", "nothing"], ["--since", "yesterday"]])
def test_a_name_that_is_not_there_is_a_usage_error(books: Books, wrong: list[str]) -> None:
    """A misspelt flow, cause or time ends with 2 instead of quietly choosing nothing."""
    said = mlc("replay", "acme", "--reason", "r", *wrong)
    assert said.code == 2
    assert set(states(books).values()) == {State.HELD}


def test_a_replay_wants_a_reason(books: Books) -> None:
    """Without a reason nothing goes again."""
    assert mlc("replay", "acme").code == 2
    assert set(states(books).values()) == {State.HELD}


def test_a_replay_for_people_fits_the_screen(books: Books) -> None:
    """The table is no wider than 80 columns."""
    assert mlc("replay", "acme", "--reason", "r", "--dry-run").widest <= 80


@pytest.mark.parametrize(("hours", "chosen"), [(2, 3), (-2, 0)])
def test_a_time_with_a_zone_is_that_moment(books: Books, hours: int, chosen: int) -> None:
    """An hour ago by a clock two hours ahead or behind is an hour ago, not one or three."""
    zone = timezone(timedelta(hours=hours))
    there = datetime.now(UTC).astimezone(zone) + timedelta(hours=-1 if hours > 0 else 1)
    said = mlc("replay", "acme", "--dry-run", "--reason", "r", "--json", "--since", there.isoformat(timespec="seconds"))
    assert said.code == 0, said.err
    assert len(said.document["records"]) == chosen
