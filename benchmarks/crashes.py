"""Kills workers at random, recovers, and counts: `python -m benchmarks.crashes --system all --kills 200 --seed 1`.

`--open-intents 10000` measures instead how long a restart takes to settle so many writes of unknown outcome.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import deliver
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.states import Stage, State
from mlc_pipelines_tests.crashes.harness import Plant, WarmParent, open_plant
from mlc_pipelines_tests.databases import KINDS
from mlc_pipelines_tests.flows.world import Paper, PaperFlow, open_ledger, road_of

INVOICES = 24
CALLS_AT_ONCE = 4
FURTHEST_STEP = 12
KILLS_AN_OFFICE = 25  # then all its work is done, and another one opens
KILLS_A_DAY = 5
MOST_LIVES = 15  # without a kill, until people are asked to act again
MOST_DAYS = 2  # without a kill, until an office is left
MOST_OFFICES = 5  # without a kill, until something must be wrong
FAST = "/dev/shm"  # databases that live for a minute


@dataclass
class Toll:
    """What the kills of one system came to."""

    kills: int = 0
    lives: int = 0
    left_open: int = 0  # writes under way when their worker was killed
    still_open: int = 0
    documents: int = 0
    where: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Count what is lost or nowhere."""
        return sum(1 for line in self.wrong if "lost" in line or "nowhere" in line)

    @property
    def doubled(self) -> int:
        """Count what stands more than once."""
        return sum(1 for line in self.wrong if line.endswith("times"))


class Office:
    """One office with people who act, and workers who die while they work."""

    def __init__(self, plant: Plant, toll: Toll, *, chance: random.Random) -> None:
        self._plant = plant
        self._toll = toll
        self._chance = chance
        self._reached = 1  # so many flows are worked: one needs what those before it brought there

    def live(self, kills: int) -> None:
        """Kill so many workers, let the others do all that is left, and hold the books against each other."""
        until = self._toll.kills + kills
        idle = 0
        while self._toll.kills < until and idle < MOST_DAYS:
            self._plant.office.act()
            killed = sum(self._kill() for _ in range(min(KILLS_A_DAY, until - self._toll.kills)))
            idle = 0 if killed else idle + 1
        for _ in range(2):
            self._plant.settle()
        self._toll.still_open += self._open()
        self._toll.wrong += self._plant.wrong()
        self._toll.documents += sum(len(paper.target) for paper in self._plant.office.papers())

    def _kill(self) -> bool:
        """Let workers live until one is killed; tell whether one was."""
        for _ in range(MOST_LIVES):
            flows = list(self._plant.flows)[: self._reached]
            flow = self._chance.choice(flows)
            stages = ("collect", *self._plant.flows[flow])
            stages = stages[self._chance.randrange(len(stages)) :]
            before = self._open()
            self._toll.lives += 1
            life = self._plant.work((flow, stages), kill_at=self._chance.randint(1, FURTHEST_STEP))
            if life.killed:
                self._toll.kills += 1
                self._toll.left_open += max(0, self._open() - before)
                self._toll.where[life.last.split()[0]] += 1
                return True
            if flow == flows[-1] and stages[0] == "collect":
                self._reached += 1
        return False

    def _open(self) -> int:
        with House.open(self._plant.environ) as house:
            return sum(house.ledger.books(self._plant.office.name).intents.count_open().values())


def strike(system: str, kills: int, *, seed: int, kind: str, parent: WarmParent) -> Toll:
    """Kill so many workers of a system, in as many offices as that takes."""
    toll, chance = Toll(), random.Random(f"{system} {seed}")
    idle = 0
    while toll.kills < kills:
        with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder:
            world = chance.randrange(1, 10_000)
            home = Path(folder) / "home"
            with open_plant(system, home, parent=parent, invoices=INVOICES, seed=world, kind=kind) as plant:
                plant.at_once = CALLS_AT_ONCE
                before = toll.kills
                Office(plant, toll, chance=chance).live(min(KILLS_AN_OFFICE, kills - toll.kills))
        idle = 0 if toll.kills > before else idle + 1
        if idle == MOST_OFFICES:
            raise RuntimeError(f"{system}: nobody could be killed")
    return toll


class Settled(BaseException):
    """All is settled; what follows is ordinary work."""


def stop_before_sending(step: str, _records: int) -> None:
    """End a pass where it announces the first new write."""
    if step == "announced":
        raise Settled


def settle_open_intents(number: int, *, kind: str) -> float:
    """Leave so many writes of unknown outcome behind, half of them performed; give the seconds to settle them all."""
    with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as folder:
        ledger = open_ledger(Path(folder), kind=kind)
        flow = PaperFlow(Paper(**{f"D{count:06}": "1.00" for count in range(number)}))
        road = road_of(ledger, flow)
        collect(road)
        translate(road)
        with road.worked() as lease:
            due = road.books.entries.due(flow.name, Stage.DELIVER, [State.TRANSLATED], after=0, limit=number)
            road.books.intents.open(due, lease)
        flow.kept = [(entry.key, "1.00") for entry in due[::2]]
        began = time.perf_counter()
        with contextlib.suppress(Settled):
            deliver(replace(road, watch=stop_before_sending))
        seconds = time.perf_counter() - began
        landed = road.books.entries.tally(flow.name).get(State.DELIVERED, 0)
        if landed != len(flow.kept):
            raise RuntimeError(f"{len(flow.kept)} were performed, {landed} were found")
        ledger.engine.dispose()
    return seconds


def main() -> int:
    """Kill, and print what became of it; 1 when anything is lost, doubled or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", default="all", choices=["all", *sorted(catalogue())])
    parser.add_argument("--kills", type=int, default=100, help="for each system")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="20 kills for each system")
    parser.add_argument("--open-intents", type=int, metavar="N")
    parser.add_argument("--database", default="sqlite", choices=KINDS)
    given = parser.parse_args()
    if given.open_intents:
        seconds = settle_open_intents(given.open_intents, kind=given.database)
        print(f"{given.open_intents} writes of unknown outcome, half of them performed: settled in {seconds:.1f} s")
        return 0
    wrong = 0
    with WarmParent() as parent:
        for system in sorted(catalogue()) if given.system == "all" else [given.system]:
            began = time.perf_counter()
            kills = 20 if given.quick else given.kills
            toll = strike(system, kills, seed=given.seed, kind=given.database, parent=parent)
            tell(system, toll, seconds=time.perf_counter() - began)
            wrong += len(toll.wrong)
    return 1 if wrong else 0


def tell(system: str, toll: Toll, *, seconds: float) -> None:
    """Print the toll of a system."""
    where = ", ".join(f"{count} {step}" for step, count in toll.where.most_common())
    print(
        f"{system}: {toll.kills} killed of {toll.lives} workers ({where}); "
        f"{toll.left_open} documents under way, {toll.left_open - toll.still_open} recovered; "
        f"{toll.documents} documents in all, {toll.lost} lost, {toll.doubled} doubled, "
        f"{len(toll.wrong)} findings; {seconds:.0f} s",
        flush=True,
    )
    for line in toll.wrong:
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
