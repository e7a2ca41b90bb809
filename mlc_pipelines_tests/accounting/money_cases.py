"""Documents of any currency, tax and sign, drawn by chance, each with what it must come to in exact fractions.

A document is drawn as whole numbers of minor units, so that its true sums are known before it is written down in the
words of a system. Then it goes through the product's own mapping to what is sent, and that is added up again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from mlc_pipelines.accounting.money import InexactAmountError, Money
from mlc_pipelines.errors import Cause, RecordError
from mlc_pipelines.ifs.posting_proposals import PostingLine, SupplierInvoice
from mlc_pipelines.integrations.bill.mapping import to_bill as to_bill_bill
from mlc_pipelines.integrations.bill.models import NewBill as NewBillBill
from mlc_pipelines.integrations.ramp.amounts import Amount
from mlc_pipelines.integrations.ramp.mapping import Words as RampWords
from mlc_pipelines.integrations.ramp.mapping import to_bill as to_ramp_bill
from mlc_pipelines.integrations.ramp.models import NewBill as NewRampBill
from mlc_pipelines.ledger.records import from_micros, to_micros
from mlc_pipelines.wire.bodies import from_json, to_json
from mlc_pipelines_tests.integrations.bill.builders import words as bill_words

PLACES = {"JPY": 0, "KRW": 0, "EUR": 2, "USD": 2, "INR": 2, "KWD": 3, "TND": 3, "CLF": 4}
"""Decimal places as ISO 4217 has them, written down here a second time."""

ACCOUNTS = ("6110", "6120")
TAX, PAYABLE, FREIGHT, BANK = "1400", "2400", "4200", "1800"
DAY = date(2026, 11, 3)
REFUSED = "refused"


@dataclass
class Verdict:
    """What became of a case: how many minor units it is off, whether it was refused, and what is wrong with it."""

    kind: str
    off: Fraction = Fraction(0)
    outcome: str = "right"
    wrong: list[str] = field(default_factory=list)

    def compare(self, what: str, found: Fraction, wanted: Fraction, currency: str) -> None:
        """Count a difference in minor units."""
        difference = abs(found - wanted) * 10 ** PLACES[currency]
        if difference:
            self.off += difference
            self.wrong.append(f"{what} is {float(found)}, not {float(wanted)} {currency}")


@dataclass(frozen=True)
class Paper:
    """A document in whole minor units: net lines by account, tax, freight; `bent` where its total was made wrong."""

    currency: str
    lines: tuple[tuple[str, int], ...]
    tax: int
    freight: int
    bent: int

    @property
    def net(self) -> int:
        """Lines and freight."""
        return sum(amount for _, amount in self.lines) + self.freight

    @property
    def total(self) -> int:
        """What the document says it comes to."""
        return self.net + self.tax + self.bent

    def exact(self, units: int) -> Fraction:
        """Minor units as an amount."""
        return Fraction(units, 10 ** PLACES[self.currency])

    def written(self, units: int) -> Decimal:
        """Minor units as systems write them: with the currency's places, or with fewer or more zeros."""
        return Decimal(units).scaleb(-PLACES[self.currency])

    def landing(self, against: Mapping[str, int]) -> dict[str, Fraction]:
        """What must be on each account: lines, tax and freight as debits, and what is given on the other side."""
        found: dict[str, int] = {}
        for account, amount in (*self.lines, (TAX, self.tax), (FREIGHT, self.freight), *against.items()):
            found[account] = found.get(account, 0) + amount
        return {account: self.exact(amount) for account, amount in found.items() if amount}


def units(rng: Random) -> int:
    """Draw an amount in minor units: small ones, large ones, halves of taxes, seldom nothing."""
    return rng.choice([0, 1, 5, 99, rng.randrange(10**3), rng.randrange(10**7), rng.randrange(10**9)])


def draw(rng: Random, *, negative: bool = True, freight: bool = False, bend: float = 0.1) -> Paper:
    """Draw a document."""
    sign = -1 if negative and rng.random() < 0.2 else 1
    lines = [(rng.choice(ACCOUNTS), sign * units(rng)) for _ in range(rng.randint(1, 6))]
    if negative and rng.random() < 0.3:
        lines.append((rng.choice(ACCOUNTS), -sign * units(rng)))
    bent = rng.choice([-1, 1, 7]) if rng.random() < bend else 0
    tax = sign * units(rng) if rng.random() < 0.6 else 0
    currency = rng.choice(sorted(PLACES))
    return Paper(currency, tuple(lines), tax, sign * units(rng) if freight and rng.random() < 0.4 else 0, bent)


# Money itself


def money(rng: Random) -> Verdict:
    """Minor units, text, sums, millionths: all of them as fractions have it."""
    verdict = Verdict("money")
    currency = rng.choice(sorted(PLACES))
    one, other = units(rng) * rng.choice([1, -1]), units(rng) * rng.choice([1, -1])
    scale = Fraction(1, 10 ** PLACES[currency])
    a, b = Money.from_minor_units(one, currency), Money.from_minor_units(other, currency)
    verdict.compare("an amount", Fraction(a.amount), one * scale, currency)
    verdict.compare("a text", Fraction(a.to_text()), one * scale, currency)
    verdict.compare("a sum", Fraction((a + b).amount), (one + other) * scale, currency)
    verdict.compare("a difference", Fraction((a - b).amount), (one - other) * scale, currency)
    verdict.compare("millionths", Fraction(a.micros, 10**6), one * scale, currency)
    verdict.compare("the ledger's copy", Fraction(from_micros(to_micros(a.amount)) or 0), one * scale, currency)
    finer = Money(a.amount + Decimal(1).scaleb(-PLACES[currency] - 1), currency)
    try:
        finer.to_minor_units()
        verdict.wrong.append(f"{finer} was taken for an amount of {currency}")
    except InexactAmountError:
        pass
    return verdict


def split(rng: Random) -> Verdict:
    """Parts by shares: half up, the last takes what is left, and never more than there is."""
    verdict = Verdict("split")
    currency = rng.choice(sorted(PLACES))
    whole = units(rng) * rng.choice([1, -1])
    shares = [Decimal(rng.choice([0, 1, 1, 3, 60, rng.randrange(10**6)])).scaleb(-rng.choice([0, 0, 2, 4]))
              for _ in range(rng.randint(1, 8))]  # fmt: skip
    if not any(shares):
        shares[0] = Decimal(1)
    parts = [part.to_minor_units() for part in Money.from_minor_units(whole, currency).split(shares)]
    sign, left, total = (-1 if whole < 0 else 1), abs(whole), sum(map(Fraction, shares))
    wanted = []
    for share in shares[:-1]:
        part = min(left, (abs(whole) * Fraction(share) / total + Fraction(1, 2)).__floor__())
        left -= part
        wanted.append(sign * part)
    wanted.append(sign * left)
    for number, (part, exact) in enumerate(zip(parts, wanted, strict=True)):
        verdict.compare(f"part {number}", Fraction(part), Fraction(exact), "JPY")
    verdict.compare("all parts", Fraction(sum(parts)), Fraction(whole), "JPY")
    return verdict


def answered(rng: Random) -> Verdict:
    """Ramp's answers: minor units, with and without their rate."""
    verdict = Verdict("answered")
    currency = rng.choice(sorted(PLACES))
    amount, rate = units(rng) * rng.choice([1, -1]), rng.choice([None, None, 1, 10, 100, 1000, 10000, 3, -100])
    wanted = Fraction(amount, rate or 10 ** PLACES[currency])
    fits = (wanted * 10 ** PLACES[currency]).denominator == 1 and (rate or 1) > 0
    try:
        found = Amount(amount, currency, rate).money()
    except ValueError:
        verdict.outcome = REFUSED
        if fits:
            verdict.wrong.append(f"{amount} {currency} by {rate} was refused")
        return verdict
    if not fits:
        verdict.wrong.append(f"{amount} {currency} by {rate} was taken for {found}")
    verdict.compare("an answered amount", Fraction(found.amount), wanted, currency)
    return verdict


# Invoices of IFS on their way out


def invoice(paper: Paper, rng: Random, supplier: str) -> SupplierInvoice:
    """Write a document as a posting proposal; `bent` is in its net."""
    lines = tuple(
        PostingLine(account, paper.written(amount), {"B": rng.choice(["900", "300"])}, "text", number)
        for number, (account, amount) in enumerate(paper.lines)
    )
    return SupplierInvoice(
        company="10", invoice_id=1, supplier=supplier, number="INV-1", invoice_date=DAY, currency=paper.currency,
        net=paper.written(paper.net + paper.bent), vat=paper.written(paper.tax), lines=lines,
    )  # fmt: skip


def _outward(verdict: Verdict, paper: Paper, make: Callable[[], Fraction]) -> Verdict:
    """Compare what is sent with the document, or see that it is refused for what it is."""
    credit = paper.net + paper.bent < 0
    try:
        found = make()
    except RecordError as error:
        verdict.outcome = REFUSED
        wanted = {Cause.CREDIT_NOTE} if credit else {Cause.AMOUNT_MISMATCH} if paper.bent else set()
        if error.cause not in wanted:
            verdict.wrong.append(f"refused for {error.cause}: {error}")
        return verdict
    if credit or paper.bent:
        verdict.wrong.append(f"a document that is not right was sent: {paper}")
    verdict.compare("what is sent", found, paper.exact(paper.total), paper.currency)
    return verdict


def ramp_bill(rng: Random) -> Verdict:
    """To Ramp: lines allocated by shares, tax on a line of its own; amounts as text in the body of the request."""
    paper = draw(rng)
    targets = ("210", "220", "230")[: rng.randint(1, 3)]
    rule = " ".join(f"{target}={rng.choice([1, 20, 33.33, 60])}" for target in targets)
    codes = [f"10^{code}" for code in (*ACCOUNTS, TAX)]
    words = RampWords(
        entities={"10": "e"}, vendors={"S-1": "v"}, gl_accounts=dict(zip(codes, codes, strict=True)),
        options={f"10^B^{value}": value for value in ("210", "220", "230", "300")}, dimensions={"CodeB": "Cost center"},
        tax_accounts={"*": TAX}, allocations={"CodeB:900": rule}, negative_lines=True,
    )  # fmt: skip

    def make() -> Fraction:
        payload = to_ramp_bill(invoice(paper, rng, "S-1"), words)
        body = NewRampBill.from_payload(payload, remote_id="10^1").to_create()
        return sum((Fraction(line["amount"]) for line in body["line_items"]), Fraction(0))

    return _outward(Verdict("ramp bill"), paper, make)


def bill_bill(rng: Random) -> Verdict:
    """To BILL: amounts as numbers in JSON, with the digits they have."""
    paper = replace(draw(rng), freight=0)
    words = bill_words(
        with_settings={"negative_lines": True},
        vendors={"S-2001": "009V"}, currencies={"009V": paper.currency}, classes={"10^B^900": "a", "10^B^300": "b"},
        chart={f"10^{code}": f"0ca{code}" for code in (*ACCOUNTS, TAX)},
    )  # fmt: skip

    def make() -> Fraction:
        body = NewBillBill.from_payload(to_bill_bill(invoice(paper, rng, "S-2001"), "10^1", words)).body()
        sent = from_json(to_json(body))
        return sum((Fraction(line["amount"]) for line in sent["billLineItems"]), Fraction(0))

    return _outward(Verdict("bill bill"), paper, make)


Case = Callable[[Random], Verdict]
OUTWARD: Sequence[Case] = (money, split, answered, ramp_bill, bill_bill)


def judged(verdict: Verdict, paper: Paper, act: Callable[[], Any], *, allowed: Sequence[Cause] = ()) -> Any:
    """Let a sound document through, and see that another is refused as one that does not add up; None when refused."""
    try:
        made = act()
    except RecordError as error:
        verdict.outcome = REFUSED
        wanted = {Cause.AMOUNT_MISMATCH, *allowed} if paper.bent else {*allowed}
        if error.cause not in wanted:
            verdict.wrong.append(f"refused for {error.cause}: {error}")
        return None
    if paper.bent:
        verdict.wrong.append(f"a document that does not add up was booked: {paper}")
    return made
