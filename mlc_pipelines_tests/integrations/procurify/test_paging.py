"""Tests of paging: rows that move while they are read, pages that grow smaller, lists that end early."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mlc_pipelines.errors import RecordError, TransientError
from mlc_pipelines.integrations.procurify.client import ProcurifyClient
from mlc_pipelines.sandbox.procurify import ProcurifySandbox
from mlc_pipelines_tests.integrations.procurify.conftest import OpenProcurify, pages
from mlc_pipelines_tests.wire.carried import all_read

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
BILLS, VENDORS = "/api/v3/ap/bills/", "/api/v3/vendors/"


def keys(client: ProcurifyClient) -> list[str]:
    return [row.key for row in client.bills_changed(BEGIN, END)]


def test_a_list_in_a_sure_order_is_read_page_by_page(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """No page twice."""
    assert sorted(keys(open_client(procurify, page_size=15))) == sorted(map(str, procurify.bills))
    assert pages(procurify, BILLS) == [(1, 15), (2, 15), (3, 15)]


def test_a_list_in_no_sure_order_overlaps(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """After each page the one before is read again, and every row is given once."""
    found = [vendor.id for vendor in all_read(open_client(procurify, page_size=10).vendors())]
    assert len(found) == len(set(found)) == 25
    assert pages(procurify, VENDORS) == [(1, 10), (2, 10), (1, 10), (3, 10), (2, 10)]


def test_a_row_that_slips_to_the_page_before_is_not_lost(
    procurify: ProcurifySandbox, open_client: OpenProcurify
) -> None:
    """A bill that changes leaves the window, those behind it move up by one, and the count tells it."""
    rows = open_client(procurify, page_size=10).bills_changed(BEGIN, datetime(2026, 11, 15, 23, tzinfo=UTC))
    first = next(rows).key
    procurify.people.edit_bill(first, note="changed while somebody read")
    found = [first, *(row.key for row in rows)]
    assert sorted(found) == sorted(map(str, procurify.bills))


def test_a_row_that_comes_twice_is_given_once(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """A new vendor at the front pushes the others to the next page."""
    rows = open_client(procurify, page_size=10).vendors()
    found = all_read([next(rows)])
    procurify.store.vendors = {
        999: procurify.store.vendors[procurify.people.new_vendor("Kestrel Tooling Ltd")],
        **procurify.store.vendors,
    }
    found += all_read(rows)
    assert len(found) == len({row.id for row in found}) >= 25


def test_a_page_past_the_end_is_the_end(procurify: ProcurifySandbox, open_client: OpenProcurify) -> None:
    """The list grew shorter after its next page was announced."""
    procurify.faults.once("status", path_part="page=3", status=404, body='{"detail": "Invalid page."}')
    assert len(keys(open_client(procurify, page_size=15))) == 30


def test_a_read_that_takes_too_long_is_repeated_with_smaller_pages(
    procurify: ProcurifySandbox, open_client: OpenProcurify
) -> None:
    """Fifty, then twenty-five, then ten: what times out may cost the customer the access (documented)."""
    procurify.switches.slow_pages_over, procurify.switches.slow_seconds = 10, 30.0
    assert sorted(keys(open_client(procurify, read_seconds=0.3))) == sorted(map(str, procurify.bills))
    assert pages(procurify, BILLS) == [(1, 50), (1, 25), (1, 10), (2, 10), (3, 10), (4, 10)]


def test_a_gateway_that_gives_up_is_asked_for_less_too(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """It waited in our place."""
    procurify.switches.slow_pages_over, procurify.switches.slow_seconds = 25, 0.05
    assert len(keys(client)) == 40
    assert pages(procurify, BILLS) == [(1, 50), (1, 25), (2, 25)]


def test_a_page_grown_smaller_on_the_way_begins_where_the_last_one_ended(
    procurify: ProcurifySandbox, open_client: OpenProcurify
) -> None:
    """No row is skipped, and none given twice."""
    client = open_client(procurify, page_size=20)
    procurify.faults.once("status", path_part="page=2&page_size=20", status=504)
    found = keys(client)
    assert pages(procurify, BILLS) == [(1, 20), (2, 20), (3, 10), (4, 10)]
    assert sorted(found) == sorted(map(str, procurify.bills))


def test_the_smallest_page_is_tried_until_the_end_and_then_given_up(
    procurify: ProcurifySandbox, open_client: OpenProcurify
) -> None:
    """The next pass begins with large pages again."""
    procurify.switches.slow_pages_over, procurify.switches.slow_seconds = 1, 0.0
    with pytest.raises(TransientError):
        keys(open_client(procurify))
    assert [size for _, size in pages(procurify, BILLS)] == [50, 25, 10, 10, 10, 10]


def test_another_fault_does_not_make_pages_smaller(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """A broken line says nothing about the size."""
    procurify.faults.once("reset", path_part=BILLS)
    assert len(keys(client)) == 40
    assert pages(procurify, BILLS) == [(1, 50), (1, 50)]


def test_a_list_that_never_ends_is_left(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """The same page again and again is no list."""
    page: dict[str, Any] = {"metadata": {"pagination": {"count": 9, "next": "more"}}, "data": [{"id": 1, "uuid": "a"}]}
    procurify.faults.once("status", path_part=BILLS, status=200, body=json.dumps(page), times=10)
    with pytest.raises(RecordError, match="repeats itself"):
        keys(client)


def test_a_row_that_cannot_be_read_keeps_its_place(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """It is handed on with what is wrong, so that it can be written down as held."""
    rows = [{"id": "one", "uuid": "a"}, {"id": 2, "uuid": "b", "last_modified_datetime": "yesterday"}, 17]
    page = {"metadata": {"pagination": {"count": 3, "next": None}}, "data": rows}
    procurify.faults.once("status", path_part=BILLS, status=200, body=json.dumps(page))
    problems = [row.problem or "" for row in client.bills_changed(BEGIN, END)]
    assert ["$.id" in problems[0], "yesterday" in problems[1], "int" in problems[2]] == [True, True, True]


def test_two_rows_of_one_id_that_differ_are_both_given(procurify: ProcurifySandbox, client: ProcurifyClient) -> None:
    """Which of them is right is for the ledger to hold, and not for a list to leave out."""
    rows = [{"id": 7, "uuid": "u-1", "status": status} for status in (1, 1, 2)]
    body = json.dumps({"data": rows, "metadata": {"pagination": {"count": 3, "next": None, "page_size": 50}}})
    procurify.faults.once("status", path_part=BILLS, status=200, body=body)
    assert len(list(client.bills_changed(BEGIN, END))) == 2
