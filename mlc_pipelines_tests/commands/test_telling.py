"""`mlc status`, `holds`, `trail`: where records stand, why some stop, and the story of one."""

from decimal import Decimal
from pathlib import Path

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.records import SourceRecord
from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.conftest import INVOICES, Installation

HOSTILE = "[/red] \x1b[31mINV"


def test_status_counts_every_invoice_once(at_work: Installation) -> None:
    """The invoices of all states are as many as the source has; no write is without an outcome."""
    (told,) = mlc("status", "--json").document
    assert sum(line["count"] for line in told["entries"] if line["flow"] == "bills") == INVOICES
    assert told["watermarks"]["bills"]
    assert told["last_run"]
    assert sum(told["open_intents"].values()) == 0


def test_status_for_people_fits_the_screen(at_work: Installation) -> None:
    """The table is no wider than 80 columns and ends with 0."""
    said = mlc("status", "sandbox_ramp")
    assert said.code == 0
    assert said.widest <= 80
    assert "confirmed" in said.out


def test_holds_say_what_to_do(at_work: Installation) -> None:
    """Each group has count, money and a remedy, and holds end with 1."""
    said = mlc("holds", "sandbox_ramp", "--json")
    assert said.code == 1
    groups = said.document
    assert {"account_unmapped", "supplier_incomplete"} <= {group["cause"] for group in groups}
    assert all(group["happened"] and group["remedy"] and group["count"] > 0 for group in groups)


def test_holds_have_the_money_of_their_records(at_work: Installation, house: House) -> None:
    """Money by cause is the sum of the held invoices."""
    told = sum(Decimal(g["amount"]) for g in mlc("holds", "--json").document if g["flow"] == "bills")
    held = [line for line in house.ledger.books("sandbox_ramp").reports.sums(flow="bills") if line.place == "held"]
    assert told == sum(line.amount for line in held) != 0


def test_holds_for_people_fit_the_screen(at_work: Installation) -> None:
    """Causes, examples and remedies are no wider than 80 columns."""
    said = mlc("holds", "sandbox_ramp")
    assert said.widest <= 80
    assert "to do" in said.out


def test_nothing_held_is_0(empty: object) -> None:
    """An installation with nothing in it holds nothing."""
    said = mlc("holds", "--json")
    assert (said.code, said.document) == (0, [])


def test_what_a_connection_with_a_broken_file_holds_is_told(at_work: Installation, house: House) -> None:
    """A mistake in a file takes nothing out of sight: its records are counted, and what is wrong is said."""
    path = house.connection("sandbox_ramp").path
    text = path.read_text(encoding="utf-8")
    before = mlc("status", "--json").document, mlc("holds", "--json").document
    path.write_text(f"{text}\nscedule: x\n", encoding="utf-8")
    try:
        status, holds, one = mlc("status", "--json"), mlc("holds", "--json"), mlc("holds", "sandbox_ramp", "--json")
        story = mlc("trail", "sandbox_ramp", house.ledger.books("sandbox_ramp").reports.select(limit=1)[0].key)
    finally:
        path.write_text(text, encoding="utf-8")
    assert (status.document, holds.document) == before
    assert one.document == holds.document
    assert (status.code, holds.code, one.code, story.code) == (2, 1, 1, 0)
    assert "did you mean schedule?" in status.err
    assert "did you mean schedule?" in holds.err


def test_a_folder_that_is_not_there_is_not_nothing_held(empty: Path) -> None:
    """Whoever asks in the wrong place hears so."""
    (empty / "connections").rmdir()
    for command in ("holds", "status"):
        said = mlc(command, "--json")
        assert (said.code, said.document) == (2, [])
        assert "there is no folder" in said.err


def test_a_trail_tells_the_whole_story(at_work: Installation, house: House) -> None:
    """By our reference: both ids, and every step from received to confirmed, in order."""
    reports = house.ledger.books("sandbox_ramp").reports
    bill = next(entry for entry in reports.select(flow="bills") if entry.state == "confirmed")
    told = [item for item in mlc("trail", "sandbox_ramp", bill.key, "--json").document if item["flow"] == "bills"]
    (story,) = told
    assert story["external_id"] == bill.external_id
    assert story["key"] == bill.key
    steps = [event["kind"] for event in story["events"]]
    assert steps[:4] == ["received", "translated", "sending", "delivered"]
    assert steps[-1] == "confirmed"


def test_a_trail_is_found_by_any_name(at_work: Installation, house: House) -> None:
    """The id in Ramp leads to the same record as its key."""
    reports = house.ledger.books("sandbox_ramp").reports
    bill = next(entry for entry in reports.select(flow="bills") if entry.external_id)
    assert bill.external_id is not None
    assert bill.key in {item["key"] for item in mlc("trail", "sandbox_ramp", bill.external_id, "--json").document}


def test_a_trail_for_people_fits_the_screen(at_work: Installation, house: House) -> None:
    """Events and facts are no wider than 80 columns."""
    reports = house.ledger.books("sandbox_ramp").reports
    bill = next(entry for entry in reports.select(flow="bills") if entry.state == "confirmed")
    said = mlc("trail", "sandbox_ramp", bill.key)
    assert said.code == 0
    assert said.widest <= 80


def test_a_trail_of_nothing_says_so(at_work: Installation) -> None:
    """An unknown record ends with 1 and a sentence."""
    said = mlc("trail", "sandbox_ramp", "NO-SUCH")
    assert said.code == 1
    assert "NO-SUCH" in said.err


def test_a_hostile_name_is_only_text(at_work: Installation, house: House) -> None:
    """A document number with markup and control characters is shown, and moves neither the table nor the terminal."""
    record = SourceRecord(
        key="hostile", company="10", content=b"{}", fingerprint="f", label=HOSTILE, problem=f"{HOSTILE} is unreadable"
    )
    books = house.ledger.books("sandbox_ramp")
    books.entries.receive("bills", [record], None)
    try:
        for command in (
            ("trail", "sandbox_ramp", "hostile"),
            ("holds",),
            ("replay", "sandbox_ramp", "--dry-run", "--reason", "r"),
        ):
            said = mlc(*command)
            assert "[/red]" in said.out, command
            assert "\x1b" not in said.out, command
            assert said.code in {0, 1}, command
    finally:
        with house.ledger.engine.execution_options(mlc_write=True).begin() as connection:
            connection.exec_driver_sql(
                "DELETE FROM events WHERE entry_id IN (SELECT id FROM entries WHERE key = 'hostile')"
            )
            connection.exec_driver_sql("DELETE FROM entries WHERE key = 'hostile'")
            connection.exec_driver_sql(
                "UPDATE totals SET count = count - 1 "
                "WHERE flow = 'bills' AND company = '10' AND stage = 'translate' AND state = 'held' AND currency = ''"
            )
