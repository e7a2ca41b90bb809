"""The REST target that all load into: it keeps documents, answers after a while, and loses answers when told.

`POST /documents` keeps one and gives its id; `GET /documents?reference=R` finds those of a reference. A document is
kept before its answer is lost, and the answer to the first try of the same documents is lost for every contestant.
`POST /rules` sets latency and loss and forgets everything; `GET /count` tells what came.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen
from zlib import crc32

from benchmarks.companions import companion, until_told
from benchmarks.plain_server import Body, PlainServer


@dataclass(frozen=True)
class Target:
    """A running target."""

    url: str

    def rules(self, *, latency: float, lost: float) -> None:
        """Set seconds before each answer and the share of creates whose answer is lost; everything is forgotten."""
        body = json.dumps({"latency": latency, "lost": lost}).encode()
        with urlopen(Request(f"{self.url}/rules", body)) as answer:
            answer.read()

    def count(self) -> dict[str, int]:
        """Tell how many calls came, documents were made, references are there, and answers were lost."""
        with urlopen(f"{self.url}/count") as answer:
            found: dict[str, int] = json.load(answer)
            return found


class Server:
    """Keeps documents by reference."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._obey({"latency": 0.0, "lost": 0.0})
        self._server = PlainServer(self._talk)
        self.url, self.close = self._server.url, self._server.close

    def _obey(self, rules: dict[str, float]) -> None:
        self._rules = rules
        self._made: dict[str, list[int]] = {}
        self._calls: Counter[str] = Counter()

    def _talk(self, method: str, target: str, body: bytes) -> Body | None:
        answer = self._answer(method, target, body)
        return None if answer is None else (b"application/json", [json.dumps(answer).encode()])

    def _answer(self, method: str, target: str, body: bytes) -> Any:
        """Give what to answer; None where the answer is lost."""
        if target == "/rules":
            self._obey(json.loads(body))
            return {}
        if target == "/count":
            made = sum(map(len, self._made.values()))
            return {"documents": made, "references": len(self._made), **self._calls}
        if self._rules["latency"]:
            time.sleep(self._rules["latency"])
        if method == "GET":
            with self._turn:
                self._calls["looks"] += 1
                return {"value": [{"id": number} for number in self._made.get(target.rpartition("=")[2], [])]}
        reference = json.loads(body)["reference"]
        with self._turn:
            self._calls["creates"] += 1
            kept = self._made.setdefault(reference, [])
            kept.append(self._calls["creates"])
            if len(kept) == 1 and crc32(reference.encode()) % 10_000 < self._rules["lost"] * 10_000:
                self._calls["lost"] += 1
                return None
            return {"id": kept[-1]}


@contextmanager
def serving() -> Iterator[Target]:
    """Run the target as a process of its own for a block."""
    with companion("benchmarks.target") as (url,):
        yield Target(url)


if __name__ == "__main__":
    until_told(Server().url)
