"""The ledger's lists, the writes a connector never makes, and ledger entries."""

from typing import Any

import pytest

from mlc_pipelines.sandbox.airbase import AirbaseSandbox
from mlc_pipelines_tests.sandbox.airbase.caller import ENTRIES, Airbase

ROOT = "/v1/accounting/"
ENTRY_KEYS = {
    *("id", "airbase_id", "erp_reference_id", "erp_url", "url", "airbase_url", "type", "status", "error_message"),
    *("spend_owner", "subsidiary", "credit_mode", "vendor", "employee", "invoice_number", "bank_account"),
    *("ap_account", "applied_to", "receipt_link", "entry_date", "payment_entry_date", "currency", "total_amount"),
    *("transaction_tags", "notes", "is_amortized", "amortization_account", "amortization_start_date"),
    *("amortization_end_date", "expense_list", "amounts"),
}


def first_ready(api: Airbase) -> dict[str, Any]:
    """Return an entry that can be posted."""
    return next(row for row in api.rows(ENTRIES) if row["type"] == "bill_payment")


def test_subsidiaries_are_the_companies_and_one_more(airbase: AirbaseSandbox, api: Airbase) -> None:
    """The reference is the company's code, iso_code the country; one maps to no company."""
    rows = api.rows(f"{ROOT}subsidiaries/")
    assert [(row["erp_reference_id"], row["iso_code"]) for row in rows] == [("10", "DE"), ("20", "US"), ("90", "JP")]
    codes = {company.code for company in airbase.world.companies}
    assert [row["erp_reference_id"] for row in rows if row["erp_reference_id"] not in codes] == ["90"]


def test_a_currency_may_appear_twice(api: Airbase) -> None:
    """EUR has a blank row before the ERP's; GBP only a blank one."""
    rows = [(row["iso_code"], row["erp_reference_id"]) for row in api.rows(f"{ROOT}currencies/")]
    assert rows == [("EUR", ""), ("EUR", "EUR"), ("USD", "USD"), ("JPY", "JPY"), ("GBP", "")]


def test_accounts_differ_a_little_from_the_erp(airbase: AirbaseSandbox, api: Airbase) -> None:
    """One is missing, one has another name, one is known here only."""
    ours = {row.code: row.description for row in airbase.world.accounts}
    theirs = {row["erp_reference_id"]: row["name"] for row in api.rows(f"{ROOT}accounts/")}
    assert (ours.keys() - theirs.keys(), theirs.keys() - ours.keys()) == ({"4800"}, {"7777"})
    assert [code for code, name in theirs.items() if ours.get(code, name) != name] == ["4510"]


def test_writes_to_what_is_only_read_are_remembered(airbase: AirbaseSandbox, api: Airbase) -> None:
    """They work as in the API, and a test can ask whether there were any."""
    [account] = [row for row in api.rows(f"{ROOT}accounts/") if row["erp_reference_id"] == "4510"]
    [first, *_] = api.rows(f"{ROOT}subsidiaries/")
    assert airbase.read_only_writes == []
    new = {"name": "Test", "erp_reference_id": "9999", "subsidiary_reference_ids": ["10"]}
    known = {"airbase_id": account["id"], "name": "Phones", "erp_reference_id": "4510"}
    answer = api.post(f"{ROOT}accounts/bulk_upsert/", {"entities": [new, known]}).json()
    assert ([row["name"] for row in answer["created"]], [row["name"] for row in answer["updated"]]) == (
        ["Test"],
        ["Phones"],
    )
    assert api.patch(f"{ROOT}accounts/{account['id']}/", {"name": "Telephony"}).json()["name"] == "Telephony"
    assert api.patch(f"{ROOT}subsidiaries/{first['airbase_id']}/", {"name": "Other"}).status_code == 200
    assert api.post(f"{ROOT}subsidiaries/", {"name": "More", "erp_reference_id": "30"}).status_code == 201
    assert api.patch(f"{ROOT}accounts/none/", {"name": "x"}).status_code == 404
    assert [write.method for write in airbase.read_only_writes] == ["POST", "PATCH", "PATCH", "POST", "PATCH"]
    airbase.people.rename_account("4510", "Telephone")
    assert len(airbase.read_only_writes) == 5


def test_tags_are_upserted(airbase: AirbaseSandbox, api: Airbase) -> None:
    """One of the same type and reference is updated; cost centers are there already."""
    entities: list[dict[str, Any]] = [
        {"type": "cost_center", "erp_reference_id": "300", "name": "Buying", "subsidiary_reference_ids": ["10"]},
        {"type": "plant", "erp_reference_id": "P1", "name": "Hamburg", "is_active": False},
    ]
    answer = api.post(f"{ROOT}tags/bulk_upsert/", {"entities": entities}).json()
    assert ([row["name"] for row in answer["created"]], [row["name"] for row in answer["updated"]]) == (
        ["Hamburg"],
        ["Buying"],
    )
    wrong = api.post(f"{ROOT}tags/bulk_upsert/", {"entities": [{**entities[0], "airbase_id": "none"}]})
    assert wrong.json()["validation_errors"][0]["index"] == 0
    assert [tag.name for tag in airbase.tags.values() if tag.erp_reference_id == "300"] == ["Buying"]


def test_onboarding_is_over_unless_switched_on(airbase: AirbaseSandbox, api: Airbase) -> None:
    """START is 409 and COMPLETE 404; while onboarding a session runs once."""
    path = f"{ROOT}entity/sync/"
    start, complete = {"action": "START"}, {"action": "COMPLETE"}
    assert api.post(path, start).status_code == 409
    refused = api.patch(path, complete)
    assert (refused.status_code, refused.json()["detail"]) == (404, "No active sync session found.")
    assert api.post(path, complete).status_code == 400
    airbase.switches.onboarding = True
    assert [api.post(path, start).status_code for _ in range(2)] == [201, 409]
    assert [api.patch(path, complete).status_code for _ in range(2)] == [200, 404]
    assert api.post(path, start).status_code == 409


def test_entries_have_the_recorded_keys(api: Airbase) -> None:
    """Money is text, the lines make the total, dates have no zone."""
    for row in api.rows(ENTRIES):
        assert row.keys() == ENTRY_KEYS
        assert isinstance(row["total_amount"], str)
        assert row["amounts"]["amount"]["amount"] == row["total_amount"]
        assert [line["line_number"] for line in row["expense_list"]] == [*range(1, len(row["expense_list"]) + 1)]
        assert len(row["entry_date"]) in (19, 26)
    assert {len(row["entry_date"]) for row in api.rows(ENTRIES)} == {19, 26}
    assert {row["spend_owner"] is None for row in api.rows(ENTRIES)} == {True, False}


def test_only_ready_entries_come_unasked(airbase: AirbaseSandbox, api: Airbase) -> None:
    """Others are asked for by status; a status nobody knows is refused."""
    assert {row["status"] for row in api.rows(ENTRIES)} == {"sync_ready"}
    [done] = api.rows(ENTRIES, status="sync_complete")
    assert done["erp_reference_id"] == "10-M-2026000311"
    assert len(api.rows(ENTRIES)) + 1 == len(airbase.entries)
    assert api.get(ENTRIES, status="done").status_code == 400


def test_the_first_entries_are_the_awkward_ones(api: Airbase) -> None:
    """Yen without places, a credit below zero, a type nobody mapped, a vendor without reference, three currencies."""
    rows = api.rows(ENTRIES)
    assert {row["currency"]["iso_code"] for row in rows} == {"EUR", "USD", "JPY"}
    assert all("." not in row["total_amount"] for row in rows if row["currency"]["iso_code"] == "JPY")
    [credit] = [row for row in rows if row["total_amount"].startswith("-")]
    assert (credit["type"], credit["total_amount"], credit["bank_account"]) == ("vendor_credit", "-184.30", None)
    assert len([row for row in rows if row["type"] == "wallet_transfer"]) == 1
    [unlinked] = [row for row in rows if row["vendor"]["erp_reference_id"] == ""]
    assert unlinked["vendor"]["created_in_airbase"]
    assert {row["currency"]["erp_reference_id"] for row in rows} == {"EUR", "USD", "JPY"}


def test_an_entry_is_acknowledged_once(api: Airbase) -> None:
    """It leaves the list; the same acknowledgement again changes nothing, another is 409."""
    path = f"{ENTRIES}{first_ready(api)['id']}/"
    done = {"status": "sync_complete", "erp_reference_id": "10-M-1"}
    changed = api.patch(path, done)
    assert (changed.status_code, changed.json()["status"], changed.json()["erp_reference_id"]) == (
        200,
        "sync_complete",
        "10-M-1",
    )
    assert changed.json()["id"] not in {row["id"] for row in api.rows(ENTRIES)}
    assert api.patch(path, done).status_code == 200
    assert api.patch(path, {**done, "erp_reference_id": "10-M-2"}).status_code == 409
    assert api.patch(path, {"status": "sync_ready"}).status_code == 409
    assert api.get(path).json() == changed.json()


@pytest.mark.parametrize(
    "nonsense",
    [{}, {"status": "done"}, {"status": "sync_complete"}, {"total_amount": "1.00"}, {"erp_reference_id": 5}],
)
def test_a_senseless_acknowledgement_is_refused(api: Airbase, nonsense: dict[str, Any]) -> None:
    """400: nothing, an unknown word, no reference, another field, another type."""
    path = f"{ENTRIES}{first_ready(api)['id']}/"
    assert api.patch(path, nonsense).status_code == 400
    assert api.patch(f"{ENTRIES}none/", nonsense).status_code == 404
    assert api.get(f"{ENTRIES}none/").status_code == 404


def test_a_failure_can_be_reported_and_mended(api: Airbase) -> None:
    """sync_failed with a message leaves the ready list and may be completed later."""
    path = f"{ENTRIES}{first_ready(api)['id']}/"
    failed = api.patch(path, {"status": "sync_failed", "error_message": "Period closed"}).json()
    assert [row["error_message"] for row in api.rows(ENTRIES, status="sync_failed")] == ["Period closed"]
    assert failed["id"] not in {row["id"] for row in api.rows(ENTRIES)}
    assert api.patch(path, {"status": "sync_complete", "erp_reference_id": "V1"}).status_code == 200


def test_another_connector_was_quicker(airbase: AirbaseSandbox, api: Airbase) -> None:
    """An entry completed elsewhere refuses our acknowledgement; an edit in between does not."""
    entry = first_ready(api)
    airbase.people.sync_entry_elsewhere(entry["id"])
    ours = {"status": "sync_complete", "erp_reference_id": "10-M-1"}
    assert api.patch(f"{ENTRIES}{entry['id']}/", ours).status_code == 409
    airbase.faults.once("edit", method="PATCH")
    other = first_ready(api)
    assert api.patch(f"{ENTRIES}{other['id']}/", ours).json()["notes"] == "Looked at by accounts payable"
