"""Approved requests stand in IFS once, on the right account, and an approval taken back makes no voucher."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.backups import back_up, bring_back
from mlc_pipelines_tests.roads.airbase.tenancy import BOOKED, Tenancy, key_of, sides

EVENT = "purchase_request_approved"
DIGITS = "9" * 30


def approved(tenancy: Tenancy, **wish: Any) -> str:
    """Let people ask and approve; give the request's id."""
    (made,) = tenancy.airbase.people.approve_requests(1, **{"amount": "1830.00", "account": "4600"} | wish)
    return str(made)


def test_an_approved_request_is_one_voucher(tenancy: Tenancy) -> None:
    """A debit on the line's account with the cost center of its tag, one credit, the reference on every row."""
    request = approved(tenancy)
    tenancy.run("request_vouchers")
    voucher = tenancy.voucher(f"PR-{request}")
    assert sides(voucher) == [("4600", "1830.00", None), ("2400", None, "1830.00")]
    assert voucher["VoucherRows"][0]["CodeB"] == tenancy.request(request).lines[0].tags[0][1]
    assert {row["ReferenceSerie"] for row in voucher["VoucherRows"]} == {"AIRBASE"}
    assert voucher["VoucherDate"] == tenancy.simulators.clock.now().date()


def test_what_was_approved_before_the_first_day_is_left_alone(tenancy: Tenancy) -> None:
    """It was booked by hand until then; its vendor goes on as any other."""
    request = approved(tenancy)
    today = tenancy.simulators.clock.now().date()
    tenancy.change(documents_from=today + timedelta(days=1))
    tenancy.run("vendors", "request_vouchers")
    entry = tenancy.entry("request_vouchers", request)
    assert (entry.state, entry.cause) == ("ignored", Cause.NOT_OURS)
    assert tenancy.ifs.vouchers == []
    tenancy.change(documents_from=today)
    tenancy.run("request_vouchers")
    assert tenancy.voucher(f"PR-{request}")


def test_a_voucher_of_another_amount_is_not_taken_for_the_one_that_was_forgotten(
    tenancy: Tenancy, tmp_path: Path
) -> None:
    """The ledger was restored from before it, and the request was changed since."""
    back_up(tenancy.house.ledger.engine, tmp_path / "backup")
    request = approved(tenancy)
    tenancy.run("request_vouchers")
    tenancy.request(request).lines[0].amount = Decimal("1900.00")
    bring_back(tenancy.house.ledger.engine, tmp_path / "backup")
    tenancy.run("request_vouchers")
    assert len(tenancy.ifs.vouchers) == 1
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.DUPLICATE_SUSPECTED]
    said = tenancy.entry("request_vouchers", request).problem or ""
    assert "debits 1830.00 EUR, not 1900.00 EUR" in said


def test_a_second_run_writes_nothing(tenancy: Tenancy) -> None:
    """The list still has it."""
    approved(tenancy)
    tenancy.run("request_vouchers")
    before = tenancy.simulators.writes()
    tenancy.run("request_vouchers")
    assert tenancy.simulators.writes() == before


def test_an_uncoded_line_is_on_the_account_of_its_purchase_type(tenancy: Tenancy) -> None:
    """And held where the type has none, until it has."""
    known, unknown = (approved(tenancy, account=None, coded=False, kind=kind) for kind in ("services", "events"))
    tenancy.run("request_vouchers")
    assert sides(tenancy.voucher(f"PR-{known}"))[0][0] == "4600"
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.ACCOUNT_UNMAPPED]
    tenancy.change(mapping={"purchase_types": {"services": "4600", "events": "4700"}})
    tenancy.run("request_vouchers")
    assert sides(tenancy.voucher(f"PR-{unknown}"))[0][0] == "4700"


def test_a_webhook_is_but_a_hint(tenancy: Tenancy) -> None:
    """The request is read again, and once more before it is booked; the poll makes nothing of it later."""
    request = approved(tenancy)
    tenancy.hear("request_vouchers", EVENT, request)
    tenancy.run("request_vouchers")
    tenancy.run("request_vouchers")
    assert len(tenancy.ifs.vouchers) == 1
    assert tenancy.asked("GET", f"purchase_requests/{request}/") == 2


def test_an_approval_taken_back_before_is_dropped_with_a_note(tenancy: Tenancy) -> None:
    """The event came, the approval is gone."""
    request = approved(tenancy)
    tenancy.hear("request_vouchers", EVENT, request)
    tenancy.airbase.people.withdraw_approval(request)
    tenancy.run("request_vouchers")
    entry = tenancy.entry("request_vouchers", request)
    assert (entry.state, entry.cause) == ("ignored", Cause.CANCELLED)
    assert "withdrawn, not approved" in (entry.problem or "")
    assert tenancy.ifs.vouchers == []


def test_an_approval_taken_back_while_the_request_is_held_makes_no_voucher(tenancy: Tenancy) -> None:
    """No event told of it; approved again, it is booked when its account is there."""
    request = approved(tenancy, account=None, coded=False, kind="events")
    tenancy.run("request_vouchers")
    tenancy.airbase.people.withdraw_approval(request, silently=True)
    tenancy.change(mapping={"purchase_types": {"events": "4700"}})
    tenancy.run("request_vouchers")
    assert tenancy.entry("request_vouchers", request).cause is Cause.CANCELLED
    assert tenancy.ifs.vouchers == []
    tenancy.airbase.people.approve_request(request)
    tenancy.run("request_vouchers")
    assert len(tenancy.vouchers(f"PR-{request}")) == 1


def test_an_approval_taken_back_in_the_last_moment_makes_no_voucher(tenancy: Tenancy) -> None:
    """The request is read once more before it is booked, and dropped by the next run."""
    request = approved(tenancy)
    tenancy.run_stages("request_vouchers", "collect", "translate")
    tenancy.airbase.people.withdraw_approval(request, silently=True)
    tenancy.run_stages("request_vouchers", "deliver")
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.NOT_READY]
    assert "is withdrawn in Airbase now" in (tenancy.entry("request_vouchers", request).problem or "")
    tenancy.run("request_vouchers")
    assert tenancy.entry("request_vouchers", request).cause is Cause.CANCELLED
    assert tenancy.ifs.vouchers == []


def test_a_request_changed_in_the_last_moment_is_booked_as_it_is_then(tenancy: Tenancy) -> None:
    """What was read before is not posted; the next run takes in the new amount."""
    request = approved(tenancy)
    tenancy.run_stages("request_vouchers", "collect", "translate")
    tenancy.request(request).lines[0].amount = Decimal("99.00")
    tenancy.run_stages("request_vouchers", "deliver")
    assert tenancy.ifs.vouchers == []
    tenancy.run("request_vouchers")
    assert sides(tenancy.voucher(f"PR-{request}"))[0] == ("4600", "99.00", None)


def test_what_is_held_and_not_listed_is_read_by_itself_once(tenancy: Tenancy) -> None:
    """A list may leave out what is still approved; it waits on."""
    request = approved(tenancy, account=None, coded=False, kind="events")
    tenancy.run("request_vouchers")
    tenancy.airbase_settings(requests={**BOOKED, "filters": {"status": "pending"}})
    for _ in range(2):
        tenancy.run("request_vouchers")
    assert tenancy.asked("GET", f"purchase_requests/{request}/") == 1
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.ACCOUNT_UNMAPPED]


def test_a_request_approved_again_is_booked_then(tenancy: Tenancy) -> None:
    """What was dropped comes back as a new version."""
    request = tenancy.airbase.people.create_request(amount="5.00", account="4600")
    tenancy.hear("request_vouchers", EVENT, request)
    tenancy.run("request_vouchers")
    assert tenancy.ifs.vouchers == []
    tenancy.airbase.people.approve_request(request)
    tenancy.run("request_vouchers")
    assert len(tenancy.vouchers(f"PR-{request}")) == 1


def test_an_approval_taken_back_afterwards_needs_a_person(tenancy: Tenancy) -> None:
    """The voucher is named."""
    request = approved(tenancy)
    tenancy.run("request_vouchers")
    tenancy.airbase.people.withdraw_approval(request)
    tenancy.hear("request_vouchers", "purchase_request_withdrawn", request)
    tenancy.run("request_vouchers")
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.CANCELLED_AFTER_DELIVERY]
    assert key_of(tenancy.voucher(f"PR-{request}")) in (tenancy.entry("request_vouchers", request).problem or "")


def test_a_request_that_is_gone_is_dropped_with_a_note(tenancy: Tenancy) -> None:
    """Nobody can read it any more."""
    tenancy.hear("request_vouchers", EVENT, "pr_gone")
    tenancy.run("request_vouchers")
    assert tenancy.entry("request_vouchers", "pr_gone").cause is Cause.CANCELLED


def test_a_request_changed_after_its_voucher_makes_no_second_one(tenancy: Tenancy) -> None:
    """A person corrects the voucher."""
    request = approved(tenancy)
    tenancy.run("request_vouchers")
    tenancy.request(request).lines[0].amount = Decimal("99.00")
    tenancy.run("request_vouchers")
    assert len(tenancy.ifs.vouchers) == 1
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.CHANGED_AFTER_DELIVERY]


def test_a_lost_answer_makes_no_second_voucher(tenancy: Tenancy) -> None:
    """It is found by its reference."""
    request = approved(tenancy)
    tenancy.ifs.faults.once("lost", method="POST", path_part="$batch")
    tenancy.run("request_vouchers")
    assert tenancy.states("request_vouchers") == {"unknown": 1}
    tenancy.simulators.clock.sleep(1000)
    tenancy.run("request_vouchers")
    assert len(tenancy.vouchers(f"PR-{request}")) == 1
    assert tenancy.states("request_vouchers") == {"confirmed": 1}


def test_a_voucher_made_by_an_earlier_installation_is_found(tenancy: Tenancy, tmp_path: Path) -> None:
    """The reference in IFS counts, not our memory."""
    request = approved(tenancy)
    tenancy.run("request_vouchers")
    other = Tenancy(tmp_path / "other", tenancy.simulators)
    other.run("request_vouchers")
    made = other.entry("request_vouchers", request).external_id
    other.close()
    assert made == key_of(tenancy.voucher(f"PR-{request}"))


def test_a_closed_period_holds_until_it_opens(tenancy: Tenancy) -> None:
    """Before anything is written."""
    day = tenancy.simulators.clock.now()
    tenancy.ifs.people.close_period("10", day.year, day.month)
    request = approved(tenancy)
    tenancy.run("request_vouchers")
    assert list(tenancy.causes("request_vouchers").values()) == [Cause.PERIOD_CLOSED]
    tenancy.ifs.people.open_period("10", day.year, day.month)
    tenancy.run("request_vouchers")
    assert len(tenancy.vouchers(f"PR-{request}")) == 1


def test_a_long_description_is_cut_to_what_ifs_takes(tenancy: Tenancy) -> None:
    """A row of a voucher takes two hundred signs."""
    request = approved(tenancy)
    tenancy.request(request).lines[0].description = "Calibration of pumps " * 20
    tenancy.run("request_vouchers")
    assert tenancy.voucher(f"PR-{request}")["VoucherRows"][0]["Text"] == ("Calibration of pumps " * 20)[:200]


def test_yen_are_booked_as_whole_yen(tenancy: Tenancy) -> None:
    """No minor unit is lost or gained."""
    request = approved(tenancy, currency="JPY", amount="1234567")
    tenancy.run("request_vouchers")
    assert sides(tenancy.voucher(f"PR-{request}"))[0] == ("4600", "1234567", None)


@pytest.mark.parametrize(("foreign", "state"), [([], "held"), (["90"], "ignored")])
def test_a_subsidiary_of_nobody_is_held_or_by_name_left_alone(tenancy: Tenancy, foreign: list[str], state: str) -> None:
    """Another connection may have it."""
    tenancy.airbase_settings(foreign_subsidiaries=foreign)
    request = approved(tenancy, subsidiary="90", currency="JPY", amount="100")
    tenancy.run("request_vouchers")
    assert tenancy.entry("request_vouchers", request).state == state


@pytest.mark.parametrize("before", [None, "AIRBASE PR-1", "ramp:b-1"])
def test_a_named_invoice_is_marked(tenancy: Tenancy, before: str | None) -> None:
    """Where the tenant's requests name the IFS invoice they belong to; another system's mark is left to a person."""
    invoice = f"10^{tenancy.ifs.people.add_invoice('10', 'S-1001', 'INV-1', Cf_Spend_Reference=before)}"
    fields = {"kind": "/purchase_type", "dated": "/approved_date", "erp_invoice": "/number"}
    tenancy.airbase_settings(requests={**BOOKED, "fields": fields})
    request = approved(tenancy)
    tenancy.request(request).number = invoice
    tenancy.run("request_vouchers")
    key = ("10", int(invoice.partition("^")[2]))
    theirs = before == "ramp:b-1"
    assert tenancy.ifs.invoices[key]["Cf_Spend_Reference"] == (before if theirs else f"AIRBASE PR-{request}")
    assert list(tenancy.causes("request_vouchers").values()) == ([Cause.SENT_ELSEWHERE] if theirs else [])


def test_an_invoice_number_that_ifs_refuses_holds_its_request_only(tenancy: Tenancy) -> None:
    """Somebody typed too many digits; the invoice of the other request is marked."""
    invoice = f"10^{tenancy.ifs.people.add_invoice('10', 'S-1001', 'INV-1')}"
    fields = {"kind": "/purchase_type", "dated": "/approved_date", "erp_invoice": "/number"}
    tenancy.airbase_settings(requests={**BOOKED, "fields": fields})
    odd, good = approved(tenancy), approved(tenancy)
    tenancy.request(odd).number, tenancy.request(good).number = f"10^{DIGITS}", invoice
    tenancy.ifs.faults.once("status", method="GET", path_part=DIGITS, status=400, body=b"{}")
    tenancy.run("request_vouchers")
    assert tenancy.states("request_vouchers") == {"confirmed": 1, "held": 1}
    assert tenancy.entry("request_vouchers", odd).cause is Cause.REJECTED_BY_TARGET


def test_an_event_that_cannot_be_read_for_want_of_a_path_is_held(tenancy: Tenancy) -> None:
    """It says which setting is missing, and the first poll takes it in."""
    request = approved(tenancy)
    tenancy.change(airbase={"paths": {}})
    tenancy.hear("request_vouchers", EVENT, request)
    tenancy.run("request_vouchers")
    assert "airbase.paths.purchase_requests" in (tenancy.entry("request_vouchers", request).problem or "")
    tenancy.change(airbase={"paths": {"purchase_requests": "/v1/purchase_requests/"}})
    tenancy.run("request_vouchers")
    assert len(tenancy.vouchers(f"PR-{request}")) == 1
