"""Tests of the client against the simulated business: every call, and what is left of it there."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from mlc_pipelines.accounting.money import Money
from mlc_pipelines.errors import Cause, ConfigurationError, OutcomeUnknownError, RecordError, TransientError
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.integrations.ramp.errors import AbsentError, NotSubmittableError
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.integrations.ramp.builders import (
    ACCOUNT,
    CENTER,
    FIELD,
    line,
    new_bill,
    new_vendor,
    upload_codes,
    vendor_and_entity,
)
from mlc_pipelines_tests.integrations.ramp.conftest import OpenRamp, Unlimited

UNUSED_ID = "00000000-0000-4000-8000-000000000000"


def test_a_connection_is_made_once(ramp: RampSandbox, client: RampClient) -> None:
    """Asking again changes nothing."""
    client.ensure_connection()
    assert [found.provider for found in ramp.connections.values()] == ["IFS Cloud"]


def test_another_connection_is_never_pushed_aside(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """Its codings would be lost; a person decides."""
    ramp.store.connect("QuickBooks")
    with pytest.raises(ConfigurationError, match="'QuickBooks'"):
        open_client(ramp).ensure_connection()
    assert len(ramp.connections) == 1


def test_our_connection_switched_off_is_not_made_anew(ramp: RampSandbox, client: RampClient) -> None:
    """A new one would be empty; the old one, switched on again, has its codes."""
    (ours,) = ramp.connections.values()
    ours.status = "unlinked"
    ramp.store.shelf[ours.id] = ramp.store.books
    with pytest.raises(ConfigurationError, match="switched off"):
        client.ensure_connection()
    client.reactivate_connection(ours.id)
    client.ensure_connection()
    assert len(ramp.connections) == 1


def test_a_connection_whose_answer_was_lost_is_found(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """It looks before it gives up."""
    ramp.faults.once("lost", method="POST", path_part="/accounting/connection")
    open_client(ramp).ensure_connection()
    assert len(ramp.connections) == 1


def test_accounts_are_uploaded_listed_renamed_and_brought_back(ramp: RampSandbox, client: RampClient) -> None:
    """Their ids are ours, the ids to change them by are Ramp's."""
    upload_codes(client)
    (account,) = client.accounts()
    assert (account.id, account.code, account.classification) == (ACCOUNT, "4010", "EXPENSE")
    ramp.accounts[account.ramp_id].is_active = False
    client.update_account(account.ramp_id, name="Bearings, all", code="4011", reactivate=True)
    (account,) = client.accounts(remote_id=ACCOUNT)
    assert (account.name, account.code, account.is_active) == ("Bearings, all", "4011", True)


def test_an_account_that_exists_fails_its_batch(ramp: RampSandbox, client: RampClient) -> None:
    """All are taken or none."""
    upload_codes(client)
    new = {"id": "10^4020", "name": "Steel", "code": "4020", "classification": "EXPENSE"}
    with pytest.raises(RecordError, match="already exists"):
        client.create_accounts([new, {**new, "id": ACCOUNT}])
    assert len(ramp.accounts) == 1


def test_a_field_is_made_once_and_takes_a_new_name(ramp: RampSandbox, client: RampClient) -> None:
    """The same id is the same field."""
    first = client.ensure_field(FIELD, "Cost Center")
    assert client.ensure_field(FIELD, "Cost centre") == first
    assert [(field.id, field.name) for field in client.fields()] == [(FIELD, "Cost centre")]


def test_options_belong_to_their_field(client: RampClient) -> None:
    """Listed by the field's id in Ramp, renamed by their own."""
    upload_codes(client)
    cost_center, other = client.ensure_field(FIELD, "Cost Center"), client.ensure_field("ifs-code-part-c", "Plant")
    (option,) = client.options(cost_center)
    assert list(client.options(other)) == []
    client.update_option(option.ramp_id, value="300 Final assembly", code="300")
    assert [(found.id, found.value) for found in client.options(cost_center, remote_id=CENTER)] == [
        (CENTER, "300 Final assembly")
    ]


def test_accounting_vendors_are_uploaded_found_and_renamed(client: RampClient) -> None:
    """A quote in an id is a letter like any other."""
    client.create_accounting_vendors([{"id": "S-10'4", "name": "O'Hara & Sons", "code": "S-10'4"}])
    (vendor,) = client.accounting_vendors(remote_id="S-10'4")
    client.update_accounting_vendor(vendor.ramp_id, name="O'Hara + Daughters")
    assert [found.name for found in client.accounting_vendors()] == ["O'Hara + Daughters"]


def test_a_list_is_read_to_its_end(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """Pages are ours to follow; callers see records."""
    client = open_client(ramp, page_size=7)
    client.ensure_connection()
    client.create_accounting_vendors([{"id": f"S-{number}", "name": f"Vendor {number}"} for number in range(30)])
    assert [vendor.id for vendor in client.accounting_vendors()] == [f"S-{number}" for number in range(30)]
    assert len([entry for entry in ramp.journal.entries if entry.path.endswith("/accounting/vendors")]) == 1 + 5


def test_a_vendor_is_made_linked_found_and_changed(ramp: RampSandbox, client: RampClient) -> None:
    """Both links are kept: to the supplier, and to the accounting vendor of the same id."""
    client.create_accounting_vendors([{"id": "S-1001", "name": "Nordhavn"}])
    made = client.create_vendor(
        new_vendor(
            phone="+45 1234", address="Kajgade 4", city="Aarhus", zip_code="8000", accounting_vendor_remote_id="S-1001"
        )
    )
    (found,) = client.vendors(external_vendor_id="S-1001")
    assert (found.id, found.country, found.accounting_vendor_remote_id) == (made, "DK", "S-1001")
    assert [vendor.id for vendor in client.vendors(name="Nordhavn Bearings ApS", is_active=True)] == [made]
    client.update_vendor(made, new_vendor(name="Nordhavn A/S"))
    assert client.vendor(made).name == "Nordhavn A/S"
    assert ramp.vendors[made].contacts[0].phone == "+45 1234"


def test_a_vendor_born_in_ramp_is_linked_to_its_supplier(ramp: RampSandbox, client: RampClient) -> None:
    """Only the link is written."""
    born = ramp.people.add_vendor("Kestrel Tooling Ltd", country="GB")
    client.link_vendor(born, "S-2001")
    assert (client.vendor(born).external_vendor_id, client.vendor(born).name) == ("S-2001", "Kestrel Tooling Ltd")


def test_vendors_are_listed_from_a_moment_on(ramp: RampSandbox, client: RampClient) -> None:
    """The moment is sent in UTC."""
    vendor = client.vendor(client.create_vendor(new_vendor()))
    assert vendor.created_at is not None
    assert [found.id for found in client.vendors(from_created_at=vendor.created_at)] == [vendor.id]
    assert list(client.vendors(from_created_at=vendor.created_at + timedelta(seconds=1))) == []


def test_a_vendor_in_the_us_needs_a_state(client: RampClient) -> None:
    """Ramp says so, and the cause leads to the supplier."""
    with pytest.raises(RecordError) as caught:
        client.create_vendor(new_vendor(country="US"))
    assert caught.value.cause is Cause.SUPPLIER_INCOMPLETE


def test_the_business_and_its_entities_are_read(ramp: RampSandbox, client: RampClient) -> None:
    """Webhooks name the one, bills the other."""
    assert client.business().id == ramp.store.business_id
    assert {entity.id for entity in client.entities()} == set(ramp.entities)


def test_a_draft_carries_money_coding_and_our_reference(ramp: RampSandbox, client: RampClient) -> None:
    """12.34 stays 12.34, and each code comes back under our ids."""
    upload_codes(client)
    coded = line("12.34", ("Category", ACCOUNT), (FIELD, CENTER))
    made = client.create_draft(new_bill(*vendor_and_entity(client), lines=[coded, line("1.00")]))
    assert ramp.drafts[made.id].amount == Decimal("13.34")
    (draft,) = client.drafts(remote_id="10^1001")
    assert (draft.id, draft.status, draft.amount) == (made.id, "DRAFT", Money(Decimal("13.34"), "EUR"))
    assert draft.line_items[0].codings() == [["Category", ACCOUNT], [FIELD, CENTER]]
    assert (draft.issued_at, draft.due_at) == (date(2026, 10, 2), date(2026, 11, 1))
    assert client.draft(made.id).memo == "IFS PO P-4711"


@pytest.mark.parametrize(("currency", "amount"), [("EUR", "1.23"), ("JPY", "1200"), ("KWD", "1.234"), ("EUR", "0.01")])
def test_amounts_survive_the_way_there_and_back(client: RampClient, currency: str, amount: str) -> None:
    """Major units in requests, minor units in answers, the same money."""
    made = client.create_draft(new_bill(*vendor_and_entity(client), currency=currency, lines=[line(amount)]))
    assert client.draft(made.id).amount.to_text() == amount


def test_a_total_that_comes_back_different_is_held(ramp: RampSandbox, client: RampClient) -> None:
    """If Ramp read another unit than we meant, nobody pays before a person has looked."""
    vendor, entity = vendor_and_entity(client)
    ramp.faults.once(
        "status",
        method="POST",
        path_part="/bills/drafts",
        status=201,
        body='{"id": "d-1", "amount": {"amount": 123400, "currency_code": "EUR"}}',
    )
    with pytest.raises(RecordError, match=r"says 1234.00 EUR, 12.34 EUR was sent") as caught:
        client.create_draft(new_bill(vendor, entity))
    assert caught.value.cause is Cause.AMOUNT_MISMATCH


def test_a_draft_is_changed_lines_whole_and_submitted(ramp: RampSandbox, client: RampClient) -> None:
    """A submitted draft is a bill that remembers it; as a draft it is gone."""
    vendor, entity = vendor_and_entity(client)
    draft = client.create_draft(new_bill(vendor, entity)).id
    client.update_draft(draft, new_bill(vendor, entity, lines=[line("5.00")], memo=""))
    client.submit_draft(draft)
    (bill,) = client.bills(draft_bill_id=draft)
    assert (bill.amount.to_text(), bill.approval_status, bill.memo) == ("5.00", "PENDING", None)
    assert [found.id for found in client.bills(remote_id="10^1001")] == [bill.id]
    assert list(client.drafts(remote_id="10^1001")) == []
    assert client.find_bill(draft) is None


def test_a_draft_that_ramp_does_not_submit_is_left_to_a_person(ramp: RampSandbox, client: RampClient) -> None:
    """The error has its own class, and the draft stays."""
    ramp.switches.submit_refused = True
    draft = client.create_draft(new_bill(*vendor_and_entity(client))).id
    with pytest.raises(NotSubmittableError, match="complete and submit the draft in Ramp"):
        client.submit_draft(draft)
    assert draft in ramp.drafts


def test_a_preapproved_bill_is_approved_at_once_and_can_be_changed(ramp: RampSandbox, client: RampClient) -> None:
    """It goes to the vendor's contact."""
    vendor, entity = vendor_and_entity(client)
    made = client.create_bill(new_bill(vendor, entity))
    assert (made.approval_status, ramp.bills[made.id].payment_method) == ("APPROVED", "UNSPECIFIED")
    assert ramp.bills[made.id].vendor_contact_id == ramp.vendors[vendor].contacts[0].id
    client.update_bill(made.id, new_bill(vendor, entity, lines=[line("7.00")]))
    assert client.bill(made.id).amount.to_text() == "7.00"
    client.archive_bill(made.id)
    assert [bill.id for bill in client.bills(is_archived=True)] == [made.id]


def test_a_preapproved_bill_may_be_paid_the_vendors_own_way(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """That is a setting."""
    client = open_client(ramp, payment_method="vendor_default")
    made = client.create_bill(new_bill(*vendor_and_entity(client)))
    assert ramp.bills[made.id].payment_method is None


def test_a_vendor_without_a_contact_takes_no_preapproved_bill(ramp: RampSandbox, client: RampClient) -> None:
    """The message names the vendor."""
    vendor, entity = vendor_and_entity(client)
    ramp.vendors[vendor].contacts.clear()
    with pytest.raises(RecordError, match=f"vendor {vendor} has no contact"):
        client.create_bill(new_bill(vendor, entity))


def test_the_same_invoice_twice_is_suspected(client: RampClient) -> None:
    """Ramp refuses vendor and invoice number that it has."""
    vendor, entity = vendor_and_entity(client)
    client.create_draft(new_bill(vendor, entity))
    with pytest.raises(RecordError) as caught:
        client.create_draft(new_bill(vendor, entity, remote_id="10^1002"))
    assert caught.value.cause is Cause.DUPLICATE_SUSPECTED


def test_a_code_that_was_never_uploaded_names_its_cause(client: RampClient) -> None:
    """An account and a dimension are told apart."""
    upload_codes(client)
    vendor, entity = vendor_and_entity(client)
    for field, cause in (("Category", Cause.ACCOUNT_UNMAPPED), (FIELD, Cause.DIMENSION_UNMAPPED)):
        with pytest.raises(RecordError) as caught:
            client.create_draft(new_bill(vendor, entity, lines=[line("1.00", (field, "10^9999"))]))
        assert caught.value.cause is cause


def test_bills_are_found_by_what_happened_to_them(ramp: RampSandbox, client: RampClient) -> None:
    """Ready to book, then paid, then told to both."""
    draft = client.create_draft(new_bill(*vendor_and_entity(client))).id
    (bill,) = ramp.people.approve_bills([draft])
    assert [found.id for found in client.bills(sync_ready=True, sync_status="NOT_SYNCED")] == [bill]
    client.sync("BILL_SYNC", "key-1", successful={bill: "10^2026^I^17"})
    client.sync("BILL_SYNC", "key-1", successful={bill: "10^2026^I^17"})
    assert (client.bill(bill).sync_status, len(ramp.syncs)) == ("BILL_SYNCED", 1)
    ramp.people.pay_bills([bill])
    moment = ramp.clock.now() - timedelta(days=1)
    (paid,) = client.bills(payment_status="PAID", from_paid_at=moment)
    assert (paid.status, paid.payment is not None) == ("PAID", True)
    assert list(client.bills(from_paid_at=moment + timedelta(days=2))) == []


def test_a_failed_booking_is_told_in_words(ramp: RampSandbox, client: RampClient) -> None:
    """People read it in Ramp."""
    draft = client.create_draft(new_bill(*vendor_and_entity(client))).id
    (bill,) = ramp.people.approve_bills([draft])
    client.sync("BILL_SYNC", "key-2", failed={bill: "Account 4010 is closed for period 2026-10"})
    assert ramp.bills[bill].sync_error == "Account 4010 is closed for period 2026-10"


def test_bills_of_a_period_include_both_its_ends(client: RampClient) -> None:
    """A filter that is None is no filter."""
    draft = client.create_draft(new_bill(*vendor_and_entity(client))).id
    day, after = date(2026, 10, 2), date(2026, 10, 3)
    assert [found.id for found in client.drafts(from_issued_date=day, to_issued_date=day, vendor_id=None)] == [draft]
    assert list(client.drafts(from_issued_date=after)) == []
    assert list(client.bills(to_issued_date=day)) == []


def test_novel_fields_and_members_are_no_trouble(ramp: RampSandbox, client: RampClient) -> None:
    """Readers do not depend on what they do not know."""
    ramp.switches.novel_fields = True
    made = client.create_bill(new_bill(*vendor_and_entity(client)))
    assert client.bill(made.id).status_summary == "AWAITING_SOMETHING_NEW"


def test_what_is_not_there_is_absent(client: RampClient) -> None:
    """A missing bill is None where it may be missing."""
    assert client.find_bill(UNUSED_ID) is None
    for read in (client.bill, client.draft, client.vendor):
        with pytest.raises(AbsentError):
            read(UNUSED_ID)


def test_a_created_record_without_an_id_leaves_the_outcome_open(ramp: RampSandbox, client: RampClient) -> None:
    """It was taken, but nobody knows as what."""
    vendor, entity = vendor_and_entity(client)
    for path in ("/vendors", "/bills/drafts"):
        ramp.faults.once("status", method="POST", path_part=path, status=201, body="<html>proxy</html>")
    with pytest.raises(OutcomeUnknownError):
        client.create_vendor(new_vendor(external_vendor_id="S-1"))
    with pytest.raises(OutcomeUnknownError):
        client.create_draft(new_bill(vendor, entity))


def test_a_list_that_is_no_list_postpones(ramp: RampSandbox, client: RampClient) -> None:
    """A proxy's page with status 200 is not an empty list, and no record's fault."""
    ramp.faults.once("status", method="GET", path_part="/bills", status=200, body="<html>Welcome</html>")
    with pytest.raises(TransientError, match="not what the service answers"):
        list(client.bills())


def test_a_next_page_on_another_host_is_not_followed(ramp: RampSandbox, client: RampClient) -> None:
    """Our token goes to Ramp alone."""
    body = '{"data": [], "page": {"next": "https://elsewhere.example/developer/v1/bills?start=x"}}'
    ramp.faults.once("status", method="GET", path_part="/bills", status=200, body=body)
    with pytest.raises(ConfigurationError):
        list(client.bills())


def test_a_wrong_secret_stops_before_anything_is_called(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """The error names the credential, never the secret."""
    with pytest.raises(ConfigurationError, match="acme/ramp") as caught:
        open_client(ramp, secret="wrong-secret").business()
    assert "wrong-secret" not in str(caught.value)


def test_a_scope_that_was_not_granted_names_itself(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """It is noticed at the call."""
    with pytest.raises(ConfigurationError, match="entities:read"):
        list(open_client(ramp, scopes=["bills:read"]).entities())


def test_a_token_that_was_revoked_is_renewed_once(ramp: RampSandbox, client: RampClient) -> None:
    """A write goes through after it, and is made once."""
    ramp.people.revoke_tokens()
    client.create_vendor(new_vendor())
    assert len(ramp.vendors) == 1


def test_a_limit_that_was_hit_slows_everybody_down(ramp: RampSandbox, open_client: OpenRamp) -> None:
    """The shared budget is told for how long."""
    budget = Unlimited()
    client = open_client(ramp, budget=budget)
    ramp.faults.once("status", path_part="/business", status=429, headers={"retry-after": "3"})
    assert client.business().id
    assert budget.paused == [3.0]


def test_times_are_sent_in_utc(ramp: RampSandbox, client: RampClient) -> None:
    """An offset is turned, not dropped."""
    list(client.bills(from_paid_at=datetime.fromisoformat("2026-11-01T01:00:00+02:00")))
    assert "from_paid_at=2026-10-31T23%3A00%3A00.000000Z" in str(ramp.journal.entries[-1].query)
