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
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import coverage
import pytest

from benchmarks.mutations import Mutation, mutations

HERE = Path(__file__).parent
ROOT = HERE.parent
EXPLAINED = HERE / "mutants_survivors.md"
FAST = "/dev/shm"  # databases that live for a second
PACKAGE = "mlc_pipelines"
TESTS = f"{PACKAGE}_tests"
ROOMS = {
    "accounting": (["accounting/*.py"], ["accounting"]),
    "flows/delivery": (
        [f"flows/{name}.py" for name in ("delivery", "collecting", "translating", "road", "flow", "content")],
        ["flows", "simulation"],
    ),
    "ledger": (["ledger/*.py"], ["ledger", "flows", "simulation"]),
}
"""Modules of each room, and the folders of the tests that may see their mutants."""
SAMPLED = "ledger"
ENOUGH = 0.9
QUICK_SECONDS = 20.0
"""So long (CPU while traced, twice the usual) a mutant is tried on SQLite before the thorough trial."""
MEMORY = 6 << 30


@dataclass
class Told:
    """What the tests told of themselves when nothing was changed."""

    seconds: dict[str, float] = field(default_factory=dict)  # CPU, by test
    through: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # module, line: tests
    all: list[str] = field(default_factory=list)  # also those on PostgreSQL
    imported: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass
class Mutant:
    """One mutation of one module, and what came of it: killed, timed out, survived or not importable."""

    room: str
    path: str
    mutation: Mutation
    outcome: str = ""

    @property
    def key(self) -> str:
        """Name it."""
        return f"{self.path} {self.mutation.key}"


class Recorder:
    """Runs the tests on SQLite and writes down what each goes through."""

    def __init__(self, told: Told, traced: coverage.Coverage) -> None:
        self._told = told
        self._traced = traced

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out PostgreSQL."""
        self._told.all = [item.nodeid for item in items]
        items[:] = [item for item in items if "postgres" not in item.nodeid]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Trace one test."""
        self._traced.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self._told.seconds[item.nodeid] = time.process_time() - began

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what fails before anything was changed."""
        if report.failed:
            self._told.failed.append(report.nodeid)


class Chosen:
    """Runs chosen tests in their order, each within its time."""

    def __init__(self, tests: Sequence[str], seconds: dict[str, float]) -> None:
        self._order = {test: number for number, test in enumerate(tests)}
        self._seconds = seconds
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose and order."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self._order), key=lambda item: self._order[item.nodeid]
        )

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Set the alarms: the default action of both ends the process."""
        usual = self._seconds.get(item.nodeid, 10.0)
        signal.setitimer(signal.ITIMER_PROF, 3 + 10 * usual)
        signal.setitimer(signal.ITIMER_REAL, 60 + 40 * usual)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the test that saw the mistake."""
        if report.failed:
            self.failed = report.nodeid


class ChangedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module from its changed tree."""

    tree: ast.Module

    def get_code(self, fullname: str) -> CodeType:
        """Compile the tree."""
        return compile(ast.fix_missing_locations(self.tree), self.path, "exec")


class Changed(importlib.abc.MetaPathFinder):
    """Gives one module in its changed form to whoever imports it."""

    def __init__(self, loader: ChangedLoader) -> None:
        self._loader = loader

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find this module only."""
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._loader.path, loader=self._loader)


def run_tests(folder: str, where: Iterable[str], plugin: object) -> int:
    """Run tests in this very process, repeatably: hypothesis draws the same examples and does not shrink."""
    from hypothesis import HealthCheck, Phase, settings

    settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    tempfile.tempdir = folder
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    usual = ["-n0", "-x", "-p", "no:cacheprovider", f"--basetemp={folder}/tests", f"--rootdir={ROOT}"]
    return int(
        pytest.main([*usual, "--tb=no", "-Wignore::pytest.PytestAssertRewriteWarning", *where], plugins=[plugin])
    )


def listen(folder: str, tests: Sequence[str], pipe: Connection) -> None:
    """In a child: run the tests as they are, and tell of them."""
    traced = coverage.Coverage(data_file=None, include=[f"{ROOT}/{PACKAGE}/*"], config_file=False)
    traced.set_option("run:relative_files", value=False)
    told = Told()
    traced.start()
    run_tests(folder, [f"{TESTS}/{name}" for name in tests], Recorder(told, traced))
    traced.stop()
    data = traced.get_data()
    for file in data.measured_files():
        told.through[str(Path(file).relative_to(ROOT / PACKAGE))] = data.contexts_by_lineno(file)
    told.imported = [name for name in sys.modules if not name.startswith((PACKAGE, "benchmarks", "__"))]
    pipe.send(told)
    os._exit(0)


def try_one(folder: str, mutant: Mutant, tests: Sequence[str], told: Told, pipe: Connection) -> None:
    """In a child: make the mistake, run the tests, tell which one saw it."""
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    mutant.mutation.make()
    file = ROOT / PACKAGE / mutant.path
    name = f"{PACKAGE}.{mutant.path.removesuffix('.py').replace('/', '.')}"
    loader = ChangedLoader(name, str(file))
    loader.tree = TREES[mutant.path]
    sys.meta_path.insert(0, Changed(loader))
    chosen = Chosen(tests, told.seconds)
    code = run_tests(folder, dict.fromkeys(test.partition("::")[0] for test in tests), chosen)
    pipe.send((code, chosen.failed))
    os._exit(0)


FORK = multiprocessing.get_context("fork")
TREES: dict[str, ast.Module] = {}


class Trial:
    """One child at work, in a folder of its own."""

    def __init__(self, work: Callable[..., None], *given: Any) -> None:
        self._folder = tempfile.mkdtemp(prefix="mutant-", dir=FAST if Path(FAST).is_dir() else None)
        self._mine, theirs = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=work, args=(self._folder, *given, theirs))
        self._process.start()
        theirs.close()
        self.sentinel = self._process.sentinel

    def answer(self) -> Any:
        """Wait for its end and clear away what it left; None when it was ended before it could answer."""
        try:
            told = self._mine.recv()
        except EOFError:
            told = None
        self._process.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid or 0, signal.SIGKILL)
        for server in Path(self._folder).glob("mlc-pg-*/postmaster.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(server.read_text().split()[0]), signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)
        return told


def find() -> list[Mutant]:
    """Find every mutant of every room."""
    found = []
    for room, (patterns, _) in ROOMS.items():
        for path in sorted(file for pattern in patterns for file in (ROOT / PACKAGE).glob(pattern)):
            name = str(path.relative_to(ROOT / PACKAGE))
            TREES[name] = ast.parse(path.read_text(encoding="utf-8"))
            found += [Mutant(room, name, each) for each in mutations(TREES[name])]
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


def try_all(mutants: Sequence[Mutant], told: Told, workers: int, *, thorough: bool) -> None:
    """Try mutants, some at a time, and set what came of each."""
    killers: dict[str, Counter[str]] = defaultdict(Counter)
    running: dict[object, tuple[Mutant, Trial]] = {}
    left = list(reversed(mutants))
    while left or running:
        while left and len(running) < workers:
            mutant = left.pop()
            tests = tests_of(mutant, told, killers[mutant.path])
            tests = with_twins(tests, told) if thorough else first_ones(tests, told)
            trial = Trial(try_one, mutant, tests, told)
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
    told: Told = Trial(listen, sorted({folder for room in rooms for folder in ROOMS[room][1]})).answer()
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
