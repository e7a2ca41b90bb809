"""Translate: makes the target's payload of each source record, or holds it with its cause."""

import logging

from mlc_pipelines.errors import Cause, RecordError, TransientError, legible
from mlc_pipelines.flows.collecting import in_parts
from mlc_pipelines.flows.flow import UNFORESEEN
from mlc_pipelines.flows.road import Choice, Road, Tally
from mlc_pipelines.ledger.chain import digest
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import Entry, Ignored, Translated, is_word
from mlc_pipelines.ledger.states import Stage, State

logger = logging.getLogger(__name__)

PAGE = 200


def translate(road: Road, choice: Choice | None = None) -> Tally:
    """Translate what is due; entries whose cause has changed, and with a choice the held ones, are tried again."""
    tally = Tally()
    started = road.ledger.clock.now()
    with road.worked() as lease:
        if choice is not None:
            tally.add("replayed", put_back(road.books, road.flow.name, choice, lease))
        try:
            road.flow.prepare()
        except (TransientError, RecordError) as error:
            tally.interrupted = str(error)
            return tally
        if road.begins is not None:
            road.books.dictionary.learn("setting", {"documents_from": str(road.begins)})
        _release(road, lease, tally)
        _take_back(road, lease, tally)
        _translate_due(road, lease, tally)
    road.books.progress.note(road.flow.name, "translate", started, tally.counts)
    return tally


def put_back(books: Books, flow: str, choice: Choice, lease: Lease | None, *, only: Stage | None = None) -> int:
    """Put held entries back on the road, those of one stage or all; give how many.

    Before delivery they are translated anew, after it they are confirmed anew.
    """
    count = 0
    after = 0
    while batch := books.reports.select(
        flow=flow,
        states=(State.HELD,),
        keys=choice.keys,
        causes=choice.causes,
        since=choice.since,
        after=after,
    ):
        after = batch[-1].id
        detail = {"reason": choice.reason}
        moves = [
            Move(
                entry,
                State.DELIVERED if entry.stage is Stage.CONFIRM else State.RECEIVED,
                "replayed",
                actor=choice.actor,
                detail=detail,
            )
            for entry in batch
            if only in (None, entry.stage)
        ]
        books.entries.move(moves, lease)
        count += len(moves)
    return count


def _release(road: Road, lease: Lease, tally: Tally) -> None:
    for batch in in_parts(road.books.entries.released(road.flow.name), PAGE):
        moves = [Move(entry, State.RECEIVED, "released", detail={"cause_key": entry.cause_key}) for entry in batch]
        road.books.entries.move(moves, lease)
        tally.add("released", len(moves))


def _take_back(road: Road, lease: Lease, tally: Tally) -> None:
    """Take back what waits to be sent and would be translated otherwise now: a table may have been corrected since."""
    after = 0
    states = [State.TRANSLATED, State.POSTPONED]
    while batch := road.books.entries.due(road.flow.name, Stage.DELIVER, states, after=after, limit=PAGE):
        after = batch[-1].id
        moves = [Move(entry, State.RECEIVED, "taken back") for entry in batch if not _stands(road, entry)]
        if moves:
            road.books.entries.move(moves, lease)
        tally.add("taken back", len(moves))


def _stands(road: Road, entry: Entry) -> bool:
    return _translated(road, entry).values == {"payload": entry.payload, "reference": entry.reference}


def _translate_due(road: Road, lease: Lease, tally: Tally) -> None:
    after = 0
    while batch := road.books.entries.due(road.flow.name, Stage.TRANSLATE, [State.RECEIVED], after=after, limit=PAGE):
        after = batch[-1].id
        moves = [_translated(road, entry) for entry in batch]
        road.books.entries.move(moves, lease)
        for move in moves:
            tally.add(move.after.value)
        road.watch("translated", len(moves))


def _translated(road: Road, entry: Entry) -> Move:
    try:
        result = _understood(road, entry)
    except RecordError as error:
        key = error.key if is_word(error.key or "") else None
        values = {"cause": error.cause.value, "cause_key": key, "problem": str(error)}
        return Move(entry, State.HELD, "held", detail=_told(values), values=values)
    if isinstance(result, Ignored):
        key = result.key if is_word(result.key or "") else None
        values = {"cause": result.cause.value, "cause_key": key, "problem": legible(result.problem)}
        return Move(entry, State.IGNORED, "ignored", detail=_told(values), values=values)
    detail = {"payload": digest(result.payload), "reference": result.reference}
    return Move(
        entry,
        State.TRANSLATED,
        "translated",
        detail=detail,
        values={"payload": result.payload, "reference": result.reference},
    )


def _left_alone(road: Road, entry: Entry) -> Ignored | None:
    """Leave a document of before the first day alone, unless it was delivered by us."""
    if road.begins is None or entry.dated is None or entry.dated >= road.begins:
        return None
    if road.books.dictionary.by_key(road.flow.kind, entry.key) is not None:
        return None
    said = f"{entry.label} is of {entry.dated}, before documents_from ({road.begins})"
    return Ignored(Cause.NOT_OURS, said, "setting:documents_from")


def _understood(road: Road, entry: Entry) -> Translated | Ignored:
    try:
        result = _left_alone(road, entry) or road.flow.translate(entry)
    except UNFORESEEN as error:  # one record must not stop the others; the log has where it was
        logger.exception("unforeseen", extra={"flow": road.flow.name, "entry": entry.id})
        raise RecordError(
            f"{entry.label}: unforeseen {type(error).__name__} in translation", cause=Cause.UNREADABLE
        ) from error
    if isinstance(result, Translated) and not is_word(result.reference):
        raise RecordError(f"{entry.label}: no reference can be made of {result.reference!r}", cause=Cause.UNREADABLE)
    return result


def _told(values: dict[str, str | None]) -> dict[str, str | None]:
    return {"cause": values["cause"], "key": values["cause_key"], "problem": values["problem"]}
