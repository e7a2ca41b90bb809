"""Whole errands under bad weather: storms, lost answers, people who edit meanwhile, tokens that expire."""

from typing import Any

import pytest

from mlc_pipelines.errors import OutcomeUnknownError
from mlc_pipelines.ifs.conflicts import with_fresh
from mlc_pipelines.ifs.posting_proposals import PostingProposals
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.ifs.conftest import OpenIfs


@pytest.mark.parametrize("weather", ["storm", "lossy", "contended", "expiring"])
def test_every_invoice_is_read_and_marked_once(
    ifs: IfsSandbox, open_client: OpenIfs, world: World, weather: str
) -> None:
    """Read the feed in small pages, mark each invoice, look again after a lost answer: all are marked, none twice."""
    proposals = PostingProposals(open_client(ifs, page_size=5))
    ifs.faults.profile = weather
    try:
        ids = {head.invoice_id for head in proposals.changed_since("20", None)}
        for number in ids:
            mark_until_known(proposals, number)
    finally:
        ifs.faults.profile = "calm"
    assert ids == {invoice.id for invoice in world.invoices if invoice.company == "20"}
    assert {ifs.invoices["20", number]["Cf_Spend_Reference"] for number in ids} == {"bill"}
    effects = [entry.effect for entry in ifs.journal.writes() if entry.effect and "Cf_Spend_Reference" in entry.effect]
    assert len(effects) == len(ids)


def mark_until_known(proposals: PostingProposals, number: int) -> None:
    def decide(invoice: Any) -> dict[str, str] | None:
        return None if invoice.sent_mark == "bill" else {"sent": "bill"}

    for _ in range(5):
        try:
            with_fresh(lambda: proposals.read("20", number), decide, proposals.mark)
        except OutcomeUnknownError:
            continue
        return
    raise AssertionError(f"invoice {number} was not settled in five rounds")


@pytest.mark.parametrize("max_page", [1, 3])
def test_a_tenant_with_small_pages_of_its_own_loses_nothing(
    ifs: IfsSandbox, open_client: OpenIfs, world: World, max_page: int
) -> None:
    """IFS may give fewer rows than asked for; its next link says that there are more."""
    ifs.switches.max_page = max_page
    heads = list(PostingProposals(open_client(ifs)).changed_since("10", None))
    assert sorted(head.invoice_id for head in heads) == [one.id for one in world.invoices if one.company == "10"]


def test_an_objstate_filter_is_never_sent(ifs: IfsSandbox, open_client: OpenIfs, world: World) -> None:
    """Some tenants refuse it; states are told apart here."""
    ifs.switches.objstate_filter_refused = True
    proposals = PostingProposals(open_client(ifs))
    wanted = next(one for one in world.invoices if one.company == "10" and one.state == "Balanced")
    assert proposals.find("10", wanted.supplier, wanted.number) is not None
    assert list(proposals.changed_since("10", None))
    assert not [entry for entry in ifs.journal.entries if "Objstate" in entry.query]
