"""Purchase orders: kept for reference in the ledger, compared with bills, and never made in IFS."""

from decimal import Decimal

from mlc_pipelines.errors import Cause
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.roads.procurify.tenancy import Tenancy

FLOW = "purchase_orders"


def words(tenancy: Tenancy) -> dict[str, str]:
    return tenancy.books.dictionary.known("order")


def test_orders_become_words_and_ifs_hears_nothing(bare: Tenancy) -> None:
    """Vendor, currency and total under the order's number; the cancelled one is left out."""
    bare.run(FLOW)
    order = bare.procurify.orders[1041]
    assert words(bare)["1041"] == f"{order.vendor.id}^{order.currency.name}^{order.total}"
    assert set(words(bare)) == {order.number for order in bare.procurify.orders.values() if order.state != 1}
    assert bare.entry(FLOW, "1044").cause is Cause.CANCELLED
    assert (bare.entry(FLOW, "1041").amount, bare.ifs.journal.entries) == (order.total, [])


def test_a_second_pass_reads_two_days_again_and_changes_nothing(bare: Tenancy) -> None:
    """The filter knows days only; what is known is not read in full."""
    bare.run(FLOW)
    bare.procurify.journal.clear()
    bare.settle(FLOW)
    assert [entry.path for entry in bare.procurify.journal.entries] == ["/api/v2/purchase_orders/purchased/all/"]
    assert "modified_date_0=" in bare.procurify.journal.entries[0].query


def test_a_changed_order_changes_its_word(bare: Tenancy) -> None:
    """A note does not."""
    bare.run(FLOW)
    before = words(bare)["1041"]
    bare.procurify.people.edit_po(1041, note="deliver to gate 3")
    bare.settle(FLOW)
    assert words(bare)["1041"] == before
    bare.procurify.people.edit_po(1041, quantity="77")
    bare.settle(FLOW)
    assert Decimal(words(bare)["1041"].split("^")[2]) == bare.procurify.orders[1041].total


def test_an_order_cancelled_later_loses_its_word(bare: Tenancy) -> None:
    """Its entry stays."""
    bare.run(FLOW)
    bare.procurify.people.edit_po(1041, cancel=True)
    bare.settle(FLOW)
    assert ("1041" in words(bare), bare.entry(FLOW, "1041").state) == (False, State.DELIVERED)


def test_an_order_that_is_listed_but_cannot_be_read_is_held(bare: Tenancy) -> None:
    """It is written down with what is known of it."""
    bare.procurify.faults.once("status", path_part="/purchase_orders/1041/", status=404)
    bare.run(FLOW)
    assert (bare.entry(FLOW, "1041").cause, len(words(bare))) == (Cause.UNREADABLE, 4)


def test_a_bill_names_its_orders(bare: Tenancy) -> None:
    """The invoice carries the number, and the trail says whether the order is known."""
    bare.run(FLOW)
    order = bare.procurify.orders[1041]
    key = bare.bill(vendor=order.vendor.supplier, currency=order.currency.name, account="4010")
    line = bare.procurify.bills[int(key)].lines[0]
    line.order, line.order_line = order, order.lines[0]
    bare.settle("suppliers", "bills")
    assert bare.invoice(key)["PoRefNumber"] == "1041"
    trail = bare.books.reports.trail(bare.entry("bills", key))
    assert '"orders":"1041 known"' in trail[-1].detail.replace(": ", ":")
