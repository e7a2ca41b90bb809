"""States of an entry and the moves between them, as one table."""

from enum import StrEnum


class Stage(StrEnum):
    """Which stage takes the entry next."""

    TRANSLATE = "translate"
    DELIVER = "deliver"
    CONFIRM = "confirm"
    DONE = "done"


class State(StrEnum):
    """What is true of an entry now."""

    RECEIVED = "received"  # the source copy is in the ledger
    TRANSLATED = "translated"  # the payload for the target is made
    SENDING = "sending"  # an intent is committed, its outcome is not
    UNKNOWN = "unknown"  # sent, and the answer lost: look before sending again
    DELIVERED = "delivered"  # the target has it
    CONFIRMED = "confirmed"  # the source has been told
    POSTPONED = "postponed"  # the other side could not answer: due again at the next pass
    HELD = "held"  # a person must act
    IGNORED = "ignored"  # not carried, by rule or as a person closed it; the reason is written down
    SUPERSEDED = "superseded"  # a newer version took its place, and speaks for it


MOVES: dict[State, frozenset[State]] = {
    State.RECEIVED: frozenset({State.TRANSLATED, State.HELD, State.IGNORED, State.SUPERSEDED}),
    State.TRANSLATED: frozenset({State.SENDING, State.HELD, State.RECEIVED, State.SUPERSEDED}),
    State.SENDING: frozenset({State.DELIVERED, State.CONFIRMED, State.HELD, State.POSTPONED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.DELIVERED, State.CONFIRMED, State.TRANSLATED, State.HELD, State.SENDING}),
    State.DELIVERED: frozenset({State.SENDING, State.CONFIRMED}),
    State.POSTPONED: frozenset({State.SENDING, State.RECEIVED, State.DELIVERED, State.SUPERSEDED}),
    State.HELD: frozenset({State.RECEIVED, State.DELIVERED, State.CONFIRMED, State.IGNORED, State.SUPERSEDED}),
    State.IGNORED: frozenset({State.RECEIVED, State.SUPERSEDED}),
    State.CONFIRMED: frozenset(),
    State.SUPERSEDED: frozenset(),
}

_NEXT: dict[State, Stage] = {
    State.RECEIVED: Stage.TRANSLATE,
    State.TRANSLATED: Stage.DELIVER,
    State.DELIVERED: Stage.CONFIRM,
    State.CONFIRMED: Stage.DONE,
}

OPEN = frozenset({State.SENDING, State.UNKNOWN})
UNDELIVERED = (Stage.TRANSLATE, Stage.DELIVER)


class MoveError(AssertionError):
    """Our own mistake: a move that the table does not allow."""


def check_move(before: State, after: State) -> None:
    """Raise MoveError unless the table allows the move."""
    if after not in MOVES[before]:
        raise MoveError(f"ledger: an entry may not move from {before} to {after}")


def stage_after(state: State, stage: Stage) -> Stage:
    """Name the stage that takes an entry next, once it is in `state`; holds and waits keep their stage."""
    return _NEXT.get(state, stage)
