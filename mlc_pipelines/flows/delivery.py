"""Deliver and confirm: intent, call, outcome; an unknown outcome leaves only by looking."""

import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import timedelta

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    NotYetError,
    OutcomeUnknownError,
    RecordError,
    TransientError,
    legible,
)
from mlc_pipelines.flows.collecting import in_parts
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.flows.road import Choice, Road, Tally
from mlc_pipelines.flows.translating import put_back, translate
from mlc_pipelines.ledger.intents import Intent
from mlc_pipelines.ledger.leases import Lease
from mlc_pipelines.ledger.moves import Move
from mlc_pipelines.ledger.records import Absent, Entry, Hold, Landed, Outcome, Postponed, Unknown, is_word
from mlc_pipelines.ledger.states import Stage, State

logger = logging.getLogger(__name__)

_Group = Sequence[tuple[Intent, str | None]]
"""What goes into one call; each with the id of the record there that an earlier version made."""

_Call = Future[list[tuple[Intent, Outcome]]]

OUTCOMES = 16
"""So many calls are written down in one transaction; those of a worker that dies before are looked up."""

TURNS = 8
"""So many calls for each that may be in flight are announced at once, and more when half of them are written down.

While some are announced or written down, others go on.
"""

MOST_ANNOUNCED = 2000
"""So many records are announced at once at most, where that is a turn for each call in flight."""

SILENT_LOOKS = 5
"""So many writes in a row that cannot be looked up, and nothing is sent in this pass."""

STOPPED = "the worker stopped before the answer"
"""What is said of a write that may never have been sent."""

ROUNDS = 10
"""So many writes of a record in a row whose answer was lost and that were not there, and a person has to look.

Where others landed meanwhile, that is: a target that takes nothing is waited for.
"""

MOST_ROUNDS = 100
"""So many, and a person has to look though nothing else landed."""

PATIENCE = 3
"""So many calls in a row without an answer, and the rest of the pass waits for the next one."""


def deliver(road: Road, choice: Choice | None = None) -> Tally:
    """Send what is translated; with a choice, held entries are translated anew and sent too."""
    tally = translate(road, choice) if choice is not None else Tally()
    if tally.interrupted:
        return tally
    return _Passage(road, Stage.DELIVER, tally).go(State.TRANSLATED)


def confirm(road: Road, choice: Choice | None = None) -> Tally:
    """Tell the source of what was delivered; with a choice, held write backs are tried again."""
    tally = Tally()
    if choice is not None:
        with road.worked() as lease:
            tally.add("replayed", put_back(road.books, road.flow.name, choice, lease, only=Stage.CONFIRM))
    return _Passage(road, Stage.CONFIRM, tally).go(State.DELIVERED)


class _Passage:
    """One pass through a stage that writes."""

    def __init__(self, road: Road, stage: Stage, tally: Tally) -> None:
        self._road = road
        self._stage = stage
        self._tally = tally
        self._silent = 0
        self._broken: Exception | None = None
        flow = road.flow
        self._size = flow.deliver_batch if stage is Stage.DELIVER else flow.confirm_batch
        turn = self._size * road.calls_in_flight
        self._chunk = max(turn, OUTCOMES, min(TURNS * turn, MOST_ANNOUNCED))
        self._ahead = self._chunk // self._size // 2

    def go(self, ready: State) -> Tally:
        started = self._road.ledger.clock.now()
        with self._road.worked() as lease, self._road.workers(self._road.calls_in_flight) as pool:
            try:
                self._settle(lease)
                self._give_way(lease)
                self._send_due(ready, lease, pool)
            except TransientError as error:
                self._tally.interrupted = str(error)
        self._road.books.progress.note(self._road.flow.name, self._stage.value, started, self._tally.counts)
        if self._broken is not None:
            raise self._broken
        return self._tally

    def _send_due(self, ready: State, lease: Lease, pool: Executor) -> None:
        under_way: deque[_Call] = deque()
        try:
            for groups in self._announced(ready, lease):
                under_way += [pool.submit(self._attempt, group, lease) for group in groups]
                while len(under_way) > self._ahead:
                    self._write_down(under_way, lease)
            while under_way:
                self._write_down(under_way, lease)
        finally:  # what of it could not be written down should not be sent either
            for call in under_way:
                call.cancel()

    def _announced(self, ready: State, lease: Lease) -> Iterator[Sequence[_Group]]:
        """Announce what is due, a chunk at a time, as long as nothing speaks against sending more."""
        after = 0
        while self._broken is None and self._tally.interrupted is None:
            batch = self._road.books.entries.due(
                self._road.flow.name, self._stage, [ready, State.POSTPONED], after=after, limit=self._chunk
            )
            if not batch:
                return
            after = batch[-1].id
            intents = self._road.books.intents.open(batch, lease)
            self._road.watch("announced", len(intents))
            bound = self._bound(intents)
            yield [[(intent, bound.get(intent.entry.key)) for intent in part] for part in in_parts(intents, self._size)]

    def _write_down(self, under_way: deque[_Call], lease: Lease) -> None:
        """Wait for the calls that were handed out first, and write down what came of them."""
        answered = (under_way.popleft().result() for _ in range(min(OUTCOMES, len(under_way))))
        for part in in_parts(answered, OUTCOMES):
            self._write_outcomes([result for results in part for result in results], lease)

    def _bound(self, intents: Sequence[Intent]) -> Mapping[str, str]:
        """Give the ids of the records there that earlier versions made, by key."""
        return self._road.books.dictionary.bound_among(self._road.flow.kind, [intent.entry.key for intent in intents])

    def _write_outcomes(self, results: Sequence[tuple[Intent, Outcome]], lease: Lease) -> None:
        last = self._road.flow.assets.confirm is None
        self._road.books.intents.close(results, lease, kind=self._road.flow.kind, last=last)
        for _, outcome in results:
            self._tally.add(_WORDS[type(outcome)])
        self._road.watch("settled", len(results))

    def _attempt(self, group: _Group, lease: Lease) -> list[tuple[Intent, Outcome]]:
        """Send a group; one that is refused whole is halved until the bad record stands alone."""
        self._road.ledger.leases.assure(lease)
        if self._silent >= PATIENCE or self._broken is not None:
            return [(intent, Postponed("not tried: the other side does not answer")) for intent, _ in group]
        try:
            landed = self._send([Outgoing(intent.entry, bound) for intent, bound in group])
            outcomes: list[tuple[Intent, Outcome]] = [
                (intent, _kept(outcome)) for (intent, _), outcome in zip(group, landed, strict=True)
            ]
        except RecordError as error:
            if len(group) > 1:
                half = len(group) // 2
                return self._attempt(group[:half], lease) + self._attempt(group[half:], lease)
            return [(group[0][0], _held(error))]
        except NotYetError as error:
            return [(intent, Postponed(str(error))) for intent, _ in group]
        except TransientError as error:
            self._silent += 1
            self._tally.interrupted = str(error) if self._silent >= PATIENCE else None
            return [(intent, Postponed(str(error))) for intent, _ in group]
        except OutcomeUnknownError as error:
            return [(intent, Unknown(str(error))) for intent, _ in group]
        except ConfigurationError as error:
            self._broken = error
            return [(intent, Postponed(str(error))) for intent, _ in group]
        except Exception as error:  # noqa: BLE001  # our own fault after a call that may have landed: look before sending again
            self._broken = error
            said = str(error) if isinstance(error, MlcError) else f"unforeseen {type(error).__name__}"
            return [(intent, Unknown(f"{STOPPED}: {said}", sent=False)) for intent, _ in group]
        self._silent = 0
        return outcomes

    def _send(self, batch: list[Outgoing]) -> list[Landed]:
        flow = self._road.flow
        if self._stage is Stage.CONFIRM:
            landed = list(flow.confirm(batch))
            self._road.watch("called", len(batch))
            return landed
        for outgoing in batch:
            if outgoing.bound is not None and not flow.amends:
                raise RecordError(
                    f"{outgoing.entry.label} changed after it was delivered as {outgoing.bound}, which takes no "
                    "change; compare both and correct the target by hand",
                    cause=Cause.CHANGED_AFTER_DELIVERY,
                )
        there = self._look([outgoing for outgoing in batch if outgoing.bound is None])
        if flow.amends:
            self._road.books.dictionary.link(
                flow.kind, [(o.entry, there[o.entry.id].external_id) for o in batch if o.entry.id in there]
            )
            batch = [Outgoing(o.entry, there[o.entry.id].external_id) if o.entry.id in there else o for o in batch]
            there = {}
        rest = [outgoing for outgoing in batch if outgoing.entry.id not in there]
        made = dict(zip((o.entry.id for o in rest), flow.deliver(rest) if rest else [], strict=True))
        self._road.watch("called", len(batch))
        return [there.get(o.entry.id) or made[o.entry.id] for o in batch]

    def _look(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        """Look what is there. Nothing is written by it, so a lost answer here only postpones."""
        try:
            return self._road.flow.find(batch) if batch else {}
        except OutcomeUnknownError as error:
            raise TransientError(str(error)) from error

    def _settle(self, lease: Lease) -> None:
        """Bring every write of unknown outcome to an end before anything else is sent."""
        books, flow = self._road.books, self._road.flow
        crashed = [
            intent for intent in books.intents.unsettled(flow.name, self._stage) if intent.entry.state is State.SENDING
        ]
        if crashed:
            self._write_outcomes([(intent, Unknown(STOPPED, sent=False)) for intent in crashed], lease)
        now = self._road.ledger.clock.now()
        patience = timedelta(seconds=flow.settle_after if self._stage is Stage.DELIVER else 0)
        lost = [(intent, intent.closed_at or now) for intent in books.intents.unsettled(flow.name, self._stage)]
        # Noted by a clock that was ahead: nobody knows when that was, but it is known now.
        ahead = [(intent, _still(intent)) for intent, at in lost if at > now]
        if ahead:
            self._write_outcomes(ahead, lease)
        # Not since it was announced: between that and the call a worker may have waited long for its turn.
        due = [intent for intent, at in lost if min(at, now) + patience <= now]
        for part in in_parts(due, max(self._size, 50)):
            silence = None
            try:
                results = self._looked_up(part)
            except TransientError:
                results, silence = self._looked_up_one_by_one(part)
            self._write_outcomes(self._worn_out(results), lease)
            if silence is not None:
                raise silence

    def _worn_out(self, results: Sequence[tuple[Intent, Outcome]]) -> list[tuple[Intent, Outcome]]:
        """Hold what would be sent again for ever: a target may fail on one record each time, and say nothing of it."""
        absent = [intent.entry for intent, outcome in results if isinstance(outcome, Absent) and outcome.sent]
        # Of each one, the last write is not written down yet.
        worn = self._road.books.intents.in_vain(absent, times=ROUNDS - 1, at_most=MOST_ROUNDS - 1) if absent else {}
        return [
            (intent, _worn(intent.entry, worn[intent.entry.id] + 1) if intent.entry.id in worn else outcome)
            for intent, outcome in results
        ]

    def _give_way(self, lease: Lease) -> None:
        """End versions that had a successor while nobody knew whether they had arrived, and holds of older versions.

        The others gave way when their successor came. What was settled a moment ago as not there is not sent again.
        """
        entries, name = self._road.books.entries, self._road.flow.name
        while batch := entries.outdated(name, self._stage):
            entries.move([Move(entry, State.SUPERSEDED, "superseded") for entry in batch], lease)

    def _looked_up_one_by_one(
        self, part: Sequence[Intent]
    ) -> tuple[list[tuple[Intent, Outcome]], TransientError | None]:
        """Find the writes that can be looked up, and the error where too many in a row, or all, cannot.

        One that cannot stays unknown, and keeps nobody else from being sent.
        """
        results: list[tuple[Intent, Outcome]] = []
        silence: list[TransientError] = []  # in a row
        for intent in part:
            try:
                results += self._looked_up([intent])
                silence = []
            except TransientError as error:
                silence.append(error)
                if len(silence) >= SILENT_LOOKS:
                    break
                logger.warning("a write cannot be looked up", extra={"key": intent.entry.key, "error": str(error)})
        silent = len(silence) >= SILENT_LOOKS or not results
        return results, silence[-1] if silent else None

    def _looked_up(self, part: Sequence[Intent]) -> list[tuple[Intent, Outcome]]:
        """Look what became of writes; one whose look-up needs a person is held, the others are told apart from it.

        A confirmation looks by itself before it writes, so it is simply due again. So is an amendment: that the record
        is there says nothing of its content, and the same amendment twice is one.
        """
        if self._stage is Stage.CONFIRM:
            return [(intent, _absent(intent)) for intent in part]
        amended = self._bound(part) if self._road.flow.amends else {}
        created = [Outgoing(intent.entry) for intent in part if intent.entry.key not in amended]
        try:
            found = self._look(created)
        except RecordError as error:
            if len(part) > 1:
                half = len(part) // 2
                return self._looked_up(part[:half]) + self._looked_up(part[half:])
            return [(part[0], _held(error))]
        there = {id_: _kept(landed) for id_, landed in found.items()}
        return [(intent, there.get(intent.entry.id) or _absent(intent)) for intent in part]


def _held(error: RecordError) -> Hold:
    return Hold(error.cause, str(error), error.key if is_word(error.key or "") else None)


def _absent(intent: Intent) -> Absent:
    return Absent(sent=intent.sent)


def _still(intent: Intent) -> Unknown:
    return Unknown(intent.entry.problem or STOPPED, sent=intent.sent)


def _worn(entry: Entry, times: int) -> Hold:
    return Hold(
        Cause.OUTCOME_UNSETTLED,
        f"{entry.label} was sent {times} times, each time without an answer, and was never there afterwards; the last "
        f"time: {entry.problem}",
        None,
    )


def _kept(landed: Landed) -> Outcome:
    """Give what landed; under an id that the ledger cannot keep it cannot be found again, so it counts as unknown."""
    if not landed.external_id or is_word(landed.external_id):
        return landed
    return Unknown(f"the answer names an id that cannot be kept: {legible(landed.external_id, 60)!r}")


_WORDS: dict[type, str] = {
    Landed: "landed",
    Hold: "held",
    Postponed: "postponed",
    Unknown: "unknown",
    Absent: "sent again",
}
