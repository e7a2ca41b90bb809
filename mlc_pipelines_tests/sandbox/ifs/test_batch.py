"""Batches: change sets as a whole or not at all, references, and what is refused."""

import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.sandbox.ifs.caller import (
    CREDIT,
    DEBIT,
    NEW_LINE,
    NEW_PROPOSAL,
    NEW_VOUCHER,
    PROJECTIONS,
    Caller,
    change_set,
    part,
)

PROPOSALS = "PostingProposalHandling.svc"
VOUCHERS = "VoucherHandling.svc"


def voucher(*rows: dict[str, object], **change: object) -> str:
    header = part("POST", "VoucherSet", NEW_VOUCHER | change, content_id="1")
    parts = [
        part("POST", "$1/VoucherRows", row, content_id=str(at), if_match="$1") for at, row in enumerate(rows, start=2)
    ]
    return change_set(header, *parts)


def test_a_voucher_in_one_change_set(ifs: IfsSandbox, caller: Caller) -> None:
    """Header and rows arrive together; each part has its own answer with its Content-ID."""
    answer = caller.batch(VOUCHERS, voucher(DEBIT, CREDIT))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("multipart/mixed;boundary=")
    assert answer.text.count("HTTP/1.1 201 Created") == 3
    assert "Content-ID: 3" in answer.text
    assert [(one["Objstate"], len(one["VoucherRows"])) for one in ifs.vouchers] == [("Confirmed", 2)]
    assert "created Voucher 10/M/2026/2026000017" in str(ifs.journal.writes()[-1].effect)


def test_a_proposal_in_one_change_set(ifs: IfsSandbox, caller: Caller) -> None:
    """A proposal and its line are made by one batch; text beyond ASCII survives."""
    parts = [
        part("POST", "PostingProposalHeadSet", NEW_PROPOSAL, content_id="1"),
        part("POST", "$1/PostingProposalLines", NEW_LINE | {"Text": "Hüttenweg ✓"}, content_id="2"),
    ]
    assert caller.batch(PROPOSALS, change_set(*parts)).text.count("201 Created") == 2
    made = next(one for one in ifs.invoices.values() if one["InvoiceNo"] == "INV-7")
    assert (made["Objstate"], made["PostingProposalLines"][0]["Text"]) == ("Balanced", "Hüttenweg ✓")


@pytest.mark.parametrize(
    ("rows", "change", "reason"),
    [
        ((DEBIT, CREDIT | {"CurrencyCreditAmount": 999.99}), {}, "does not balance"),
        ((DEBIT, CREDIT | {"CurrencyCode": "USD"}), {}, "does not balance"),
        ((), {}, "has no rows"),
        ((DEBIT, CREDIT | {"Account": "0000"}), {}, "Account 0000"),
        ((DEBIT, CREDIT), {"AccountingPeriod": 9, "VoucherDate": "2026-09-30"}, "closed"),
    ],
)
def test_a_failed_part_rolls_the_change_set_back(
    ifs: IfsSandbox, caller: Caller, rows: tuple[dict[str, object], ...], change: dict[str, object], reason: str
) -> None:
    """When any part or the balance at the end is refused, one error stands for all and nothing is kept."""
    answer = caller.batch(VOUCHERS, voucher(*rows, **change))
    assert answer.status_code == 200
    assert "HTTP/1.1 500 Internal Server Error" in answer.text
    assert "201 Created" not in answer.text
    assert reason in answer.text
    assert (ifs.vouchers, ifs.voucher_rows) == ([], [])
    assert ifs.journal.writes()[-1].effect is None


def test_two_vouchers_in_one_change_set_share_its_fate(ifs: IfsSandbox, caller: Caller) -> None:
    """A second document in the same change set takes the first one down with it."""
    second = [
        part("POST", "VoucherSet", NEW_VOUCHER, content_id="7"),
        part("POST", "$7/VoucherRows", DEBIT, content_id="8"),
    ]
    first = voucher(DEBIT, CREDIT).replace("--c--\r\n", "") + "".join(f"--c\r\n{one}\r\n" for one in second)
    answer = caller.batch(VOUCHERS, f"{first}--c--\r\n")
    assert "does not balance" in answer.text
    assert ifs.vouchers == []


def test_parts_run_in_order_and_stop_at_a_failure(ifs: IfsSandbox, caller: Caller) -> None:
    """After a failure the rest is not run, unless the caller prefers to go on."""
    parts = [
        part("GET", "VoucherSet"),
        part("GET", "NoSet"),
        voucher(DEBIT, CREDIT),
    ]
    stopped = caller.batch(VOUCHERS, *parts)
    assert (stopped.text.count("HTTP/1.1"), len(ifs.vouchers)) == (2, 0)
    gone_on = caller.batch(VOUCHERS, *parts, Prefer="odata.continue-on-error")
    assert (gone_on.text.count("HTTP/1.1"), len(ifs.vouchers)) == (5, 1)


def test_addresses_in_parts(ifs: IfsSandbox, caller: Caller) -> None:
    """Parts name resources relative to the service root, by path, or in full, but only of this service."""
    root = f"{PROJECTIONS}/{VOUCHERS}/VoucherSet"
    for url in ("VoucherSet?$top=1", root, f"{ifs.url}{root}"):
        assert "HTTP/1.1 200 OK" in caller.batch(VOUCHERS, part("GET", url)).text
    for url in (f"{PROJECTIONS}/{PROPOSALS}/PostingProposalHeadSet", "http://elsewhere.example/VoucherSet"):
        assert caller.batch(VOUCHERS, part("GET", url)).status_code == 400


def test_etags_hold_inside_a_change_set(ifs: IfsSandbox, caller: Caller) -> None:
    """A stale ETag in one part undoes the changes of the parts before it."""
    key = "PostingProposalHeadSet(Company='10',InvoiceId=48201)"
    etag = caller.etag(f"{PROPOSALS}/{key}")
    text = ifs.invoices["10", 48201]["VoucherText"]
    parts = [
        part("PATCH", key, {"VoucherText": "one"}, content_id="1", if_match=etag),
        part("PATCH", key, {"VoucherText": "two"}, content_id="2", if_match=etag),
    ]
    assert "HTTP/1.1 412 Precondition Failed" in caller.batch(PROPOSALS, change_set(*parts)).text
    assert ifs.invoices["10", 48201]["VoucherText"] == text
    assert caller.etag(f"{PROPOSALS}/{key}") == etag


@pytest.mark.parametrize(
    "parts",
    [
        [change_set(part("GET", "VoucherSet", content_id="1"))],
        [change_set(part("POST", "VoucherSet", NEW_VOUCHER))],
        ["Content-Type: application/json\r\n\r\n{}"],
        ["Content-Type: application/http\r\n\r\nnot a request\r\n\r\n"],
    ],
)
def test_misshapen_batches_are_400(caller: Caller, parts: list[str]) -> None:
    """Reads in change sets, writes without Content-ID and parts of another type are refused."""
    assert caller.batch(VOUCHERS, *parts).status_code == 400


def test_a_batch_is_multipart(caller: Caller) -> None:
    """Another content type, or no boundary, is refused."""
    for kind in ("application/json", "multipart/mixed"):
        assert caller.batch(VOUCHERS, part("GET", "VoucherSet"), **{"Content-Type": kind}).status_code == 400


def test_an_unknown_reference_fails_the_change_set(caller: Caller) -> None:
    """A reference to a part that made nothing is an error of the change set."""
    broken = change_set(part("POST", "$9/VoucherRows", DEBIT, content_id="1"))
    assert "HTTP/1.1 400 Bad Request" in caller.batch(VOUCHERS, broken).text
