"""A source and a target of documents over a network that a seed makes bad."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.flows.flow import Outgoing
from mlc_pipelines.ledger.records import Landed
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, TestClock

SETTLE_SECONDS = 75.0


@dataclass
class Target:
    """What the other side has: the amount by reference, how often each was made, and writes still on their way."""

    kept: dict[str, str] = field(default_factory=dict)
    creates: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    on_the_way: list[tuple[datetime, str, str, bool]] = field(default_factory=list)

    def write(self, key: str, amount: str, *, is_new: bool) -> None:
        """Perform a write."""
        if is_new:
            self.creates[key] += 1
        self.kept[key] = amount

    def arrive(self, now: datetime) -> None:
        """Perform the writes that have been on their way long enough."""
        for write in [write for write in self.on_the_way if write[0] <= now]:
            self.on_the_way.remove(write)
            self.write(write[1], write[2], is_new=write[3])


class BadRoad(PaperFlow):
    """Carries documents to the target as one worker sees it."""

    settle_after = SETTLE_SECONDS

    def __init__(
        self,
        paper: Paper,
        target: Target,
        *,
        chance: random.Random,
        clock: TestClock,
        weather: Callable[[], float],
        checkpoint: Callable[[], None],
    ) -> None:
        super().__init__(paper)
        self._target = target
        self._chance = chance
        self._clock = clock
        self._weather = weather
        self._checkpoint = checkpoint

    def find(self, batch: Sequence[Outgoing]) -> Mapping[int, Landed]:
        self._call()
        if self._is_bad(0.5):
            raise TransientError("no answer to a question")
        return {o.entry.id: Landed(f"T-{o.entry.key}") for o in batch if o.entry.key in self._target.kept}

    def deliver(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        self._call()
        for outgoing in batch:
            self._write(outgoing)
        return [Landed(f"T-{outgoing.entry.key}") for outgoing in batch]

    def _write(self, outgoing: Outgoing) -> None:
        key, amount, is_new = outgoing.entry.key, outgoing.payload["amount"], outgoing.bound is None
        if self._is_bad():
            match self._chance.randrange(5):
                case 0:
                    raise TransientError("not performed", refused=True)
                case 1:
                    raise RecordError("no", cause=Cause.REJECTED_BY_TARGET)
                case 2:
                    raise OutcomeUnknownError("lost on the way there")
                case 3:
                    late = timedelta(seconds=self._chance.uniform(0, SETTLE_SECONDS - 1))
                    self._target.on_the_way.append((self._clock.at + late, key, amount, is_new))
                    raise OutcomeUnknownError("performed later")
        self._target.write(key, amount, is_new=is_new)
        if self._is_bad():
            raise OutcomeUnknownError("lost on the way back")

    def confirm(self, batch: Sequence[Outgoing]) -> Sequence[Landed]:
        self._call()
        if self._is_bad():
            raise TransientError("no answer")
        for outgoing in batch:
            self._target.marks[outgoing.entry.key] += 1
        if self._is_bad():
            raise OutcomeUnknownError("marked, answer lost")
        return [Landed("told") for _ in batch]

    def _call(self) -> None:
        self._clock.sleep(self._chance.uniform(0.0, 2.0))
        self._target.arrive(self._clock.at)
        self._checkpoint()
        self._target.arrive(self._clock.at)

    def _is_bad(self, share: float = 1.0) -> bool:
        return self._chance.random() < self._weather() * share
