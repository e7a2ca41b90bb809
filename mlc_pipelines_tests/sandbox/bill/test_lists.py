"""Lists: pages by cursor, filters and sort as documented, and nothing else."""

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import ACCOUNTS, Bill, bill, said


def names(rows: list[dict[str, object]]) -> list[object]:
    """Return the names of rows."""
    return [row["name"] for row in rows]


def test_pages_follow_one_another(api: Bill) -> None:
    """Every row comes once, in order; the last page has no nextPage and prevPage leads back."""
    whole = [row["id"] for row in api.rows(ACCOUNTS)]
    assert [row["id"] for page in api.pages(ACCOUNTS, size=7) for row in page] == whole
    first = api.get(ACCOUNTS, max=10).json()
    second = api.get(ACCOUNTS, max=10, page=first["nextPage"]).json()
    back = api.get(ACCOUNTS, max=10, page=second["prevPage"]).json()
    assert back["results"] == first["results"]
    assert "prevPage" not in first
    assert "nextPage" not in api.get(ACCOUNTS, max=100).json()


def test_a_row_that_goes_does_not_shift_the_next_page(api: Bill) -> None:
    """A cursor is a place, not a number of rows."""
    whole = [row["id"] for row in api.rows(ACCOUNTS, filters="archived:eq:false")]
    first = api.get(ACCOUNTS, max=5, filters="archived:eq:false").json()
    api.post(f"{ACCOUNTS}/{whole[0]}/archive")
    second = api.get(ACCOUNTS, max=5, page=first["nextPage"]).json()
    assert [row["id"] for row in second["results"]] == whole[5:10]


def test_max_is_one_to_a_hundred(sandbox: BillSandbox, api: Bill) -> None:
    """Others are 400; without it the default of the switch."""
    for size in ("0", "101", "-1", "ten", ""):
        assert "max" in said(api.get(ACCOUNTS, max=size))
    assert len(api.get(ACCOUNTS).json()["results"]) == 20
    sandbox.switches.default_max = 100
    assert len(api.get(ACCOUNTS).json()["results"]) > 20


def test_the_cursor_carries_filters_and_sort(sandbox: BillSandbox, api: Bill) -> None:
    """Sent again they are refused, or ignored by switch; a cursor of another list and a made-up one are 400."""
    filters = 'name:sw:"B"'
    first = api.get(ACCOUNTS, max=1, filters=filters, sort="name:desc").json()
    rest = [row for page in api.pages(ACCOUNTS, size=1, filters=filters, sort="name:desc") for row in page]
    assert len(rest) > 2
    assert names(rest) == sorted(names(rest), reverse=True, key=str)
    cursor = first["nextPage"]
    assert "page" in said(api.get(ACCOUNTS, page=cursor, filters=filters))
    sandbox.switches.filters_with_page = "ignore"
    assert api.get(ACCOUNTS, max=1, page=cursor, filters='name:sw:"Z"').json()["results"] == [rest[1]]
    assert "another list" in said(api.get("/vendors", page=cursor))
    assert "Not a cursor" in said(api.get(ACCOUNTS, page="bm90aGluZw"))


def test_the_end_and_the_beginning_may_look_otherwise(sandbox: BillSandbox, api: Bill) -> None:
    """By switch the end says nextPage null, and a list begins with an empty page that goes on."""
    sandbox.switches.null_next_page = True
    assert api.get(ACCOUNTS, max=100).json()["nextPage"] is None
    sandbox.switches.empty_first_page = True
    pages = list(api.pages(ACCOUNTS, size=100))
    assert [len(page) > 0 for page in pages] == [False, True]


def test_filters_find_what_they_say(sandbox: BillSandbox, api: Bill) -> None:
    """Each documented operator, several at once, names with commas inside quotes."""
    ids = {vendor.name: vendor.id for vendor in sandbox.vendors.values()}
    known = sandbox.world.supplier("S-1002").name
    other = api.vendor("Hokuto Sensor Co., Ltd.", billCurrency="JPY")
    assert names(api.rows("/vendors", filters=f'name:eq:"{known}"')) == [known]
    assert api.rows("/vendors", filters='name:eq:"Hokuto Sensor Co., Ltd."')[0]["id"] == other
    wanted = f'id:in:"{other},{ids[known]}",archived:eq:false'
    assert {row["id"] for row in api.rows("/vendors", filters=wanted)} == {other, ids[known]}
    assert other not in {row["id"] for row in api.rows("/vendors", filters=f"id:ne:{other}")}
    assert {row["billCurrency"] for row in api.rows("/vendors", filters="billCurrency:eq:JPY")} == {"JPY"}
    assert {row["address"]["country"] for row in api.rows("/vendors", filters="address.country:eq:DE")} == {"DE"}
    assert names(api.rows("/vendors", filters="archived:eq:true")) == [sandbox.world.supplier("S-2006").name]
    assert len(api.rows("/vendors", filters="archived:ne:true")) == len(ids)


def test_times_filter_and_sort(sandbox: BillSandbox, api: Bill) -> None:
    """updatedTime takes quoted date-times with and without zone and plain dates, and sorts a changed row last."""
    sandbox.clock.advance(3600)
    since = sandbox.clock.now()
    sandbox.clock.advance(60)
    made = api.vendor()
    first = next(iter(sandbox.vendors))
    sandbox.clock.advance(60)
    api.patch(f"/vendors/{first}", {"phone": "5550100"})
    for written in (since.isoformat(), since.replace(tzinfo=None).isoformat(timespec="seconds")):
        found = api.rows("/vendors", filters=f'updatedTime:gte:"{written}"', sort="updatedTime:asc")
        assert [row["id"] for row in found] == [made, first]
    stamp = found[1]["updatedTime"]
    assert stamp.endswith("+00:00")
    assert [row["id"] for row in api.rows("/vendors", filters=f'updatedTime:gte:"{stamp}"')] == [first]
    assert api.rows("/vendors", filters=f'updatedTime:gt:"{stamp}"') == []
    oldest = min(vendor.created for vendor in sandbox.vendors.values())
    assert len(api.rows("/vendors", filters=f"createdTime:gte:{oldest.date()}")) == len(sandbox.vendors)


@pytest.mark.parametrize(
    "filters",
    [
        "",
        "name",
        "name:eq",
        "name:like:x",
        "name:in:x",
        "city:eq:Akron",
        "shortName:eq:x",
        "archived:eq:maybe",
        "archived:gt:true",
        "archived:eq:false,",
        "archived:eq:false;name:eq:x",
        'updatedTime:gte:"yesterday"',
        "updatedTime:gte:2026-03-01T00:00:00.000Z",
        'updatedTime:eq:"2026-03-01"',
        "id:in:009A",
        'name:eq:"open',
    ],
)
def test_other_filters_are_refused(api: Bill, filters: str) -> None:
    """Unknown fields and operators, missing quotes, values that are none."""
    assert "filters" in said(api.get("/vendors", filters=filters))


def test_other_sorts_are_refused(api: Bill) -> None:
    """A field and asc or desc, nothing else."""
    for sort in ("name", "name:up", "address.country:asc", "city:asc", ""):
        assert "sort" in said(api.get("/vendors", sort=sort))


def test_archived_rows_are_shown_unless_filtered(sandbox: BillSandbox, api: Bill) -> None:
    """The default of lists is a switch; an archived filter always counts."""
    assert {row["archived"] for row in api.rows("/vendors")} == {True, False}
    sandbox.switches.hide_archived = True
    assert {row["archived"] for row in api.rows("/vendors")} == {False}
    assert {row["archived"] for row in api.rows("/vendors", filters="archived:eq:true")} == {True}


def test_bills_are_found_by_vendor_state_and_coding(sandbox: BillSandbox, api: Bill) -> None:
    """vendorId, dueDate, paymentStatus and classifications of header and lines; the invoice number is no filter."""
    vendor, other = api.vendor("A"), api.vendor("B")
    account = next(iter(sandbox.accounts))
    coded = api.bill(vendor, "10", billLineItems=[{"amount": 10, "classifications": {"chartOfAccountId": account}}])
    plain = api.bill(other, "20.00", dueDate="2026-05-01")
    found = {
        f"classifications.chartOfAccountId:eq:{account}": [coded["id"]],
        f"vendorId:eq:{other}": [plain["id"]],
        f'vendorId:in:"{vendor},{other}",dueDate:gt:2026-04-01': [plain["id"]],
        "paymentStatus:ne:PAID,dueDate:lte:2026-04-01": [coded["id"]],
    }
    for filters, ids in found.items():
        assert [row["id"] for row in api.rows("/bills", filters=filters)] == ids
    assert "filters" in said(api.get("/bills", filters="invoiceNumber:eq:INV-7781"))
    assert bill(vendor)["billLineItems"] == []
