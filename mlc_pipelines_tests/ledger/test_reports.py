"""Reports: sums to the cent, holds by cause, and the whole story of one record."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.ledger import Books, Ledger
from mlc_pipelines.ledger.records import Landed, from_micros, to_micros
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.ledger.builders import FLOW, clock_of, hold, move, newest, receive

MICROS = st.integers(min_value=-(10**15), max_value=10**15)


def test_sums_are_by_company_state_and_currency(books: Books) -> None:
    """Each place has its own count and money; currencies are never added together."""
    receive(books, "A", amount=Decimal("0.10"))
    receive(books, "B", amount=Decimal("0.20"))
    receive(books, "C", amount=Decimal(1200), currency="JPY")
    receive(books, "D", amount=Decimal("1.005"), currency="KWD", company="20")
    hold(books, *receive(books, "E", amount=Decimal("-3.50")))
    found = {(s.company, s.state, s.currency): (s.count, s.amount) for s in books.reports.sums()}
    assert found == {
        ("10", State.RECEIVED, "EUR"): (2, Decimal("0.30")),
        ("10", State.RECEIVED, "JPY"): (1, Decimal(1200)),
        ("20", State.RECEIVED, "KWD"): (1, Decimal("1.005")),
        ("10", State.HELD, "EUR"): (1, Decimal("-3.50")),
    }


def test_only_the_newest_version_counts(ledger: Ledger, books: Books) -> None:
    """A changed document is one document with its new amount; other connections and flows are not in it."""
    receive(books, "A", amount=Decimal(5))
    receive(books, "A", content=b"changed", amount=Decimal(7))
    receive(books, "A", flow="others", amount=Decimal(100))
    receive(ledger.books("globex"), "A", amount=Decimal(1000))
    (found,) = books.reports.sums(flow=FLOW)
    assert (found.count, found.amount, found.state) == (1, Decimal(7), State.RECEIVED)
    assert len(books.reports.sums()) == 2


def test_a_record_without_an_amount_is_counted(books: Books) -> None:
    """Suppliers and accounts have no money, but they have a place."""
    receive(books, "S-1001", amount=None, currency=None)
    (found,) = books.reports.sums()
    assert (found.count, found.amount, found.currency) == (1, Decimal(0), None)


@pytest.mark.parametrize(
    ("states", "place"),
    [
        ((), "under_way"),
        ((State.TRANSLATED, State.SENDING, State.UNKNOWN), "under_way"),
        ((State.TRANSLATED, State.SENDING, State.POSTPONED), "under_way"),
        ((State.IGNORED,), "ignored"),
        ((State.HELD,), "held"),
        ((State.TRANSLATED, State.SENDING, State.DELIVERED), "delivered"),
        ((State.TRANSLATED, State.SENDING, State.DELIVERED, State.SENDING), "delivered"),
        ((State.TRANSLATED, State.SENDING, State.DELIVERED, State.CONFIRMED), "delivered"),
    ],
)
def test_each_entry_stands_at_one_place(books: Books, states: tuple[State, ...], place: str) -> None:
    """What the target has stays delivered, whatever becomes of telling the source."""
    (entry,) = receive(books, "A")
    move(books, entry, *states)
    assert books.reports.sums()[0].place == place


@given(st.lists(MICROS, min_size=1, max_size=8))
@settings(max_examples=200)
def test_amounts_come_back_as_they_went_in(amounts: list[int]) -> None:
    """Millionths and amounts are two writings of the same number, also in a sum."""
    total = sum((from_micros(micros) or Decimal(0) for micros in amounts), Decimal(0))
    assert [to_micros(from_micros(micros)) for micros in amounts] == amounts
    assert to_micros(total) == sum(amounts)


def test_an_amount_finer_than_a_millionth_is_refused() -> None:
    """Nothing is rounded on the way into the ledger; no amount stays none."""
    with pytest.raises(ValueError, match="more than 6 decimal places"):
        to_micros(Decimal("0.0000001"))
    assert to_micros(None) is None
    assert from_micros(None) is None
    assert str(from_micros(1_500_000)) == "1.50"


def test_holds_are_grouped_by_cause_the_most_first(books: Books) -> None:
    """A group has its count, its money, since when, and the words of one of its holds."""
    for key in ("A", "B"):
        hold(books, *receive(books, key), key="account:6990")
    first = newest(books, "A").since
    hold(books, *receive(books, "C", currency="USD"), key="account:6990")
    hold(books, *receive(books, "D"), cause=Cause.CREDIT_NOTE)
    groups = books.reports.held()
    assert [(g.cause, g.cause_key, g.currency, g.count, g.amount) for g in groups] == [
        (Cause.ACCOUNT_UNMAPPED, "account:6990", "EUR", 2, Decimal("20.00")),
        (Cause.ACCOUNT_UNMAPPED, "account:6990", "USD", 1, Decimal("10.00")),
        (Cause.CREDIT_NOTE, None, "EUR", 1, Decimal("10.00")),
    ]
    assert (groups[0].since, groups[0].example, groups[0].stage) == (first, "A cannot go on", Stage.TRANSLATE)


def test_holds_can_be_asked_for_one_flow(books: Books) -> None:
    """Other flows' holds are left out, and what is not held is in no group."""
    hold(books, *receive(books, "A"))
    hold(books, *receive(books, "A", flow="others"))
    receive(books, "B")
    assert [(group.flow, group.count) for group in books.reports.held(flow="others")] == [("others", 1)]


def test_a_record_that_cannot_be_read_is_held_from_its_first_moment(books: Books) -> None:
    """It is written down with its problem all the same."""
    receive(books, "A", problem="DueDate is 'soon', no date")
    (group,) = books.reports.held()
    assert (group.cause, group.example) == (Cause.UNREADABLE, "DueDate is 'soon', no date")


def delivered(ledger: Ledger, books: Books, key: str) -> None:
    (entry,) = receive(books, key)
    entry = move(books, entry, State.TRANSLATED, reference=f"10^{key}")
    lease = ledger.leases.take("acme", "another-machine/1:1:1")
    intents = books.intents.open([entry], lease)
    books.intents.close([(intents[0], Landed(f"t-{key}"))], lease, kind="paper", last=False)
    ledger.leases.give_back(lease)


@pytest.mark.parametrize("clue", ["A", "INV-A", "10^A", "t-A"])
def test_a_record_is_found_by_whatever_a_clerk_has(ledger: Ledger, books: Books, clue: str) -> None:
    """By key, document number, our reference or the id in the target; nothing else is found with it."""
    delivered(ledger, books, "A")
    delivered(ledger, books, "B")
    (found,) = books.reports.find(clue)
    assert (found.key, found.external_id, found.state) == ("A", "t-A", State.DELIVERED)
    assert ledger.books("globex").reports.find(clue) == []


def test_every_version_is_found_newest_last(books: Books) -> None:
    """The story of a record has all its versions."""
    receive(books, "A", amount=Decimal(1))
    receive(books, "A", content=b"changed", amount=Decimal(2))
    assert [(e.version, e.amount, e.state) for e in books.reports.find("A")] == [
        (1, Decimal(1), State.SUPERSEDED),
        (2, Decimal(2), State.RECEIVED),
    ]
    assert books.reports.find("Z") == []


def test_the_trail_tells_everything_in_order(ledger: Ledger, books: Books) -> None:
    """From receipt to delivery: what, when, by whom, from which state to which, with the facts."""
    delivered(ledger, books, "A")
    trail = books.reports.trail(newest(books, "A"))
    assert [(step.seq, step.kind, step.before, step.after) for step in trail] == [
        (1, "received", None, "received"),
        (2, "translated", "received", "translated"),
        (3, "sending", "translated", "sending"),
        (4, "delivered", "sending", "delivered"),
    ]
    assert '"external_id":"t-A"' in trail[-1].detail
    assert [step.at for step in trail] == sorted(step.at for step in trail)
    assert {step.actor for step in trail} == {"mlc"}


def test_select_joins_its_conditions(books: Books) -> None:
    """States, keys or numbers, causes, dates and flow all have to fit."""
    receive(books, "A", dated=date(2026, 10, 31))
    receive(books, "B", dated=date(2026, 11, 1))
    hold(books, *receive(books, "C", dated=date(2026, 11, 30)), cause=Cause.CREDIT_NOTE)
    receive(books, "D", flow="others", dated=date(2026, 11, 15))
    november = (date(2026, 11, 1), date(2026, 11, 30))

    def keys(**conditions: object) -> list[str]:
        return [entry.key for entry in books.reports.select(**conditions)]  # type: ignore[arg-type]  # each as given

    assert keys(flow=FLOW, dated=november) == ["B", "C"]
    assert keys(states=[State.HELD]) == keys(causes=[Cause.CREDIT_NOTE]) == ["C"]
    assert keys(keys=["INV-A", "B"]) == ["A", "B"]
    assert keys(states=[State.HELD], keys=["A"]) == []
    assert keys(flow=FLOW) == ["A", "B", "C"]


def test_select_goes_page_by_page(ledger: Ledger, books: Books) -> None:
    """`after` and `limit` walk through all entries, each once; `since` leaves out those that moved earlier."""
    receive(books, "A", "B", "C")
    first = books.reports.select(limit=2)
    second = books.reports.select(after=first[-1].id, limit=2)
    assert [entry.key for entry in (*first, *second)] == ["A", "B", "C"]
    clock_of(ledger).sleep(60)
    moved = hold(books, first[0]).since
    assert [entry.key for entry in books.reports.select(since=moved)] == ["A"]


def test_reports_write_nothing(ledger: Ledger, books: Books) -> None:
    """No statement of theirs writes, whatever the database; one of the ledger's own is seen."""
    (entry,) = receive(books, "A")
    said: list[str] = []
    event.listen(ledger.engine, "before_cursor_execute", lambda *given: said.append(given[2].split()[0].upper()))
    assert books.reports.sums()
    assert books.reports.find("A")
    assert books.reports.trail(entry)
    assert books.reports.held() == []
    assert set(said) <= {"BEGIN", "SELECT"}
    hold(books, entry)
    assert {"UPDATE", "INSERT"} <= set(said)
