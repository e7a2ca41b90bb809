"""The month-end match: every document has its place, and whatever does not agree is named, to the cent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.reconciling import PLACES, Document, Reconciliation, reconcile
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, open_ledger, road_of
from mlc_pipelines_tests.ledger.builders import hold, move, receive

NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))
DELIVERED = (State.TRANSLATED, State.SENDING, State.DELIVERED)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.engine.dispose()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One database for many examples, each under a connection of its own."""
    opened = open_ledger(tmp_path_factory.mktemp("match"))
    yield opened
    opened.engine.dispose()


@pytest.fixture
def flow() -> PaperFlow:
    return PaperFlow(Paper(A="1.00", B="2.50", C="3.00"))


def document(key: str, amount: str = "10.00", *, currency: str = "EUR", company: str = "10") -> Document:
    return Document(key, company, f"INV-{key}", "S-1001", currency, Decimal(amount), date(2026, 11, 3), f"T-{key}")


def entries_of(ledger: Ledger) -> list[Entry]:
    return ledger.books("acme").reports.select(flow="papers", dated=NOVEMBER)


def match(
    ledger: Ledger, source: Iterable[Document], target: Iterable[Document], entries: Sequence[Entry] | None = None
) -> Reconciliation:
    return reconcile("acme", NOVEMBER, source, target, entries_of(ledger) if entries is None else entries)


def walk(ledger: Ledger, flow: PaperFlow) -> None:
    road = road_of(ledger, flow)
    for stage in (collect, translate, deliver, confirm):
        stage(road)


def as_written(flow: PaperFlow) -> list[Document]:
    """What the source lists now."""
    return [document(key, written["amount"]) for key, written in flow.paper.documents.items()]


def as_kept(flow: PaperFlow) -> list[Document]:
    """What the target lists now: each create is a document, and an amendment changes it."""
    amended = dict(flow.amended)
    return [document(key, amended.get(key, amount)) for key, amount in flow.kept]


def after_a_walk(ledger: Ledger, flow: PaperFlow) -> Reconciliation:
    walk(ledger, flow)
    return match(ledger, as_written(flow), as_kept(flow))


def test_everything_that_arrived_matches(ledger: Ledger, flow: PaperFlow) -> None:
    """Source and target are the same documents for the same money, and nothing is left."""
    found = after_a_walk(ledger, flow)
    (line,) = found.matches
    assert found.matched
    assert (line.company, line.currency, line.difference) == ("10", "EUR", Decimal(0))
    assert line.counts == {"source": 3, "target": 3}
    assert line.sums == {"source": Decimal("6.50"), "target": Decimal("6.50")}
    assert (found.connection, found.first, found.last) == ("acme", *NOVEMBER)


def test_an_amended_document_matches_with_its_new_amount(ledger: Ledger, flow: PaperFlow) -> None:
    """A change that reached the target is no difference."""
    walk(ledger, flow)
    flow.paper.write("B", amount="2.75")
    assert after_a_walk(ledger, flow).matched


def test_a_cancelled_document_that_the_target_has_is_named(ledger: Ledger, flow: PaperFlow) -> None:
    """A ledger restored from a backup took it for one that was never sent."""
    walk(ledger, flow)
    (entry,) = ledger.books("acme").reports.select(flow="papers", keys=["B"])
    left_out = replace(entry, state=State.IGNORED, cause=Cause.CANCELLED, problem="invoice INV-B was cancelled")
    others = [each for each in entries_of(ledger) if each.key != "B"]
    (difference,) = match(ledger, as_written(flow), as_kept(flow), [left_out, *others]).differences
    assert (difference.key, difference.what) == ("B", "the target has it, and invoice INV-B was cancelled")


def test_held_and_ignored_documents_have_their_place(ledger: Ledger, flow: PaperFlow) -> None:
    """Source = target + held + ignored: what is not carried for a written reason is no difference."""
    flow.paper.write("B", account="6990")
    flow.paper.write("C", account="none")
    found = after_a_walk(ledger, flow)
    assert found.matched
    assert found.matches[0].counts == {"source": 3, "target": 1, "held": 1, "ignored": 1}
    assert found.matches[0].sums["held"] == Decimal("2.50")


def test_a_refused_document_is_held_in_the_match_too(ledger: Ledger, flow: PaperFlow) -> None:
    """The target's no is a hold, and no difference."""

    def refuse(batch: Sequence[Outgoing]) -> None:
        if batch[0].entry.key == "B":
            raise RecordError("no", cause=Cause.REJECTED_BY_TARGET)

    flow.before_deliver = refuse
    found = after_a_walk(ledger, flow)
    assert found.matched
    assert found.matches[0].counts["held"] == 1


def test_what_is_on_its_way_is_under_way(ledger: Ledger, flow: PaperFlow) -> None:
    """Collected but not delivered yet: counted, with its money, and no difference."""
    collect(road_of(ledger, flow))
    found = match(ledger, as_written(flow), [])
    assert found.matched
    assert found.matches[0].sums == {"source": Decimal("6.50"), "under_way": Decimal("6.50")}


@pytest.mark.parametrize("states", [DELIVERED[:2], (*DELIVERED[:2], State.UNKNOWN), (*DELIVERED[:2], State.POSTPONED)])
def test_a_write_without_an_answer_is_under_way(ledger: Ledger, states: tuple[State, ...]) -> None:
    """Sending, unknown and postponed documents are not in the target as far as we know; found there, they are."""
    (entry,) = receive(ledger.books("acme"), "A")
    move(ledger.books("acme"), entry, *states)
    assert match(ledger, [document("A")], []).matches[0].counts == {"source": 1, "under_way": 1}
    assert match(ledger, [document("A")], [document("A")]).matches[0].counts == {"source": 1, "target": 1}


def test_a_document_that_vanished_from_the_target_is_named(ledger: Ledger, flow: PaperFlow) -> None:
    """Delivered, but no longer there: the difference has its id, and the sums do not meet."""
    walk(ledger, flow)
    flow.kept.remove(("B", "2.50"))
    found = match(ledger, as_written(flow), as_kept(flow))
    (difference,) = found.differences
    assert not found.matched
    assert (difference.key, difference.label, difference.source, difference.target) == (
        "B",
        "INV-B",
        Decimal("2.50"),
        None,
    )
    assert difference.what == "delivered as T-B, but the target no longer has it"
    assert found.matches[0].difference == Decimal("2.50")


def test_a_document_that_was_never_collected_is_named(ledger: Ledger, flow: PaperFlow) -> None:
    """What the ledger does not know yet comes with the next run."""
    walk(ledger, flow)
    flow.paper.write("D", amount="7.00")
    found = match(ledger, as_written(flow), as_kept(flow))
    assert [(d.key, d.what) for d in found.differences] == [("D", "not in the ledger: the next run collects it")]
    assert found.matches[0].difference == Decimal("7.00")


def test_two_documents_for_one_are_named(ledger: Ledger, flow: PaperFlow) -> None:
    """A double in the target is one difference with the money of both."""
    walk(ledger, flow)
    flow.kept.append(("B", "2.50"))
    found = match(ledger, as_written(flow), as_kept(flow))
    (difference,) = found.differences
    assert difference.what == "2 documents in the target for one in the source"
    assert (difference.source, difference.target) == (Decimal("2.50"), Decimal("5.00"))
    assert found.matches[0].difference == Decimal("-2.50")


def test_an_amount_that_differs_is_named_to_the_cent(ledger: Ledger, flow: PaperFlow) -> None:
    """A cent changed by hand in the target shows with both amounts."""
    walk(ledger, flow)
    flow.kept[flow.kept.index(("B", "2.50"))] = ("B", "2.49")
    found = match(ledger, as_written(flow), as_kept(flow))
    (difference,) = found.differences
    assert (difference.what, difference.source, difference.target) == (
        "amounts differ by 0.01",
        Decimal("2.50"),
        Decimal("2.49"),
    )
    assert found.matches[0].difference == Decimal("0.01")


def test_a_change_that_is_held_says_so(ledger: Ledger, flow: PaperFlow) -> None:
    """Where the target still has the old amount because the change is held, the difference gives the reason."""
    walk(ledger, flow)
    flow.paper.write("B", amount="2.75", account="6990")
    (difference,) = after_a_walk(ledger, flow).differences
    assert difference.what == "amounts differ by 0.25; the change is held (no such account)"


def test_two_errors_that_cancel_out_are_both_named(ledger: Ledger, flow: PaperFlow) -> None:
    """Equal sums are not enough: each document must agree."""
    walk(ledger, flow)
    flow.kept[:] = [("A", "2.50"), ("B", "1.00"), ("C", "3.00")]
    found = match(ledger, as_written(flow), as_kept(flow))
    assert found.matches[0].difference == 0
    assert [difference.key for difference in found.differences] == ["A", "B"]
    assert not found.matched


def test_a_document_only_in_the_target_is_named(ledger: Ledger, flow: PaperFlow) -> None:
    """What the source never had has no source amount; each copy is named."""
    walk(ledger, flow)
    found = match(ledger, as_written(flow), [*as_kept(flow), document("X", "9.99"), document("X", "9.99")])
    assert [(d.key, d.source, d.target) for d in found.differences] == [("X", None, Decimal("9.99"))] * 2
    assert found.differences[0].what.startswith("only in the target")
    assert found.matches[0].difference == Decimal("-19.98")


def test_a_document_that_left_the_source_is_matched_from_our_copy(ledger: Ledger, flow: PaperFlow) -> None:
    """A finally posted invoice is no longer listed; the ledger's copy stands for it."""
    walk(ledger, flow)
    del flow.paper.documents["B"]
    found = match(ledger, as_written(flow), as_kept(flow))
    assert found.matched
    assert found.matches[0].counts == {"source": 3, "target": 3}


def test_a_document_that_left_both_sides_is_missed(ledger: Ledger, flow: PaperFlow) -> None:
    """Gone from the source, and gone from the target too: the ledger still knows it was delivered."""
    walk(ledger, flow)
    del flow.paper.documents["B"]
    flow.kept.remove(("B", "2.50"))
    (difference,) = match(ledger, as_written(flow), as_kept(flow)).differences
    assert (difference.key, difference.source) == ("B", Decimal("2.50"))


def test_a_document_that_changed_after_it_was_read_is_named(ledger: Ledger, flow: PaperFlow) -> None:
    """A held document whose amount in the source is another one by now is due for the next run."""
    flow.paper.write("B", account="6990")
    walk(ledger, flow)
    flow.paper.write("B", amount="8.00")
    (difference,) = match(ledger, as_written(flow), as_kept(flow)).differences
    assert difference.what == "changed since it was read: the ledger has 2.50"


def test_a_record_that_could_not_be_read_is_held_in_the_match(ledger: Ledger) -> None:
    """Without amount and date in the ledger it counts as the source lists it."""
    receive(ledger.books("acme"), "A", amount=None, currency=None, dated=None, problem="cannot be read")
    entries = ledger.books("acme").reports.select(flow="papers")
    found = match(ledger, [document("A", "4.00")], [], entries)
    assert found.matches[0].counts == {"source": 1, "held": 1}
    assert found.matches[0].difference == 0


def test_an_unreadable_record_that_the_source_does_not_list_is_left_out(ledger: Ledger) -> None:
    """There is nothing to count it with."""
    receive(ledger.books("acme"), "A", amount=None, currency=None, dated=None, problem="cannot be read")
    entries = ledger.books("acme").reports.select(flow="papers")
    assert match(ledger, [], [], entries).matches == ()


def test_companies_and_currencies_are_never_added_together(ledger: Ledger) -> None:
    """Each company and currency has its own line, in order, with the places it came with."""
    books = ledger.books("acme")
    there = []
    for key, amount, currency, company in (
        ("A", "10.00", "EUR", "20"),
        ("B", "1200", "JPY", "10"),
        ("C", "1.005", "KWD", "10"),
        ("D", "0.10", "EUR", "10"),
    ):
        (entry,) = receive(books, key, amount=Decimal(amount), currency=currency, company=company)
        move(books, entry, *DELIVERED)
        there.append(document(key, amount, currency=currency, company=company))
    found = match(ledger, there, reversed(there))
    assert found.matched
    assert [(line.company, line.currency, line.sums["target"]) for line in found.matches] == [
        ("10", "EUR", Decimal("0.10")),
        ("10", "JPY", Decimal(1200)),
        ("10", "KWD", Decimal("1.005")),
        ("20", "EUR", Decimal("10.00")),
    ]


def test_differences_are_in_order_of_company_currency_and_key(ledger: Ledger) -> None:
    """The page reads the same however the sides list their documents."""
    strays = [
        document("B"),
        document("A"),
        document("C", company="05"),
        document("D", currency="DKK"),
    ]
    assert [difference.key for difference in match(ledger, [], strays).differences] == ["C", "D", "A", "B"]


def test_nothing_at_all_matches(ledger: Ledger) -> None:
    """A month without documents has no line and no difference."""
    found = match(ledger, [], [])
    assert found.matched
    assert not found.matches
    assert not found.differences


WAYS = ("delivered", "held", "ignored", "under_way", "missing", "doubled", "new", "stray")


@settings(max_examples=20, deadline=None)
@given(
    ways=st.lists(
        st.tuples(st.sampled_from(WAYS), st.integers(-(10**6), 10**6), st.sampled_from(["EUR", "JPY"])), max_size=8
    )
)
def test_source_is_target_held_ignored_and_under_way(shared: Ledger, ways: list[tuple[str, int, str]]) -> None:
    """Whatever became of each document, the difference of a line is exactly what is missing less what is too much."""
    books = shared.books(uuid4().hex)
    source, target, expected, odd = [], [], {"EUR": Decimal(0), "JPY": Decimal(0)}, []
    for number, (way, cents, currency) in enumerate(ways):
        one = document(str(number), str(Decimal(cents).scaleb(-2)), currency=currency)
        if way not in {"new", "stray"}:
            (entry,) = receive(books, one.key, amount=one.amount, currency=currency)
            if way in {"delivered", "missing", "doubled"}:
                move(books, entry, *DELIVERED)
            elif way == "ignored":
                move(books, entry, State.IGNORED)
            elif way == "held":
                hold(books, entry)
        source += [] if way == "stray" else [one]
        target += [one] * {"delivered": 1, "stray": 1, "doubled": 2}.get(way, 0)
        expected[currency] += {
            "missing": one.amount,
            "new": one.amount,
            "doubled": -one.amount,
            "stray": -one.amount,
        }.get(way, Decimal(0))
        odd += [one.key] if way in {"missing", "new", "doubled", "stray"} else []
    found = match(shared, source, target, books.reports.select(flow="papers", dated=NOVEMBER))
    assert {line.currency: line.difference for line in found.matches} == {
        currency: expected[currency] for currency in {one.currency for one in (*source, *target)}
    }
    assert sorted(difference.key for difference in found.differences) == sorted(odd)
    assert found.matched == (not odd)
    assert all(set(line.counts) <= {"source", *PLACES} for line in found.matches)


@pytest.mark.parametrize("other", [document("A", currency="USD"), document("A", company="20")])
def test_the_same_amount_in_another_currency_or_company_is_no_match(ledger: Ledger, other: Document) -> None:
    """A hundred dollars are not a hundred euros: both lines show it, and the document is named."""
    (entry,) = receive(ledger.books("acme"), "A")
    move(ledger.books("acme"), entry, *DELIVERED)
    found = match(ledger, [document("A")], [other])
    assert [line.difference for line in found.matches] == [Decimal("10.00"), Decimal("-10.00")]
    assert found.differences[0].what == f"in the target it is 10.00 {other.currency} of company {other.company}"
