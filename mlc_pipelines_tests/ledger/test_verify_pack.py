"""The outsider's script, called from within: what it says of packs that are whole, changed or no packs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlc_pipelines.ledger import verify_pack
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.ledger.builders import clock_of, move, receive

DAY = 86_400.0
Lines = list[dict[str, dict[str, Any]]]


@pytest.fixture
def lines(ledger: Ledger, books: Books) -> Lines:
    """Two sealed days: an entry of three events on the first, one of a single event on the second."""
    (entry,) = receive(books, "A")
    move(books, entry, State.TRANSLATED, State.HELD)
    clock_of(ledger).sleep(DAY)
    receive(books, "B", label="ø")
    clock_of(ledger).sleep(DAY)
    ledger.audit.seal()
    return [json.loads(line) for line in ledger.audit.pack()]


@pytest.fixture
def verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Lines], tuple[int, list[str]]]:
    """Verify lines as the script does; give its exit code and what it says."""

    def run(lines: Lines) -> tuple[int, list[str]]:
        file = tmp_path / "pack.jsonl"
        file.write_text("\n".join(["", *map(json.dumps, lines), " "]), encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["verify_pack.py", str(file)])  # a script has no other door
        code = verify_pack.main()
        return code, capsys.readouterr().out.splitlines()

    return run


Verify = Callable[[Lines], tuple[int, list[str]]]


def test_a_whole_pack_is_intact(lines: Lines, verify: Verify) -> None:
    """It says how much it saw."""
    assert verify(lines) == (0, ["intact: 4 events of 2 entries, 2 seals"])
    assert verify([]) == (0, ["intact: 0 events of 0 entries, 0 seals"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"actor": "somebody"}, "event 2 was changed"),
        ({"before": None}, "event 2 was changed"),
        ({"at": "2026-11-20 08:00:00+00:00"}, "event 2 was changed"),
        ({"at": "2026-11-20T08:00:00Z"}, "event 2 was changed"),
        ({"previous": "0" * 64}, "event 2 does not follow the one before"),
        ({"hash": "0" * 64}, "event 2 was changed"),
        ({"seq": 7}, "event 2 is missing"),
    ],
)
def test_a_changed_event_is_named_once(lines: Lines, verify: Verify, change: dict[str, Any], said: str) -> None:
    """The first bad event of an entry stands for those behind it; the other entry is not blamed."""
    entry = lines[1]["event"]["entry_id"]
    lines[1]["event"] |= change
    code, told = verify(lines)
    assert (code, told[0]) == (1, f"entry {entry}: {said}")
    assert sum(line.startswith(f"entry {entry}:") for line in told) == 1


def test_an_event_that_is_missing_in_between_is_named(lines: Lines, verify: Verify) -> None:
    """By the number that is not there."""
    entry = lines[1]["event"]["entry_id"]
    del lines[1]
    code, told = verify(lines)
    assert code == 1
    assert told[0] == f"entry {entry}: event 2 is missing"
    assert told[1] == "day 2026-11-20: the seal does not fit the events of that day"


def test_events_may_come_in_any_order_of_ids_within_a_day(lines: Lines, verify: Verify) -> None:
    """A seal counts them by number, wherever their entries stand in the pack."""
    assert verify([lines[3], *lines[:3], *lines[4:]])[0] == 0


@pytest.mark.parametrize("number", [-2, -1])
@pytest.mark.parametrize("name", ["hash", "previous", "count", "first_event", "last_event"])
def test_a_changed_seal_is_named(lines: Lines, verify: Verify, number: int, name: str) -> None:
    """By its day; one that was changed also breaks the next."""
    lines[number]["seal"][name] = "f" * 64 if name in {"hash", "previous"} else 2
    code, told = verify(lines)
    assert code == 1
    assert f"day {lines[number]['seal']['day']}: the seal does not fit the events of that day" in told


def test_a_seal_that_is_missing_breaks_the_next(lines: Lines, verify: Verify) -> None:
    """Seals are a chain of their own."""
    del lines[-2]
    assert verify(lines) == (1, ["day 2026-11-21: the seal does not fit the events of that day"])


@pytest.mark.parametrize("text", ["no json", '{"event": {}}', '{"seal": 3}', "3"])
def test_what_is_no_pack_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """Neither intact nor changed: it cannot be read."""
    file = tmp_path / "pack.jsonl"
    file.write_text(text, encoding="utf-8")
    for arguments in ([str(file)], [str(tmp_path / "none.jsonl")], []):
        monkeypatch.setattr("sys.argv", ["verify_pack.py", *arguments])
        assert verify_pack.main() == 2
        assert capsys.readouterr().out.startswith("no pack that can be read: ")
