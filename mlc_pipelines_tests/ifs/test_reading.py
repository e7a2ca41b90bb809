"""Reading what changed, page after page, while others write."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from mlc_pipelines.errors import RecordError, TransientError
from mlc_pipelines.ifs.metadata import Attribute, EntityType
from mlc_pipelines.ifs.odata import Query
from mlc_pipelines.ifs.reading import MOST_ANEW, Place, Reading
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


@pytest.mark.parametrize("top", [2, 3, 4])
@pytest.mark.parametrize("change", ["moves away", "is put in"])
@pytest.mark.parametrize("page", [1, 2])
def test_where_many_changed_in_one_moment_a_change_hides_none(top: int, change: str, page: int) -> None:
    """Such a moment is read by `$skip`, and all behind the changed one shift by one between two pages."""
    things = Things([5] * 10)
    reading = things.read(top)
    seen = [next(reading) for _ in range(top + (page - 1) * (top - 1))]
    if change == "moves away":
        moved = things.rows.pop(0)
        things.rows.append({**moved, "ModifiedDate": (START + timedelta(seconds=9)).isoformat()})
    else:
        things.rows.insert(0, {"Id": -1, "ModifiedDate": (START + timedelta(seconds=5)).isoformat()})
    found = {*seen, *reading}
    assert found == {*range(10)} | ({-1} if change == "is put in" else set())


def test_a_moment_that_never_stands_still_is_left_for_the_next_pass() -> None:
    """Somebody keeps putting records in before those that were read."""
    things = Things([5] * 7)
    answer = things.get

    def restless(path: str) -> Answer:
        things.rows.insert(0, {"Id": -len(things.asked), "ModifiedDate": (START + timedelta(seconds=5)).isoformat()})
        return answer(path)

    things.get = restless  # type: ignore[method-assign]  # the same server, restless
    with pytest.raises(TransientError, match="keep changing"):
        list(things.read(3))


def test_a_server_that_sends_the_same_page_for_ever_is_left() -> None:
    """It does not heed `$skip`, and more records changed in one moment than a page has."""
    things = Things([5] * 7)
    things.heeds_skip = False
    with pytest.raises(TransientError, match="not heeded"):
        list(things.read(3))
    assert len(things.asked) == 1 + 2 * (1 + MOST_ANEW)


def test_an_empty_page_that_says_that_more_follow_is_an_error() -> None:
    """It leads to no further record; what came before it is kept."""
    things = Things([1, 2, 3])
    answer = things.get

    def empty(path: str) -> Answer:
        if len(things.asked) == 0:
            return answer(path)
        return Answer(200, {}, b'{"value": [], "@odata.nextLink": "Things?$skiptoken=9"}', "GET", path)

    things.get = empty  # type: ignore[method-assign]  # the same server, at a loss
    reading = things.read(2)
    assert [next(reading), next(reading)] == [0, 1]
    with pytest.raises(RecordError, match="more follow"):
        next(reading)


def test_a_long_reading_remembers_no_more_than_a_short_one() -> None:
    """Four thousand records of a kilobyte pass through the room of some hundreds."""
    things = Things(list(range(4000)))
    things.rows = [{**row, "Text": "x" * 1000} for row in things.rows]
    tracemalloc.start()
    assert sum(1 for _ in things.read(200)) == 4000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
