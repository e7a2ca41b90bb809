"""Whole errands under bad weather: storms, lost answers, people who edit meanwhile, tokens that expire."""

import pytest

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.integrations.ramp.client import RampClient
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines_tests.integrations.ramp.builders import line, new_bill, upload_codes, vendor_and_entity
from mlc_pipelines_tests.integrations.ramp.conftest import OpenRamp

BILLS = 25


@pytest.mark.parametrize("weather", ["storm", "lossy", "contended", "expiring"])
def test_every_draft_is_made_once(ramp: RampSandbox, open_client: OpenRamp, weather: str) -> None:
    """Look by our reference after a lost answer: each draft is there once, each list is whole."""
    client = open_client(ramp, page_size=10)
    client.ensure_connection()
    upload_codes(client)
    vendor, entity = vendor_and_entity(client)
    ramp.faults.profile = weather
    for number in range(BILLS):
        hand_over(client, vendor, entity, number)
    drafts = list(client.drafts())
    ramp.faults.profile = "calm"
    assert sorted(draft.remote_id or "" for draft in drafts) == sorted(f"10^{number}" for number in range(BILLS))
    assert len(ramp.drafts) == BILLS


def hand_over(client: RampClient, vendor: str, entity: str, number: int) -> None:
    bill = new_bill(
        vendor, entity, remote_id=f"10^{number}", invoice_number=f"INV-{number}", lines=[line(f"{number}.01")]
    )
    for _ in range(5):
        if list(client.drafts(remote_id=bill.remote_id)):
            return
        try:
            client.create_draft(bill)
        except OutcomeUnknownError:
            continue
        return
    raise AssertionError(f"bill {number} was not settled in five rounds")


@pytest.mark.parametrize("fault", ["lost", "lost_504", "reset"])
def test_a_create_is_never_sent_again_blindly(ramp: RampSandbox, client: RampClient, fault: str) -> None:
    """The caller is told to look first; there is one request in the journal."""
    vendor, entity = vendor_and_entity(client)
    ramp.faults.once(fault, method="POST", path_part="/bills/drafts")
    with pytest.raises(OutcomeUnknownError):
        client.create_draft(new_bill(vendor, entity))
    posts = [entry for entry in ramp.journal.writes() if entry.path.endswith("/bills/drafts")]
    assert len(posts) == 1


@pytest.mark.parametrize("fault", ["lost", "lost_504"])
def test_what_may_be_repeated_is_repeated(ramp: RampSandbox, client: RampClient, fault: str) -> None:
    """A field, a change and a sync under its key are the same the second time."""
    draft = client.create_draft(new_bill(*vendor_and_entity(client))).id
    (bill,) = ramp.people.approve_bills([draft])
    for method, part in (("POST", "/accounting/fields"), ("PATCH", "/vendors"), ("POST", "/accounting/syncs")):
        ramp.faults.once(fault, method=method, path_part=part)
    client.ensure_field("ifs-code-part-b", "Cost Center")
    client.link_vendor(next(iter(ramp.vendors)), "S-9")
    client.sync("BILL_SYNC", "key-1", successful={bill: "10^2026^I^17"})
    assert (len(ramp.fields), len(ramp.syncs), ramp.bills[bill].sync_status) == (1, 1, "BILL_SYNCED")
