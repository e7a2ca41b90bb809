"""Reading what changed, page after page, while others write."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from mlc_pipelines.errors import RecordError
from mlc_pipelines.ifs.metadata import Attribute, EntityType
from mlc_pipelines.ifs.odata import Query
from mlc_pipelines.ifs.reading import Place, Reading
from mlc_pipelines.wire.answers import Answer

START = datetime(2026, 11, 3, tzinfo=UTC)
TYPE = EntityType(
    "Thing", {"Id": "Edm.Int64"}, {"ModifiedDate": Attribute("ModifiedDate", "Edm.DateTimeOffset", nullable=True)}, {}
)
PLACE = Place("/x.svc/", "/x.svc/Things", TYPE, {"id": "Id", "modified": "ModifiedDate"})


class Things:
    """A collection in the order of its changes, read page by page."""

    def __init__(self, seconds: list[int]) -> None:
        self.rows = [
            {"Id": number, "ModifiedDate": (START + timedelta(seconds=each)).isoformat()}
            for number, each in enumerate(seconds)
        ]
        self.asked: list[str] = []
        self.heeds_skip = True

    def get(self, path: str) -> Answer:
        """Answer one page; filter, `$top` and `$skip` are heeded."""
        self.asked.append(path)
        options = dict(parse_qsl(urlsplit(path).query))
        since = options.get("$filter", "").rpartition(" ge ")[2].replace("Z", "+00:00")
        rows = [row for row in self.rows if str(row["ModifiedDate"]) >= since]
        first = int(options.get("$skip", 0)) if self.heeds_skip else 0
        body = json.dumps({"value": rows[first : first + int(options["$top"])]}).encode()
        return Answer(200, {}, body, "GET", path)

    def read(self, top: int) -> Iterator[int]:
        """Read everything; give the ids as they come."""
        changed = Reading(self.get, PLACE, base_url="https://ifs.test").changed(Query(top=top), since=START)
        return (json.loads(raw)["Id"] for raw in changed)


@pytest.mark.parametrize("seconds", [[0, 1, 2, 3, 4, 5, 6], [0, 1, 1, 1, 1, 1, 2], [5] * 7, [0, 0, 0, 1, 1, 1, 1]])
@pytest.mark.parametrize("top", [2, 3, 4])
def test_every_record_comes_once(seconds: list[int], top: int) -> None:
    """Also where a page begins with what the one before ended with, and where many changed in one moment."""
    assert sorted(Things(seconds).read(top)) == list(range(7))


def test_a_record_that_changes_while_we_read_comes_again_and_pushes_none_aside() -> None:
    """It moves to the end, and all others up by one."""
    things = Things([0, 1, 2, 3, 4, 5])
    reading = things.read(3)
    seen = [next(reading) for _ in range(3)]
    moved = things.rows.pop(0)
    things.rows.append({**moved, "ModifiedDate": (START + timedelta(seconds=9)).isoformat()})
    assert [*seen, *reading] == [0, 1, 2, 3, 4, 5, 0]


def test_a_server_that_sends_the_same_page_for_ever_is_left() -> None:
    """It does not heed `$skip`, and more records changed in one moment than a page has."""
    things = Things([5] * 7)
    things.heeds_skip = False
    reading = things.read(3)
    assert [next(reading) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RecordError, match="the same page came twice"):
        next(reading)
    assert len(things.asked) == 3


def test_a_long_reading_remembers_no_more_than_a_short_one() -> None:
    """Four thousand records of a kilobyte pass through the room of some hundreds."""
    things = Things(list(range(4000)))
    things.rows = [{**row, "Text": "x" * 1000} for row in things.rows]
    tracemalloc.start()
    assert sum(1 for _ in things.read(200)) == 4000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
