"""Reference files: vendors compared with suppliers, purchase orders remembered."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mlc_pipelines.sandbox.stampli import StampliSandbox
from mlc_pipelines_tests.roads.stampli.tenancy import SETTLE, Tenancy, csv_of, invoice_feed, row

VENDOR = {"Vendor ID": "V-1", "Vendor Name": "Nordtek, Inc.", "Country": "us", "City": "Toledo"}
VENDOR_COLUMNS = {"vendor_id": "Vendor ID", "vendor_name": "Vendor Name", "country": "Country", "city": "City"}
READY = {"rule": "stable", "settle_seconds": SETTLE}


def feeds(*, new: str = "remember", **more: Any) -> dict[str, Any]:
    vendors = {"directory": "/outbound/vendors", "ready": READY, "columns": VENDOR_COLUMNS, "new": new}
    return {"invoices": invoice_feed(), "vendors": vendors, **more}


def listed(tenancy: Tenancy, *vendors: dict[str, str], name: str = "vendors.csv") -> None:
    """Drop a list of vendors and work it."""
    tenancy.put(name, content=csv_of(*vendors, columns=[*VENDOR]), folder="/outbound/vendors")
    tenancy.go("vendors")


def state(tenancy: Tenancy, number: str = "V-1") -> tuple[str, str | None]:
    entry = tenancy.entry("vendors", number)
    return entry.state.value, entry.cause.value if entry.cause else None


def test_a_known_vendor_is_compared(opened: Callable[..., Tenancy]) -> None:
    """Equal is ignored, another name is for a person."""
    tenancy = opened(feeds=feeds())
    known = tenancy.simulators.world.supplier("S-1001")
    same = {"Vendor ID": known.id, "Vendor Name": known.name, "Country": known.country or "", "City": ""}
    listed(tenancy, same, same | {"Vendor ID": "S-1002"})
    assert state(tenancy, "S-1001") == ("ignored", "already_known")
    assert state(tenancy, "S-1002") == ("held", "vendor_conflict")


@pytest.mark.parametrize(
    ("new", "stands"),
    [
        ("remember", ("ignored", "born_in_target")),
        ("hold", ("held", "born_in_target")),
        ("create", ("delivered", None)),
    ],
)
def test_an_unknown_vendor_by_policy(opened: Callable[..., Tenancy], new: str, stands: tuple[str, str | None]) -> None:
    """Remembered, held, or made; only the last writes to IFS."""
    tenancy = opened(feeds=feeds(new=new))
    before = set(tenancy.ifs.suppliers)
    listed(tenancy, VENDOR)
    assert state(tenancy) == stands
    made = [tenancy.ifs.suppliers[each] for each in set(tenancy.ifs.suppliers) - before]
    assert [(each["Name"], each["Country"]) for each in made] == ([("Nordtek, Inc.", "US")] if new == "create" else [])
    gaps = [] if new == "create" else [("vendor", "V-1")]
    assert [(gap.kind, gap.key) for gap in tenancy.session.gaps()] == gaps
    assert tenancy.files("vendors") == {"vendors.csv": "done"}


def test_a_supplier_made_by_hand_answers_the_hold(opened: Callable[..., Tenancy]) -> None:
    """The next run finds it by its name."""
    tenancy = opened(feeds=feeds(new="hold"))
    listed(tenancy, VENDOR)
    tenancy.ifs.people.add_supplier(SupplierId="S-4711", Name="Nordtek, Inc.", Country="US")
    tenancy.run("vendors")
    assert state(tenancy) == ("ignored", "already_known")


def test_a_supplier_made_of_an_invoice_has_what_the_list_tells(opened: Callable[..., Tenancy]) -> None:
    """Country and city come from the list, the same id as the list would have given."""
    tenancy = opened(feeds=feeds(), vendor_create=True)
    listed(tenancy, VENDOR)
    tenancy.post("a.csv", row(Vendor_ID="V-1", Vendor_Name="Nordtek, Inc."))
    (made,) = [each for each in tenancy.ifs.suppliers.values() if each["Name"] == "Nordtek, Inc."]
    assert (made["Country"], made["Cf_City"], made["Cf_Currency"]) == ("US", "Toledo", "EUR")
    listed(tenancy, VENDOR | {"City": "Akron"}, name="later.csv")
    assert state(tenancy) == ("ignored", "already_known")


def test_a_vendor_without_a_name_is_held(opened: Callable[..., Tenancy]) -> None:
    """Told with its row; the others go on."""
    tenancy = opened(feeds=feeds())
    listed(tenancy, VENDOR | {"Vendor Name": ""}, VENDOR | {"Vendor ID": "V-2"}, VENDOR | {"Vendor ID": ""})
    assert tenancy.states("vendors") == {"held": 2, "ignored": 1}
    assert "row 2: vendor_name is missing" in (tenancy.entry("vendors", "V-1").problem or "")


def test_purchase_orders_fill_the_reference_table(opened: Callable[..., Tenancy]) -> None:
    """Each order once with its lines; a later list changes it; IFS is not written."""
    columns = dict(StampliSandbox.order_columns)
    orders = {"directory": "/outbound/purchase_orders", "ready": READY, "columns": columns}
    tenancy = opened(feeds=feeds(purchase_orders=orders))
    tenancy.stampli.people.export_purchase_orders()
    tenancy.go("purchase_orders")
    table = tenancy.books.dictionary.known("stampli_order")
    world = tenancy.simulators.world.orders
    assert sorted(table) == sorted(f"{order.company}^{order.order_no}" for order in world)
    told = msgspec.json.decode(table[f"{world[0].company}^{world[0].order_no}"])
    assert (told["vendor_id"], len(told["lines"])) == (world[0].supplier, len(world[0].lines))
    assert not any(entry.effect for entry in tenancy.ifs.journal.entries)


def test_folders_that_are_not_set_are_not_asked(tenancy: Tenancy) -> None:
    """A tenant with invoices alone has two quiet flows."""
    assert [list(flow.feeds()) for flow in tenancy.session.flows] == [[], [], ["invoices"]]
    tenancy.walk()
    assert {entry.path for entry in tenancy.stampli.journal.of("LIST")} == {"/outbound/invoices"}
