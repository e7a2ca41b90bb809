"""The comparisons measure what they say: all is read, answers are lost after the deed, the page tells the run."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import text

from benchmarks import documents, feed, filled, target
from benchmarks.measuring import Aim, Bars, Figure, Table, document, in_turn, machine, median
from benchmarks.ours_extract import reading_road
from benchmarks.ours_load import hand_over
from benchmarks.page import write
from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.road import Road
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.database import reading
from mlc_pipelines_tests.databases import address

RECORDS = 250
FIGURE = Figure(
    "extract",
    "Extract",
    [Table("medians", ["", "records/s"], [["ours", "20,000"], ["a | b", "1"]])],
    [Bars("Extract", "records/s", {"ours": 20_000.0, "<theirs>": 1.0})],
    [Aim("at least 25,000", "20,000", met=False), Aim("flat", "+1 %", met=True)],
    ["a note"],
    {"dlt": "1.0"},
)


@pytest.fixture
def fed() -> Iterator[feed.Server]:
    server = feed.Server(RECORDS)
    yield server
    server.close()


@pytest.fixture
def lossy() -> Iterator[target.Target]:
    server = target.Server()
    yield target.Target(server.url)
    server.close()


@pytest.mark.parametrize("page_size", [60, RECORDS, 1000])
def test_the_whole_feed_is_in_the_ledger_and_stays_as_it_is(fed: feed.Server, tmp_path: Path, page_size: int) -> None:
    """Every record once, whatever the pages; a second reading finds nothing new."""
    with reading_road(fed.url, tmp_path, page_size=page_size) as road:
        assert collect(road).counts == {"new": RECORDS}
        again = collect(road)
        with reading(road.ledger.engine) as connection:
            keys = set(connection.execute(text("SELECT key FROM entries")).scalars())
    assert keys == {f"10^{feed.FIRST_ID + number}" for number in range(RECORDS)}
    assert again.counts.keys() == {"seen"}


def test_rounds_on_one_ledger_have_documents_of_their_own(tmp_path: Path) -> None:
    """What two rounds carry is new to a ledger that was filled before, and its watermark stays in the past."""
    with House.open(filled.furnished(tmp_path, address(tmp_path))) as house:
        filled.carried(house, range(20))
        for _ in range(2):
            road = Road(filled.Desk(filled.unused(5)), house.ledger, house.ledger.books(filled.CONNECTION))
            assert collect(road).counts == {"new": 5}
        position = road.books.progress.position(filled.FLOW, "10")
    assert position is not None
    assert position <= datetime.now(UTC)


def test_a_record_of_the_feed_has_27_fields_and_lines_that_add_up() -> None:
    """As the page says, and no two are the same."""
    records = [json.loads(feed.record(number), parse_float=Decimal) for number in range(50)]
    assert {len(record) for record in records} == {28}
    for record in records:
        lines = record["PostingProposalLines"]
        assert len(lines) == 3
        assert sum(line["CurrencyAmount"] for line in lines) == record["NetCurrAmount"]
    assert len({feed.record(number) for number in range(1000)}) == 1000


def test_ours_makes_no_document_twice_when_answers_are_lost(lossy: target.Target, tmp_path: Path) -> None:
    """The target has kept the document before it loses the answer, and we look before we send again."""
    lossy.rules(latency=0.0, lost=0.3)
    delivered = hand_over(lossy.url, tmp_path, nullcontext(), number=60, in_flight=4)
    count = lossy.count()
    assert count["lost"] > 5
    assert (delivered, count["documents"], count["references"]) == (60, 60, 60)


def test_documents_are_the_same_each_time() -> None:
    """And no two have one reference."""
    assert documents.documents(100) == documents.documents(100)
    assert len({each["reference"] for each in documents.documents(100)}) == 100


def test_contestants_take_turns() -> None:
    """So that a disturbance meets all of them."""
    order: list[str] = []

    def run(name: str) -> dict[str, float]:
        order.append(name)
        return {"seconds": float(len(order))}

    runs = in_turn({name: lambda name=name: run(name) for name in "ab"}, 3)  # type: ignore[misc]  # a lambda with a default
    assert order == ["a", "b"] * 3
    assert (median(runs["a"], "seconds"), median(runs["b"], "seconds")) == (3.0, 4.0)


def test_the_page_is_written_from_runs(tmp_path: Path) -> None:
    """Aims, tables, notes and versions are on it, and its charts are drawings with a bar for each contestant."""
    other = replace(FIGURE, name="load", title="Load", aims=[], bars=[])
    runs = [document([FIGURE], machine(), quick=True), document([other], machine(), quick=False)]
    write(json.loads(json.dumps(runs)), tmp_path / "performance.md")
    told = (tmp_path / "performance.md").read_text(encoding="utf-8")
    first, second = (line for line in told.splitlines() if " cores (" in line)
    assert (", extract: " in first, ", load: " in second) == (True, True)
    assert ("quick run" in first, "quick run" in second) == (True, False)
    assert told.index("## Extract") < told.index("## Load")
    assert "| at least 25,000 | 20,000 | **missed** |" in told
    assert "| flat | +1 % | met |" in told
    assert "| a / b | 1 |" in told
    assert "- a note" in told
    assert "dlt 1.0" in told
    drawing = ET.parse(tmp_path / "images" / "performance-extract-1.svg").getroot()
    assert "](images/performance-extract-1.svg)" in told
    assert [each.text for each in drawing.iter() if each.tag.endswith("text")][1::2] == ["ours", "<theirs>"]
