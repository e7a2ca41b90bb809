"""Files: none is read before it is whole, none twice, none lost, whatever happens in the folder."""

import logging
from collections.abc import Callable

import pytest

from mlc_pipelines.errors import TransientError
from mlc_pipelines_tests.roads.stampli.tenancy import SETTLE, Tenancy, csv_of, invoice_feed, row

ROWS = csv_of(row())
DAY = 86_400.0


def feed(**changes: object) -> dict[str, object]:
    return {"invoices": invoice_feed(**changes)}


def numbers(tenancy: Tenancy) -> list[str]:
    return sorted(each["InvoiceNo"] for each in tenancy.proposals())


# When a file is whole


def test_a_file_settles_between_two_looks_of_ours(tenancy: Tenancy) -> None:
    """One look is never enough, and two looks too close together are not either."""
    tenancy.put("a.csv", row())
    tenancy.poll(times=1)
    assert tenancy.files() == {"a.csv": "discovered"}
    tenancy.simulators.clock.sleep(-SETTLE + 5)
    tenancy.run_stages("invoices", "collect")
    assert tenancy.files() == {"a.csv": "discovered"}
    tenancy.wait()
    tenancy.run_stages("invoices", "collect")
    assert tenancy.files() == {"a.csv": "parsed"}


def test_a_growing_file_waits(tenancy: Tenancy) -> None:
    """Each look that finds another size begins anew; the file is read once, whole."""
    half = len(ROWS) // 2
    tenancy.put("a.csv", content=ROWS[:half])
    tenancy.poll(times=1)
    tenancy.stampli.people.grow_file("a.csv", ROWS[half:])
    tenancy.poll(times=1)
    assert tenancy.files() == {"a.csv": "discovered"}
    tenancy.go()
    assert numbers(tenancy) == ["NT-118"]
    assert len(tenancy.stampli.journal.of("OPEN", "/outbound/invoices/a.csv")) == 1


def test_a_temporary_name_is_left_alone(tenancy: Tenancy) -> None:
    """A slow upload is read after it has its final name."""
    tenancy.put("a.csv", row(), slowly=True)
    tenancy.poll()
    assert tenancy.files() == {"a.csv.filepart": "part"}
    tenancy.stampli.people.finish_upload("a.csv")
    tenancy.go()
    assert numbers(tenancy) == ["NT-118"]


@pytest.mark.parametrize("rule", ["done_marker", "either"])
def test_a_marker_says_that_a_file_is_whole(opened: Callable[..., Tenancy], rule: str) -> None:
    """With its marker a file is read at the first look; the marker itself is no file."""
    tenancy = opened(feeds=feed(ready={"rule": rule, "settle_seconds": SETTLE}))
    tenancy.put("a.csv", row())
    tenancy.put("a.csv.done", content=b"")
    tenancy.put("b.csv", row(Invoice_Number="NT-119"))
    tenancy.run("invoices")
    assert tenancy.files() == {"a.csv": "done", "b.csv": "discovered"}
    tenancy.wait()
    tenancy.run("invoices")
    assert tenancy.files()["b.csv"] == ("discovered" if rule == "done_marker" else "done")


def test_a_file_without_a_byte_waits_and_is_empty_in_the_end(tenancy: Tenancy) -> None:
    """Not read in two polls, given up in the third; content that comes later is a new file."""
    tenancy.put("a.csv", content=b"")
    tenancy.poll()
    assert tenancy.files() == {"a.csv": "discovered"}
    tenancy.poll(times=1)
    assert tenancy.files() == {"a.csv": "empty"}
    tenancy.post("a.csv", row())
    assert tenancy.files() == {"a.csv": "done"}


def test_a_header_alone_is_a_file_without_invoices(tenancy: Tenancy) -> None:
    """Valid, done, nothing in it."""
    tenancy.post("a.csv")
    assert tenancy.files() == {"a.csv": "done"}
    assert tenancy.states("invoices") == {}
    assert tenancy.remote_file("a.csv").records == 0


def test_a_server_without_times_is_read_all_the_same(tenancy: Tenancy) -> None:
    """Two equal sizes settle a file where listings have no times."""
    tenancy.stampli.switches.listing_without_times = True
    tenancy.post("a.csv", row())
    assert numbers(tenancy) == ["NT-118"]


# What is new


def test_the_same_content_under_another_name_is_not_read(tenancy: Tenancy) -> None:
    """Known by its hash, whatever the name."""
    tenancy.post("a.csv", row())
    tenancy.post("copy of a.csv", row())
    assert tenancy.files() == {"a.csv": "done", "copy of a.csv": "duplicate"}
    assert tenancy.entry("invoices", "NT-118").version == 1


def test_the_same_name_with_new_content_is_a_new_file(tenancy: Tenancy) -> None:
    """Also within the same second, where only the size tells."""
    tenancy.post("a.csv", row())
    first = tenancy.remote_file("a.csv")
    tenancy.stampli.people.replace_file("a.csv", csv_of(row(), row(Invoice_Number="NT-119")))
    tenancy.go()
    assert numbers(tenancy) == ["NT-118", "NT-119"]
    assert tenancy.remote_file("a.csv").replaces == first.id


def test_other_bytes_under_the_same_size_and_time_are_found_within_a_day(tenancy: Tenancy) -> None:
    """No listing shows such a rewrite; once a day the bytes are compared."""
    tenancy.post("a.csv", row())
    tenancy.stampli.people.replace_file("a.csv", csv_of(row(Invoice_Number="NT-119")))
    tenancy.go()
    assert numbers(tenancy) == ["NT-118"]
    tenancy.wait(DAY)
    tenancy.go()
    assert numbers(tenancy) == ["NT-118", "NT-119"]


def test_a_daily_reading_of_the_same_file_changes_nothing(tenancy: Tenancy) -> None:
    """Read once more a day, and not in between."""
    tenancy.post("a.csv", row())
    tenancy.wait(DAY)
    tenancy.go()
    tenancy.go()
    assert len(tenancy.stampli.journal.of("OPEN", "/outbound/invoices/a.csv")) == 2
    assert tenancy.files() == {"a.csv": "done"}


def test_a_file_with_an_old_time_is_new(tenancy: Tenancy) -> None:
    """Moved in late, or written by a clock that is wrong: our own list decides, no clock."""
    tenancy.post("b.csv", row())
    tenancy.put("a.csv", row(Invoice_Number="NT-119"), mtime="2020-01-01T00:00:00Z")
    tenancy.go()
    assert numbers(tenancy) == ["NT-118", "NT-119"]


def test_a_file_that_is_cleaned_up_before_it_is_read_is_no_error(tenancy: Tenancy) -> None:
    """Seen, gone, and no hold for it."""
    tenancy.put("a.csv", row())
    tenancy.poll(times=1)
    tenancy.stampli.people.remove_file("a.csv")
    tally = tenancy.poll()
    assert tally.interrupted is None
    assert tenancy.states("invoices") == {}


def test_odd_names_folders_and_links_are_not_read(tenancy: Tenancy, caplog: pytest.LogCaptureFixture) -> None:
    """A name is never a path; links are not followed; names that are no text are told."""
    tenancy.stampli.show_names([b"../secret.csv", b"a\\b.csv", b"new\nline.csv", b"\xff\xfe.csv"])
    tenancy.put("real.csv", row())
    tenancy.stampli.people.link_file("link.csv", "real.csv")
    tenancy.put("notes.txt", content=b"not ours")
    with caplog.at_level(logging.WARNING):
        tenancy.go()
    assert tenancy.files() == {"real.csv": "done"}
    assert sum(record.message == "remote name is not read" for record in caplog.records) >= 4


# What goes wrong on the way


def test_a_line_that_breaks_in_mid_read_is_read_again(tenancy: Tenancy) -> None:
    """Nothing of the half is used; the next poll reads the whole, other files are not held up."""
    tenancy.put("a.csv", row())
    tenancy.put("b.csv", row(Invoice_Number="NT-119"))
    tenancy.poll(times=1)
    tenancy.stampli.drop_mid_read("/outbound/invoices/a.csv", 100)
    tally = tenancy.run_stages("invoices", "collect")["collect"]
    assert "a.csv" in (tally.interrupted or "")
    assert tenancy.files()["a.csv"] == "stable"
    tenancy.run("invoices")
    assert numbers(tenancy) == ["NT-118", "NT-119"]


def test_a_file_that_grows_while_it_is_read_is_thrown_away(tenancy: Tenancy) -> None:
    """The size is looked at again after the last byte."""
    tenancy.put("a.csv", row())
    tenancy.poll(times=1)
    more = csv_of(row(Invoice_Number="NT-119")).partition(b"\r\n")[2]
    tenancy.stampli.grow_mid_read("/outbound/invoices/a.csv", more, after_bytes=10)
    tenancy.run_stages("invoices", "collect")
    assert tenancy.files() == {"a.csv": "stable"}
    tenancy.go()
    assert numbers(tenancy) == ["NT-118", "NT-119"]


def test_a_server_that_is_away_interrupts_the_pass(tenancy: Tenancy) -> None:
    """Nothing is lost, the next poll goes on."""
    tenancy.put("a.csv", row())
    tenancy.poll(times=1)
    tenancy.stampli.restart_server()
    tenancy.stampli.refuse_connections(20)
    assert tenancy.run_stages("invoices", "collect")["collect"].interrupted
    tenancy.stampli.refuse_connections(0)
    tenancy.go()
    assert numbers(tenancy) == ["NT-118"]


@pytest.mark.parametrize("profile", ["storm", "contended"])
def test_bad_weather_at_the_drop_server(tenancy: Tenancy, profile: str) -> None:
    """Cut lines, busy answers, files written under our eyes: every invoice is posted, once."""
    tenancy.stampli.faults.stall_seconds = 0.05
    tenancy.stampli.faults.reset(profile=profile)
    for number in range(6):
        tenancy.put(f"f{number}.csv", row(Invoice_Number=f"A-{number}"), row(Invoice_Number=f"B-{number}"))
    for _ in range(40):
        tenancy.run("invoices")
        tenancy.wait()
        if len(numbers(tenancy)) == 12 and set(tenancy.files().values()) <= {"done", "duplicate"}:
            break
    assert numbers(tenancy) == sorted(f"{letter}-{number}" for letter in "AB" for number in range(6))
    assert tenancy.states("invoices") == {"delivered": 12}


@pytest.mark.parametrize("after", [0, 1, 199, 200, 201, 250])
def test_a_worker_that_stops_in_the_middle_reads_the_file_again(tenancy: Tenancy, after: int) -> None:
    """Wherever it stops, no invoice is lost, and what was written down is not written twice."""
    count = 250
    tenancy.put("a.csv", *(row(Invoice_Number=f"NT-{number:03}") for number in range(count)))
    tenancy.poll(times=1)
    road = tenancy.road("invoices")
    sightings = road.flow.collect("invoices", None)
    taken = [next(sightings) for _ in range(after)]
    with road.worked() as lease:  # the pages that were full are committed, the rest is lost with the worker
        page = [road.flow.fetch(sighting) for sighting in taken[: after // 200 * 200]]
        road.books.entries.receive("invoices", [record for record in page if record is not None], lease)
    road.flow.prepare()
    assert tenancy.files() == {"a.csv": "parsed" if after else "discovered"}
    tenancy.change()
    tenancy.poll()
    tenancy.session.flow("invoices").prepare()
    assert tenancy.files() == {"a.csv": "done"}
    assert tenancy.states("invoices") == {"received": count}
    assert {entry.version for entry in tenancy.books.reports.select(flow="invoices")} == {1}


# Bad files


BAD = {
    "columns.csv": (b"Company,Status\r\n10,Approved\r\n", "header lacks"),
    "cut.csv": (ROWS + b'10,"NT-119', "row 3"),
    "short.csv": (ROWS + b"10,NT-119\r\n", "row 3 has 2 fields"),
    "letters.csv": (ROWS.replace(b"Calibration", b"Gr\xfc\xdfe"), "byte"),
    "nul.csv": (ROWS.replace(b"Calibration", b"Cali\x00bration"), "NUL"),
    "other.xml": (b"<invoices/>", "no layout for XML"),
}


def test_bad_files_are_rejected_whole(tenancy: Tenancy) -> None:
    """Nothing of them is used, our copies are kept, and a person is told once what is wrong where."""
    for name, (content, _) in BAD.items():
        tenancy.put(name, content=content)
    tenancy.go()
    assert tenancy.files() == dict.fromkeys(BAD, "rejected")
    assert tenancy.proposals() == []
    for name, (content, problem) in BAD.items():
        assert b"".join(tenancy.books.files.content(tenancy.remote_file(name))) == content
        entry = tenancy.entry("invoices", name)
        assert entry.state.value == "held"
        assert problem in (entry.problem or "")
    tenancy.go()
    assert {tenancy.entry("invoices", name).version for name in BAD} == {1}


def test_a_rejected_file_is_read_when_the_layout_fits(tenancy: Tenancy) -> None:
    """Our copy is read again by the new layout, without anybody's help, and the hold is answered."""
    tenancy.put("a.csv", content=ROWS.replace(b",", b";"))
    tenancy.go()
    assert tenancy.files() == {"a.csv": "rejected"}
    tenancy.change(stampli={"feeds": feed(csv={"delimiter": ";"})})
    tenancy.run("invoices")
    assert tenancy.files() == {"a.csv": "done"}
    assert numbers(tenancy) == ["NT-118"]
    assert tenancy.entry("invoices", "a.csv").state.value == "ignored"


def test_a_rejected_file_is_read_again_when_a_person_asks(tenancy: Tenancy) -> None:
    """Replay of its hold; what is still wrong is told anew."""
    tenancy.put("a.csv", content=b"Company\r\n10\r\n")
    tenancy.go()
    tenancy.replay("invoices")
    assert "next collect" in (tenancy.entry("invoices", "a.csv").problem or "")
    tenancy.run("invoices")
    entry = tenancy.entry("invoices", "a.csv")
    assert (entry.version, entry.state.value) == (2, "held")
    assert "header lacks" in (entry.problem or "")


def test_a_file_beyond_the_limits_is_refused(opened: Callable[..., Tenancy]) -> None:
    """Too many rows, or too many bytes: told, not read in part."""
    tenancy = opened(feeds=feed(limits={"max_rows": 1, "max_file_mb": 1}))
    tenancy.put("rows.csv", row(), row(Invoice_Number="NT-119"), row(Invoice_Number="NT-120"),
                row(Invoice_Number="NT-121"))  # fmt: skip
    tenancy.put("bytes.csv", content=ROWS + b" " * 1024 * 1024)
    tenancy.go()
    assert tenancy.files() == {"rows.csv": "rejected", "bytes.csv": "rejected"}
    assert tenancy.stampli.journal.of("OPEN", "/outbound/invoices/bytes.csv") == []
    assert tenancy.states("invoices") == {"held": 2}


def test_more_files_than_one_poll_takes_wait(opened: Callable[..., Tenancy]) -> None:
    """The rest is read by the next poll."""
    tenancy = opened(feeds=feed(limits={"max_files_per_poll": 2}))
    for number in range(3):
        tenancy.put(f"{number}.csv", row(Invoice_Number=f"NT-{number}"))
    tenancy.poll()
    assert sorted(tenancy.files().values()) == ["parsed", "parsed", "stable"]
    tenancy.go()
    assert len(numbers(tenancy)) == 3


def test_an_invoice_whose_name_no_index_takes_is_held_and_its_file_is_done(tenancy: Tenancy) -> None:
    """Signs that part the key's words are written as three: number and supplier together are too long."""
    tenancy.post("a.csv", row(Invoice_Number="%" * 200, Vendor_ID="^" * 200), row())
    tenancy.go()
    assert tenancy.files() == {"a.csv": "done"}
    assert tenancy.states("invoices") == {"delivered": 1, "held": 1}


# What becomes of a file at the end


def test_nothing_is_moved_unless_it_is_asked_for(tenancy: Tenancy) -> None:
    """Reading is all that happens at the server."""
    tenancy.post("a.csv", row())
    tenancy.go()
    assert tenancy.stampli.journal.writes() == []


def test_a_done_file_is_moved_with_its_marker(opened: Callable[..., Tenancy]) -> None:
    """After our commit, under a name with a stamp; a file that waits or is rejected stays."""
    rule = {"rule": "either", "settle_seconds": SETTLE}
    tenancy = opened(feeds=feed(ready=rule, after={"remote": {"move": {"to": "/outbound/archive"}}}))
    tenancy.put("a.csv", row())
    tenancy.put("a.csv.done", content=b"")
    tenancy.put("bad.csv", content=b"Company\r\n10\r\n")
    tenancy.go()
    tenancy.poll(times=1)
    assert sorted(tenancy.stampli.files("/outbound/invoices")) == ["/outbound/invoices/bad.csv"]
    moved = sorted(path.partition("_")[2] for path in tenancy.stampli.files("/outbound/archive"))
    assert moved == ["a.csv", "a.csv.done"]
    assert (tenancy.remote_file("a.csv").archived or "").startswith("/outbound/archive/2026")


def test_a_done_file_is_deleted_where_that_is_asked_for(opened: Callable[..., Tenancy]) -> None:
    """Only once all of it is committed: before that the file is there."""
    tenancy = opened(feeds=feed(after={"remote": "delete"}))
    tenancy.put("a.csv", row())
    tenancy.poll()
    assert tenancy.stampli.files("/outbound/invoices") != {}
    tenancy.run("invoices")
    tenancy.run("invoices")
    assert tenancy.stampli.files("/outbound/invoices") == {}
    assert numbers(tenancy) == ["NT-118"]


@pytest.mark.parametrize("remote", ["delete", {"move": {"to": "/outbound/archive"}}])
def test_a_file_that_was_written_anew_is_read_and_not_put_away(opened: Callable[..., Tenancy], remote: object) -> None:
    """Under the same name, as long and within the same second, so that no listing shows it."""
    tenancy = opened(feeds=feed(after={"remote": remote}))
    tenancy.put("a.csv", row())
    tenancy.poll()
    tenancy.run("invoices")
    assert tenancy.files() == {"a.csv": "done"}
    tenancy.stampli.people.replace_file("a.csv", csv_of(row(Invoice_Number="NT-119")))
    tenancy.go()
    tenancy.go()
    assert numbers(tenancy) == ["NT-118", "NT-119"]
    assert tenancy.stampli.files("/outbound/invoices") == {}


def test_a_move_that_is_refused_is_a_warning(opened: Callable[..., Tenancy], caplog: pytest.LogCaptureFixture) -> None:
    """Never a failure: our own list keeps the file from being read twice."""
    tenancy = opened(feeds=feed(after={"remote": {"move": {"to": "/outbound/archive"}}}))
    tenancy.stampli.switches.refuse_rename = True
    with caplog.at_level(logging.WARNING):
        tenancy.post("a.csv", row())
        tenancy.go()
    assert any(record.message == "file could not be put away" for record in caplog.records)
    assert tenancy.files() == {"a.csv": "done"}
    assert tenancy.states("invoices") == {"delivered": 1}


def test_a_wrong_host_key_stops_the_connection(tenancy: Tenancy) -> None:
    """Nobody logs in at a server that shows another key, and nothing is tried again."""
    tenancy.stampli.swap_host_key()
    with pytest.raises(Exception, match="host_keys") as caught:
        tenancy.poll()
    assert not isinstance(caught.value, TransientError)
    assert tenancy.stampli.journal.of("LIST") == []
