"""Entries: versions of records, what is due, and what a change of their causes releases."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.entries import Received
from mlc_pipelines.ledger.leases import LEASE_SECONDS, LeaseLostError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of, execute, hold, move, newest, receive, record

SENT = (State.TRANSLATED, State.SENDING)
DELIVERED = (*SENT, State.DELIVERED)


@pytest.mark.parametrize("amount", ["1E+13", "1E+999999", "0.0000001", "NaN"])
def test_an_amount_that_cannot_be_counted_holds_its_record_only(books: Books, amount: str) -> None:
    """One absurd amount of a source does not keep the others of its page out of the ledger."""
    page = [record("A"), record("B", amount=Decimal(amount)), record("C")]
    assert books.entries.receive(FLOW, page, None) == Received(new=3)
    odd = newest(books, "B")
    assert (odd.state, odd.cause, odd.amount, odd.source) == (State.HELD, Cause.UNREADABLE, None, page[1].content)
    assert odd.problem is not None
    assert odd.problem.startswith("amount ")
    assert [newest(books, key).state for key in "AC"] == [State.RECEIVED] * 2


def test_a_record_is_written_down_as_it_came(ledger: Ledger, books: Books) -> None:
    """Every value of it, at its first stage, untried; the trail begins with it."""
    before = ledger.clock.now()
    one = record("A", tag="W/1", problem=None)
    books.entries.receive(FLOW, [one], None)
    entry = newest(books, "A")
    assert (entry.connection, entry.flow, entry.company, entry.key, entry.version) == ("acme", FLOW, "10", "A", 1)
    assert (entry.label, entry.partner, entry.amount, entry.currency, entry.dated) == (
        one.label,
        one.partner,
        one.amount,
        one.currency,
        one.dated,
    )
    assert (entry.state, entry.stage, entry.attempts) == (State.RECEIVED, Stage.TRANSLATE, 0)
    assert (entry.source, entry.payload, entry.fingerprint) == (one.content, None, one.fingerprint)
    assert (entry.cause, entry.cause_key, entry.problem) == (None, None, None)
    assert (entry.reference, entry.external_id, entry.confirmation) == (None, None, None)
    (first,) = books.reports.trail(entry)
    assert (first.seq, first.kind, first.before, first.after, first.actor) == (1, "received", None, "received", "mlc")
    assert before < entry.since == first.at < ledger.clock.now()


def test_what_comes_again_is_seen_and_what_changed_is_a_version(books: Books) -> None:
    """Of one page: a new one, a changed one, an equal one, and one that comes twice."""
    receive(books, "A", "B")
    page = [
        record("C"),
        record("A"),
        record("B", content=b"second"),
        record("B", content=b"third"),
        record("B", content=b"third"),
    ]
    assert books.entries.receive(FLOW, page, None) == Received(seen=2, new=1, changed=2)
    assert [(each.version, each.state) for each in books.reports.find("B")] == [
        (1, State.SUPERSEDED),
        (2, State.SUPERSEDED),
        (3, State.RECEIVED),
    ]
    assert newest(books, "B").source == b"third"
    assert newest(books, "A").version == 1


def test_a_mark_of_the_source_is_remembered_without_a_version(ledger: Ledger, books: Books) -> None:
    """Seen under another mark with the same content: nothing is read again until the mark changes."""
    receive(books, "A", tag="W/1")
    receive(books, "B", tag="W/7")
    receive(books, "C")
    keys = ["A", "B", "C", "D"]
    assert books.entries.tags(FLOW, keys) == {"A": "W/1", "B": "W/7", "C": None}
    assert ledger.books("globex").entries.tags(FLOW, keys) == books.entries.tags("others", keys) == {}
    books.entries.receive(FLOW, [record("A", tag="W/1"), record("B", tag="W/8"), record("C", tag="W/9")], None)
    assert books.entries.tags(FLOW, keys) == {"A": "W/1", "B": "W/8", "C": "W/9"}
    receive(books, "B", tag="W/9", content=b"changed")
    assert books.entries.tags(FLOW, ["B"]) == {"B": "W/9"}


def test_more_keys_than_a_statement_takes_are_asked_in_parts(books: Books) -> None:
    """Five hundred at a time, none left out: taken in, seen, changed."""
    page = [record(f"D{number:04}", tag="1") for number in range(1001)]
    assert books.entries.receive(FLOW, page, None) == Received(new=1001)
    assert books.entries.tags(FLOW, [each.key for each in page]) == dict.fromkeys((each.key for each in page), "1")
    assert books.entries.receive(FLOW, page, None) == Received(seen=1001)
    changed = [structs.replace(each, fingerprint="f" * 64, tag="2") for each in page]
    assert books.entries.receive(FLOW, changed, None) == Received(changed=1001)
    assert books.entries.tally(FLOW) == {"received": 1001}


@pytest.mark.parametrize(
    ("states", "left"),
    [
        ((), State.SUPERSEDED),
        ((State.HELD,), State.SUPERSEDED),
        ((State.IGNORED,), State.SUPERSEDED),
        ((State.TRANSLATED,), State.SUPERSEDED),
        ((*SENT, State.POSTPONED), State.SUPERSEDED),
        (SENT, State.SENDING),
        ((*SENT, State.UNKNOWN), State.UNKNOWN),
        (DELIVERED, State.DELIVERED),
        ((*DELIVERED, State.SENDING, State.HELD), State.HELD),
        ((*DELIVERED, State.CONFIRMED), State.CONFIRMED),
    ],
)
def test_a_new_version_supersedes_only_what_was_not_sent(books: Books, states: tuple[State, ...], left: State) -> None:
    """What may be in the target, or is, stays where it stands; its successor amends it."""
    (entry,) = receive(books, "A")
    (other,) = receive(books, "B")
    move(books, entry, *states)
    receive(books, "A", content=b"changed")
    first, second = books.reports.find("A")
    assert (first.state, second.state, second.version) == (left, State.RECEIVED, 2)
    assert newest(books, "B") == other


def due(books: Books, stage: Stage = Stage.DELIVER, **more: int) -> list[str]:
    return [
        f"{entry.key}{entry.version}"
        for entry in books.entries.due(FLOW, stage, [State.TRANSLATED, State.POSTPONED], **more)
    ]


@pytest.mark.parametrize(
    ("states", "waits"),
    [
        (SENT, True),
        ((*SENT, State.UNKNOWN), True),
        (DELIVERED, False),
        ((*DELIVERED, State.SENDING), False),
        ((*DELIVERED, State.SENDING, State.UNKNOWN), False),
        ((*DELIVERED, State.CONFIRMED), False),
        ((*SENT, State.HELD), False),
    ],
)
def test_a_version_waits_while_an_earlier_one_is_on_its_way(
    ledger: Ledger, books: Books, states: tuple[State, ...], waits: bool
) -> None:
    """One of the same key, flow and connection, and on its way to the target; no other."""
    (entry,) = receive(books, "A")
    move(books, entry, *states)
    receive(books, "A", content=b"changed")
    move(books, newest(books, "A"), State.TRANSLATED)
    for there, flow, key in ((books, FLOW, "B"), (books, "others", "A"), (ledger.books("globex"), FLOW, "A")):
        receive(there, key, flow=flow)
        receive(there, key, flow=flow, content=b"changed")
        move(there, newest(there, key, flow=flow), State.TRANSLATED)
    assert due(books) == ([] if waits else ["A2"]) + ["B2"]
    assert [entry.version for entry in ledger.books("globex").entries.due(FLOW, Stage.DELIVER, [State.TRANSLATED])] == [
        2
    ]
    assert [entry.key for entry in books.entries.due("others", Stage.DELIVER, [State.TRANSLATED])] == ["A"]


def test_a_version_never_waits_for_a_later_one(books: Books) -> None:
    """The earlier is sent first, though the later stands ready."""
    (entry,) = receive(books, "A")
    sent = move(books, entry, *SENT)
    receive(books, "A", content=b"changed")
    move(books, newest(books, "A"), State.TRANSLATED)
    earlier = replace(sent, latest=False)
    books.entries.move([Move(earlier, State.POSTPONED, "postponed")], None)
    assert due(books) == ["A1"]


def test_what_is_due_is_given_in_order_and_in_pages(books: Books) -> None:
    """Of one stage and of states asked for; `after` goes on where the page ended."""
    for entry in receive(books, *"ABCDE"):
        move(books, entry, State.TRANSLATED)
    move(books, newest(books, "B"), State.HELD)
    receive(books, "F")
    assert due(books) == ["A1", "C1", "D1", "E1"]
    assert due(books, limit=2) == ["A1", "C1"]
    assert due(books, after=newest(books, "C").id, limit=2) == ["D1", "E1"]
    assert due(books, Stage.TRANSLATE) == []
    (given,) = books.entries.due(FLOW, Stage.TRANSLATE, [State.RECEIVED])
    assert given.source == record("F").content


def test_only_holds_of_translation_are_released(ledger: Ledger, books: Books) -> None:
    """What the target refused, or waits without a key, waits for a person; and other flows for their own pass."""
    for entry in receive(books, *"ABCDE"):
        hold(books, entry, key="account:6990") if entry.key != "B" else hold(books, entry)
    move(books, newest(books, "A"), State.RECEIVED, *SENT)
    hold(books, newest(books, "A"), key="account:6990")
    move(books, newest(books, "E"), State.RECEIVED)
    (other,) = receive(books, "A", flow="others")
    hold(books, other, key="account:6990")
    books.dictionary.learn("account", {"6990": "Sundry"})
    assert [entry.key for entry in books.entries.released(FLOW)] == ["C", "D"]
    assert list(ledger.books("globex").entries.released(FLOW)) == []


@pytest.mark.parametrize("words", [{"account": {"7000": "x"}}, {"entity": {"6990": "x"}}, {"account:6990": {"": "x"}}])
def test_only_the_very_word_releases(books: Books, words: Mapping[str, Mapping[str, str]]) -> None:
    """Another key of the kind, the key of another kind, or the same letters otherwise divided, are other words."""
    hold(books, *receive(books, "A"), key="account:6990")
    for kind, known in words.items():
        books.dictionary.learn(kind, known)
    assert list(books.entries.released(FLOW)) == []


def test_a_hold_of_a_clock_that_was_ahead_is_released_too(ledger: Ledger, books: Books) -> None:
    """Its word came after it, though it seems to have come before."""
    clock_of(ledger).sleep(7200)
    hold(books, *receive(books, "A"), key="account:4010")
    clock_of(ledger).sleep(-6600)
    assert not list(books.entries.released(FLOW))
    books.dictionary.learn("account", {"4010": "4010"})
    assert [entry.key for entry in books.entries.released(FLOW)] == ["A"]


def test_the_newest_versions_are_counted_by_state(ledger: Ledger, books: Books) -> None:
    """Of one flow of one connection."""
    receive(books, *"ABC")
    hold(books, newest(books, "A"))
    receive(books, "B", content=b"changed")
    receive(books, "A", flow="others")
    receive(ledger.books("globex"), "A")
    assert books.entries.tally(FLOW) == {"held": 1, "received": 2}


def test_an_overtaken_worker_takes_nothing_in(ledger: Ledger, books: Books) -> None:
    """Not even what would be a first version: it read them long ago, and would put them before what is newer."""
    receive(books, "A")
    lost = ledger.leases.take("acme", "elsewhere:1:1")
    clock_of(ledger).sleep(LEASE_SECONDS + 1)
    ledger.leases.take("acme", "another:1:1")
    for read in ([record("B"), record("A", content=b"changed")], [record("B")]):
        with pytest.raises(LeaseLostError):
            books.entries.receive(FLOW, read, lost)
    assert books.entries.tally(FLOW) == {"received": 1}


def test_an_overtaken_worker_puts_nothing_old_before_what_was_delivered(ledger: Ledger, books: Books) -> None:
    """It has read the first content, stood still, and the other one has delivered the second meanwhile."""
    books.entries.receive(FLOW, [record("A", content=b"newer")], None)
    move(books, newest(books, "A"), *DELIVERED)
    lost = ledger.leases.take("acme", "elsewhere:1:1")
    clock_of(ledger).sleep(LEASE_SECONDS + 1)
    ledger.leases.take("acme", "another:1:1")
    with pytest.raises(LeaseLostError):
        books.entries.receive(FLOW, [record("A", content=b"older")], lost)
    assert newest(books, "A").source == b"newer"


def test_the_number_of_a_deleted_entry_does_not_come_back(ledger: Ledger, books: Books) -> None:
    """Its events may outlive it, and would tell the story of another."""
    receive(books, "A")
    (second,) = receive(books, "B")
    execute(ledger, "DELETE FROM entries WHERE id = :id", id=second.id)
    (third,) = receive(books, "C")
    assert third.id > second.id
