"""Makes small mistakes in the ledger, the road and accounting, and counts which of them the tests see.

    python -m benchmarks.mutants [--quick] [--room ROOM] [--only TEXT] [--sample N] [--seed N] [--workers N]

Each mutant is one changed module in a process of its own, forked from one that has imported everything but us. It runs
the tests that went through the changed lines, those that saw other mutants of the module first, then the fastest, on
SQLite, until one fails. What is left after that is tried with all of these tests and on PostgreSQL. What then still
survives has to be explained in `mutants_survivors.md`; 1 when one is not, or when less than 90 % of a room are killed.
Texts for people (of errors, findings, advice) are not changed, nor is what says nothing when the program runs.
A mutant that cannot be imported is not counted.
"""

import argparse
import ast
import contextlib
import gc
import importlib
import os
import re
import resource
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection, wait
from pathlib import Path

from benchmarks.mutations import Mutation, mutations
from benchmarks.trials import PACKAGE, ROOT, Chosen, Told, Trial, listen, try_one

EXPLAINED = Path(__file__).with_name("mutants_survivors.md")
ROOMS = {
    "accounting": (["accounting/*.py"], ["accounting"]),
    "flows/delivery": (
        [f"flows/{name}.py" for name in ("delivery", "collecting", "translating", "road", "flow", "content")],
        ["flows"],
    ),
    "ledger": (["ledger/*.py"], ["ledger", "flows"]),
}
"""Modules of each room, and the folders of the tests that may see their mutants."""
SAMPLED = "ledger"
ENOUGH = 0.9
QUICK_SECONDS = 20.0
"""So long (CPU while traced, twice the usual) a mutant is tried on SQLite before the thorough trial."""


@dataclass
class Mutant:
    """One mutation of one module, and what came of it: killed, timed out, survived or not importable."""

    room: str
    path: str
    tree: ast.Module
    mutation: Mutation
    outcome: str = ""

    @property
    def key(self) -> str:
        """Name it."""
        return f"{self.path} {self.mutation.key}"


def listened(tests: Sequence[str]) -> Told:
    """Run tests as they are, and give what they told."""
    told: Told = Trial(listen, tests).answer()
    return told


def find() -> list[Mutant]:
    """Find every mutant of every room."""
    found = []
    for room, (patterns, _) in ROOMS.items():
        for path in sorted(file for pattern in patterns for file in (ROOT / PACKAGE).glob(pattern)):
            name = str(path.relative_to(ROOT / PACKAGE))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [Mutant(room, name, tree, each) for each in mutations(tree)]
    return found


def draw(mutants: Iterable[Mutant], sample: int, seed: int) -> list[Mutant]:
    """Draw so many of each module of the sampled room, by their names: other changes of a file leave the choice."""
    by_path = defaultdict(list)
    for mutant in mutants:
        by_path[mutant.path].append(mutant)
    drawn = []
    for every in by_path.values():
        ranked = sorted(every, key=lambda mutant: sha256(f"{seed} {mutant.key}".encode()).digest())
        drawn += every if every[0].room != SAMPLED else ranked[:sample]
    return drawn


def tests_of(mutant: Mutant, told: Told, killers: Counter[str]) -> list[str]:
    """Give the tests that went through the changed lines, or else around them, the most promising first."""
    lines = told.through.get(mutant.path, {})
    named = f"/test_{Path(mutant.path).name}::"
    for span in (mutant.mutation.lines, *mutant.mutation.scopes, lines):
        found = {test for line in span for test in lines.get(line, ()) if test}
        if found:
            return sorted(found, key=lambda test: (-killers[test], named not in test, told.seconds[test]))
    return []


def first_ones(tests: Sequence[str], told: Told) -> list[str]:
    """Give the first tests that together take no longer than a quick trial."""
    spent, chosen = 0.0, []
    for test in tests:
        if spent + told.seconds[test] <= QUICK_SECONDS:
            spent += told.seconds[test]
            chosen.append(test)
    return chosen


def with_twins(tests: Sequence[str], told: Told) -> list[str]:
    """Add the same tests on PostgreSQL."""
    return [
        *tests,
        *(twin for test in tests if (twin := test.replace("sqlite", "postgres")) != test and twin in told.all),
    ]


def with_mistake(folder: str, mutant: Mutant, tests: Sequence[str], told: Told, pipe: Connection) -> None:
    """In a child: make the mistake, and try it."""
    mutant.mutation.make()
    try_one(folder, mutant.path, mutant.tree, Chosen(tests, told.seconds), pipe)


def try_all(mutants: Sequence[Mutant], told: Told, workers: int, *, thorough: bool) -> None:
    """Try mutants, some at a time, and set what came of each."""
    killers: dict[str, Counter[str]] = defaultdict(Counter)
    running: dict[object, tuple[Mutant, Trial]] = {}
    left = list(reversed(mutants))
    while left or running:
        while left and len(running) < workers:
            mutant = left.pop()
            tests = tests_of(mutant, told, killers[mutant.path])
            if not thorough:
                tests = first_ones(tests, told)
            elif mutant.room == SAMPLED:
                tests = with_twins(tests, told)
            trial = Trial(with_mistake, mutant, tests, told)
            running[trial.sentinel] = (mutant, trial)
        for ended in wait([trial.sentinel for _, trial in running.values()]):
            mutant, trial = running.pop(ended)
            code, killer = trial.answer() or (None, "")
            mutant.outcome = OUTCOMES.get(code, "not importable")
            killers[mutant.path][killer] += bool(killer)
            if mutant.outcome == "survived":
                print(f"survived{' all tests' if thorough else ''}: {mutant.key}", flush=True)


OUTCOMES = {0: "survived", 1: "killed", 5: "survived", None: "timed out"}
"""By pytest's exit code; 5 is no test at all."""


def explained() -> set[str]:
    """Give the mutants that the list explains."""
    text = EXPLAINED.read_text(encoding="utf-8")
    return {f"{path} {key}" for path, part in _parts(text) for key in re.findall(r"^- `(.+?)`", part, re.MULTILINE)}


def _parts(text: str) -> list[tuple[str, str]]:
    pieces = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return list(zip(pieces[1::2], pieces[2::2], strict=True))


def report(mutants: Sequence[Mutant]) -> dict[str, float]:
    """Print the figures by module and room; give the share killed by room."""
    shares = {}
    print(f"{'':32}{'mutants':>9}{'no import':>11}{'killed':>8}{'timed out':>11}{'survived':>10}{'':>9}")
    for room in dict.fromkeys(mutant.room for mutant in mutants):
        mine = [mutant for mutant in mutants if mutant.room == room]
        for path in dict.fromkeys(mutant.path for mutant in mine):
            _line(path, [mutant for mutant in mine if mutant.path == path])
        shares[room] = _line(f"= {room}", mine)
    shares["all"] = _line("= all", mutants)
    return shares


def _line(name: str, mutants: Sequence[Mutant]) -> float:
    counts = Counter(mutant.outcome for mutant in mutants)
    killed = counts["killed"] + counts["timed out"]
    share = killed / max(killed + counts["survived"], 1)
    print(
        f"{name:32}{len(mutants):9}{counts['not importable']:11}{counts['killed']:8}{counts['timed out']:11}"
        f"{counts['survived']:10}{share:9.1%}"
    )
    return share


def main() -> int:
    """Try the mutants, and print what came of them."""
    given = arguments()
    rooms = [room for room in ROOMS if given.room in {None, room}]
    every = find()
    stale = explained() - {mutant.key for mutant in every}
    mutants = [mutant for mutant in every if mutant.room in rooms and re.search(given.only, mutant.key)]
    mutants = mutants if given.only else draw(mutants, given.sample, given.seed)
    told = listened(sorted({folder for room in rooms for folder in ROOMS[room][1]}))
    if told.failed:
        print("failed with nothing changed:", *told.failed)
        return 1
    for name in told.imported:
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)
    gc.freeze()
    try_all(mutants, told, given.workers, thorough=False)
    left = [mutant for mutant in mutants if mutant.outcome == "survived" and mutant.key not in explained()]
    try_all(left, told, given.workers, thorough=True)
    shares = report(mutants)
    unexplained = sorted(mutant.key for mutant in left if mutant.outcome == "survived")
    for key in unexplained:
        print("not explained:", key)
    for key in sorted(stale | {mutant.key for mutant in mutants if "sur" not in mutant.outcome} & explained()):
        print("explained, but killed or gone:", key)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{len(mutants)} mutants, {(used.ru_utime + used.ru_stime) / 60:.0f} minutes of CPU")
    return 1 if unexplained or stale or min(shares.values()) < ENOUGH else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="accounting only")
    parser.add_argument("--room", choices=ROOMS)
    parser.add_argument("--only", default="", help="mutants whose name fits this regular expression, none left out")
    parser.add_argument("--sample", type=int, default=100, help=f"mutants of each module of {SAMPLED}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    given = parser.parse_args()
    given.room = "accounting" if given.quick else given.room
    return given


if __name__ == "__main__":
    sys.exit(main())
