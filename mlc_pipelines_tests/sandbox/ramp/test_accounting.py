"""The accounting connection and what is uploaded to it."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.sandbox.ramp.client import Ramp, line, refusal


def account(number: str = "4010", **changes: Any) -> dict[str, Any]:
    """Return a GL account as uploaded."""
    return {"id": f"10^{number}", "name": f"Account {number}", "classification": "EXPENSE", "code": number, **changes}


def test_uploads_and_syncs_need_a_connection(api: Ramp) -> None:
    """Without an active connection they are 400 DEVELOPER_7089."""
    sync = {"idempotency_key": "k", "sync_type": "BILL_SYNC"}
    assert refusal(api.post("/accounting/syncs", sync))[:2] == (400, "DEVELOPER_7089")
    assert refusal(api.post("/accounting/accounts", {"gl_accounts": [account()]}))[:2] == (400, "DEVELOPER_7089")


def test_one_connection_is_active_at_a_time(api: Ramp) -> None:
    """A second one is refused; deleting unlinks and reactivating brings rows back."""
    connection = api.connect()
    api.post("/accounting/accounts", {"gl_accounts": [account()]})
    assert api.post("/accounting/connection", {"remote_provider_name": "Other"}).status_code == 400
    assert api.delete("/accounting/connection").status_code == 204
    [row] = api.get("/accounting/all-connections").json()["connections"]
    assert (row["status"], row["is_active"], api.rows("/accounting/accounts")) == ("unlinked", False, [])
    assert api.post(f"/accounting/connection/{connection}/reactivate").status_code == 200
    assert [row["id"] for row in api.rows("/accounting/accounts")] == ["10^4010"]
    settings = api.patch(f"/accounting/connection/{connection}", {"settings": {"a": 1}})
    assert settings.json()["settings"] == {"a": 1}


def test_an_upload_is_all_or_nothing(ramp: RampSandbox, api: Ramp) -> None:
    """One id that exists fails the whole batch and names the row."""
    api.connect()
    first = api.post("/accounting/accounts", {"gl_accounts": [account("4010")]})
    assert first.json()["uploaded"] == list(ramp.accounts)
    status, code, info = refusal(api.post("/accounting/accounts", {"gl_accounts": [account("4020"), account("4010")]}))
    assert (status, code, list(info)) == (422, "DEVELOPER_7001", ["gl_accounts.1.id"])
    assert len(ramp.accounts) == 1


def test_batches_hold_one_to_five_hundred_rows(ramp: RampSandbox, api: Ramp) -> None:
    """Empty and larger batches are refused."""
    api.connect()
    many = [account(str(number)) for number in range(501)]
    assert api.post("/accounting/accounts", {"gl_accounts": []}).status_code == 422
    assert api.post("/accounting/accounts", {"gl_accounts": many}).status_code == 422
    assert api.post("/accounting/accounts", {"gl_accounts": many[:500]}).status_code == 201
    assert len(ramp.accounts) == 500


@pytest.mark.parametrize(
    "wrong", [{"classification": "CREDITCARD"}, {"code": 4010}, {"colour": "red"}, {"name": None}, {"id": ""}]
)
def test_rows_are_checked_strictly(api: Ramp, wrong: dict[str, Any]) -> None:
    """Bad literals, wrong types, unknown and null fields are refused."""
    api.connect()
    assert refusal(api.post("/accounting/accounts", {"gl_accounts": [account(**wrong)]}))[0] == 422


def test_accounts_are_changed_retired_and_reactivated(api: Ramp) -> None:
    """PATCH takes Ramp's id; an empty code clears it; DELETE makes inactive."""
    api.connect()
    ramp_id = api.post("/accounting/accounts", {"gl_accounts": [account()]}).json()["uploaded"][0]
    path = f"/accounting/accounts/{ramp_id}"
    changed = api.patch(path, {"name": "Seals", "code": ""}).json()
    assert (changed["id"], changed["name"], changed["code"]) == ("10^4010", "Seals", None)
    assert changed["gl_account_category_info"]["id"] == "Category"
    assert api.delete(path).status_code == 204
    assert api.rows("/accounting/accounts", is_active=True) == []
    assert api.post("/accounting/accounts", {"gl_accounts": [account()]}).status_code == 422
    assert api.patch(path, {"reactivate": True}).json()["is_active"] is True
    assert api.patch(path, {}).status_code == 422
    assert api.get("/accounting/accounts/10^4010").status_code == 404


def test_accounts_are_found_by_our_id_and_code(api: Ramp) -> None:
    """The filters remote_id, code and is_synced work; unknown ones are refused."""
    api.connect()
    api.post("/accounting/accounts", {"gl_accounts": [account("4010"), account("4020")]})
    assert [row["code"] for row in api.rows("/accounting/accounts", remote_id="10^4020")] == ["4020"]
    assert [row["id"] for row in api.rows("/accounting/accounts", code="4010")] == ["10^4010"]
    assert api.rows("/accounting/accounts", is_synced=False) == []
    assert api.get("/accounting/accounts", remote="10^4020").status_code == 422


def test_a_field_posted_again_is_the_same_field(ramp: RampSandbox, api: Ramp) -> None:
    """The same id returns the existing field and reactivates it."""
    api.connect()
    body = {"id": "ifs-code-part-b", "name": "Cost center", "input_type": "SINGLE_CHOICE", "is_required_for": ["BILL"]}
    made = api.post("/accounting/fields", body).json()
    api.delete(f"/accounting/fields/{made['ramp_id']}")
    assert api.rows("/accounting/fields", is_active=True) == []
    again = api.post("/accounting/fields", body).json()
    assert (again["ramp_id"], again["is_active"], len(ramp.fields)) == (made["ramp_id"], True, 1)
    renamed = api.patch(f"/accounting/fields/{made['ramp_id']}", {"display_name": "Kostenstelle"})
    assert renamed.json()["display_name"] == "Kostenstelle"
    assert api.post("/accounting/fields", {**body, "id": "Category"}).status_code == 422


def test_options_belong_to_one_field(api: Ramp) -> None:
    """The list needs the field; the same option id may exist under another field."""
    api.code_ledger()
    [field] = api.rows("/accounting/fields", remote_id="ifs-code-part-b")
    other = api.post("/accounting/fields", {"id": "c", "name": "Plant", "input_type": "SINGLE_CHOICE"}).json()
    body = {"field_id": other["ramp_id"], "options": [{"id": "300", "value": "Also 300"}]}
    assert api.post("/accounting/field-options", body).status_code == 201
    assert api.post("/accounting/field-options", body).status_code == 422
    assert [row["id"] for row in api.rows("/accounting/field-options", field_id=field["ramp_id"])] == ["300", "310"]
    assert api.get("/accounting/field-options").status_code == 422


def test_options_are_hidden_and_changed(api: Ramp) -> None:
    """PATCH changes value and visibility, and both can be filtered."""
    api.code_ledger()
    [field] = api.rows("/accounting/fields")
    [option] = api.rows("/accounting/field-options", field_id=field["ramp_id"], code="310")
    path = f"/accounting/field-options/{option['ramp_id']}"
    assert api.patch(path, {"value": "Store", "visibility": "HIDDEN"}).json()["value"] == "Store"
    hidden = api.rows("/accounting/field-options", field_id=field["ramp_id"], visibility="HIDDEN")
    assert [row["id"] for row in hidden] == ["310"]
    assert api.patch(path, {"visibility": "hidden"}).status_code == 422


def test_accounting_vendors_are_uploaded_like_accounts(api: Ramp) -> None:
    """A batch of vendors, found again by our id."""
    api.connect()
    body = {"vendors": [{"id": "S-1001", "name": "Nordhavn Bearings ApS"}, {"id": "S-10'4", "name": "O'Dwyer"}]}
    assert api.post("/accounting/vendors", body).status_code == 201
    assert api.post("/accounting/vendors", body).status_code == 422
    [row] = api.rows("/accounting/vendors", remote_id="S-10'4")
    assert api.patch(f"/accounting/vendors/{row['ramp_id']}", {"name": "O'Dwyer Ltd"}).json()["name"] == "O'Dwyer Ltd"
    assert api.delete(f"/accounting/vendors/{row['ramp_id']}").status_code == 204


def test_an_account_born_in_ramp_has_an_id_nobody_uploaded(ramp: RampSandbox, api: Ramp) -> None:
    """People can add accounts the ERP does not know."""
    api.code_ledger()
    ramp_id = ramp.people.add_account("Team events")
    row = api.get(f"/accounting/accounts/{ramp_id}").json()
    assert (row["name"], row["id"] == "10^4010") == ("Team events", False)


@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ({"Category": "10^9999"}, "DEVELOPER_7123"),
        ({"Category": "10^4010", "ifs_code_part_b": "999"}, "DEVELOPER_7123"),
        ({"ifs_code_part_z": "300"}, "DEVELOPER_7122"),
    ],
)
def test_a_code_that_was_not_uploaded_fails_the_whole_bill(
    ramp: RampSandbox, api: Ramp, coding: dict[str, str], code: str
) -> None:
    """Unknown fields and options are refused by their own codes, and no draft is made."""
    api.code_ledger()
    body = {"vendor_id": api.vendor(), "line_items": [line(), line(**coding)]}
    assert refusal(api.post("/bills/drafts", body))[:2] == (422, code)
    assert not ramp.drafts


def test_codings_come_back_with_both_ids(api: Ramp) -> None:
    """A selection shows Ramp's id, ours, and the kind of its field below category_info."""
    api.code_ledger()
    draft = api.draft(line_items=[line(Category="10^4010", ifs_code_part_b="310")])
    account_row, option_row = draft["line_items"][0]["accounting_field_selections"]
    assert (account_row["external_id"], account_row["external_code"]) == ("10^4010", "4010")
    assert (account_row["category_info"]["external_id"], account_row["category_info"]["type"]) == (
        "Category",
        "GL_ACCOUNT",
    )
    assert (option_row["external_id"], option_row["category_info"]["external_id"]) == ("310", "ifs-code-part-b")
    assert option_row["category_info"]["type"] == "OTHER"


def test_free_text_fields_take_text_and_a_field_comes_once(api: Ramp) -> None:
    """An option for a text field, both at once, and the same field twice are refused."""
    api.code_ledger()
    api.post("/accounting/fields", {"id": "note", "name": "Note", "input_type": "FREE_FORM_TEXT"})
    vendor_id = api.vendor()

    def status(*selections: dict[str, str]) -> int:
        items = [{"amount": "1", "accounting_field_selections": list(selections)}]
        return api.post("/bills/drafts", {"vendor_id": vendor_id, "line_items": items}).status_code

    assert status({"field_external_id": "note", "free_form_text": "rush"}) == 201
    assert status({"field_external_id": "note", "field_option_external_id": "rush"}) == 422
    assert status({"field_external_id": "note", "field_option_external_id": "x", "free_form_text": "y"}) == 422
    code = {"field_external_id": "Category", "field_option_external_id": "10^4010"}
    assert status(code, code) == 422


def test_a_sandbox_may_begin_connected() -> None:
    """With the switch uploads work from the first call, and after a reset too."""
    with RampSandbox(world=World.make(invoices=1), connected=True) as ramp, Ramp(ramp) as api:
        ramp.reset()
        api.renew()
        [connection] = api.get("/accounting/all-connections").json()["connections"]
        assert (connection["remote_provider_name"], connection["is_active"]) == ("IFS Cloud", True)
        assert api.post("/accounting/accounts", {"gl_accounts": [account()]}).status_code == 201
