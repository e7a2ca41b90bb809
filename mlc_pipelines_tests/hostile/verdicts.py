"""What must be true of a ledger, whatever came in: nothing that cannot be kept, nothing secret, nothing illegible."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.hostile import canaries
from mlc_pipelines_tests.hostile.replay import Replayed
from mlc_pipelines_tests.roads.installation import NAME

LONGEST_INDEXED = 2000  # bytes: a database refuses a row whose indexed words are longer than about 2,700
LONGEST_TOLD = 1000  # signs of a problem that a person reads
SETTLED = {State.TRANSLATED, State.HELD, State.IGNORED, State.SUPERSEDED}
TEXTS = ("key", "company", "label", "partner", "problem", "cause_key", "reference", "external_id", "confirmation")
INDEXED = ("key", "cause_key", "reference", "external_id")


@dataclass
class Told:
    """What became of some records: how many ended where and why, and what is not as it must be."""

    ends: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Overheard(logging.Handler):
    """Listens to everything that is logged, for canaries."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Note a canary; the text is as a file would have it, extra fields too."""
        self.told.update(canaries.told(f"{self.format(record)} {vars(record)}"))


def unfit(entry: Entry, *, settled: bool) -> Iterator[str]:
    """Say what no ledger should have of a record that somebody damaged; `settled`: it has been translated."""
    if settled and entry.state not in SETTLED:
        yield f"neither held nor translated: {entry.state.value}"
    if entry.state is State.HELD and (entry.cause is None or not entry.problem):
        yield "held without a cause or a word"
    texts = {name: getattr(entry, name) or "" for name in TEXTS}
    for name, text in texts.items():
        if "\x00" in text or text.encode(errors="replace").decode() != text:
            yield f"with a {name} that no database keeps: {text[:60]!r}"
    for name in INDEXED:
        if len(texts[name].encode(errors="replace")) > LONGEST_INDEXED:
            yield f"with a {name} of {len(texts[name])} signs"
    if len(texts["problem"]) > LONGEST_TOLD or "unforeseen" in texts["problem"]:
        yield f"held for a problem that nobody reads: {texts['problem'][:200]!r}"
    for canary in canaries.told(" ".join([*texts.values(), entry.source.decode(errors="replace")])):
        yield f"kept with a secret in it: {canary}"
    if len(entry.currency or "") > 3:
        yield f"in currency {entry.currency!r:.20}"


def watermarks_ahead(replayed: Replayed, flow: str) -> Iterator[str]:
    """Name watermarks in the future: what changes until then would never be read."""
    now = replayed.clock.at
    for feed, position in replayed.house.ledger.books(NAME).progress.positions(flow).items():
        if position > now:
            yield f"the watermark of {feed} stands at {position}, and it is {now}"
