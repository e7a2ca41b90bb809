"""Finds the integrations: every folder beside this file that has a folder of flows.

Each has a module `integration` with its INTEGRATION, and a module `settings` with its SETTINGS.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from mlc_pipelines import integrations
from mlc_pipelines.integrations.integration import Integration

T = TypeVar("T")


class Lazily(Mapping[str, T]):
    """Values by name, each made when it is asked for: what one needs is not imported for the others."""

    def __init__(self, names: Iterable[str], make: Callable[[str], T]) -> None:
        self._names = sorted(names)
        self._make = make

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def catalogue() -> Mapping[str, Integration]:
    """Give all integrations by name."""
    return Lazily(_found(), lambda name: _in(name, "integration").INTEGRATION)


def settings() -> Mapping[str, type[BaseModel]]:
    """Give what each integration reads of a connection file, by its name; no client is imported for it."""
    return Lazily(_found(), lambda name: _in(name, "settings").SETTINGS)


def _found() -> Sequence[str]:
    return [flows.parent.name for shelf in map(Path, integrations.__path__) for flows in shelf.glob("*/flows")]


def _in(name: str, module: str) -> Any:
    return importlib.import_module(f"{integrations.__name__}.{name}.{module}")
