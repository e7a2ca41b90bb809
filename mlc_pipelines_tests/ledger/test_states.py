"""The state table: every move it names can be made, no other one, and every state is left the way it says."""

from collections.abc import Iterator
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc_pipelines.ledger.ledger import Ledger
from mlc_pipelines.ledger.states import MOVES, OPEN, UNDELIVERED, MoveError, Stage, State, check_move, stage_after
from mlc_pipelines_tests.flows.world import open_ledger
from mlc_pipelines_tests.ledger.builders import move, newest, receive

ENDS = {State.CONFIRMED, State.SUPERSEDED}
PAIRS = list(product(State, State))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path_factory.mktemp("states"))
    yield opened
    assert list(opened.audit.verify()) == []
    opened.engine.dispose()


def reachable(start: State) -> set[State]:
    found, open_ends = {start}, [start]
    while open_ends:
        for after in MOVES[open_ends.pop()] - found:
            found.add(after)
            open_ends.append(after)
    return found


def test_what_databases_hold_is_still_understood() -> None:
    """These words are in the rows of every ledger there is: a new one may come, none may change."""
    assert {"translate", "deliver", "confirm", "done"} <= {stage.value for stage in Stage}
    assert {
        "received", "translated", "sending", "unknown", "delivered",
        "confirmed", "postponed", "held", "ignored", "superseded",
    } <= {state.value for state in State}  # fmt: skip


def test_the_table_speaks_of_every_state() -> None:
    """Each state has its line, and lines name states only."""
    assert set(MOVES) == set(State)
    assert all(after in MOVES for targets in MOVES.values() for after in targets)


def test_every_state_can_be_reached_from_the_first() -> None:
    """No state is only on paper."""
    assert reachable(State.RECEIVED) == set(State)


def test_only_two_states_are_final() -> None:
    """What is confirmed or superseded stays so; everything else can still go on."""
    assert {state for state in State if not MOVES[state]} == ENDS


@pytest.mark.parametrize("state", [state for state in State if state not in ENDS])
def test_from_every_other_state_there_is_a_way_to_confirmed(state: State) -> None:
    """No record can be caught in a state for ever."""
    assert State.CONFIRMED in reachable(state)


def test_nothing_is_confirmed_or_unknown_that_was_not_sent() -> None:
    """Both follow a call under way; confirmed also follows delivered, where the source is not told by a call, and held.

    That is for a person who has told the source by hand: see the tests of closing.
    """
    before = {state: {earlier for earlier, targets in MOVES.items() if state in targets} for state in State}
    assert before[State.UNKNOWN] == {State.SENDING}
    assert before[State.CONFIRMED] == OPEN | {State.DELIVERED, State.HELD}


def test_a_lost_answer_never_becomes_a_plain_wait() -> None:
    """Unknown cannot be postponed or superseded: it must be looked for first."""
    assert not MOVES[State.UNKNOWN] & {State.POSTPONED, State.SUPERSEDED, State.RECEIVED, State.IGNORED}


@given(st.sampled_from(PAIRS))
def test_the_check_is_the_table(pair: tuple[State, State]) -> None:
    """A move is refused exactly when the table does not name it."""
    before, after = pair
    if after in MOVES[before]:
        check_move(before, after)
    else:
        with pytest.raises(MoveError, match=f"from {before} to {after}"):
            check_move(before, after)


@given(st.sampled_from(State), st.sampled_from(Stage))
def test_waits_and_holds_keep_their_stage(state: State, stage: Stage) -> None:
    """Only a finished step changes which stage is next."""
    steps = {
        State.RECEIVED: Stage.TRANSLATE,
        State.TRANSLATED: Stage.DELIVER,
        State.DELIVERED: Stage.CONFIRM,
        State.CONFIRMED: Stage.DONE,
    }
    assert stage_after(state, stage) is steps.get(state, stage)
    assert (stage in UNDELIVERED) == (stage in {Stage.TRANSLATE, Stage.DELIVER})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(State), max_size=10))
def test_no_walk_through_the_ledger_breaks_the_table(shared: Ledger, wanted: list[State]) -> None:
    """Whatever moves are asked for, an entry makes those the table names and stays where it is for the others."""
    books = shared.books("acme")
    (entry,) = receive(books, uuid4().hex)
    walked = [State.RECEIVED]
    for after in wanted:
        if after in MOVES[entry.state]:
            entry = move(books, entry, after)
            walked.append(after)
        else:
            with pytest.raises(MoveError):
                move(books, entry, after)
    assert newest(books, entry.key).state is walked[-1]
    assert [happening.after for happening in books.reports.trail(entry)] == [state.value for state in walked]
