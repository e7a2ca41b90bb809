"""Finds the integrations: every folder beside this file that has a folder of flows."""

import functools
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

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


@functools.cache
def catalogue() -> Mapping[str, Integration]:
    """Give all integrations by name."""
    shelves = map(Path, integrations.__path__)
    return Lazily([flows.parent.name for shelf in shelves for flows in shelf.glob("*/flows")], _imported)


def _imported(name: str) -> Integration:
    integration: Integration = importlib.import_module(f"{integrations.__name__}.{name}").INTEGRATION
    return integration
