"""Intents: what is written down before a call, and what each outcome of it comes to."""

import json
import sqlite3
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.bindings import Binding
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.intents import Intent
from mlc_pipelines.ledger.leases import LEASE_SECONDS, Lease, LeaseLostError
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Absent, Entry, Hold, Landed, Outcome, Postponed, Unknown
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines.ledger.tables import intents
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of, move, newest, receive

REFUSED = Hold(Cause.REJECTED_BY_TARGET, "no such vendor", "vendor:S-1001")


@pytest.fixture
def lease(ledger: Ledger) -> Lease:
    ledger.leases.give_back(ledger.leases.take("acme", "elsewhere:1:1"))
    return ledger.leases.take("acme", "elsewhere:1:1")


def ready(books: Books, *keys: str, flow: str = FLOW) -> list[Entry]:
    """Entries that are translated."""
    return [
        move(books, entry, State.TRANSLATED, payload=f'"{entry.key}"'.encode(), reference=f"10^{entry.key}")
        for entry in receive(books, *keys, flow=flow)
    ]


def opened(books: Books, lease: Lease, *keys: str) -> list[Intent]:
    return books.intents.open(ready(books, *keys), lease)


def close(books: Books, lease: Lease, *results: tuple[Intent, Outcome], last: bool = False) -> None:
    books.intents.close(results, lease, kind="paper", last=last)


def rows(ledger: Ledger) -> list[Any]:
    with reading(ledger.engine) as connection:
        return list(connection.execute(select(intents).order_by(intents.c.id)))


def last_event(books: Books, key: str) -> tuple[str, dict[str, Any]]:
    last = books.reports.trail(newest(books, key))[-1]
    return last.kind, {name: value for name, value in json.loads(last.detail).items() if name != "row"}


def test_very_many_may_be_announced_at_once(ledger: Ledger, books: Books, lease: Lease) -> None:
    """However few parameters a statement of the database may have."""
    if ledger.engine.dialect.name == "sqlite":
        with reading(ledger.engine) as connection:  # the pool gives this connection to whoever comes next
            connection.connection.driver_connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 60)  # type: ignore[union-attr]  # it is there
    keys = [f"K{number}" for number in range(100)]
    intents_ = opened(books, lease, *keys)
    assert [intent.entry.key for intent in intents_] == keys
    close(books, lease, *((intent, Landed(f"id-{intent.entry.key}")) for intent in intents_))
    assert books.dictionary.bound_among("paper", keys) == {key: f"id-{key}" for key in keys}


def test_an_intent_says_what_is_about_to_be_sent(ledger: Ledger, books: Books, lease: Lease) -> None:
    """Which entry, under which reference and fence, what content; committed before the call."""
    before = ledger.clock.now()
    first, second = opened(books, lease, "A", "B")
    assert (first.entry, second.entry) == (newest(books, "A"), newest(books, "B"))
    assert (first.entry.state, first.entry.attempts, first.closed_at) == (State.SENDING, 1, None)
    row, other = rows(ledger)
    assert (row.id, other.id) == (first.id, second.id)
    assert (row.connection, row.flow, row.entry_id, row.stage) == ("acme", FLOW, first.entry.id, "deliver")
    assert (row.reference, row.payload_hash, row.fence) == ("10^A", digest(b'"A"'), 2)
    assert (row.outcome, row.closed_at, row.external_id) == (None, None, None)
    assert before < row.opened_at == first.opened_at == first.entry.since
    assert last_event(books, "A") == ("sending", {"intent": first.id, "attempt": 1})


def test_what_has_no_payload_is_hashed_as_nothing(ledger: Ledger, books: Books, lease: Lease) -> None:
    """A flow that only marks has none."""
    (entry,) = receive(books, "A")
    books.intents.open([move(books, entry, State.TRANSLATED)], lease)
    assert rows(ledger)[0].payload_hash == digest(b"")


class Closed(NamedTuple):
    """What an outcome is called beside its intent, and what its entry's move is."""

    name: str
    state: State
    kind: str
    facts: dict[str, str]


@pytest.mark.parametrize(
    ("outcome", "closed"),
    [
        (
            Landed("T-1", {"etag": "W/1"}),
            Closed("landed", State.DELIVERED, "delivered", {"external_id": "T-1", "etag": "W/1"}),
        ),
        (
            REFUSED,
            Closed("refused", State.HELD, "refused", {"cause": "rejected_by_target", "problem": "no such vendor"}),
        ),
        (Postponed("down"), Closed("postponed", State.POSTPONED, "postponed", {"problem": "down"})),
        (Unknown("lost"), Closed("unknown", State.UNKNOWN, "answer lost", {"problem": "lost"})),
    ],
)
def test_each_outcome_is_written_twice(
    ledger: Ledger, books: Books, lease: Lease, outcome: Outcome, closed: Closed
) -> None:
    """Beside the intent, and as a move of its entry with its facts."""
    intent, other = opened(books, lease, "A", "B")
    before = ledger.clock.now()
    close(books, lease, (intent, outcome))
    row, untouched = rows(ledger)
    assert (row.outcome, row.external_id) == (closed.name, closed.facts.get("external_id"))
    assert before < row.closed_at < ledger.clock.now()
    assert (untouched.outcome, untouched.closed_at) == (None, None)
    assert newest(books, "A").state is closed.state
    assert last_event(books, "A") == (closed.kind, {"intent": intent.id, **closed.facts})
    assert newest(books, "B") == other.entry


def test_a_refusal_keeps_cause_key_and_problem(books: Books, lease: Lease) -> None:
    """As the target gave them; a wait and a lost answer keep their reason."""
    first, second, third = opened(books, lease, "A", "B", "C")
    close(books, lease, (first, REFUSED), (second, Postponed("down")), (third, Unknown("lost")))
    held = newest(books, "A")
    assert (held.cause, held.cause_key, held.problem) == (REFUSED.cause, REFUSED.key, REFUSED.problem)
    assert (held.stage, held.payload, held.reference) == (Stage.DELIVER, b'"A"', "10^A")
    assert [newest(books, key).problem for key in "BC"] == ["down", "lost"]


@pytest.mark.parametrize(("last", "stage"), [(False, Stage.CONFIRM), (True, Stage.DONE)])
def test_a_delivery_binds_and_goes_on(ledger: Ledger, books: Books, lease: Lease, last: bool, stage: Stage) -> None:
    """To the write back, or to the end where there is none; the binding is there with it."""
    (intent,) = opened(books, lease, "A")
    close(books, lease, (intent, Landed("T-1")), last=last)
    entry = newest(books, "A")
    assert (entry.stage, entry.external_id, entry.confirmation) == (stage, "T-1", None)
    expected = Binding("paper", "A", "T-1", "10^A")
    assert books.dictionary.by_reference("paper", "10^A") == books.dictionary.by_key("paper", "A") == expected
    assert books.dictionary.by_reference("voucher", "10^A") is None
    assert ledger.books("globex").dictionary.by_reference("paper", "10^A") is None


def test_a_confirmation_binds_nothing(books: Books, lease: Lease) -> None:
    """What the source answers is kept as it is; the record in the target stays bound to its own id."""
    (intent,) = opened(books, lease, "A")
    close(books, lease, (intent, Landed("T-1")))
    (intent,) = books.intents.open([newest(books, "A")], lease)
    assert (intent.entry.stage, intent.entry.attempts) == (Stage.CONFIRM, 2)
    close(books, lease, (intent, Landed("voucher 7")))
    entry = newest(books, "A")
    assert (entry.state, entry.stage) == (State.CONFIRMED, Stage.DONE)
    assert (entry.external_id, entry.confirmation) == ("T-1", "voucher 7")
    assert books.dictionary.bound("paper") == {"A": "T-1"}


def test_what_was_looked_for_and_is_not_there_may_be_sent_again(ledger: Ledger, books: Books, lease: Lease) -> None:
    """From unknown it goes back before its call, at either stage; one that is still being sent stays."""
    first, second = opened(books, lease, "A", "B")
    close(books, lease, (first, Unknown("lost")))
    (first,) = [intent for intent in books.intents.unsettled(FLOW, Stage.DELIVER) if intent.id == first.id]
    close(books, lease, (first, Absent()), (second, Absent()))
    assert (newest(books, "A").state, newest(books, "B").state) == (State.TRANSLATED, State.SENDING)
    assert last_event(books, "A") == ("absent", {"intent": first.id})
    assert [row.outcome for row in rows(ledger)] == ["absent", "absent"]
    (again,) = books.intents.open([newest(books, "A")], lease)
    close(books, lease, (again, Landed("T-1")))
    (told,) = books.intents.open([newest(books, "A")], lease)
    close(books, lease, (told, Unknown("lost")))
    (told,) = books.intents.unsettled(FLOW, Stage.CONFIRM)
    close(books, lease, (told, Absent()))
    assert newest(books, "A").state is State.DELIVERED


def test_what_is_unknown_already_is_not_moved_again(books: Books, lease: Lease) -> None:
    """A look-up without an answer is no new event."""
    (intent,) = opened(books, lease, "A")
    close(books, lease, (intent, Unknown("lost")))
    (intent,) = books.intents.unsettled(FLOW, Stage.DELIVER)
    close(books, lease, (intent, Unknown("still")))
    assert newest(books, "A") == intent.entry
    close(books, lease)


def test_an_overtaken_worker_records_no_outcome(ledger: Ledger, books: Books, lease: Lease) -> None:
    """Neither beside its intents nor as moves, nor a binding, nor a new intent: the other one settles them."""
    first, second = opened(books, lease, "A", "B")
    (third,) = ready(books, "C")
    clock_of(ledger).sleep(LEASE_SECONDS + 1)
    ledger.leases.take("acme", "another:1:1")
    with pytest.raises(LeaseLostError, match="acme: another worker took over and settles"):
        close(books, lease, (first, Landed("T-1")), (second, Unknown("lost")))
    with pytest.raises(LeaseLostError):
        books.intents.open([third], lease)
    assert [(row.outcome, row.closed_at) for row in rows(ledger)] == [(None, None)] * 2
    assert [newest(books, key).state for key in "ABC"] == [State.SENDING, State.SENDING, State.TRANSLATED]
    assert books.dictionary.bound("paper") == {}


def test_writes_without_an_outcome_are_found_again(ledger: Ledger, books: Books, lease: Lease) -> None:
    """Open after a crash or unknown, of one stage of one flow, in order; each with its newest intent."""
    first, second, third, fourth = opened(books, lease, "A", "B", "C", "D")
    close(books, lease, (first, Unknown("lost")), (third, Landed("T-3")), (fourth, Postponed("down")))
    (again,) = books.intents.open([newest(books, "D")], lease)
    (told,) = books.intents.open([newest(books, "C")], lease)
    (elsewhere,) = books.intents.open(ready(books, "A", flow="others"), lease)
    found = books.intents.unsettled(FLOW, Stage.DELIVER)
    assert [(intent.id, intent.entry) for intent in found] == [
        (first.id, newest(books, "A")),
        (second.id, newest(books, "B")),
        (again.id, newest(books, "D")),
    ]
    assert [intent.opened_at for intent in found] == [first.opened_at, second.opened_at, again.opened_at]
    assert [intent.id for intent in books.intents.unsettled(FLOW, Stage.CONFIRM)] == [told.id]
    assert [intent.id for intent in books.intents.unsettled("others", Stage.DELIVER)] == [elsewhere.id]
    assert ledger.books("globex").intents.unsettled(FLOW, Stage.DELIVER) == []
    assert books.intents.count_open() == {FLOW: 4, "others": 1}
    assert ledger.books("globex").intents.count_open() == {}
