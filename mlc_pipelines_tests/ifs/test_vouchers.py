"""Vouchers: made once, found again by our reference."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.errors import Cause, OutcomeUnknownError, RecordError
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.vouchers import NewVoucher, VoucherKey, VoucherRow, Vouchers, check_balance
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.ifs.conftest import OpenIfs

OURS: dict[str, Any] = {"reference_serie": "RAMP", "reference_number": "bill_01H"}


@pytest.fixture
def vouchers(client: IfsClient) -> Vouchers:
    return Vouchers(client)


def rows_of(world: World, *, amount: str = "1000.10") -> tuple[VoucherRow, ...]:
    costs = next(line for invoice in world.invoices if invoice.company == "10" for line in invoice.lines)
    parts = {"B": costs.cost_center} if costs.cost_center else {}
    return (
        VoucherRow(costs.account, "EUR", debit=Decimal(amount), parts=parts, text="Hosting", **OURS),
        VoucherRow(costs.account, "EUR", credit=Decimal(amount), **OURS),
    )


def voucher(world: World, **changes: Any) -> NewVoucher:
    given: dict[str, Any] = {
        "company": "10",
        "voucher_type": "M",
        "date": date(2026, 11, 14),
        "user_group": "AC",
        "rows": rows_of(world),
        "text": "Ramp bill",
    }
    return NewVoucher(**(given | changes))


@pytest.mark.parametrize("batch", [True, False])
def test_a_voucher_is_made_with_its_rows_and_found_by_its_reference(
    ifs: IfsSandbox, open_client: OpenIfs, world: World, batch: bool
) -> None:
    """The number is IFS's; the reference is ours and leads back to it."""
    vouchers = Vouchers(open_client(ifs, batch=batch))
    assert vouchers.find("10", "RAMP", number="bill_01H") is None
    key = vouchers.create(voucher(world))
    assert (key.company, key.voucher_type, key.year) == ("10", "M", 2026)
    assert key.number > 0
    assert vouchers.find("10", "RAMP", number="bill_01H") == key
    assert vouchers.find("20", "RAMP", number="bill_01H") is None
    (kept,) = ifs.vouchers
    assert (kept["VoucherNo"], kept["AccountingPeriod"]) == (key.number, 11)
    assert [row["CurrencyDebetAmount"] for row in kept["VoucherRows"]] == [Decimal("1000.10"), None]
    assert {row["ReferenceNumber"] for row in kept["VoucherRows"]} == {"bill_01H"}


def test_a_voucher_is_found_by_the_reference_fields_of_the_tenant(
    ifs: IfsSandbox, open_client: OpenIfs, world: World
) -> None:
    """Whoever names other fields for our reference has it looked for there, too: the voucher is not made again."""
    fields = {"voucher": {"reference_fields": ["ReferenceNumber", "ReferenceSerie"]}}
    vouchers = Vouchers(open_client(ifs, sets=fields))
    key = vouchers.create(voucher(world))
    assert {row["ReferenceSerie"] for row in ifs.vouchers[0]["VoucherRows"]} == {"bill_01H"}
    assert vouchers.find("10", "RAMP", number="bill_01H") == key


def test_a_voucher_is_made_in_the_period_that_is_named(ifs: IfsSandbox, vouchers: Vouchers, world: World) -> None:
    """Also where its number is zero."""
    ifs.people.add_period("10", 2026, 0, first="2026-11-14", last="2026-11-14")
    vouchers.create(voucher(world, year=2026, period=0))
    assert [kept["AccountingPeriod"] for kept in ifs.vouchers] == [0]


def test_a_voucher_in_a_closed_period_is_held(ifs: IfsSandbox, vouchers: Vouchers, world: World) -> None:
    """IFS's reason stands in the error and nothing was kept."""
    with pytest.raises(RecordError, match="ORA-20110") as caught:
        vouchers.create(voucher(world, date=date(2026, 8, 1)))
    assert caught.value.cause is Cause.REJECTED_BY_TARGET
    assert vouchers.find("10", "RAMP", number="bill_01H") is None
    assert ifs.vouchers == []


def test_a_lost_answer_leaves_one_voucher_to_be_found(ifs: IfsSandbox, vouchers: Vouchers, world: World) -> None:
    """The voucher is not sent again: the caller looks and finds it."""
    ifs.faults.once("lost", method="POST", path_part="$batch")
    with pytest.raises(OutcomeUnknownError):
        vouchers.create(voucher(world))
    assert vouchers.find("10", "RAMP", number="bill_01H") is not None
    assert len(ifs.vouchers) == 1


def test_a_voucher_that_left_the_hold_table_is_still_found(ifs: IfsSandbox, vouchers: Vouchers, world: World) -> None:
    """The update to the general ledger takes the voucher out of its set, not out of the rows analysis."""
    key = vouchers.create(voucher(world))
    assert ifs.people.update_gl() == 1
    assert ifs.vouchers == []
    assert vouchers.find("10", "RAMP", number="bill_01H") == key


def test_two_vouchers_of_one_reference_are_for_a_person(vouchers: Vouchers, world: World) -> None:
    """Posting twice makes two; finding them says so."""
    vouchers.create(voucher(world))
    vouchers.create(voucher(world))
    with pytest.raises(RecordError, match="2 vouchers") as caught:
        vouchers.find("10", "RAMP", number="bill_01H")
    assert caught.value.cause is Cause.DUPLICATE_SUSPECTED


@pytest.mark.parametrize("fault", ["lost", "reset"])
def test_a_voucher_with_a_lost_row_is_taken_back(
    ifs: IfsSandbox, open_client: OpenIfs, world: World, fault: str
) -> None:
    """A row whose answer was lost may land after anybody has looked for it: no row is sent twice, none is left over."""
    vouchers = Vouchers(open_client(ifs, batch=False))
    ifs.faults.once(fault, method="POST", path_part="VoucherRows")
    with pytest.raises(OutcomeUnknownError):
        vouchers.create(voucher(world))
    assert sum(entry.method == "POST" and "Rows" in entry.path for entry in ifs.journal.entries) == 1
    assert ifs.vouchers == []
    vouchers.create(voucher(world))
    assert [len(kept["VoucherRows"]) for kept in ifs.vouchers] == [2]


def test_a_voucher_that_was_left_without_all_its_rows_is_for_a_person(
    ifs: IfsSandbox, open_client: OpenIfs, world: World
) -> None:
    """A worker that dies between two rows leaves a voucher under our reference that is not what was to be booked."""
    vouchers = Vouchers(open_client(ifs, batch=False))
    ifs.faults.once("reset", method="POST", path_part="VoucherRows", after=1)
    ifs.faults.once("status", method="DELETE", path_part="VoucherSet", status=403)
    with pytest.raises(RecordError, match="delete it in IFS"):
        vouchers.create(voucher(world))
    with pytest.raises(RecordError, match=r"1 of the 2 rows.*delete it in IFS") as caught:
        vouchers.find("10", "RAMP", number="bill_01H", rows=2)
    assert caught.value.cause is Cause.OUTCOME_UNSETTLED


def test_a_header_that_cannot_be_taken_back_is_for_a_person(
    ifs: IfsSandbox, open_client: OpenIfs, world: World
) -> None:
    """When neither the row nor the removal of the header works, the record says what to delete."""
    vouchers = Vouchers(open_client(ifs, batch=False))
    wrong = (*rows_of(world)[:1], VoucherRow("0000", "EUR", credit=Decimal("1000.10")))
    ifs.faults.once("status", method="DELETE", path_part="VoucherSet", status=403)
    with pytest.raises(RecordError, match="delete it in IFS") as caught:
        vouchers.create(voucher(world, rows=wrong))
    assert caught.value.cause is Cause.OUTCOME_UNSETTLED


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ((), Cause.AMOUNT_MISMATCH),
        ((VoucherRow("1", "EUR", debit=Decimal(1)),), Cause.AMOUNT_MISMATCH),
        (
            (VoucherRow("1", "EUR", debit=Decimal(1)), VoucherRow("2", "USD", credit=Decimal(1))),
            Cause.AMOUNT_MISMATCH,
        ),
        ((VoucherRow("1", "EUR", debit=Decimal(-1)), VoucherRow("2", "EUR", credit=Decimal(-1))), Cause.NEGATIVE_LINE),
        ((VoucherRow("1", "EUR", debit=Decimal(1), credit=Decimal(1)),), Cause.NEGATIVE_LINE),
        ((VoucherRow("1", "EUR"),), Cause.NEGATIVE_LINE),
    ],
)
def test_a_voucher_that_does_not_balance_is_never_sent(rows: tuple[VoucherRow, ...], cause: Cause) -> None:
    """Per currency, debit equals credit, each row on one side."""
    with pytest.raises(RecordError) as caught:
        check_balance(rows)
    assert caught.value.cause is cause


def test_a_key_is_one_word_and_reads_back() -> None:
    """The word is what the ledger keeps."""
    key = VoucherKey("10", "M", 2026, 2026000017)
    assert key.text() == "10^M^2026^2026000017"
    assert VoucherKey.parse(key.text()) == key


@pytest.mark.parametrize("text", ["", "10^M^2026", "10^M^x^1", "a^b^c^d^e"])
def test_another_word_is_no_key(text: str) -> None:
    """Half a key is refused."""
    with pytest.raises(ValueError, match="voucher key"):
        VoucherKey.parse(text)
