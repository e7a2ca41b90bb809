"""Close: ends holds of records that a person has settled by hand; neither a run nor a replay takes them again."""

from collections.abc import Sequence

from mlc_pipelines.errors import Cause, legible
from mlc_pipelines.flows.collecting import in_parts
from mlc_pipelines.flows.road import Choice
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import Stage, State

PAGE = 500


def close(books: Books, held: Sequence[Entry], choice: Choice) -> None:
    """End these holds, for the reason of a choice: what the target has is confirmed, anything else is ignored.

    LeaseLostError when one of them is not any more as it was read: somebody else was quicker.
    """
    for batch in in_parts(held, PAGE):
        books.entries.move([_closed(entry, choice) for entry in batch], None)


def _closed(entry: Entry, choice: Choice) -> Move:
    reason = legible(choice.reason)
    detail = {"reason": reason, "cause": entry.cause}
    if entry.stage is Stage.CONFIRM:
        return Move(entry, State.CONFIRMED, "closed", actor=choice.actor, detail=detail)
    values = {"cause": Cause.CLOSED_BY_HAND.value, "problem": reason}
    return Move(entry, State.IGNORED, "closed", actor=choice.actor, detail=detail, values=values)
