"""Documents of the spend systems on their way into the general ledger: both sides equal, every account to the cent."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import msgspec

from mlc_pipelines.accounting.money import Money
from mlc_pipelines.errors import Cause
from mlc_pipelines.ifs.accounts import Account
from mlc_pipelines.ifs.periods import Period
from mlc_pipelines.integrations.airbase.booking import to_payment_voucher, to_request_voucher
from mlc_pipelines.integrations.airbase.charges import read_charge
from mlc_pipelines.integrations.airbase.settings import REQUEST_POINTERS
from mlc_pipelines.integrations.erp.proposals import DocumentDesk
from mlc_pipelines.integrations.erp.voucher_rules import VoucherRules
from mlc_pipelines.integrations.erp.vouchers import VoucherDesk
from mlc_pipelines.integrations.procurify import mapping as procurify_mapping
from mlc_pipelines.integrations.ramp.mapping import to_voucher
from mlc_pipelines.integrations.stampli import mapping as stampli_mapping
from mlc_pipelines.integrations.stampli.periods import OpenDays
from mlc_pipelines_tests.accounting.money_cases import (
    ACCOUNTS,
    BANK,
    DAY,
    FREIGHT,
    PAYABLE,
    PLACES,
    TAX,
    Case,
    Paper,
    Verdict,
    draw,
    judged,
    units,
)
from mlc_pipelines_tests.accounting.paper_ifs import PaperIfs, balance, by_account, outgoing
from mlc_pipelines_tests.integrations.airbase import builders as airbase
from mlc_pipelines_tests.integrations.procurify import builders as procurify
from mlc_pipelines_tests.integrations.stampli import builders as stampli

RULES = VoucherRules(voucher_type="M", user_group="AC", credit_account={"*": PAYABLE})
CODES = (*ACCOUNTS, TAX, PAYABLE, FREIGHT, BANK)
CHART = frozenset(f"10^{code}" for code in CODES)
EIGHT = Decimal("0.00000001")
MONTH = Period("10", 2026, 11, DAY.replace(day=1), DAY.replace(day=30), is_open=True)


def booked(verdict: Verdict, paper: Paper, ifs: PaperIfs, against: Mapping[str, int]) -> Verdict:
    """Compare the voucher that IFS was sent with the document, account by account."""
    (rows,) = ifs.vouchers
    verdict.compare("debits less credits", balance(rows), Fraction(0), paper.currency)
    found, wanted = by_account(rows), paper.landing(against)
    for account in sorted({*found, *wanted}):
        verdict.compare(f"account {account}", found.get(account, Fraction(0)), wanted.get(account, Fraction(0)),
                        paper.currency)  # fmt: skip
    return verdict


def _voucher(verdict: Verdict, paper: Paper, payload: Mapping[str, Any] | None, against: Mapping[str, int]) -> Verdict:
    if payload is None:
        return verdict
    ifs = PaperIfs()
    VoucherDesk(ifs.client(), "S").create(payload)
    return booked(verdict, paper, ifs, against)


def ramp_voucher(rng: Random) -> Verdict:
    """A bill approved in Ramp: a debit per line, tax among them, one credit."""
    paper, verdict = draw(rng), Verdict("ramp voucher")
    coded = [*paper.lines, *([(TAX, paper.tax)] if paper.tax else [])]
    lines = [
        {"amount": Money(paper.written(amount), paper.currency).to_text(), "memo": "", "selections": [
            ["Category", f"10^{account}"]]} for account, amount in coded
    ]  # fmt: skip
    bill = {"id": "b", "invoice_number": "I", "vendor_name": "V", "amount": str(paper.written(paper.total)),
            "currency": paper.currency, "lines": lines}  # fmt: skip
    payload = judged(verdict, paper, lambda: to_voucher(bill, "10", DAY, RULES, {}))
    return _voucher(verdict, paper, payload, {PAYABLE: -paper.total})


def _charge(paper: Paper, rng: Random, **more: Any) -> dict[str, Any]:
    """Write a document as Airbase does: amounts as text, tax as a line."""
    coded = [*paper.lines, *([(TAX, paper.tax)] if paper.tax else [])]
    lines = [
        {"amount": f"{paper.written(amount):f}", "account": {"erp_reference_id": account}, "description": "d"}
        for account, amount in coded
    ]
    total = rng.choice([f"{paper.written(paper.total):f}", str(paper.written(paper.total))])
    return airbase.request_document(total_amount=total, currency=paper.currency, lines=lines, **more)


def _airbase_words(paper: Paper) -> Any:
    return airbase.voucher_words(currencies={paper.currency: paper.currency}, chart=CHART)


def airbase_request(rng: Random) -> Verdict:
    """An approved request: a debit per line, one credit."""
    paper, verdict = draw(rng), Verdict("airbase request")
    charge = read_charge(msgspec.json.encode(_charge(paper, rng)), REQUEST_POINTERS)
    words, rules = _airbase_words(paper), airbase.request_rules(credit_account={"*": PAYABLE})
    payload = judged(verdict, paper, lambda: to_request_voucher(charge, words, rules, {}, today=DAY))
    return _voucher(verdict, paper, payload, {PAYABLE: -paper.total})


def airbase_payment(rng: Random) -> Verdict:
    """A payment: what is owed against the bank, or line by line; a credit turns both sides around."""
    paper, verdict = draw(rng), Verdict("airbase payment")
    by_lines = rng.random() < 0.5
    rules = airbase.payment_rules(
        types={"card": "lines", "bill_payment": "payable"}, credit_types=["card", "bill_payment"]
    )
    document = _charge(
        paper, rng, type="card" if by_lines else "bill_payment", payment_date="2026-11-03",
        bank_account={"erp_reference_id": BANK}, ap_account={"erp_reference_id": PAYABLE},
    )  # fmt: skip
    charge = read_charge(msgspec.json.encode(document), rules.fields)
    payload = judged(verdict, paper, lambda: to_payment_voucher(charge, _airbase_words(paper), rules, today=DAY))
    if by_lines:
        return _voucher(verdict, paper, payload, {BANK: -paper.total})
    owed = Paper(paper.currency, ((PAYABLE, paper.total),), 0, 0, 0)
    return _voucher(verdict, owed, payload, {BANK: -paper.total})


# Supplier invoices with their vouchers


def _documents(verdict: Verdict, paper: Paper, document: Mapping[str, Any] | None) -> Verdict:
    """Compare invoice and voucher with the document; without one it was refused."""
    if document is None:
        return verdict
    ifs = PaperIfs()
    DocumentDesk(ifs.client(), ifs.dictionary(), "S").deliver(outgoing(document))
    ((head, rows),) = ifs.invoices
    verdict.compare("net", Fraction(head["net"]), paper.exact(paper.total - paper.tax), paper.currency)
    verdict.compare("tax", Fraction(head["vat"]), paper.exact(paper.tax), paper.currency)
    coded = sum((Fraction(row["amount"]) for row in rows), Fraction(0))
    verdict.compare("posting lines", coded, paper.exact(paper.total - paper.tax), paper.currency)
    return booked(verdict, paper, ifs, {PAYABLE: -paper.total})


def stampli_document(rng: Random) -> Verdict:
    """An invoice of a file: lines, freight and tax; one minor unit of rounding goes to the largest line."""
    paper, verdict = draw(rng, freight=True), Verdict("stampli document")
    tolerated = rng.choice([0, 1])
    settings = stampli.settings(
        tolerance_minor_units=tolerated, vouchers=RULES.model_dump(), invoice_types={"INVOICE": "I", "CREDIT": "C"}
    )
    words = stampli.words(
        chart={f"10^{code}": Account("10", code, code) for code in CODES}, freight_accounts={"*": FREIGHT},
        periods=OpenDays({"10": (MONTH,)}), vouchers=RULES,
    )  # fmt: skip
    lines = tuple(stampli.line(gl_account=account, amount=paper.written(amount)) for account, amount in paper.lines)
    invoice = stampli.invoice(
        currency=paper.currency, total=paper.written(paper.total), tax=paper.written(paper.tax),
        freight=paper.written(paper.freight), lines=lines,
    )  # fmt: skip
    if abs(paper.bent) <= tolerated:
        paper = _rounded_off(paper)
    return _documents(
        verdict, paper, judged(verdict, paper, lambda: stampli_mapping.to_document(invoice, words, settings))
    )


def _rounded_off(paper: Paper) -> Paper:
    """Put the rest on the largest posting line, freight among them, the first of equals."""
    amounts = [*(amount for _, amount in paper.lines), *([paper.freight] if paper.freight else [])]
    largest = max(range(len(amounts)), key=lambda at: abs(amounts[at]))
    amounts[largest] += paper.bent
    lines = tuple((account, amounts[at]) for at, (account, _) in enumerate(paper.lines))
    freight = amounts[len(lines)] if len(amounts) > len(lines) else 0
    return Paper(paper.currency, lines, paper.tax, freight, 0)


def procurify_document(rng: Random) -> Verdict:
    """A bill with allocations of eight places, totals with the noise of floats, and tax inside or on top of lines."""
    paper, verdict = draw(rng, freight=True), Verdict("procurify document")
    apart = rng.random() < 0.5
    inside = units(rng) * (-1 if paper.total < 0 else 1) if rng.random() < 0.4 else 0
    wanted = Paper(paper.currency, paper.lines, paper.tax + (inside if apart else 0), paper.freight, paper.bent)
    bill = procurify.bill(
        currency={"name": paper.currency},
        items=[procurify.line(*_allocations(paper, rng), total=1.0), *_taxed(paper, inside, rng)],
        total_cost_with_tax=_noisy(wanted.written(wanted.total), rng),
        exclusive_tax_amount=_noisy(paper.written(paper.tax), rng),
        inclusive_tax_amount=_noisy(paper.written(inside), rng),
        shipping_amount=_noisy(paper.written(paper.freight), rng), invoice_date="2026-11-03", gl_post_date=None,
    )  # fmt: skip
    words = procurify.words(
        chart={f"10^{code}": Account("10", code, code) for code in CODES}, vouchers=RULES,
        tax_accounts={"*": TAX}, shipping_accounts={"*": FREIGHT},
    )  # fmt: skip
    settings = procurify.settings(inclusive_tax="apart" if apart else "inside")
    document = judged(
        verdict,
        _told_apart(wanted),
        lambda: procurify_mapping.to_document(bill, "10", words, settings, content="0" * 64),
        allowed=[Cause.AMOUNT_MISMATCH] if _is_about_nothing(paper) else [],
    )
    if document is None or abs(paper.bent) != 1:
        return _documents(verdict, wanted, document)
    return _within_a_unit(verdict, wanted, document)


def _is_about_nothing(paper: Paper) -> bool:
    """Tell a document without a line of any amount, or whose only one is a minor unit that rounding takes away."""
    amounts = [amount for _, amount in paper.lines if amount]
    return not paper.freight and (not amounts or (abs(paper.bent) == 1 and amounts == [-paper.bent]))


def _told_apart(paper: Paper) -> Paper:
    """A difference of one minor unit is rounding, and goes to the largest allocation."""
    return Paper(paper.currency, paper.lines, paper.tax, paper.freight, 0 if abs(paper.bent) == 1 else paper.bent)


def _within_a_unit(verdict: Verdict, paper: Paper, document: Mapping[str, Any]) -> Verdict:
    """The document adds up to its total exactly, and no account is off by more than the one unit."""
    ifs = PaperIfs()
    DocumentDesk(ifs.client(), ifs.dictionary(), "S").deliver(outgoing(document))
    (rows,) = ifs.vouchers
    verdict.compare("debits less credits", balance(rows), Fraction(0), paper.currency)
    found, wanted = by_account(rows), paper.landing({PAYABLE: -paper.total})
    verdict.compare("the total", -found.get(PAYABLE, Fraction(0)), paper.exact(paper.total), paper.currency)
    for account in ACCOUNTS:
        difference = abs(found.get(account, Fraction(0)) - wanted.get(account, Fraction(0)))
        if difference > paper.exact(1):
            verdict.wrong.append(f"account {account} is {float(difference)} off")
    return verdict


def _allocations(paper: Paper, rng: Random) -> list[dict[str, Any]]:
    """Write lines as allocations; pairs of them share eight places that cancel out."""
    amounts = [paper.written(amount) for _, amount in paper.lines]
    smallest = Decimal(1).scaleb(-PLACES[paper.currency])
    for at in range(0, len(amounts) - 1, 2):
        share = (smallest * Decimal(rng.randrange(-49, 50)) / 100).quantize(EIGHT)
        amounts[at], amounts[at + 1] = amounts[at] + share, amounts[at + 1] - share
    return [
        procurify.allocation(f"{amount:.8f}", account)
        for (account, _), amount in zip(paper.lines, amounts, strict=True)
    ]


def _taxed(paper: Paper, inside: int, rng: Random) -> list[dict[str, Any]]:
    """Lines that only say what tax is in the document, in one part or two."""
    found = []
    for amount, inclusive in ((paper.tax, False), (inside, True)):
        first = rng.randrange(abs(amount) + 1) * (-1 if amount < 0 else 1)
        for number, part in enumerate((first, amount - first)):
            found.append({"description": "t", "tax_name": f"VAT {number}", "tax_amount": float(paper.written(part)),
                          "tax_is_inclusive": inclusive, "total_cost": 0, "cost_allocations": []})  # fmt: skip
    return found


def _noisy(amount: Decimal, rng: Random) -> float:
    """Write an amount as the float that a sum of floats may come to."""
    return json.loads(json.dumps(float(amount) + rng.choice([0.0, 0.0, 1e-10, -1e-10])))  # type: ignore[no-any-return]  # a float


INWARD: Sequence[Case] = (ramp_voucher, airbase_request, airbase_payment, stampli_document, procurify_document)
