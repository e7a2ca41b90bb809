"""`mlc reconcile`: both sides and the ledger, to the cent, as a document, a table and a page."""

import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

from mlc_pipelines_tests.commands.asking import mlc
from mlc_pipelines_tests.commands.conftest import Installation

MONTH = "2026-10"


class Page(HTMLParser):
    """Reads a page strictly enough to see that its tags are closed in order."""

    EMPTY = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href"}] + [tag] * (tag == "script")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_month_matches_to_the_cent(at_work: Installation) -> None:
    """Source is target, held, ignored and under way together, in every company and currency."""
    said = mlc("reconcile", "sandbox_ramp", "--period", MONTH, "--json")
    told = said.document
    assert said.code == 0, said.err
    assert told["matched"] is True
    assert (told["first"], told["last"]) == ("2026-10-01", "2026-10-31")
    assert told["matches"]
    for match in told["matches"]:
        sums = {place: Decimal(amount) for place, amount in match["sums"].items()}
        assert sums.pop("source") == sum(sums.values())
        assert Decimal(match["difference"]) == 0


def test_what_is_matched_is_the_source(at_work: Installation) -> None:
    """Counts by company are those of the invoices dated in the month."""
    told = mlc("reconcile", "sandbox_ramp", "--period", MONTH, "--json").document
    dated = [invoice for invoice in at_work.office.world.invoices if f"{invoice.invoice_date:%Y-%m}" == MONTH]
    assert sum(match["counts"]["source"] for match in told["matches"]) == len(dated) > 0


def test_the_table_fits_the_screen(at_work: Installation) -> None:
    """The table is no wider than 80 columns and says that it matches."""
    said = mlc("reconcile", "sandbox_ramp", "--period", MONTH)
    assert said.widest <= 80
    assert "matched to the cent" in said.out


def test_the_page_stands_alone(at_work: Installation, tmp_path: Path) -> None:
    """The page is whole, loads nothing from anywhere, and has the sums of the table."""
    file = tmp_path / "october.html"
    assert mlc("reconcile", "sandbox_ramp", "--period", MONTH, "--html", str(file)).code == 0
    text = file.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.loads == []
    assert not re.search(r"https?://|url\(|@import", text)
    told = mlc("reconcile", "sandbox_ramp", "--period", MONTH, "--json").document
    words = " ".join(page.words).replace(",", "")
    assert all(match["sums"]["source"].split(".")[0] in words for match in told["matches"])


def test_a_difference_is_listed_and_told_by_the_exit_code(at_work: Installation, tmp_path: Path) -> None:
    """A bill archived behind our back is one difference with its document; the command ends with 1."""
    ramp = at_work.office.ramp
    bill = next(
        bill for bill in ramp.bills.values() if bill.remote_id and bill.issued_at and f"{bill.issued_at:%Y-%m}" == MONTH
    )
    archived, bill.archived_at = bill.archived_at, bill.created_at
    try:
        file = tmp_path / "october.html"
        said = mlc("reconcile", "sandbox_ramp", "--period", MONTH, "--json", "--html", str(file))
        people = mlc("reconcile", "sandbox_ramp", "--period", MONTH)
    finally:
        bill.archived_at = archived
    assert said.code == people.code == 1
    (difference,) = said.document["differences"]
    assert difference["key"] == bill.remote_id
    assert str(bill.invoice_number) in file.read_text(encoding="utf-8")
    assert people.widest <= 80


def test_a_period_is_a_month(at_work: Installation) -> None:
    """What is not a month ends with 2 and an example."""
    said = mlc("reconcile", "sandbox_ramp", "--period", "October")
    assert said.code == 2
    assert "2026-11" in said.err


def test_a_page_that_cannot_be_written_is_said_in_a_sentence(at_work: Installation, tmp_path: Path) -> None:
    """A folder that is not there ends with 2, without a traceback."""
    said = mlc("reconcile", "sandbox_ramp", "--period", MONTH, "--html", str(tmp_path / "no" / "page.html"))
    assert said.code == 2
    assert "Traceback" not in said.err
