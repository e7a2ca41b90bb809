"""Trials of mutants: a child forked with everything imported but us runs chosen tests, each within its time."""

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "mlc_pipelines"
TESTS = f"{PACKAGE}_tests"
FAST = "/dev/shm"  # databases that live for a second
MEMORY = 6 << 30
FORK = multiprocessing.get_context("fork")


@dataclass
class Told:
    """What the tests told of themselves when nothing was changed."""

    seconds: dict[str, float] = field(default_factory=dict)  # CPU, by test
    through: dict[str, dict[int, list[str]]] = field(default_factory=dict)  # module, line: tests
    all: list[str] = field(default_factory=list)  # also those on PostgreSQL
    imported: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


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
        self.order = {test: number for number, test in enumerate(tests)}
        self._seconds = seconds
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose and order."""
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
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


def try_one(folder: str, path: str, tree: ast.Module, chosen: Chosen, pipe: Connection) -> None:
    """In a child: run tests with a module in its changed form; tell pytest's exit code and the test that failed."""
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    name = f"{PACKAGE}.{path.removesuffix('.py').replace('/', '.')}"
    loader = ChangedLoader(name, str(ROOT / PACKAGE / path))
    loader.tree = tree
    sys.meta_path.insert(0, Changed(loader))
    code = run_tests(folder, dict.fromkeys(test.partition("::")[0] for test in chosen.order), chosen)
    pipe.send((code, chosen.failed))
    os._exit(0)


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
