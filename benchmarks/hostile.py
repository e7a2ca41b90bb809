"""Feeds hostile answers to every flow: `python -m benchmarks.hostile --count 1000000`.

Most of them are records damaged one by one among good ones on a page, read and translated on the real road. Others are
whole answers, damaged on the whole road to the end; each of those counts as one too.
"""

import argparse
import logging
import os
import pickle
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mlc_pipelines_tests.hostile.feeds import FEEDS
from mlc_pipelines_tests.hostile.offices import OFFICES, recorded
from mlc_pipelines_tests.hostile.records import ROWS, RecordTrial
from mlc_pipelines_tests.hostile.roads import RoadTrial

FAST = "/dev/shm"  # where recordings lie for the workers
PAGES, ROADS = 10, 50  # of one piece of work
ROAD_SHARE = 400  # so many records for one road
SHOWN = 30


@dataclass
class Part:
    """What some answers came to."""

    inputs: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Work:
    """Some pages of one feed, or some roads of one system where no feed is named."""

    system: str
    feed: int | None
    first: int
    number: int


def play(work: Work, folder: Path) -> Part:
    """Play pages or roads by their seeds."""
    logging.getLogger("mlc_pipelines").propagate = False
    recording = pickle.loads((folder / work.system).read_bytes())  # we wrote it a moment ago
    part, began = Part(), time.process_time()
    with tempfile.TemporaryDirectory(dir=folder) as home:
        if work.feed is None:
            roads = RoadTrial(recording, Path(home) / "home")
            for seed in range(work.first, work.first + work.number):
                on_road = roads.road(seed)
                part.inputs += 1
                part.stages += on_road.stages
                part.wrong += [f"{work.system}: {each}" for each in on_road.wrong]
            roads.close()
        else:
            feed = FEEDS[work.system][work.feed]
            pages = RecordTrial(recording, feed, Path(home) / "home")
            for seed in range(work.first, work.first + work.number):
                told = pages.page(seed)
                part.inputs += ROWS
                part.ends += told.ends
                part.causes += told.causes
                part.wrong += [
                    f"{work.system} {feed.flow} {feed.path_ends}, page {seed}: {each}" for each in told.wrong
                ]
            pages.close()
    part.seconds = time.process_time() - began
    return part


def laid_out(count: int, first: int) -> list[Work]:
    """Divide so many inputs among all feeds and systems."""
    feeds = [(system, number) for system, all_feeds in FEEDS.items() for number in range(len(all_feeds))]
    pages = -(-count // (ROWS * len(feeds)))
    roads = -(-count // (ROAD_SHARE * len(OFFICES)))
    works = [
        Work(system, feed, first + done, min(PAGES, pages - done))
        for done in range(0, pages, PAGES)
        for system, feed in feeds
    ]
    works += [
        Work(system, None, first + done, min(ROADS, roads - done))
        for done in range(0, roads, ROADS)
        for system in OFFICES
    ]
    return works


def main() -> int:
    """Record, play, and print what was found; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed of each feed and system")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="12,000 inputs")
    given = parser.parse_args()
    began, whole = time.perf_counter(), Part()
    with tempfile.TemporaryDirectory(dir=FAST if Path(FAST).is_dir() else None) as name:
        folder = Path(name)
        for system in OFFICES:
            (folder / system).write_bytes(recorded(system, folder / "offices").pickled())
        works = laid_out(12_000 if given.quick else given.count, given.first)
        with ProcessPoolExecutor(given.processes) as pool:
            for part in pool.map(play, works, [folder] * len(works)):
                whole.inputs += part.inputs
                whole.ends += part.ends
                whole.causes += part.causes
                whole.stages += part.stages
                whole.wrong += part.wrong
                whole.seconds += part.seconds
    _tell(whole, time.perf_counter() - began)
    return 1 if whole.wrong else 0


def _tell(whole: Part, seconds: float) -> None:
    print(f"{whole.inputs} hostile inputs in {seconds:.0f} s, {whole.seconds:.0f} s of CPU")
    for title, counts in (("records", whole.ends), ("held or ignored for", whole.causes), ("stages", whole.stages)):
        print(f"{title}: {_listed(counts.most_common())}")
    print(f"wrong: {len(whole.wrong)}")
    print("\n".join(each[:500] for each in whole.wrong[:SHOWN]))


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts) or "none"


if __name__ == "__main__":
    sys.exit(main())
