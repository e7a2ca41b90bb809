"""Reads very many damaged files: `python -m benchmarks.files_fuzz --files 100000`."""

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mlc_pipelines_tests.integrations.stampli.file_mutations import CANARY, Damaged, damaged, kinds
from mlc_pipelines_tests.integrations.stampli.file_trial import Told, Trial

PART = 500
WORST = 10


@dataclass
class Part:
    """What some files came to: how each ended, what was wrong, and the longest time for one."""

    ends: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    longest: tuple[float, int] = (0.0, 0)


def play(first: int, files: int) -> Part:
    """Read files by their seeds."""
    logging.disable()
    layouts = kinds()
    trials = {kind.name: Trial(kind) for kind in layouts}
    part = Part()
    for seed in range(first, first + files):
        file = damaged(seed, layouts)
        began = time.perf_counter()
        try:
            told = trials[file.kind.name].of(file.content)
        except Exception as error:  # noqa: BLE001 - every one of them is what is looked for
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "mlc_pipelines" in frame.filename]
            at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
            part.ends["CRASHED"] += 1
            part.wrong.append(f"seed {seed} ({file.kind.name}, {', '.join(file.done)}): {error!r:.120} at {at}")
            continue
        part.longest = max(part.longest, (time.perf_counter() - began, seed))
        part.ends[told.outcome] += 1
        part.records.update(told.counts)
        part.wrong += [f"seed {seed}: {each}" for each in judged(file, told)]
    return part


def judged(file: Damaged, told: Told) -> list[str]:
    """Say what is not as it must be."""
    wrong = list(told.wrong)
    if file.hopeless and told.outcome != "rejected":
        wrong.append(f"a document type was taken: {told.outcome}")
    if file.kind.feed.xml is not None and any(CANARY.encode() in source.content for source in told.sources):
        wrong.append("an entity was expanded")
    return wrong


def main() -> int:
    """Read, and print how files and records ended; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="2,000 files")
    given = parser.parse_args()
    count = 2000 if given.quick else given.files
    began = time.perf_counter()
    firsts = range(given.first, given.first + count, PART)
    sizes = [min(PART, given.first + count - first) for first in firsts]
    whole = Part()
    with ProcessPoolExecutor(2) as pool:
        for part in pool.map(play, firsts, sizes):
            whole.ends += part.ends
            whole.records += part.records
            whole.wrong += part.wrong
            whole.longest = max(whole.longest, part.longest)
    seconds = time.perf_counter() - began
    print(f"{count} damaged files in {seconds:.0f} s, the longest {whole.longest[0]:.2f} s (seed {whole.longest[1]})")
    print("files:  ", ", ".join(f"{what} {number}" for what, number in whole.ends.most_common()))
    print("records:", ", ".join(f"{what} {number}" for what, number in whole.records.most_common()))
    print(f"wrong:   {len(whole.wrong)}")
    print("\n".join(whole.wrong[:WORST]))
    return 1 if whole.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
