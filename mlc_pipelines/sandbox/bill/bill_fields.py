"""Reading the bodies of bills: shapes first, then references, amounts and lengths."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.bill.answers import Problem
from mlc_pipelines.sandbox.bill.records import ZERO, Bill, Line, Vendor
from mlc_pipelines.sandbox.bill.store import Store, places, rounded
from mlc_pipelines.sandbox.bill.validation import (
    Field,
    ProblemError,
    day,
    nested,
    number,
    read_fields,
    rows_of,
    text,
    word,
)

KIND_OF: Mapping[str, str] = {
    "chartOfAccountId": "chart-of-accounts",
    "accountingClassId": "accounting-classes",
    "departmentId": "departments",
    "locationId": "locations",
    "itemId": "items",
    "jobId": "jobs",
}
LINE_CODING = {name: Field(word) for name in KIND_OF}
BILL_CODING = {name: held for name, held in LINE_CODING.items() if name != "jobId"}
INVOICE = {"invoiceNumber": Field(word, required=True), "invoiceDate": Field(day, required=True)}
LINE = {
    "amount": Field(number),
    "quantity": Field(number),
    "price": Field(number),
    "description": Field(text),
    "classifications": Field(nested(LINE_CODING)),
}
KNOWN_LINE = LINE | {"id": Field(word)}


def _body(*, line: Mapping[str, Field], partial: bool) -> Mapping[str, Field]:
    return {
        "vendorId": Field(word, required=True),
        "dueDate": Field(day, required=True),
        "billLineItems": Field(rows_of(nested(line)), required=True),
        "invoice": Field(nested(INVOICE, partial=partial), required=True),
        "description": Field(text),
        "classifications": Field(nested(BILL_CODING)),
        "payFromChartOfAccountId": Field(word),
        "purchaseOrderNumber": Field(text),
    }


CREATE = _body(line=LINE, partial=False)
REPLACE = _body(line=KNOWN_LINE, partial=False)
CHANGE = _body(line=KNOWN_LINE, partial=True)


@dataclass
class Draft:
    """What was read of a body; lines only where some were sent."""

    vendor: Vendor
    values: dict[str, Any]
    lines: list[Line] | None


class BillReader:
    """Reads bodies against what the organization holds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, body: Any, *, bill: Bill | None = None, partial: bool = False) -> Draft:
        """Return what a body says of a new bill, or of this one. Raises ProblemError."""
        fields = CREATE if bill is None else CHANGE if partial else REPLACE
        values = read_fields(body, fields, partial=partial)
        vendor = self._vendor(values, bill)
        problems = self._references(values) + self._lengths(values)
        lines = None
        if "billLineItems" in values:
            lines, wrong = self._lines(values["billLineItems"], vendor, bill)
            problems += wrong
        problems += self._number_twice(values, vendor, bill)
        if problems:
            raise ProblemError(*problems)
        return Draft(vendor, values, lines)

    def _vendor(self, values: Mapping[str, Any], bill: Bill | None) -> Vendor:
        wanted = values.get("vendorId") or (bill.vendor_id if bill else "")
        vendor = self._store.vendors.get(wanted)
        if vendor is None:
            raise ProblemError(Problem(f"There is no vendor {wanted}.", "vendorId"))
        if bill is None and vendor.archived:
            raise ProblemError(Problem(f"Vendor {wanted} is archived.", "vendorId"))
        if bill is not None and wanted != bill.vendor_id:
            raise ProblemError(Problem("The vendor of a bill may not change.", "vendorId"))
        return vendor

    def _references(self, values: Mapping[str, Any]) -> list[Problem]:
        problems = self._coding(values.get("classifications", {}), "classifications")
        pay_from = values.get("payFromChartOfAccountId")
        if pay_from is not None and pay_from not in self._store.classifications["chart-of-accounts"]:
            problems.append(Problem(f"There is no {pay_from}.", "payFromChartOfAccountId"))
        for place, line in enumerate(values.get("billLineItems", [])):
            problems += self._coding(line.get("classifications", {}), f"billLineItems[{place}].classifications")
        return problems

    def _coding(self, coding: Mapping[str, str], where: str) -> list[Problem]:
        problems = []
        for name, key in coding.items():
            row = self._store.classifications[KIND_OF[name]].get(key)
            if row is None or row.archived:
                wrong = "does not exist" if row is None else "is archived"
                problems.append(Problem(f"{key} {wrong}.", f"{where}.{name}"))
        return problems

    def _lengths(self, values: Mapping[str, Any]) -> list[Problem]:
        switches = self._store.switches
        checks = (
            (
                "invoice.invoiceNumber",
                values.get("invoice", {}).get("invoiceNumber", ""),
                switches.invoice_number_length,
            ),
            ("description", values.get("description", ""), switches.description_length),
        )
        return [Problem(f"At most {most} characters.", where) for where, held, most in checks if 0 < most < len(held)]

    def _number_twice(self, values: Mapping[str, Any], vendor: Vendor, bill: Bill | None) -> list[Problem]:
        wanted = values.get("invoice", {}).get("invoiceNumber")
        if not self._store.switches.refuse_duplicate_invoice_numbers or wanted is None:
            return []
        others = (known for known in self._store.bills_of(vendor.id) if known is not bill and not known.archived)
        if any(known.invoice_number == wanted for known in others):
            return [Problem(f"The vendor has a bill {wanted} already.", "invoice.invoiceNumber")]
        return []

    def _lines(self, rows: list[dict[str, Any]], vendor: Vendor, bill: Bill | None) -> tuple[list[Line], list[Problem]]:
        known = {line.id for line in bill.lines} if bill else set()
        lines: list[Line] = []
        problems: list[Problem] = []
        for place, row in enumerate(rows):
            try:
                lines.append(self._line(row, currency=vendor.bill_currency, known=known))
            except ProblemError as error:
                problems += [problem.under(f"billLineItems[{place}]") for problem in error.problems]
        if not problems and bill is None and sum((line.amount for line in lines), ZERO) <= 0:
            problems.append(Problem("The sum of the lines must be above zero.", "billLineItems"))
        return lines, problems

    def _line(self, row: Mapping[str, Any], *, currency: str, known: set[str]) -> Line:
        if "id" in row and row["id"] not in known:
            raise ProblemError(Problem("There is no such line on this bill.", "id"))
        amount = self._amount(row, currency)
        if amount < 0 and not self._store.switches.negative_lines:
            raise ProblemError(Problem("May not be negative.", "amount"))
        return Line(
            id=row.get("id") or self._store.new_id("bli"),
            amount=amount,
            quantity=row.get("quantity"),
            price=row.get("price"),
            description=row.get("description"),
            classifications=row.get("classifications", {}),
        )

    def _amount(self, row: Mapping[str, Any], currency: str) -> Decimal:
        computed = None
        if ("quantity" in row) != ("price" in row):
            raise ProblemError(Problem("Quantity and price belong together.", "quantity"))
        if "quantity" in row:
            computed = rounded(row["quantity"] * row["price"], currency)
        if "amount" not in row:
            if computed is None:
                raise ProblemError(Problem("An amount, or quantity and price, is required.", "amount"))
            return computed
        given: Decimal = row["amount"]
        exact = rounded(given, currency)
        if exact != given and self._store.switches.strict_places:
            raise ProblemError(Problem(f"{currency} has {places(currency)} places: {given:f}.", "amount"))
        if computed is not None and computed != exact:
            raise ProblemError(Problem(f"{exact:f} is not quantity times price.", "amount"))
        return exact
