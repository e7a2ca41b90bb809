"""What happens to files while nobody of ours looks: they grow and are written anew between two listings."""

import random

from mlc_pipelines.sandbox.kernel.faults import Faults
from mlc_pipelines.sandbox.stampli.drop import Drop


class Weather:
    """Acts under the profile `contended`, at one listing in five; every listing finishes what the last one left."""

    def __init__(self, drop: Drop, *, faults: Faults, seed: int) -> None:
        self._drop = drop
        self._faults = faults
        self._seed = seed
        self._growing: set[str] = set()
        self.clear()

    def clear(self) -> None:
        """Begin again."""
        self._dice = random.Random(self._seed)
        self._growing.clear()

    def before_listing(self, folder: str) -> str | None:
        """Let a file of this folder be half written, or written anew; tell what was done."""
        with self._drop.lock:
            for path in list(self._growing):
                self._growing.discard(path)
                if path in self._drop.unfinished() and self._drop.on_disk(path).exists():
                    self._drop.finish(path)
            if not self._faults.someone_edits():
                return None
            files = [path for path in self._drop.files(folder) if path not in self._drop.unfinished()]
            if not files:
                return None
            path = self._dice.choice(files)
            content = self._drop.read(path)
            if self._dice.random() < 1 / 2:
                self._drop.begin(path, content, part="")
                self._growing.add(path)
                return f"{path} is being written"
            self._drop.replace(path, content, same_second=False)
            return f"{path} written anew"
