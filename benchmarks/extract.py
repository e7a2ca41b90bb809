"""One feed read by us, by dlt, Airbyte and Singer, and as fast as can be: `python -m benchmarks.extract [--quick]`.

Each contestant is a process on one core, its clock starts when everything is imported and ends when the last record
is where it keeps them; all must have counted the same records, and the same sum of their ids.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from benchmarks.environments import compete, told
from benchmarks.feed import Feed, serving
from benchmarks.measuring import Aim, Bars, Figure, Found, Table, in_turn, median, program, times, turns, versions

OURS = "mlc_pipelines, into its ledger"
DLT = "dlt rest_api, into DuckDB"
AIRBYTE, AIRBYTE_HALF = "Airbyte manifest, into DuckDB by PyAirbyte", "Airbyte CDK manifest, to a file of messages"
SINGER, SINGER_HALF = "Singer SDK tap and target, into SQLite", "Singer SDK tap, to a file of messages"
BARE, SOCKET = "httpx and orjson, nothing kept", "a socket, nothing read"
WHOLE, HALF, LIMITS = (DLT, AIRBYTE, SINGER), (AIRBYTE_HALF, SINGER_HALF), (BARE, SOCKET)
DLT_ADVICE = {"DATA_WRITER__BUFFER_MAX_ITEMS": "20000", "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true"}
"""What dlt's page on performance advises: a larger buffer, and no compression between its steps."""
RATE, RATIO, MEMORY, FLAT = 25_000, 3.0, 400, 1.1


def ours(feed: Feed, size: int) -> Found:
    """Read the feed into a ledger."""
    return told([sys.executable, "-m", "benchmarks.ours_extract", feed.url, "--page-size", str(size)])


def contestants(feed: Feed, size: int) -> Mapping[str, Callable[[], Found]]:
    """Name who reads, and how."""
    first = feed.pages(size)
    runs: dict[str, Callable[[], Found]] = {
        OURS: partial(ours, feed, size),
        DLT: partial(compete, "dlt", "dlt_extract.py", first, settings=DLT_ADVICE),
        AIRBYTE: partial(compete, "airbyte", "airbyte_extract.py", first, "store"),
        SINGER: partial(compete, "singer", "singer_extract.py", first, "store"),
        AIRBYTE_HALF: partial(compete, "airbyte", "airbyte_extract.py", first, "source"),
        SINGER_HALF: partial(compete, "singer", "singer_extract.py", first, "source"),
        BARE: partial(compete, "bare", "bare_extract.py", first),
        SOCKET: partial(compete, "bare", "socket_extract.py", first),
    }
    return {name: partial(_checked, run, feed, name) for name, run in runs.items()}


def _checked(run: Callable[[], Found], feed: Feed, name: str) -> Found:
    found = run()
    if name == SOCKET:
        whole = found["bytes"] > feed.bytes  # pages have a frame
        found |= {"records": feed.records}
    else:
        whole = (found["records"], found["id_sum"]) == (feed.records, feed.id_sum)
    if not whole:
        raise RuntimeError(f"{name} has not read everything: {found}")
    return found


def measure(quick: bool) -> Figure:
    """Compare rates with pages of 1,000 and 5,000, then our memory over a long read.

    A quick run has pages of 5,000 only, and no contestants that do half of the work.
    """
    records, rounds, sizes = (10_000, 1, (5000,)) if quick else (100_000, 3, (1000, 5000))
    runs: dict[int, dict[str, list[Found]]] = {}
    with serving(records) as feed:
        for size in sizes:
            who = {name: run for name, run in contestants(feed, size).items() if not (quick and name in HALF)}
            runs[size] = in_turn(who, rounds)
    small, large = 10_000, 20_000 if quick else 1_000_000
    peaks = {}
    for number in (small, large):
        with serving(number) as feed:
            peaks[number] = _checked(partial(ours, feed, 5000), feed, OURS)
    tables = [_rates(size, found, records, rounds) for size, found in runs.items()]
    return Figure(
        "extract",
        f"Extract: {records:,} invoices of 27 fields and three lines, over OData, on one core",
        [*tables, _memory(peaks)],
        [_bars(runs[5000], records)],
        [*_aims(runs, records), *_memory_aims(peaks[small], peaks[large], large)],
        _notes(),
        {name: told for found in runs.values() for name, told in versions(found).items()},
    )


def _rate(runs: Sequence[Found], records: int, what: str = "seconds") -> float:
    return records / median(runs, what)


def _rates(size: int, runs: Mapping[str, Sequence[Found]], records: int, rounds: int) -> Table:
    mine, limit = _rate(runs[OURS], records), _rate(runs[BARE], records)
    rows = []
    for name, found in runs.items():
        rate = _rate(found, records)
        cpu = median(found, "cpu") / records * 1e6
        ratio, peak = times(mine / rate), f"{median(found, 'peak_mib'):.0f}"
        rows.append([name, f"{rate:,.0f}", f"{cpu:.1f}", "" if name == OURS else ratio, times(limit / rate), peak])
    head = ["", "records/s", "CPU us a record", "we are", "below the bare loop", "peak MiB"]
    return Table(f"pages of {size:,}, {turns(rounds)}", head, rows)


def _bars(runs: Mapping[str, Sequence[Found]], records: int) -> Bars:
    shown = [OURS, *WHOLE, *HALF, BARE]
    rates = {name: _rate(runs[name], records) for name in shown if name in runs}
    return Bars("Extract, pages of 5,000", "records/s", rates)


def _aims(runs: Mapping[int, Mapping[str, Sequence[Found]]], records: int) -> list[Aim]:
    mine = _rate(runs[5000][OURS], records)
    cpu = _rate(runs[5000][OURS], records, "cpu")
    aims = [
        Aim(
            f"extract, validate and stage at least {RATE:,} records/s on one core, pages of 5,000",
            f"{mine:,.0f} ({cpu:,.0f} by CPU time)",
            mine >= RATE,
        )
    ]
    for size, found in runs.items():
        best = max(WHOLE, key=lambda name: _rate(found[name], records))
        ratio = _rate(found[OURS], records) / _rate(found[best], records)
        text = f"at least {RATIO:.0f} x the best of dlt, Airbyte and Singer end to end, pages of {size:,}"
        aims.append(Aim(text, f"{times(ratio)} {best}", ratio >= RATIO))
    return aims


def _memory(peaks: Mapping[int, Found]) -> Table:
    rows = []
    for number, found in peaks.items():
        rate, cpu = number / found["seconds"], found["cpu"] / number * 1e6
        kept = f"{found['ledger_bytes'] / number:,.0f}"
        rows.append([f"{number:,}", f"{found['peak_mib']:.0f}", f"{rate:,.0f}", f"{cpu:.1f}", kept])
    head = ["records", "peak MiB", "records/s", "CPU us a record", "ledger bytes a record"]
    return Table("our memory over a long read, pages of 5,000", head, rows)


def _memory_aims(small: Found, large: Found, number: int) -> list[Aim]:
    few, many = small["peak_mib"], large["peak_mib"]
    return [
        Aim(f"peak memory of {number:,} records at most {MEMORY} MiB", f"{many:.0f} MiB", many <= MEMORY),
        Aim(f"and within {FLAT - 1:.0%} of that at 10,000", f"{many / few - 1:+.0%}", many <= FLAT * few),
    ]


def _notes() -> list[str]:
    return [
        "Ours checks every field, fingerprints, chains an audit event and commits to a synced SQLite file.",
        "dlt: buffers enlarged, no compression between its steps, parquet into DuckDB, lines left as JSON.",
        "The halves only write messages to a file; what a destination costs is not in them.",
        "Singer writes and reads messages by msgspec; amounts are floats in all but ours and Singer.",
    ]


if __name__ == "__main__":
    sys.exit(program(["extract"], [measure], __doc__))
