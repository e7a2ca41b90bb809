"""The whole tenant: its forty bills in fair and bad weather, compared to the cent, and only ever read."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mlc_pipelines.flows.reconciling import Reconciliation, reconcile
from mlc_pipelines.integrations.integration import Period
from mlc_pipelines.ledger.states import State
from mlc_pipelines.sandbox.kernel.journal import JournalEntry
from mlc_pipelines_tests.roads.installation import NAME, references
from mlc_pipelines_tests.roads.procurify.conftest import lived_in
from mlc_pipelines_tests.roads.procurify.tenancy import Simulators, Tenancy

ROUNDS = 30
SETTLED = {"confirmed", "delivered", "held", "ignored", "superseded"}
ALL = Period(date(2026, 1, 1), date(2099, 12, 31))


@pytest.fixture(scope="module")
def busy() -> Iterator[Simulators]:
    """A Procurify with all the awkward bills of its first day."""
    with Simulators(bills=40, orders=15) as simulators:
        for faults in (simulators.ifs.faults, simulators.procurify.faults):
            faults.stall_seconds = 1.2
        yield simulators


@pytest.fixture
def full(busy: Simulators, tmp_path: Path) -> Iterator[Tenancy]:
    """A tenancy of it on its first day, impatient enough that a stalled call is given up."""
    busy.reset()
    with lived_in(Tenancy(tmp_path / "home", busy)) as tenancy:
        tenancy.change(ifs={"read_seconds": 1.0, "write_seconds": 1.0}, procurify={"read_seconds": 1.0})
        tenancy.later()
        yield tenancy


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenancy]:
    """A tenancy that has been worked off, to be looked at only."""
    folder = tmp_path_factory.mktemp("worked") / "home"
    with Simulators(bills=40, orders=15) as simulators, lived_in(Tenancy(folder, simulators)) as tenancy:
        tenancy.later()
        work(tenancy)
        yield tenancy


def work(tenancy: Tenancy) -> None:
    """Work passes as a schedule would, until every record stands where it stays."""
    for _ in range(ROUNDS):
        tally = tenancy.walk()
        read = not any(stages["collect"].interrupted for stages in tally.values())
        if read and all(set(tenancy.states(flow)) <= SETTLED for flow in tally):
            return
        tenancy.later(1)
    raise AssertionError({flow.name: tenancy.states(flow.name) for flow in tenancy.session.flows})


def match(tenancy: Tenancy, period: Period = ALL) -> Reconciliation:
    """Compare both sides and the ledger, as the month-end does."""
    return reconcile(
        NAME,
        (period.first, period.last),
        tenancy.session.source_documents(period),
        tenancy.session.target_documents(period),
        tenancy.books.reports.select(flow="bills", dated=(period.first, period.last)),
    )


@pytest.mark.parametrize("profile", ["storm", "lossy", "contended", "expiring"])
def test_every_bill_arrives_once_in_any_weather(full: Tenancy, profile: str) -> None:
    """By the simulators' own books: once with its amount, or held or ignored; and IFS has no other."""
    # Waits of several threads at once add up on the common clock, and would end a token of three seconds for all.
    full.calls_in_flight = 1 if profile == "expiring" else full.calls_in_flight
    full.simulators.use_faults(profile)
    work(full)
    full.simulators.use_faults("calm")
    numbers = Counter((row["Company"], row["Identity"], row["InvoiceNo"]) for row in full.ifs.invoices.values())
    vouchers = Counter(key for voucher in full.ifs.vouchers for key in references(voucher))
    posted = {entry.key for entry in full.books.reports.select(flow="bills", states=[State.DELIVERED])}
    resting = full.books.reports.select(flow="bills", states=[State.HELD, State.IGNORED])
    assert set(numbers.values()) == set(vouchers.values()) == {1}
    assert set(vouchers) == posted
    assert posted | {entry.key for entry in resting} == {str(key) for key in full.procurify.bills}
    assert len(posted) >= 20
    for key in posted:
        assert full.invoice(key)["GrossAmount"] == full.procurify.bills[int(key)].total
    assert full.procurify.writes == []


def test_procurify_is_only_read(worked: Tenancy) -> None:
    """Over whole roads, a match and a comparison, nothing but GET and the request for a token ever left."""
    match(worked)
    list(worked.session.gaps())
    sent = {(entry.method, entry.path.startswith("/api/")) for entry in worked.procurify.journal.entries}
    assert sent == {("GET", True), ("POST", False)}
    assert {entry.path for entry in worked.procurify.journal.entries if entry.method == "POST"} == {"/oauth/token"}


def test_each_awkward_bill_has_its_place(worked: Tenancy) -> None:
    """Held for what a person can mend, ignored for what is not ours, and each with its reason."""
    named = {entry.key: entry for entry in worked.books.reports.select(flow="bills")}
    causes = {
        bill.peculiarity: str(named[str(bill.id)].cause)
        for bill in worked.procurify.bills.values()
        if bill.peculiarity and named[str(bill.id)].cause and named[str(bill.id)].cause != "period_closed"
    }
    assert causes == {
        "no allocation": "account_unmapped", "draft": "not_ready", "denied": "cancelled", "submitted": "not_ready",
        "unmapped account": "account_unmapped", "inactive account": "account_unmapped", "expense": "not_ours",
        "card": "not_ours", "two companies": "entity_unmapped", "unknown enum": "not_ready", "withdrawn": "cancelled",
        "wrong total": "amount_mismatch", "second of two": "duplicate_suspected", "unknown vendor": "vendor_unknown",
    }  # fmt: skip


def test_month_end_matches_document_by_document(worked: Tenancy) -> None:
    """Source is target, held and ignored together; bills that the ledger has are not read once more."""
    seen = worked.procurify.journal.entries[-1].seq
    result = match(worked)
    assert (result.matched, result.differences) == (True, ())
    assert sum(found.counts["source"] for found in result.matches) == 40
    assert not [entry for entry in worked.procurify.journal.since(seen) if entry.path.startswith("/api/v2/ap/bills/")]


def test_month_end_shows_what_somebody_changed(full: Tenancy) -> None:
    """An amount changed in Procurify after posting, an invoice cancelled in IFS."""
    work(full)
    delivered = full.books.reports.select(flow="bills", states=[State.DELIVERED])
    changed, cancelled = delivered[0].key, delivered[1]
    full.procurify.people.edit_bill(int(changed), amount="1.00")
    company, _, invoice = str(cancelled.external_id).partition("^")
    full.ifs.people.cancel_invoice(company, int(invoice))
    differences = {difference.key: difference.what for difference in match(full).differences}
    assert set(differences) == {changed, cancelled.key}
    assert "target no longer has it" in differences[cancelled.key]


def test_month_end_goes_on_without_a_bill_that_cannot_be_read(tenancy: Tenancy) -> None:
    """The ledger holds and tells it; the others are compared."""
    tenancy.bill(account="4010")
    broken = tenancy.bill(account="4010")
    tenancy.procurify.bills[int(broken)].payment_terms = ["30"]  # type: ignore[assignment]  # as it was never agreed
    tenancy.settle()
    assert tenancy.entry("bills", broken).state is State.HELD
    result = match(tenancy)
    assert (result.matched, [found.counts["source"] for found in result.matches]) == (True, [1])


def test_a_day_s_bills_are_matched_by_the_account_s_days(worked: Tenancy) -> None:
    """The bill of half past eleven in UTC belongs to the next day on both sides."""
    key = str(worked.procurify.peculiar("near midnight").id)
    first = date(2026, 11, 1)
    period = Period(first, first)
    (document,) = [each for each in worked.session.source_documents(period) if each.key == key]
    assert (document.dated, document.amount) == (first, worked.procurify.bills[int(key)].total)
    assert match(worked, period).matched


def api_calls(tenancy: Tenancy) -> list[JournalEntry]:
    return [entry for entry in tenancy.procurify.journal.entries if entry.path.startswith("/api/")]


def test_no_more_than_four_calls_are_under_way(full: Tenancy) -> None:
    """However many bills are read at once, by the simulator's journal."""
    for _ in range(4):
        full.procurify.faults.once("stall", path_part="/api/v2/ap/bills/", seconds=0.2)
    full.run_stages("bills", "collect")
    assert max(entry.in_flight for entry in api_calls(full)) == 4


def test_no_more_than_five_calls_are_made_in_a_second(full: Tenancy) -> None:
    """By the simulator's clock no call came before its turn; one at a time, for who waits moves everybody's time on."""
    full.change(procurify={"calls_per_second": 5})
    full.calls_in_flight = 1
    began = full.simulators.clock.now()
    full.run_stages("bills", "collect")
    moments = [entry.at for entry in api_calls(full)]
    assert len(moments) > 40
    assert [number for number, at in enumerate(moments) if (at - began).total_seconds() < number / 5] == []


def test_a_check_asks_feed_by_feed(full: Tenancy) -> None:
    """All is readable; exports by others are warned of, and a canary is read."""
    full.procurify.people.sync_elsewhere(4701)
    full.change(procurify={"canary_bill": "4701", "canary_order": "1041"})
    found = {finding.name: finding for finding in full.session.check() if finding.name.startswith("procurify")}
    assert [name for name, finding in found.items() if not finding.ok] == []
    assert "1 of 40 were exported" in found["procurify: bills"].message
    assert "Nordhavn" in found["procurify: bill 4701"].message
    assert len(found) == 9


def test_a_check_names_the_feed_whose_path_broke(full: Tenancy) -> None:
    """The others are asked all the same."""
    full.change(procurify={"paths": {"departments": "/api/v9/departments/"}})
    broken = [finding for finding in full.session.check() if not finding.ok]
    assert [finding.name for finding in broken] == ["procurify: departments"]
    assert "path of departments has moved" in broken[0].message


def test_a_check_of_a_refused_token_says_what_looks_like_one(full: Tenancy) -> None:
    """Audience and client header."""
    full.procurify.people.rotate_secret("another")
    broken = [finding for finding in full.session.check() if not finding.ok]
    assert broken[0].name == "procurify: token"
    assert "audience ends with a slash" in broken[0].message


def test_a_check_wants_a_company_for_each_location(full: Tenancy) -> None:
    """Unless there is one for all."""
    full.change(mapping={"companies": {"P1": "10"}})
    broken = [finding for finding in full.session.check() if not finding.ok]
    assert ["location P2, P3 is no company" in finding.message for finding in broken] == [True]
    full.change(procurify={"default_company": "10"})
    assert [finding for finding in full.session.check() if not finding.ok] == []


def test_account_codes_and_departments_are_compared(full: Tenancy) -> None:
    """What has no counterpart is listed; parents and inactive codes are not."""
    full.change(mapping={"cost_centers": {}})
    found = {(gap.kind, gap.key) for gap in full.session.gaps() if gap.kind in {"gl_account", "department"}}
    nameless = next(row for row in full.procurify.departments.values() if row.external_id is None)
    assert found == {("gl_account", "6990"), ("gl_account", "7777"), ("department", str(nameless.id))}


def test_rights_that_shrink_silently_lose_no_money(full: Tenancy) -> None:
    """Bills that are no longer listed stay in the ledger, and the match names what IFS has of them."""
    work(full)
    full.procurify.people.restrict_service_user(3)
    result = match(full)
    sums = {found.currency: found.difference for found in result.matches}
    assert set(sums.values()) == {Decimal(0)}
