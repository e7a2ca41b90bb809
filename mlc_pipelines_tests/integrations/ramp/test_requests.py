"""Tests that every body we send is one the vendor's OpenAPI file allows."""

import json

from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.integrations.ramp.builders import (
    ACCOUNT,
    CENTER,
    FIELD,
    line,
    new_bill,
    new_vendor,
    upload_codes,
)
from mlc_pipelines_tests.integrations.ramp.conftest import OpenRamp
from mlc_pipelines_tests.integrations.ramp.schemas import REQUESTS, endpoint, problems

EVENTS_OF_2025 = ("bills.approved", "bills.paid", "bills.rejected")


def test_every_body_is_one_the_vendors_file_allows(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """Each endpoint the file has is called, optional parts given, and no body breaks its schema."""
    client = open_client(ramp, vendor_owner_id="11111111-2222-4333-8444-555555555555")
    keep_books(client)
    keep_bills(ramp, client)
    subscribe(ramp, client)
    sent = [entry for entry in ramp.journal.writes() if entry.body and not entry.path.endswith("/token")]
    found = {entry.path: problems(entry.method, entry.path, entry.body) for entry in sent}
    assert {path: said for path, said in found.items() if said} == {}
    assert {endpoint(entry.method, entry.path) for entry in sent} >= set(REQUESTS)


def keep_books(client: RampClient) -> None:
    client.ensure_connection()
    upload_codes(client)
    field = client.ensure_field(FIELD, "Cost centre")
    client.update_account(next(client.accounts()).ramp_id, name="Bearings", code="4010", reactivate=True)
    client.update_option(next(client.options(field)).ramp_id, value="300", code="300", reactivate=True)
    client.create_accounting_vendors([{"id": "S-1001", "name": "Nordhavn", "code": "S-1001"}])
    client.update_accounting_vendor(next(client.accounting_vendors()).ramp_id, name="Nordhavn", reactivate=True)


def keep_bills(ramp: RampSandbox, client: RampClient) -> None:
    whole = new_vendor(
        country="US",
        state="NY",
        phone="+1 555 0100",
        address="4 Harbor Street",
        city="Albany",
        zip_code="12201",
        accounting_vendor_remote_id="S-1001",
    )
    vendor = client.create_vendor(whole)
    client.update_vendor(vendor, whole)
    bill = new_bill(
        vendor, next(client.entities()).id, lines=[line("12.34", ("Category", ACCOUNT), (FIELD, CENTER)), line("0.00")]
    )
    made = client.create_bill(bill).id
    client.update_bill(made, bill)
    client.sync("BILL_SYNC", "key-1", failed={made: "period closed"})
    client.sync("BILL_SYNC", "key-2", successful={made: "10^2026^I^17"})


def subscribe(ramp: RampSandbox, client: RampClient) -> None:
    webhook, _ = client.create_webhook("https://hooks.acme.example/ramp", EVENTS_OF_2025, headers={"X-Site": "acme"})
    client.verify_webhook(webhook, ramp.webhooks[webhook].challenge)


def test_the_checker_finds_what_is_wrong() -> None:
    """A missing field, a wrong type, form, member, length and null are all told."""
    body = {
        "vendor_id": "v",
        "invoice_number": "x" * 21,
        "invoice_currency": "XQZ",
        "issued_at": "2. 10. 2026",
        "entity_id": None,
        "line_items": [{"amount": "many"}, {"memo": 7}],
    }
    said = problems("POST", "/developer/v1/bills", json.dumps(body).encode())
    assert said is not None
    text = " ".join(said)
    for part in (
        "$.due_at: is missing",
        "$.vendor_id: 'v' is no uuid",
        "$.invoice_number: has 21 characters",
        "$.invoice_currency: 'XQZ'",
        "$.issued_at: '2. 10. 2026' is no date",
        "$.entity_id: is null",
        "$.line_items[0].amount: fits none",
        "$.line_items[1].amount: is missing",
        "$.line_items[1].memo: is no string",
    ):
        assert part in text
    assert problems("POST", "/developer/v1/bills/drafts", b"{}") is None
