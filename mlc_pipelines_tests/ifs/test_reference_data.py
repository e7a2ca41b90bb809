"""Suppliers, accounts, code parts, companies, payment terms and purchase orders as the tenant has them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.accounts import Accounts
from mlc_pipelines.ifs.client import IfsClient
from mlc_pipelines.ifs.code_parts import CodeParts
from mlc_pipelines.ifs.companies import Companies
from mlc_pipelines.ifs.payment_terms import PaymentTerms
from mlc_pipelines.ifs.periods import Period, Periods, ordinary
from mlc_pipelines.ifs.purchase_orders import PurchaseOrders
from mlc_pipelines.ifs.suppliers import NewSupplier, Supplier, Suppliers
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.ifs.conftest import OpenIfs
from mlc_pipelines_tests.wire.carried import all_read


def test_every_supplier_is_read_with_what_ifs_knows(client: IfsClient, world: World) -> None:
    """Name, country, currency, contact and address; what is not known is None."""
    found = {supplier.id: supplier for supplier in all_read(Suppliers(client).changed_since(None))}
    assert set(found) == {supplier.id for supplier in world.suppliers}
    for known in world.suppliers:
        supplier = found[known.id]
        assert (supplier.name, supplier.country, supplier.currency) == (known.name, known.country, known.currency)
        assert (supplier.email, supplier.phone, supplier.tax_id) == (known.email, known.phone, known.tax_id)
        assert (supplier.city, supplier.state) == (known.city, known.state)
        assert supplier.modified == known.modified
        assert supplier.etag


def test_suppliers_changed_since_are_asked_for_where_the_tenant_can(ifs: IfsSandbox, open_client: OpenIfs) -> None:
    """With a modified attribute only later changes come; without one, all."""
    settings = {"supplier": {"modified_attribute": "ModifiedDate"}}
    suppliers = Suppliers(open_client(ifs, sets=settings))
    since = datetime(2026, 8, 20, tzinfo=UTC)
    some = all_read(suppliers.changed_since(since))
    assert some
    assert all(
        supplier.modified and supplier.modified >= datetime(2026, 8, 19, 23, 50, tzinfo=UTC) for supplier in some
    )
    assert len(some) < len(list(Suppliers(open_client(ifs)).changed_since(since)))


def test_a_supplier_with_a_quote_in_its_id_is_read(client: IfsClient, world: World) -> None:
    """The quote is doubled in the key, and the supplier comes."""
    quoted = next(supplier for supplier in world.suppliers if "'" in supplier.id)
    assert Suppliers(client).read(quoted.id).name == quoted.name


def test_an_unknown_supplier_holds_the_record(client: IfsClient) -> None:
    """The key says which supplier is missing."""
    with pytest.raises(RecordError) as caught:
        Suppliers(client).read("S-0000")
    assert caught.value.cause is Cause.SUPPLIER_UNKNOWN
    assert caught.value.key == "supplier:S-0000"


def test_suppliers_are_found_by_name(client: IfsClient, world: World) -> None:
    """Exactly that name, and nobody else."""
    wanted = world.suppliers[0]
    assert wanted.id in {supplier.id for supplier in Suppliers(client).find_by_name(wanted.name)}
    assert Suppliers(client).find_by_name("Nobody & Sons") == []


def test_the_address_is_read_from_its_own_collection(client: IfsClient, world: World) -> None:
    """For tenants that do not repeat it on the supplier."""
    suppliers = Suppliers(client)
    known = world.suppliers[0]
    found = suppliers.with_address(Supplier(known.id, known.name))
    assert (found.address, found.city, found.state, found.zip_code) == (
        known.address,
        known.city,
        known.state,
        known.zip_code,
    )
    assert found.country == known.country


def test_a_new_supplier_is_kept(client: IfsClient) -> None:
    """It reads back as it was made."""
    suppliers = Suppliers(client)
    new = NewSupplier(
        id="S-9001",
        name="Åkerlund & Søn A/S",
        country="DK",
        currency="DKK",
        email="ap@akerlund.example",
        address="Havnegade 1",
        city="Aarhus",
        zip_code="8000",
    )
    suppliers.create(new)
    found = suppliers.read("S-9001")
    assert (found.name, found.country, found.currency, found.email) == (new.name, "DK", "DKK", new.email)
    assert (found.address, found.city, found.state, found.zip_code) == ("Havnegade 1", "Aarhus", None, "8000")


def test_a_supplier_without_an_id_gets_one(client: IfsClient) -> None:
    """IFS numbers it, and it is found by its name."""
    made = Suppliers(client).create(NewSupplier(name="Quarry Tools BV", country="NL"))
    assert made.id
    assert [supplier.id for supplier in Suppliers(client).find_by_name("Quarry Tools BV")] == [made.id]


def test_a_supplier_id_that_is_taken_is_refused(client: IfsClient, world: World) -> None:
    """IFS's reason comes through."""
    with pytest.raises(RecordError) as caught:
        Suppliers(client).create(NewSupplier(id=world.suppliers[0].id, name="Again"))
    assert caught.value.cause is Cause.REJECTED_BY_TARGET


def test_the_chart_of_accounts_of_each_company(client: IfsClient, world: World) -> None:
    """Codes as text, descriptions and validity; the other company's accounts stay there."""
    for company in ("10", "20"):
        found = {account.code: account for account in Accounts(client).of(company)}
        known = {account.code: account for account in world.accounts if account.company == company}
        assert set(found) == set(known)
        for code, account in found.items():
            assert account.description == known[code].description
            assert (account.valid_from, account.valid_until) == (known[code].valid_from, known[code].valid_until)
            assert account.kind


def test_an_account_is_valid_between_its_dates(client: IfsClient, world: World) -> None:
    """The expired account is not valid today, all others are."""
    today = date(2026, 11, 15)
    expired = {account.code for account in Accounts(client).of("10") if not account.is_valid_on(today)}
    assert expired == {one.code for one in world.accounts if one.company == "10" and one.valid_until < today}


@pytest.mark.parametrize("letter", ["B", "C", "D"])
def test_the_values_of_a_code_part(client: IfsClient, world: World, letter: str) -> None:
    """Each letter has its own values in each company."""
    found = {value.value: value for value in CodeParts(client).of("10", letter)}
    known = {value.code: value for value in world.code_parts if value.company == "10" and value.part == letter}
    assert {code: value.description for code, value in found.items()} == {
        code: value.description for code, value in known.items()
    }
    assert all(value.is_valid_on(date(2026, 11, 15)) for value in found.values())


@pytest.mark.parametrize("letter", ["A", "K", "", "BC", "b"])
def test_other_letters_are_no_code_parts(client: IfsClient, letter: str) -> None:
    """A is the account; after J there is nothing."""
    with pytest.raises(ValueError, match="B to J"):
        list(CodeParts(client).of("10", letter))


def test_companies_are_those_our_user_may_see(ifs: IfsSandbox, client: IfsClient, world: World) -> None:
    """A company that is not granted is as good as absent."""
    companies = Companies(client)
    assert [company.code for company in companies.all()] == [company.code for company in world.companies]
    found = companies.find("10")
    assert found is not None
    assert found.name == world.company("10").name
    assert companies.find("99") is None


def test_payment_terms_of_a_company(client: IfsClient, world: World) -> None:
    """Those of the other company do not come."""
    found = list(PaymentTerms(client).of("10"))
    assert {term.id for term in found} == {term.code for term in world.terms if term.company == "10"}
    assert {term.company for term in found} == {"10"}


def test_purchase_orders_come_with_all_their_lines(client: IfsClient, world: World) -> None:
    """Part and no-part lines together, in the order of the purchase order."""
    orders = PurchaseOrders(client)
    found = {order.order_no: order for order in all_read(orders.changed_since("10", None))}
    known = {order.order_no: order for order in world.orders if order.company == "10"}
    assert set(found) == set(known)
    for order_no in list(found)[:3]:
        lines = orders.lines(found[order_no])
        assert [(line.line_no, line.part_no, line.quantity, line.unit_price) for line in lines] == [
            (line.line_no, line.part_no, line.quantity, line.price) for line in known[order_no].lines
        ]
        assert [line.parts["B"] for line in lines] == [line.cost_center for line in known[order_no].lines]
        assert found[order_no].order_date == known[order_no].order_date


def test_purchase_orders_changed_since_are_asked_for_where_the_tenant_can(
    ifs: IfsSandbox, open_client: OpenIfs, world: World
) -> None:
    """With a modified attribute only later changes come."""
    settings = {"purchase_order": {"modified_attribute": "ModifiedDate"}}
    orders = PurchaseOrders(open_client(ifs, sets=settings, overlap_minutes=0))
    since = datetime(2026, 9, 20, tzinfo=UTC)
    found = {order.order_no for order in all_read(orders.changed_since("10", since))}
    assert found == {
        order.order_no for order in world.orders if order.company == "10" and order.order_date >= since.date()
    }


def test_quantities_are_exact(client: IfsClient) -> None:
    """Quantities and prices are decimals."""
    orders = PurchaseOrders(client)
    line = orders.lines(all_read(orders.changed_since("10", None))[0])[0]
    assert isinstance(line.quantity, Decimal)
    assert isinstance(line.unit_price, Decimal)


def test_accounts_values_and_suppliers_are_read_again_from_their_json(client: IfsClient) -> None:
    """A copy kept by somebody else gives the same record without a call."""
    account = next(Accounts(client).of("10"))
    assert Accounts(client).read(account.raw, company="10") == account
    value = next(CodeParts(client).of("10", "B"))
    assert CodeParts(client).read(value.raw, company="10", letter="B") == value
    supplier = next(Suppliers(client).changed_since(None))
    assert Suppliers(client).parse(supplier.raw) == supplier


def test_periods_of_a_company_say_whether_they_are_open(client: IfsClient) -> None:
    """A period holds its days, first and last; open is what the settings call open."""
    periods = {(period.year, period.number): period for period in Periods(client).of("10")}
    october = periods[2026, 10]
    assert (october.first, october.last, october.is_open) == (date(2026, 10, 1), date(2026, 10, 31), True)
    assert not periods[2026, 9].is_open


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (date(2026, 1, 1), 1),
        (date(2026, 1, 2), 1),
        (date(2026, 12, 30), 12),
        (date(2026, 12, 31), 12),
        (date(2027, 1, 1), None),
    ],
)
def test_a_day_is_booked_in_the_ordinary_period_that_holds_it(day: date, number: int | None) -> None:
    """Not in one that opens or closes the year, be it shorter or as long, open or listed first."""
    days = {
        0: ("01-01", "01-01"),
        14: ("12-31", "12-31"),
        13: ("12-01", "12-31"),
        12: ("12-01", "12-31"),
        1: ("01-01", "01-31"),
    }
    periods = [
        Period("10", 2026, each, date.fromisoformat(f"2026-{first}"), date.fromisoformat(f"2026-{last}"), each != 12)
        for each, (first, last) in days.items()
    ]
    found = ordinary(periods, day)
    assert (found.number if found else None) == number
