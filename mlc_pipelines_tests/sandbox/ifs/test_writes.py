"""Writing: creates, changes with ETags, removals, actions, and what bodies may hold."""

from decimal import Decimal
from typing import Any

import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.sandbox.ifs.caller import (
    CREDIT,
    DEBIT,
    FIRST,
    NEW_LINE,
    NEW_PROPOSAL,
    NEW_VOUCHER,
    PROPOSALS,
    VOUCHERS,
    Caller,
    error_code,
)

SUPPLIERS = "SupplierHandling.svc/SupplierInfoGeneralSet"


def test_a_patch_moves_etag_and_modified_date(ifs: IfsSandbox, caller: Caller) -> None:
    """A change with the current ETag is kept, answers 200 with the record, and moves ETag and ModifiedDate."""
    before = caller.read(FIRST)
    change = {"Cf_Spend_Reference": "bill_1", "Cf_Paid_Status": "Paid", "Cf_Paid_Date": "2026-11-20"}
    answer = caller.patch(FIRST, change | {"Cf_Payment_Reference": "pay_9"}, before["@odata.etag"])
    after = answer.json()
    assert answer.status_code == 200
    assert after["@odata.etag"] != before["@odata.etag"]
    assert answer.headers["etag"] == after["@odata.etag"]
    assert after["ModifiedDate"] > before["ModifiedDate"]
    assert ifs.invoices["10", 48201]["Cf_Payment_Reference"] == "pay_9"
    assert "Cf_Paid_Date" in str(ifs.journal.writes()[-1].effect)


def test_a_stale_etag_is_412(caller: Caller) -> None:
    """The second change with the same ETag is refused and changes nothing; `*` skips the check."""
    etag = caller.etag(FIRST)
    assert caller.patch(FIRST, {"VoucherText": "one"}, etag).status_code == 200
    assert caller.patch(FIRST, {"VoucherText": "two"}, etag).status_code == 412
    assert caller.read(FIRST)["VoucherText"] == "one"
    assert caller.patch(FIRST, {"VoucherText": "three"}, "*").status_code == 200


def test_a_missing_if_match_is_428(caller: Caller) -> None:
    """Changes, removals and bound actions without If-Match are refused with the reason in the details."""
    answers = [
        caller.patch(FIRST, {"VoucherText": "one"}),
        caller.client.delete(caller.url(FIRST)),
        caller.post(f"{FIRST}/IfsApp.PostingProposalHandling.PostingProposalHead_Cancel", {}),
    ]
    for answer in answers:
        assert (answer.status_code, error_code(answer)) == (428, "ODP_MISSING_PRECONDITION")
        assert answer.json()["error"]["details"][0]["message"] == "If-Match is missing."


def test_on_some_tenants_a_missing_if_match_is_an_upsert(ifs: IfsSandbox, caller: Caller) -> None:
    """Behind the switch a PATCH without If-Match changes what is there and creates what is not."""
    ifs.switches.missing_if_match = "upsert"
    assert caller.patch(FIRST, {"VoucherText": "lost update"}).status_code == 200
    new = f"{PROPOSALS}(Company='10',InvoiceId=77)"
    assert caller.patch(new, {"VoucherText": "x"}).status_code == 400
    assert caller.patch(new, NEW_PROPOSAL).status_code == 201
    assert ifs.invoices["10", 77]["InvoiceNo"] == "INV-7"
    assert caller.patch(f"{PROPOSALS}(Company='10',InvoiceId=78)", NEW_PROPOSAL, '"old"').status_code == 404


def test_a_proposal_and_its_line(ifs: IfsSandbox, caller: Caller) -> None:
    """A created proposal gets its id from the server and is balanced once its lines add up."""
    made = caller.post(PROPOSALS, NEW_PROPOSAL)
    record = made.json()
    assert (made.status_code, record["Objstate"], record["GrossAmount"]) == (201, "Preliminary", 1210.0)
    key = f"{PROPOSALS}(Company='10',InvoiceId={record['InvoiceId']})"
    line = caller.post(f"{key}/PostingProposalLines", NEW_LINE)
    assert (line.status_code, line.json()["RowId"]) == (201, 1)
    assert caller.read(key)["Objstate"] == "Balanced"
    assert caller.read(key)["Balance"] == 0
    kept = ifs.invoices["10", record["InvoiceId"]]
    assert kept["PostingProposalLines"][0]["CurrencyAmount"] == Decimal(1000)


def test_creates_are_not_idempotent(ifs: IfsSandbox, caller: Caller) -> None:
    """Posting the same invoice twice makes two."""
    for _ in range(2):
        caller.post(PROPOSALS, NEW_PROPOSAL)
    assert sum(one["InvoiceNo"] == "INV-7" for one in ifs.invoices.values()) == 2


def test_lines_can_be_changed_and_removed(caller: Caller) -> None:
    """Changing or removing a line moves the proposal out of balance and its ETag on."""
    line = caller.rows(f"{FIRST}/PostingProposalLines")[0]
    path = f"{FIRST}/PostingProposalLines(Company='10',InvoiceId=48201,RowId={line['RowId']})"
    etag = caller.etag(FIRST)
    changed = caller.patch(path, {"CurrencyAmount": 1.5}, line["@odata.etag"])
    assert changed.status_code == 200
    head = caller.read(FIRST)
    assert (head["Objstate"], head["@odata.etag"] != etag) == ("Preliminary", True)
    headers = {"If-Match": changed.json()["@odata.etag"], "Accept": "application/json"}
    assert caller.client.delete(caller.url(path), headers=headers).status_code == 204
    assert caller.get(path).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"@odata.etag": "x"},
        {"luname": "PostingProposalHead"},
        {"Objversion": "1"},
        {"Nothing": "x"},
        {"ProposalExist": "TRUE"},
        {"Objstate": "Balanced"},
        {"ModifiedDate": "2026-11-11T00:00:00Z"},
        {"InvoiceId": 5},
        {"InvoiceNo": 7},
        {"InvoiceNo": "x" * 51},
        {"InvoiceDate": "14.11.2026"},
        {"InvoiceDate": "2026-02-30"},
        {"InvoiceDate": 20261114},
        {"NetCurrAmount": "1000.00"},
        {"NetCurrAmount": True},
        {"AdvInv": "TRUE"},
        {"PartyType": "Lieferant"},
        {"InvoiceNo": None},
        {"PostingProposalLines": []},
    ],
)
def test_bodies_are_checked_attribute_by_attribute(ifs: IfsSandbox, caller: Caller, change: dict[str, Any]) -> None:
    """Meta fields, unknown names, computed attributes and wrong types are 400, and nothing is created."""
    before = len(ifs.invoices)
    answer = caller.post(PROPOSALS, NEW_PROPOSAL | change)
    assert (answer.status_code, error_code(answer)) == (400, "ODP_DESERIALIZATION_ERROR")
    assert len(ifs.invoices) == before


@pytest.mark.parametrize("missing", ["Company", "Identity", "InvoiceNo", "InvoiceDate", "Currency", "NetCurrAmount"])
def test_required_attributes_are_required(caller: Caller, missing: str) -> None:
    """A create that lacks a required attribute is 400 and names it."""
    answer = caller.post(PROPOSALS, {name: value for name, value in NEW_PROPOSAL.items() if name != missing})
    assert answer.status_code == 400
    assert missing in answer.json()["error"]["message"]


def test_the_body_must_be_a_json_object(caller: Caller) -> None:
    """Broken JSON, a list, and JSON without its content type are refused."""
    url = caller.url(PROPOSALS)
    json_type = {"Content-Type": "application/json"}
    assert caller.client.post(url, content=b"{", headers=json_type).status_code == 400
    assert caller.client.post(url, content=b"[]", headers=json_type).status_code == 400
    assert caller.client.post(url, content=b"{}").status_code == 400


def test_decimals_may_be_sent_as_text_when_announced(ifs: IfsSandbox, caller: Caller) -> None:
    """With IEEE754Compatible in the content type a number may be text, digit by digit."""
    kind = {"Content-Type": "application/json;IEEE754Compatible=true", "If-Match": caller.etag(FIRST)}
    url = caller.url(FIRST)
    assert caller.client.patch(url, content=b'{"CurrRate":"1.00000000000000000001"}', headers=kind).status_code == 200
    assert ifs.invoices["10", 48201]["CurrRate"] == Decimal("1.00000000000000000001")
    kind["If-Match"] = caller.etag(FIRST)
    assert caller.client.patch(url, content=b'{"CurrRate":"much"}', headers=kind).status_code == 400


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Identity": "S-0000"}, "Supplier S-0000"),
        ({"Company": "99"}, "Company 99"),
        ({"Currency": "XXX"}, "Currency XXX"),
        ({"PayTermId": "999"}, "Payment term 999"),
        ({"InvoiceType": "OTHER"}, "Invoice type OTHER"),
        ({"PartyType": "Customer"}, "Supplier S-1007"),
    ],
)
def test_business_refusals_are_500_with_an_oracle_text(caller: Caller, change: dict[str, str], reason: str) -> None:
    """Data the business logic does not accept comes back as 500 with ORA-20110 and the reason."""
    answer = caller.post(PROPOSALS, NEW_PROPOSAL | change)
    message = answer.json()["error"]["message"]
    assert answer.status_code == 500
    assert message.startswith("ORA-20110: ")
    assert reason in message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Account": "0000"}, "Account 0000"),
        ({"Account": "4950"}, "not valid"),
        ({"CodeB": "999"}, "Code part B 999"),
        ({"CodeC": "P3"}, "Code part C P3"),
    ],
)
def test_code_strings_must_exist_and_be_valid(caller: Caller, change: dict[str, str], reason: str) -> None:
    """An unknown or expired account, or a code part of another company, is refused."""
    answer = caller.post(f"{FIRST}/PostingProposalLines", NEW_LINE | change)
    assert answer.status_code == 500
    assert reason in answer.json()["error"]["message"]


def test_a_line_belongs_to_its_parents_company(caller: Caller) -> None:
    """A line that names another company is 400; an unknown parent is 404."""
    assert caller.post(f"{FIRST}/PostingProposalLines", NEW_LINE | {"Company": "20"}).status_code == 400
    missing = f"{PROPOSALS}(Company='10',InvoiceId=1)/PostingProposalLines"
    assert caller.post(missing, NEW_LINE).status_code == 404


def test_a_refused_change_is_undone(caller: Caller) -> None:
    """When the business logic refuses a change, the record and its ETag stay as they were."""
    before = caller.read(FIRST)
    assert caller.patch(FIRST, {"Identity": "S-0000", "VoucherText": "x"}, before["@odata.etag"]).status_code == 500
    assert caller.read(FIRST) == before


def test_a_supplier_is_made_and_changed(ifs: IfsSandbox, caller: Caller) -> None:
    """A supplier may come with its id or get one; the same id twice is refused."""
    assert caller.post(SUPPLIERS, {"SupplierId": "S-77", "Name": "New Ltd", "Country": "GB"}).status_code == 201
    assert caller.post(SUPPLIERS, {"SupplierId": "S-77", "Name": "New Ltd"}).status_code == 500
    assert caller.post(SUPPLIERS, {"Name": "Numbered Ltd"}).json()["SupplierId"] == "S-9001"
    path = f"{SUPPLIERS}(SupplierId='S-77')"
    assert caller.patch(path, {"Cf_Email": "ap@new.example"}, caller.etag(path)).status_code == 200
    assert ifs.suppliers["S-77"]["Cf_Email"] == "ap@new.example"


def test_verbs_are_allowed_where_they_make_sense(caller: Caller) -> None:
    """Reference data is read-only, collections are not patched, suppliers are not removed, PUT is not known."""
    accounts = "AccountHandling.svc/AccountSet"
    supplier = f"{SUPPLIERS}(SupplierId='S-1001')"
    answers = [
        caller.post(accounts, {}),
        caller.patch(accounts, {}),
        caller.patch(f"{accounts}(Company='10',Account='4010')", {}, "*"),
        caller.client.delete(caller.url(supplier), headers={"If-Match": "*"}),
        caller.client.put(caller.url(FIRST), json={}),
        caller.post(f"{supplier}/SupplierInfoAddresses", {}),
    ]
    assert [answer.status_code for answer in answers] == [405] * 6
    assert caller.post(PROPOSALS, NEW_PROPOSAL, **{"If-None-Match": "*"}).status_code == 501
    assert caller.patch(f"{PROPOSALS}(Company='10',InvoiceId=1)", {}, "*").status_code == 404


def test_a_bound_action_needs_the_etag(ifs: IfsSandbox, caller: Caller) -> None:
    """Cancelling works with the record's ETag, once."""
    action = f"{FIRST}/IfsApp.PostingProposalHandling.PostingProposalHead_Cancel"
    assert caller.post(action, {}, **{"If-Match": caller.etag(FIRST)}).status_code == 200
    assert ifs.invoices["10", 48201]["Objstate"] == "Cancelled"
    assert caller.post(action, {}, **{"If-Match": caller.etag(FIRST)}).status_code == 500
    gone = f"{PROPOSALS}(Company='10',InvoiceId=1)/IfsApp.PostingProposalHandling.PostingProposalHead_Cancel"
    assert caller.post(gone, {}, **{"If-Match": "*"}).status_code == 404


def test_a_proposal_is_removed_with_its_lines(ifs: IfsSandbox, caller: Caller) -> None:
    """Removing a proposal takes its lines along."""
    lines = len(ifs.invoices["10", 48201]["PostingProposalLines"])
    assert lines > 0
    assert caller.client.delete(caller.url(FIRST), headers={"If-Match": caller.etag(FIRST)}).status_code == 204
    assert ("10", 48201) not in ifs.invoices
    assert caller.get(f"{FIRST}/PostingProposalLines").status_code == 404


def test_a_voucher_row_by_row(ifs: IfsSandbox, caller: Caller) -> None:
    """Outside a change set a voucher is in error until its rows balance."""
    made = caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER | {"VoucherNo": 0}).json()
    assert made["VoucherNo"] == 2026000017
    rows = f"{VOUCHERS}/VoucherSet(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo=2026000017)/VoucherRows"
    assert caller.post(rows, DEBIT).status_code == 201
    assert ifs.vouchers[0]["Objstate"] == "Error"
    assert caller.post(rows, CREDIT, **{"If-Match": "*"}).status_code == 201
    assert ifs.vouchers[0]["Objstate"] == "Confirmed"
    assert [row["Amount"] for row in ifs.vouchers[0]["VoucherRows"]] == [Decimal(1000), Decimal(-1000)]
    row = caller.rows(rows)[0]
    path = f"{rows}(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo=2026000017,RowNo=1)"
    assert caller.patch(path, {"Text": "later"}, row["@odata.etag"]).status_code == 200
    assert ifs.voucher_rows[0]["Text"] == "later"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"AccountingPeriod": 9, "VoucherDate": "2026-09-30"}, "closed"),
        ({"AccountingPeriod": 10}, "not in period"),
        ({"AccountingYear": 2041}, "does not exist"),
        ({"VoucherType": "Z"}, "Voucher type Z"),
        ({"UserGroup": "XX"}, "User group XX"),
        ({"Company": "99"}, "Company 99"),
    ],
)
def test_a_voucher_needs_an_open_period(caller: Caller, change: dict[str, Any], reason: str) -> None:
    """Closed and unknown periods, types, groups and companies are refused."""
    answer = caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER | change)
    assert answer.status_code == 500
    assert reason in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "row",
    [
        {"Account": "4010", "CurrencyCode": "EUR"},
        DEBIT | {"CurrencyCreditAmount": 1},
        DEBIT | {"CurrencyAmount": 5},
        DEBIT | {"CurrencyCode": "XXX"},
        DEBIT | {"Account": "nope"},
    ],
)
def test_a_voucher_row_has_one_side(caller: Caller, row: dict[str, Any]) -> None:
    """A row has a debit or a credit that agrees with its amount, a known currency and account."""
    caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER)
    rows = f"{VOUCHERS}/VoucherSet(Company='10',VoucherType='M',AccountingYear=2026,VoucherNo=2026000017)/VoucherRows"
    assert caller.post(rows, row).status_code == 500


def test_a_company_not_granted_cannot_be_posted_to(ifs: IfsSandbox, caller: Caller) -> None:
    """Company security refuses a voucher into a company the user does not have."""
    ifs.switches.granted_companies = frozenset({"20"})
    assert caller.post(f"{VOUCHERS}/VoucherSet", NEW_VOUCHER).status_code == 500
    assert ifs.vouchers == []
