"""A connection as an operator meets it: checked, watched, matched at month end."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.reconciling import Reconciliation, reconcile
from mlc_pipelines.integrations.integration import Finding, Period
from mlc_pipelines.integrations.stampli.health import (
    old_parts,
    on_their_way,
    rejected,
    waiting_files,
    working_hours_without_a_file,
)
from mlc_pipelines.integrations.stampli.opening import open_desk
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.roads.installation import NAME, CommonClock
from mlc_pipelines_tests.roads.stampli.tenancy import COLUMNS, SETTLE, Simulators, Tenancy, invoice_feed, row

NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


def findings(tenancy: Tenancy) -> dict[str, Finding]:
    return {finding.name: finding for finding in tenancy.session.check() if finding.name.startswith("stampli")}


def match(tenancy: Tenancy, period: Period = NOVEMBER) -> Reconciliation:
    entries = tenancy.books.reports.select(flow="invoices", dated=(period.first, period.last), limit=10_000)
    session = tenancy.session
    return reconcile(
        NAME,
        (period.first, period.last),
        session.source_documents(period),
        session.target_documents(period),
        entries,
    )


# The check


def test_a_good_connection_passes_its_check(opened: Callable[..., Tenancy]) -> None:
    """Key, login, folder and the right to move, each in a line of its own; nothing is written."""
    tenancy = opened(feeds={"invoices": invoice_feed(after={"remote": {"move": {"to": "/outbound/archive"}}})})
    tenancy.put("a.csv", row())
    found = findings(tenancy)
    assert {name: finding.ok for name, finding in found.items()} == {
        "stampli: server key": True,
        "stampli: login": True,
        "stampli: folder invoices": True,
        "stampli: putting away invoices": True,
    }
    assert tenancy.stampli.fingerprint in found["stampli: server key"].message
    assert found["stampli: folder invoices"].message.startswith("1 files")
    assert list(tenancy.stampli.files("/outbound/invoices")) == ["/outbound/invoices/a.csv"]
    assert tenancy.stampli.files("/outbound/archive") == {}


def test_another_host_key_is_shown_and_not_trusted(tenancy: Tenancy) -> None:
    """The operator reads the key that the server offers, to be compared by another channel; nothing is stored."""
    tenancy.stampli.swap_host_key()
    found = findings(tenancy)["stampli: server key"]
    assert not found.ok
    assert tenancy.stampli.fingerprint in found.message
    assert "another channel" in found.message


def test_a_wrong_password_is_told(opened: Callable[..., Tenancy]) -> None:
    """As a matter of settings, not of weather."""
    tenancy = opened(user="nobody")
    found = findings(tenancy)
    assert found["stampli: server key"].ok
    assert not found["stampli: login"].ok
    assert "refuses the login" in found["stampli: login"].message


def test_a_folder_that_is_not_there_is_told(opened: Callable[..., Tenancy]) -> None:
    """So that nobody waits for files of a folder that was mistyped."""
    found = findings(opened(feeds={"invoices": invoice_feed(directory="/outbound/invoice")}))
    assert not found["stampli: folder invoices"].ok
    assert "/outbound/invoice" in found["stampli: folder invoices"].message


def test_a_server_that_takes_no_moves_is_told(opened: Callable[..., Tenancy]) -> None:
    """Before the first file would stay where it is."""
    tenancy = opened(feeds={"invoices": invoice_feed(after={"remote": "delete"})})
    tenancy.stampli.switches.refuse_remove = True
    assert not findings(tenancy)["stampli: putting away invoices"].ok


def test_without_a_host_key_nothing_is_opened(tenancy: Tenancy) -> None:
    """An empty list is refused where the file is read, with what to do."""
    with pytest.raises(ConfigurationError, match="whose server answers"):
        tenancy.change(stampli={"host_keys": []})
    tenancy.change(stampli={"host_keys": [tenancy.stampli.host_key]})


def test_login_with_a_key(tenancy: Tenancy) -> None:
    """The usual way: a private key from the vault."""
    tenancy.house.vault.set("sandbox/stampli/private_key", SecretStr(tenancy.stampli.client_key))
    tenancy.stampli.switches.password_login = False
    tenancy.change(stampli={"login": "key"})
    assert findings(tenancy)["stampli: login"].ok


def test_periods_of_which_none_is_open_are_told(tenancy: Tenancy) -> None:
    """With the setting to correct; a good one counts what is open, and a tenant that names no word is not asked."""
    for words, ok in ((["Offen"], False), (["Open"], True)):
        tenancy.change(ifs={"open_periods": words})
        (found,) = [each for each in tenancy.session.check() if each.name == "ifs: accounting periods"]
        assert found.ok is ok
        assert ("ifs.open_periods" in found.message) is not ok
    tenancy.change(ifs={"open_periods": []})
    assert "ifs: accounting periods" not in [each.name for each in tenancy.session.check()]


# What is watched


def test_the_sensor_sees_what_a_run_would_take_up(tenancy: Tenancy) -> None:
    """A new file, one that settles, and none once it is done; looking writes nothing."""
    desk, remote = open_desk(tenancy.house.tenant(NAME))
    assert waiting_files(desk) == []
    tenancy.put("a.csv", row())
    (waiting,) = waiting_files(desk)
    assert (waiting.feed, waiting.name, waiting.since) == ("invoices", "a.csv", None)
    assert tenancy.files() == {}
    tenancy.poll(times=1)
    (waiting,) = waiting_files(desk)
    assert waiting.since is not None
    assert [record.path for record in on_their_way(tenancy.books.files, "invoices")] == ["/outbound/invoices/a.csv"]
    tenancy.go()
    assert waiting_files(desk) == []
    assert on_their_way(tenancy.books.files, "invoices") == []
    desk.ifs.close()
    remote.close()


def test_an_upload_that_was_given_up_is_told_after_a_day(tenancy: Tenancy) -> None:
    """Seen by us for 24 hours under its temporary name."""
    tenancy.put("a.csv", row(), slowly=True)
    tenancy.poll(times=1)
    now = tenancy.simulators.clock.now()
    assert old_parts(tenancy.books.files, "invoices", now=now) == []
    (part,) = old_parts(tenancy.books.files, "invoices", now=now + timedelta(hours=25))
    assert part.path.endswith("a.csv.filepart")
    tenancy.wait(90_000)
    assert "1 uploads given up" in findings(tenancy)["stampli: folder invoices"].message


def test_rejected_files_are_counted(tenancy: Tenancy) -> None:
    """For the check of a connection."""
    tenancy.put("a.csv", content=b"Company\r\n")
    tenancy.go()
    assert len(rejected(tenancy.books.files, "invoices")) == 1
    assert "1 rejected" in findings(tenancy)["stampli: folder invoices"].message


def test_silence_is_counted_in_working_hours(tenancy: Tenancy) -> None:
    """None before the first file; a weekend does not count."""
    zone, files = ZoneInfo("UTC"), tenancy.books.files
    assert working_hours_without_a_file(files, "invoices", now=tenancy.simulators.clock.now(), zone=zone) is None
    tenancy.put("a.csv", row())
    tenancy.poll(times=1)
    first = tenancy.remote_file("a.csv").first_seen
    week = working_hours_without_a_file(files, "invoices", now=first + timedelta(days=7), zone=zone)
    assert week == pytest.approx(5 * 24)


# Month end


def test_files_and_ifs_agree_to_the_cent(tenancy: Tenancy) -> None:
    """Delivered, held and ignored ones are all in their place."""
    tenancy.post("a.csv", row(), row(Invoice_Number="NT-119", GL_Account="9999"),
                 row(Invoice_Number="NT-120", Status="Pending Approval"))  # fmt: skip
    result = match(tenancy)
    assert result.matched
    (line,) = result.matches
    assert (line.company, line.currency) == ("10", "EUR")
    assert line.counts == {"source": 3, "target": 1, "held": 1, "ignored": 1}


def test_what_was_finally_posted_is_known_by_its_voucher(tenancy: Tenancy) -> None:
    """It has left the proposals, and is not missed."""
    tenancy.post("a.csv", row())
    company, _, invoice_id = (tenancy.entry("invoices", "NT-118").external_id or "").partition("^")
    tenancy.ifs.people.final_post(company, int(invoice_id))
    tenancy.ifs.people.update_gl()
    assert match(tenancy).matched


def test_a_difference_is_told(tenancy: Tenancy) -> None:
    """A change after posting, and an invoice of ours that somebody cancelled in IFS."""
    tenancy.post("a.csv", row(), row(Invoice_Number="NT-119"))
    tenancy.post("b.csv", row(Invoice_Amount="219.00", Line_Amount="200.00"))
    company, _, invoice_id = (tenancy.entry("invoices", "NT-119").external_id or "").partition("^")
    tenancy.ifs.people.cancel_invoice(company, int(invoice_id))
    tenancy.ifs.people.update_gl()
    whats = {difference.label: difference.what for difference in match(tenancy).differences}
    assert "amounts differ by 100" in whats["NT-118"]


# Everything together


@pytest.fixture(scope="module")
def large() -> Iterator[Simulators]:
    """The whole manufacturer with forty invoices in Stampli, exported as CSV and XML in turns."""
    world = World.make(seed=1, invoices=1)
    simulators = Simulators(world)
    simulators.ifs = IfsSandbox(world=world, requests_per_minute=100_000, catalogue_size=10)
    simulators.stampli.drop.close()
    simulators.stampli = StampliSandbox(world=world, layout="both")
    simulators.clock = CommonClock(simulators.ifs.clock, simulators.stampli.clock)
    with simulators:
        yield simulators


@pytest.fixture
def crowded(large: Simulators, tmp_path: Path) -> Iterator[Tenancy]:
    """Open a tenancy that reads every folder; the audit chain must hold in the end."""
    tenancy = Tenancy(tmp_path / "home", large, feeds=every_feed(), vendor_create=True)
    yield tenancy
    broken = list(tenancy.house.ledger.audit.verify())
    tenancy.close()
    assert broken == []


def test_forty_invoices_of_both_layouts(large: Simulators, crowded: Tenancy) -> None:
    """Every one is posted, held with a cause, or not for posting; sums agree; a second export changes nothing."""
    tenancy = crowded
    tenancy.change(mapping={"tax_accounts": {"*": "1400"}, "freight_accounts": {"*": "4600"}})
    for _ in range(3):
        tenancy.walk()
        tenancy.wait()
    wanted = {"APPROVED", "PAID"}
    approved = [each for each in large.stampli.invoices.values() if each.status in wanted]
    held = {entry.label: (entry.cause, entry.problem) for entry in tenancy.books.reports.select(flow="invoices")
            if entry.state.value == "held"}  # fmt: skip
    ours = [each for each in tenancy.proposals() if (each["VoucherText"] or "").startswith("STAMPLI:")]
    assert len(ours) + len(held) == len(approved)
    assert {cause for cause, _ in held.values()} <= {"period_closed"}
    period = Period(date(2026, 9, 1), date(2026, 11, 30))
    assert match(tenancy, period).matched
    for proposal in ours:
        (known,) = [each for each in approved if each.number == proposal["InvoiceNo"]
                    and each.total == proposal["GrossAmount"]]  # fmt: skip
        assert known.currency == proposal["Currency"]
    before = len(tenancy.books.reports.select(flow="invoices", limit=1000))
    large.stampli.people.export_invoices("xml", which="all", per_file=15)
    tenancy.walk()
    tenancy.wait()
    tenancy.walk()
    after = tenancy.books.reports.select(flow="invoices", limit=1000)
    assert len(after) == before
    assert {entry.version for entry in after} == {1}


def every_feed() -> dict[str, Any]:
    """All folders with the simulator's own layouts."""
    ready = {"rule": "stable", "settle_seconds": SETTLE}
    xml = {"record": "invoices/invoice", "line": "lines/line", "fields": dict(StampliSandbox.xml_paths)}
    invoices = invoice_feed(columns=dict(StampliSandbox.columns), xml=xml)
    assert set(COLUMNS) <= set(StampliSandbox.columns)
    vendors = {"directory": "/outbound/vendors", "ready": ready, "columns": dict(StampliSandbox.vendor_columns)}
    orders = {"directory": "/outbound/purchase_orders", "ready": ready, "columns": dict(StampliSandbox.order_columns)}
    return {"invoices": invoices, "vendors": vendors, "purchase_orders": orders}
