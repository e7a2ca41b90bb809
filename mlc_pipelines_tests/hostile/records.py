"""Damaged records among good ones: a page of them goes the road of every page, to the end of translation."""

import json
import logging
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from mlc_pipelines.errors import MlcError
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.road import Choice, Road, Tally
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.wire.redaction import REDACTOR
from mlc_pipelines.wire.rows import loosely
from mlc_pipelines_tests.hostile.feeds import Feed
from mlc_pipelines_tests.hostile.line import Asked, Reply
from mlc_pipelines_tests.hostile.mutations import Tokens, damage, structure
from mlc_pipelines_tests.hostile.recording import Recording
from mlc_pipelines_tests.hostile.replay import ABSENT, TOKENS, Library, Replayed, renamed
from mlc_pipelines_tests.hostile.verdicts import Overheard, Told, unfit, watermarks_ahead

BAD_DETAIL = 0.35
REPLAYED = 0.2  # share of the pages whose held records are put back by a person
SPOILED = 0.2  # share of the pages that may have rows which no decoder of whole pages takes: to take them apart is slow
ROWS = 500
_LATER_PAGE = re.compile(r"(?:^|&)(?:page=(?!1(?:&|$))|\$skip=)")


@dataclass(frozen=True)
class Row:
    """One damaged row: its JSON, the names it was given and the good row's, what was done, and where its names went."""

    raw: bytes
    names: dict[str, str]  # of the good row → given
    done: tuple[str, ...]
    intact: bool  # its names were left alone
    wanted: bool
    detail_seed: int | None = None  # its details are damaged by this seed


class RecordTrial:
    """One feed of a recorded system, ready for any number of pages."""

    def __init__(self, recording: Recording, feed: Feed, folder: Path, *, database: str | None = None) -> None:
        self.feed = feed
        self._flow = recording.flows[feed.flow]
        said = [each for flow in recording.flows.values() for stage in flow.exchanges.values() for each in stage]
        here = [each for stage in self._flow.exchanges.values() for each in stage]
        self._library = Library([*here, *said, *recording.questions])
        self._listed = next(each for each in here if self._is_list(each.asked))
        self._good: list[Any] = json.loads(self._listed.reply.body)[feed.rows]
        self._replayed = Replayed(recording, folder, database=database)
        self._fresh = 0
        self.overheard = Overheard()

    def close(self) -> None:
        """Close the house."""
        self._replayed.close()

    def page(self, seed: int, rows: int = ROWS) -> Told:
        """Let a page of damaged rows among the good ones be read and translated."""
        rng = random.Random(seed)
        spoiling = rng.random() < SPOILED
        made = (row for row in iter(lambda: self._damaged(rng), None) if spoiling or _is_json(row.raw))
        return self.play(list(islice(made, rows)), rng)

    def play(self, rows: list[Row], rng: random.Random) -> Told:
        """Read and translate a page of rows; tell what is wrong."""
        told = Told()
        self._replayed.restore(self.feed.flow)
        whole = [*(json.dumps(row).encode() for row in self._good), *(row.raw for row in rows)]
        rng.shuffle(whole)
        body = self._with_rows(whole)
        by_name = {name: row for row in rows for name in row.names.values()}
        logger = logging.getLogger("mlc_pipelines")
        logger.addHandler(self.overheard)
        try:
            with self._replayed.answering(lambda asked: self._answer(asked, body, by_name)):
                road = self._replayed.road(self.feed.flow)
                told.wrong += self._worked(road)
                if not told.wrong:
                    self._judge(rows, told)
                    told.wrong += self._replayed_again(road) if rng.random() < REPLAYED else ()
        finally:
            logger.removeHandler(self.overheard)
        told.wrong += [f"a secret was logged: {each}" for each in self.overheard.told]
        return told

    # The page

    def dressed(self, changes: Mapping[str, str]) -> Row:
        """Give a good row that the flow takes in, under new names, with JSON of your own in some places."""
        good = next(row for row in self._good if self.feed.wanted(row))
        row, names = self._renamed(good)
        tokens = Tokens()
        for place, raw in changes.items():
            holder, last = _place(row, place)
            holder[last] = tokens(raw)
        return self._made(good, row, names, tokens, done=list(changes))

    def new_records(self) -> dict[str, Entry]:
        """Give the newest version of every record that is not one of the good ones, by key."""
        standing = self._replayed.standing(self.feed.flow)
        return {key: entry for key, entry in standing.items() if key not in self._flow.translated}

    def _damaged(self, rng: random.Random) -> Row:
        good = rng.choice(self._good)
        row, names = self._renamed(good)
        tokens = Tokens()
        detail_seed = rng.randrange(2**32) if rng.random() < BAD_DETAIL else None
        done = tuple(damage(rng, row, tokens) for _ in range(rng.choice([1, 1, 1, 2, 3])) if row)
        return self._made(good, row, names, tokens, done=done, detail=detail_seed)

    def _renamed(self, good: Any) -> tuple[Any, dict[str, str]]:
        row = json.loads(json.dumps(good))
        names: dict[str, str] = {}
        for name in (*self.feed.names, *self.feed.numbers):
            holder, last = _place(row, name)
            if holder is not None and last in holder and holder[last] is not None:
                names.setdefault(str(holder[last]), self._new_name(holder[last]))
                given = names[str(holder[last])]
                holder[last] = int(given) if isinstance(holder[last], int) else given
        return row, names

    def _made(
        self,
        good: Any,
        row: Any,
        names: dict[str, str],
        tokens: Tokens,
        *,
        done: Sequence[str],
        detail: int | None = None,
    ) -> Row:
        intact = all(_named(row, name, names) for name in self.feed.names if _named(good, name, {}))
        raw = tokens.write(row)
        return Row(raw, names, tuple(done), intact and _nestable(raw), self.feed.wanted(row), detail)

    def _new_name(self, old: Any) -> str:
        self._fresh += 1
        return str(7_000_000 + self._fresh) if isinstance(old, int) or old.isdecimal() else f"{old}-f{self._fresh}"

    def _with_rows(self, rows: list[bytes]) -> bytes:
        envelope = json.loads(self._listed.reply.body)
        envelope[self.feed.rows] = "@@rows@@"
        return json.dumps(envelope).encode().replace(b'"@@rows@@"', b"[" + b",".join(rows) + b"]")

    def _is_list(self, asked: Asked) -> bool:
        return asked.method == "GET" and asked.plain_path.endswith(self.feed.path_ends)

    def _answer(self, asked: Asked, body: bytes, by_name: dict[str, Row]) -> Reply:
        same_list = self._is_list(asked) and asked.path == self._listed.asked.path
        if same_list and _company(asked.query) == _company(self._listed.asked.query):
            later = _LATER_PAGE.search(asked.query) is not None
            return replace(self._listed.reply, body=self._with_rows([]) if later else body)
        row = next((by_name[token] for token in TOKENS.findall(asked.plain_path) if token in by_name), None)
        if row is None:
            return self._library(asked)
        back = {given: old for old, given in row.names.items()}
        answer = self._library(replace(asked, path=renamed(asked.path.encode(), back).decode()))
        if answer.status != 200:
            return ABSENT
        content = renamed(answer.body, row.names)
        if row.detail_seed is not None:
            content = structure(random.Random(row.detail_seed), content)
        return replace(answer, body=content)

    # Judging

    def _worked(self, road: Road) -> Iterator[str]:
        for stage in (collect, translate):
            try:
                tally: Tally = stage(road)
            except Exception as error:  # noqa: BLE001  # every one of them is what is looked for
                kind = "" if isinstance(error, MlcError) else "unforeseen "
                yield f"{stage.__name__} was aborted by {kind}{error!r:.300}"
                return
            if tally.interrupted:
                yield f"{stage.__name__} was interrupted: {tally.interrupted[:300]}"

    def _judge(self, rows: list[Row], told: Told) -> None:
        standing = self._replayed.standing(self.feed.flow)
        told.ends.update(entry.state.value for key, entry in standing.items() if key not in self._flow.translated)
        told.causes.update(entry.cause.value for entry in standing.values() if entry.cause)
        claimed = {key for key, entry in standing.items() if entry.version > 1}
        for key, (state, cause) in self._flow.translated.items():
            entry = standing.get(key)
            stands = (entry.state.value, entry.cause.value if entry.cause else None) if entry else None
            if stands != (state, cause) and key not in claimed:
                told.wrong.append(f"the good record {key} is {stands}, not {(state, cause)}")
        for entry in (entry for key, entry in standing.items() if key not in self._flow.translated):
            told.wrong += [f"{entry.key[:60]!r} is {wrong}" for wrong in unfit(entry, settled=True)]
        told.wrong += self._missing(rows, standing)
        told.wrong += watermarks_ahead(self._replayed, self.feed.flow)

    def _missing(self, rows: list[Row], standing: dict[str, Entry]) -> Iterator[str]:
        words = {key: {key, *key.split("^")} for key in standing}
        everywhere = set().union(*words.values())
        given = {name for row in rows for name in row.names.values()}
        nameless: dict[str, Row] = {}
        for row in rows:
            if not row.wanted or any(name in everywhere for name in row.names.values()):
                continue
            if row.intact:
                yield f"a row is nowhere: {row.done} {row.raw[:600]!r}"
            else:
                nameless.setdefault(self._called(row)[0], row)
        strange = [key for key in standing if key not in self._flow.translated and not given & words[key]]
        unnamed = [row for row in nameless.values() if not everywhere.intersection(self._called(row))]
        kept = self._replayed.sources(self.feed.flow)  # of all versions: two rows may have been left with one name
        lost = [row for row in unnamed if not any(REDACTOR.mask(row.raw) in source for source in kept)]
        if len(strange) < len(unnamed) and lost:
            yield f"of {len(unnamed)} rows that lost their names {len(strange)} are kept: {[r.done for r in lost]}"

    def _called(self, row: Row) -> list[str]:
        """Give what a row that lost its name may be called now: by whatever stands there, else by all of it."""
        found = loosely(REDACTOR.mask(row.raw))
        places = [_place(found, name) for name in self.feed.names]
        values = [holder.get(last) for holder, last in places if holder is not None]
        return [str(each) for each in values if isinstance(each, int | str)] or [repr(row.raw)]

    def _replayed_again(self, road: Road) -> Iterator[str]:
        """A person puts every held record back: it is held again, or goes on."""
        try:
            tally = translate(road, Choice(reason="once more"))
        except Exception as error:  # noqa: BLE001  # as above
            yield f"a replay was aborted by {error!r:.300}"
            return
        if tally.interrupted:
            yield f"a replay was interrupted: {tally.interrupted[:300]}"


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except (ValueError, RecursionError):
        return False
    return True


def _nestable(raw: bytes) -> bool:
    """Tell whether a reader that takes anything but depth can find the names in a row."""
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _place(row: Any, name: str) -> tuple[Any, str]:
    holder, _, last = name.rpartition(".")
    inner = row
    for part in holder.split(".") if holder else ():
        inner = inner.get(part) if isinstance(inner, dict) else None
    return (inner if isinstance(inner, dict) else None), last


def _named(row: Any, name: str, names: dict[str, str]) -> bool:
    holder, last = _place(row, name)
    return holder is not None and last in holder and (not names or str(holder[last]) in names.values())


def _company(query: str) -> str:
    return next((word for word in ("%2710%27", "%2720%27", "'10'", "'20'") if word in query), "").strip("%27'")
