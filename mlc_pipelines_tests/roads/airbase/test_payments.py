"""Payments stand in IFS once, are acknowledged in Airbase, and what is not clear is held."""

import json
from datetime import date
from decimal import Decimal

import pytest

from mlc_pipelines.errors import Cause, ConfigurationError
from mlc_pipelines.flows.reconciling import reconcile
from mlc_pipelines.integrations.integration import Period
from mlc_pipelines_tests.roads.airbase.tenancy import BOOKED, Tenancy, all_references, key_of, sides

AUTUMN = Period(date(2026, 10, 1), date(2026, 11, 30))


def test_a_paid_bill_is_what_we_owe_against_the_bank(tenancy: Tenancy) -> None:
    """The entry is told the voucher's key."""
    entry = tenancy.pay(amount="250.00", account="4600")
    tenancy.run("payment_vouchers")
    voucher = tenancy.voucher(f"PAY-{entry.airbase_id}")
    assert sides(voucher) == [("2400", "250.00", None), ("1800", None, "250.00")]
    assert (entry.status, entry.erp_reference_id) == ("sync_complete", key_of(voucher))


def test_a_reimbursement_is_booked_by_its_lines(tenancy: Tenancy) -> None:
    """It has no vendor."""
    entry = tenancy.pay(kind="reimbursement", amount="80.10", account="4700")
    tenancy.run("payment_vouchers")
    assert sides(tenancy.voucher(f"PAY-{entry.airbase_id}")) == [("4700", "80.10", None), ("1800", None, "80.10")]


def test_two_companies_on_one_subsidiary_are_an_error_of_the_file(tenancy: Tenancy) -> None:
    """A payment would be booked in either of them, and nobody would be told in which."""
    tenancy.airbase_settings(subsidiaries={"20": "10"})
    tenancy.pay(amount="250.00", account="4600", subsidiary="10")
    with pytest.raises(ConfigurationError, match=r"10 and 20.*subsidiary 10"):
        tenancy.run("payment_vouchers")
    assert tenancy.ifs.vouchers == []


def test_a_code_part_that_there_is_not_is_an_error_of_the_file(tenancy: Tenancy) -> None:
    """IFS has no attribute for it."""
    tenancy.change(mapping={"dimensions": {"B": "cost_center"}})
    tenancy.pay(kind="reimbursement", amount="80.10", account="4700")
    for flow in ("payment_vouchers", "purchase_orders"):
        with pytest.raises(ConfigurationError, match="B: code parts are CodeB to CodeJ"):
            tenancy.run(flow)
    assert tenancy.ifs.vouchers == []


def test_a_credit_turns_both_sides_around(tenancy: Tenancy) -> None:
    """Because its type may be below zero."""
    entry = tenancy.pay(kind="vendor_credit", amount="-184.30", account="4600")
    tenancy.run("payment_vouchers")
    assert sides(tenancy.voucher(f"PAY-{entry.airbase_id}")) == [("4600", None, "184.30"), ("2400", "184.30", None)]


def test_a_negative_payment_of_another_type_is_held(tenancy: Tenancy) -> None:
    """Until the settings call it a credit."""
    entry = tenancy.pay(amount="-5.00", account="4600")
    tenancy.run("payment_vouchers")
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.CREDIT_NOTE]
    payments = {**BOOKED, "types": {"bill_payment": "payable"}, "credit_types": ["bill_payment"]}
    tenancy.change(airbase={"payments": payments})
    tenancy.run("payment_vouchers")
    assert sides(tenancy.voucher(f"PAY-{entry.airbase_id}"))[0] == ("2400", None, "5.00")


def test_a_type_nobody_mapped_is_held_until_it_is(tenancy: Tenancy) -> None:
    """Never posted by guess."""
    entry = tenancy.pay(kind="wallet_transfer", amount="5.00", account="4600")
    tenancy.run("payment_vouchers")
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.ACCOUNT_UNMAPPED]
    tenancy.change(airbase={"payments": {**BOOKED, "types": {"wallet_transfer": "lines"}}})
    tenancy.run("payment_vouchers")
    assert entry.status == "sync_complete"


def test_a_vendor_without_a_supplier_holds_until_it_is_linked(tenancy: Tenancy) -> None:
    """A person makes the supplier in IFS; the rest goes by itself."""
    born = tenancy.airbase.people.create_vendor("Blankenburg Catering")
    entry = tenancy.pay(vendor=born, amount="10.00", account="4700")
    tenancy.walk()
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.VENDOR_UNKNOWN]
    tenancy.ifs.people.add_supplier(Name="Blankenburg Catering", Country="DE")
    tenancy.walk()
    assert tenancy.causes("payment_vouchers") == {}
    assert entry.status == "sync_complete"


def test_an_entry_completed_by_somebody_else_is_not_posted(tenancy: Tenancy) -> None:
    """Another connector is active on this tenant."""
    entry = tenancy.pay(amount="10.00", account="4700")
    tenancy.run_stages("payment_vouchers", "collect", "translate")
    tenancy.airbase.people.sync_entry_elsewhere(entry.airbase_id)
    tenancy.run_stages("payment_vouchers", "deliver", "confirm")
    assert tenancy.ifs.vouchers == []
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.DUPLICATE_SUSPECTED]
    assert "OTHER-ERP-1" in (tenancy.entry("payment_vouchers", entry.airbase_id).problem or "")
    assert any(gap.kind == "ledger_entry" for gap in tenancy.session.gaps())


def test_an_entry_taken_back_while_it_is_held_is_not_posted(tenancy: Tenancy) -> None:
    """It left the queue; the type that it waited for comes too late."""
    entry = tenancy.pay(kind="wire", amount="10.00", account="4700")
    tenancy.run("payment_vouchers")
    entry.status = "voided"
    tenancy.airbase_settings(payments={**BOOKED, "types": {"wire": "lines"}})
    tenancy.run("payment_vouchers")
    assert tenancy.ifs.vouchers == []
    assert entry.status == "voided"
    assert "voided, not ready to sync" in (tenancy.entry("payment_vouchers", entry.airbase_id).problem or "")


def test_an_entry_taken_back_in_the_last_moment_is_not_posted(tenancy: Tenancy) -> None:
    """It is read once more before it is posted, and dropped by the next run."""
    entry = tenancy.pay(amount="10.00", account="4700")
    tenancy.run_stages("payment_vouchers", "collect", "translate")
    entry.status = "voided"
    tenancy.run_stages("payment_vouchers", "deliver", "confirm")
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.NOT_READY]
    tenancy.run("payment_vouchers")
    assert (tenancy.ifs.vouchers, tenancy.states("payment_vouchers").get("held")) == ([], None)
    assert entry.status == "voided"


def test_an_entry_completed_by_somebody_else_after_the_voucher_is_told(tenancy: Tenancy) -> None:
    """Both stand, and a person reverses one."""
    entry = tenancy.pay(amount="10.00", account="4700")
    tenancy.run_stages("payment_vouchers", "collect", "translate", "deliver")
    tenancy.airbase.people.sync_entry_elsewhere(entry.airbase_id)
    tenancy.run_stages("payment_vouchers", "confirm")
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.DUPLICATE_SUSPECTED]
    assert entry.erp_reference_id == "OTHER-ERP-1"


def test_an_entry_acknowledged_already_is_left_as_it_is(tenancy: Tenancy) -> None:
    """The word of a run that stopped before it wrote that down."""
    entry = tenancy.pay(amount="10.00", account="4700")
    tenancy.run_stages("payment_vouchers", "collect", "translate", "deliver")
    tenancy.airbase.faults.once("lost", method="PATCH", path_part="ledger_entries", times=1)
    tenancy.run_stages("payment_vouchers", "confirm")
    entry.erp_reference_id = key_of(tenancy.voucher(f"PAY-{entry.airbase_id}"))
    before = tenancy.asked("PATCH", "ledger_entries")
    tenancy.run("payment_vouchers")
    assert tenancy.states("payment_vouchers") == {"confirmed": 1}
    assert tenancy.asked("PATCH", "ledger_entries") == before


def test_a_lost_answer_makes_no_second_voucher(tenancy: Tenancy) -> None:
    """It is found by its reference."""
    entry = tenancy.pay(amount="10.00", account="4700")
    tenancy.ifs.faults.once("lost", method="POST", path_part="$batch")
    tenancy.run("payment_vouchers")
    tenancy.simulators.clock.sleep(1000)
    tenancy.run("payment_vouchers")
    assert all_references(tenancy.ifs.vouchers) == [f"PAY-{entry.airbase_id}"]
    assert entry.status == "sync_complete"


@pytest.mark.parametrize("currency", ["USD", "JPY"])
def test_foreign_currencies_are_posted_in_their_own(tenancy: Tenancy, currency: str) -> None:
    """The ledger's own value is Airbase's, and is not posted."""
    entry = tenancy.pay(currency=currency, amount="1200", account="4600")
    tenancy.run("payment_vouchers")
    (row, _) = tenancy.voucher(f"PAY-{entry.airbase_id}")["VoucherRows"]
    assert (row["CurrencyCode"], row["CurrencyDebetAmount"]) == (currency, Decimal(1200))


def test_payments_may_come_from_the_list_of_payments(tenancy: Tenancy) -> None:
    """It takes no word back, and is read to its end each time without anything being made again."""
    payments = {**BOOKED, "types": {"bill_payment": "payable"}, "payable_account": {"*": "2400"}}
    tenancy.change(airbase={"payments_source": "payments_api", "payments": payments})
    (made,) = tenancy.airbase.people.pay(amount="10.00", account="4700")
    for _ in range(2):
        tenancy.run("payment_vouchers")
    assert all_references(tenancy.ifs.vouchers) == [f"PAY-{made['payment']}"]
    assert tenancy.airbase.entries[made["ledger_entry"] or ""].status == "sync_ready"
    documents = list(tenancy.session.source_documents(AUTUMN))
    assert [(each.key, each.amount) for each in documents] == [(made["payment"], Decimal("10.00"))]


def test_a_payment_named_by_a_webhook_is_read(tenancy: Tenancy) -> None:
    """Where payments can be read one by one."""
    payments = {**BOOKED, "types": {"bill_payment": "payable"}, "payable_account": {"*": "2400"}}
    tenancy.change(airbase={"payments_source": "payments_api", "payments": payments})
    (made,) = tenancy.airbase.people.pay(amount="10.00", account="4700")
    tenancy.hear("payment_vouchers", "payment_completed", made["payment"] or "")
    tenancy.run("payment_vouchers")
    assert tenancy.asked("GET", f"payments/{made['payment']}/") == 1
    assert len(tenancy.ifs.vouchers) == 1


def test_a_first_day_is_carried_to_the_cent(busy_tenancy: Tenancy) -> None:
    """What is not posted is held with its cause, and both sides match."""
    busy_tenancy.walk()
    held = busy_tenancy.causes("payment_vouchers")
    assert sorted(str(cause) for cause in held.values()) == ["account_unmapped", "vendor_unknown"]
    match = reconcile(
        "acme",
        (AUTUMN.first, AUTUMN.last),
        busy_tenancy.session.source_documents(AUTUMN),
        busy_tenancy.session.target_documents(AUTUMN),
        busy_tenancy.books.reports.select(flow="payment_vouchers"),
    )
    assert match.differences == ()
    assert match.matched
    before = busy_tenancy.simulators.writes()
    busy_tenancy.walk()
    assert busy_tenancy.simulators.writes() == before


def test_whatever_the_weather_nothing_is_made_twice(busy_tenancy: Tenancy) -> None:
    """And in the end all of it is there."""
    for profile in ("storm", "lossy", "calm", "calm"):
        for faults in (busy_tenancy.ifs.faults, busy_tenancy.airbase.faults):
            faults.reset(profile=profile)
        busy_tenancy.walk()
        busy_tenancy.simulators.clock.sleep(1000)
    references = all_references(busy_tenancy.ifs.vouchers)
    assert len(references) == len(set(references)) == 16
    numbers = [vendor.erp_reference_id for vendor in busy_tenancy.airbase.vendors.values() if vendor.erp_reference_id]
    assert len(numbers) == len(set(numbers)) == 25
    assert busy_tenancy.states("vendors") == {"delivered": 25}
    assert busy_tenancy.states("payment_vouchers") == {"confirmed": 7, "held": 2}


def test_what_cannot_be_read_is_held_and_the_rest_goes_on(tenancy: Tenancy) -> None:
    """A row that is no entry, and one without an amount."""
    entry = tenancy.pay(amount="10.00", account="4700")
    rows = [7, {"id": "odd", "total_amount": "x"}, {"id": entry.airbase_id, "type": "bill_payment"}]
    body = json.dumps({"data": rows, "pagination": {"next": None, "page": 1, "page_size": 250}})
    headers = {"content-type": "application/json"}
    tenancy.airbase.faults.once("status", path_part="ledger_entries", status=200, body=body, headers=headers)
    tenancy.run("payment_vouchers")
    assert tenancy.states("payment_vouchers") == {"held": 3}
    tenancy.run("payment_vouchers")
    assert entry.status == "sync_complete"


def test_a_vendor_known_by_name_only_is_released_by_its_link(tenancy: Tenancy) -> None:
    """Where payments do not tell the vendor's id, the supplier on it is what changes."""
    fields = {"vendor_id": "/nowhere"}
    payments = {**BOOKED, "types": {"bill_payment": "lines"}, "fields": fields}
    tenancy.change(airbase={"payments_source": "payments_api", "payments": payments})
    born = tenancy.airbase.people.create_vendor("Blankenburg Catering")
    tenancy.airbase.people.pay(vendor=born, amount="10.00", account="4700")
    tenancy.run("payment_vouchers")
    assert list(tenancy.causes("payment_vouchers").values()) == [Cause.VENDOR_UNKNOWN]
    tenancy.airbase.people.relink_vendor(born, "S-7777")
    tenancy.run("payment_vouchers")
    assert tenancy.causes("payment_vouchers") == {}
    assert len(tenancy.ifs.vouchers) == 1
