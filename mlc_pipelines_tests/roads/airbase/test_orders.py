"""Purchase orders: one for each number, whoever was there first, and only what differs is written."""

from typing import Any

import pytest

from mlc_pipelines.errors import Cause
from mlc_pipelines_tests.roads.airbase.tenancy import ORDERS, Tenancy

NUMBER = "P104001"


def edit(tenancy: Tenancy, number: str = NUMBER, **attributes: Any) -> None:
    """Let somebody in IFS change an order."""
    store = tenancy.ifs._tenant.store  # no person of the simulator edits orders
    with store.lock:
        row = store.find("PurchaseOrder", (number,))
        assert row is not None
        store.change(row, attributes)


def order(tenancy: Tenancy, number: str = NUMBER) -> dict[str, Any]:
    (found,) = [order.body for order in tenancy.airbase.orders.values() if order.po_number == number]
    return found


@pytest.fixture
def sent(tenancy: Tenancy) -> Tenancy:
    tenancy.run("vendors", "purchase_orders")
    return tenancy


def test_orders_are_sent_with_their_lines(sent: Tenancy) -> None:
    """Line and release number, account, cost center, and an amount that adds up."""
    assert sorted(found.po_number for found in sent.airbase.orders.values()) == sorted(ORDERS)
    world = next(found for found in sent.airbase.world.orders if found.order_no == NUMBER)
    body = order(sent)
    assert [line["line_number"] for line in body["lines"]] == ["1-1", "2-1", "3-1"]
    assert [line["account"]["erp_reference_id"] for line in body["lines"]] == [line.account for line in world.lines]
    assert [line["tags"][0]["erp_reference_id"] for line in body["lines"]] == [line.cost_center for line in world.lines]
    assert body["vendor"] == {"erp_reference_id": world.supplier}
    assert body["status"] in {"open", "closed"}


def test_a_second_run_writes_nothing(sent: Tenancy) -> None:
    """Nothing has changed."""
    before = sent.simulators.writes()
    sent.run("purchase_orders")
    assert sent.simulators.writes() == before


def test_a_change_in_ifs_is_carried(sent: Tenancy) -> None:
    """By the id that was given, not by a second order."""
    edit(sent, Objstate="Closed" if order(sent)["status"] == "open" else "Released")
    before = order(sent)["status"]
    sent.run("purchase_orders")
    assert order(sent)["status"] != before
    assert sent.asked("PATCH", "purchase_orders") == 1


def test_a_change_that_airbase_has_already_is_not_written(sent: Tenancy) -> None:
    """It is read first."""
    edit(sent, Objstate="Closed")
    sent.airbase.people.edit_order(NUMBER, status="closed")
    sent.run("purchase_orders")
    assert sent.asked("PATCH", "purchase_orders") == 0


def test_a_planned_order_waits(tenancy: Tenancy) -> None:
    """Until it is released."""
    edit(tenancy, Objstate="Planned")
    tenancy.run("vendors", "purchase_orders")
    assert NUMBER not in {found.po_number for found in tenancy.airbase.orders.values()}
    assert tenancy.entry("purchase_orders", NUMBER).cause is Cause.NOT_READY
    edit(tenancy, Objstate="Released")
    tenancy.run("purchase_orders")
    assert order(tenancy)["status"] == "open"


def test_a_cancelled_order_is_sent_only_if_it_is_known(sent: Tenancy) -> None:
    """One that was never sent is left out."""
    edit(sent, Objstate="Cancelled")
    sent.run("purchase_orders")
    assert order(sent)["status"] == "cancelled"


def test_an_order_cancelled_before_it_was_sent_is_left_out(tenancy: Tenancy) -> None:
    """Nobody needs it there."""
    edit(tenancy, Objstate="Cancelled")
    tenancy.run("vendors", "purchase_orders")
    assert tenancy.entry("purchase_orders", NUMBER).cause is Cause.CANCELLED
    assert len(tenancy.airbase.orders) == len(ORDERS) - 1


def test_an_order_planned_again_needs_a_person(sent: Tenancy) -> None:
    """Airbase has it already."""
    edit(sent, Objstate="Planned")
    sent.run("purchase_orders")
    assert sent.causes("purchase_orders") == {NUMBER: Cause.CHANGED_AFTER_DELIVERY}


@pytest.mark.parametrize("status", [409, 400])
def test_an_order_entered_by_hand_meanwhile_is_changed_into_ours(tenancy: Tenancy, status: int) -> None:
    """The POST is refused, the order read again and changed."""
    tenancy.airbase.switches.duplicate_order_status = status
    tenancy.run("vendors")
    tenancy.airbase.faults.once("edit", method="POST", path_part="purchase_orders")
    tenancy.run("purchase_orders")
    assert tenancy.asked("PATCH", "purchase_orders") == 1
    assert sorted(found.po_number for found in tenancy.airbase.orders.values()) == sorted(ORDERS)
    assert {found.body["memo"][:3] for found in tenancy.airbase.orders.values()} == {"IFS"}


def test_a_lost_answer_is_not_resent_blindly(tenancy: Tenancy) -> None:
    """It is looked up by its number."""
    tenancy.run("vendors")
    tenancy.airbase.faults.once("lost", method="POST", path_part="purchase_orders")
    tenancy.run("purchase_orders")
    assert tenancy.states("purchase_orders")["unknown"] == 1
    tenancy.simulators.clock.sleep(120)
    tenancy.run("purchase_orders")
    assert tenancy.states("purchase_orders") == {"delivered": len(ORDERS)}
    assert tenancy.asked("POST", "purchase_orders") == len(ORDERS)


def test_an_account_that_airbase_lacks_holds_the_order_until_it_is_there(tenancy: Tenancy) -> None:
    """It is reported and never made."""
    with tenancy.airbase.store.lock:
        code = next(found for found in tenancy.airbase.world.orders if found.order_no == NUMBER).lines[0].account
        account = tenancy.airbase.store.account(code)
        assert account is not None
        account.erp_reference_id = "elsewhere"
    tenancy.run("vendors", "purchase_orders")
    assert tenancy.causes("purchase_orders")[NUMBER] is Cause.ACCOUNT_UNMAPPED
    account.erp_reference_id = code
    tenancy.run("purchase_orders")
    assert tenancy.causes("purchase_orders") == {}


def test_an_order_of_an_unknown_vendor_waits_for_it(tenancy: Tenancy) -> None:
    """The vendors flow releases it."""
    tenancy.run("purchase_orders")
    assert set(tenancy.causes("purchase_orders").values()) == {Cause.SUPPLIER_UNKNOWN}
    tenancy.run("vendors", "purchase_orders")
    assert tenancy.causes("purchase_orders") == {}
    assert len(tenancy.airbase.orders) == len(ORDERS)
