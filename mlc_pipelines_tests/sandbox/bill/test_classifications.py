"""Chart of accounts and the others: one pattern, archive of parents, bulk, the first day."""

import pytest

from mlc_pipelines.sandbox.bill import BillSandbox
from mlc_pipelines_tests.sandbox.bill.caller import ACCOUNTS, Bill, codes, said

PREFIXES = {
    "chart-of-accounts": "0ca",
    "accounting-classes": "cls",
    "departments": "0de",
    "locations": "loc",
    "employees": None,
    "items": None,
    "jobs": None,
}


@pytest.mark.parametrize("kind", PREFIXES)
def test_each_kind_is_made_read_and_changed(api: Bill, kind: str) -> None:
    """The same calls for all; ids begin as documented where that is known."""
    path = f"/classifications/{kind}"
    answer = api.post(path, {"name": "One", "description": "first"})
    row = answer.json()
    assert answer.status_code == 201
    assert row["id"].startswith(PREFIXES[kind] or "")
    assert api.get(f"{path}/{row['id']}").json() == row
    changed = api.patch(f"{path}/{row['id']}", {"name": "Two"}).json()
    assert (changed["name"], changed["description"]) == ("Two", "first")
    assert api.post(f"{path}/{row['id']}/archive").json()["archived"] is True
    assert [row["name"] for row in api.rows(path, filters='name:eq:"Two",archived:eq:true')] == ["Two"]
    assert api.post(f"{path}/{row['id']}/restore").json()["archived"] is False


def test_only_accounts_have_type_and_number(api: Bill) -> None:
    """The account object is checked; elsewhere it is a misspelt field."""
    account = {"type": "EXPENSE", "number": "4800"}
    row = api.post(ACCOUNTS, {"name": "Rent", "account": account}).json()
    assert row["account"] == account
    assert api.patch(f"{ACCOUNTS}/{row['id']}", {"account": {"number": "4801"}}).json()["account"]["number"] == "4801"
    assert codes(api.post(ACCOUNTS, {"name": "Rent", "account": {"code": "1"}})) == (400, ["BDC_1002"])
    assert "account.type" in said(api.post(ACCOUNTS, {"name": "Rent", "account": {"type": "Expense"}}))
    assert codes(api.post("/classifications/departments", {"name": "D", "account": account})) == (400, ["BDC_1002"])
    assert "name" in said(api.post(ACCOUNTS, {}))
    assert api.get(f"{ACCOUNTS}/0caNOBODY").status_code == 404


def test_archiving_a_parent_archives_what_is_below(sandbox: BillSandbox, api: Bill) -> None:
    """Restoring it does not bring them back, and no row shows its parent."""
    parent = api.post(ACCOUNTS, {"name": "Parent"}).json()["id"]
    child = api.post(ACCOUNTS, {"name": "Child", "parentId": parent}).json()
    deep = api.post(ACCOUNTS, {"name": "Deep", "parentId": child["id"]}).json()
    assert "parentId" not in child
    api.post(f"{ACCOUNTS}/{parent}/archive")
    assert [sandbox.accounts[key].archived for key in (parent, child["id"], deep["id"])] == [True] * 3
    api.post(f"{ACCOUNTS}/{parent}/restore")
    assert [sandbox.accounts[key].archived for key in (parent, child["id"], deep["id"])] == [False, True, True]
    assert "parentId" in said(api.post(ACCOUNTS, {"name": "Orphan", "parentId": "0caNOBODY"}))
    assert "parentId" in said(api.patch(f"{ACCOUNTS}/{parent}", {"parentId": parent}))


def test_bulk_calls_take_arrays_and_ids(sandbox: BillSandbox, api: Bill) -> None:
    """Create, change, archive and restore several, all or nothing, up to twenty."""
    rows = [{"name": f"L{number}"} for number in range(20)]
    path = "/classifications/locations"
    before = len(sandbox.classifications["locations"])
    assert "At most 20" in said(api.post(f"{path}/bulk", [*rows, rows[0]]))
    assert "[1].name" in said(api.post(f"{path}/bulk", [rows[0], {}]))
    assert len(sandbox.classifications["locations"]) == before
    made = api.post(f"{path}/bulk", rows[:2])
    first, second = (row["id"] for row in made.json())
    assert made.status_code == 201
    changes = [{"id": first, "name": "A"}, {"id": "locNOBODY", "name": "B"}]
    assert "[1].id" in said(api.http.patch(f"{sandbox.ap_url}/v3{path}/bulk", json=changes))
    assert sandbox.classifications["locations"][first].name == "L0"
    changes[1]["id"] = second
    assert [row["name"] for row in api.patch(f"{path}/bulk", changes).json()] == ["A", "B"]
    both = f"{first},{second}"
    assert {row["archived"] for row in api.post(f"{path}/bulk/archive", ids=both).json()} == {True}
    assert {row["archived"] for row in api.post(f"{path}/bulk/restore", ids=both).json()} == {False}
    assert "ids" in said(api.post(f"{path}/bulk/archive"))
    assert api.post(f"{path}/bulk/archive", ids=f"{first},locNOBODY").status_code == 404
    assert sandbox.classifications["locations"][first].archived is False


def test_the_first_day_holds_most_of_the_world(sandbox: BillSandbox) -> None:
    """Numbers are the ERP's codes; a few lack, one is here only; of the code parts one each is left out."""
    codes_of_world = {row.code for row in sandbox.world.accounts}
    numbers = {row.number for row in sandbox.accounts.values()}
    assert codes_of_world - numbers == {"4510", "4800", "6990", "6991"}
    assert numbers - codes_of_world == {"7777"}
    held = sandbox.classifications
    names = {kind: [row.name for row in rows.values()] for kind, rows in held.items()}
    assert names["locations"] == ["P1 Plant Hamburg", "P3 Plant Dayton"]
    assert "Canteen" in names["departments"]
    assert not [name for name in names["departments"] if name.startswith("410")]
    assert len(names["accounting-classes"]) == 3


def test_people_keep_accounts_too(sandbox: BillSandbox, api: Bill) -> None:
    """Made and put away by number."""
    made = sandbox.people.add_account("4990", "Sundry")
    assert api.get(f"{ACCOUNTS}/{made}").json()["account"] == {"type": "EXPENSE", "number": "4990"}
    assert sandbox.people.archive_account("4990") == made
    assert sandbox.accounts[made].archived is True
    with pytest.raises(KeyError):
        sandbox.people.archive_account("4990")
