"""The first day: how the shared world looks in this tenant's tables."""

import calendar
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from mlc_pipelines.sandbox.ifs.schema import Schema
from mlc_pipelines.sandbox.ifs.store import Store
from mlc_pipelines.sandbox.world import Invoice, PurchaseOrder, Supplier, World

LAST_CLOSED = (2026, 9)
YEARS = range(2025, 2036)
MONTHS = 12
BEYOND_FLOAT = Decimal("1E-19")  # some rates carry more digits than a float keeps
CENT = Decimal("0.01")
CATEGORIES = (("Users", "Standard"), ("Integration", "Integration"), ("Users, Premium", "Premium"))
SUBJECTS = ("Customer", "Shipment", "WorkTask", "Equipment", "Inventory", "Project", "Employee", "Quality", "Tax")
PURPOSES = ("Handling", "Analysis", "Overview", "Assistant", "Details", "Manager", "Lookup", "Selector")
DEPRECATED_ROW = 7


def fill(store: Store, world: World, *, catalogue_size: int) -> None:
    """Put the world's first day into an empty store."""
    for company in world.companies:
        names = {"Company": company.code, "Name": company.name, "Description": company.name}
        store.insert("Company", names | {"Country": company.country, "Currency": company.currency})
        store.insert("CompanyFinance", names)
        _periods(store, company.code)
    for supplier in world.suppliers:
        _supplier(store, supplier, world)
    for term in world.terms:
        values = {"Company": term.company, "PayTermId": term.code, "Description": term.description}
        store.insert("PaymentTerm", values)
    _code_strings(store, world)
    for order in world.orders:
        _order(store, order)
    for invoice in world.invoices:
        _invoice(store, invoice)
    _catalogue(store, store.schema, size=catalogue_size)


def _periods(store: Store, company: str) -> None:
    for year in YEARS:
        for month in range(1, MONTHS + 1):
            values = {
                "Company": company,
                "AccountingYear": year,
                "AccountingPeriod": month,
                "Description": f"{calendar.month_name[month]} {year}",
                "DateFrom": date(year, month, 1),
                "DateUntil": date(year, month, calendar.monthrange(year, month)[1]),
                "PeriodStatus": "Closed" if (year, month) <= LAST_CLOSED else "Open",
            }
            store.insert("AccountingPeriod", values)


def _supplier(store: Store, supplier: Supplier, world: World) -> None:
    values = {
        "SupplierId": supplier.id,
        "Name": supplier.name,
        "PartyType": "Supplier",
        "Country": supplier.country,
        "DefaultLanguage": supplier.language,
        "CorporateForm": None,
        "AssociationNo": supplier.tax_id,
        "CreationDate": date(2021, 3, 1),
        "Cf_Email": supplier.email,
        "Cf_Phone": supplier.phone,
        "Cf_Currency": supplier.currency,
        "Cf_Pay_Term": supplier.pay_term,
        "Cf_Address1": supplier.address,
        "Cf_City": supplier.city,
        "Cf_State": supplier.state,
        "Cf_Zip_Code": supplier.zip_code,
        "Objstate": "Active",
        "ModifiedDate": supplier.modified,
    }
    store.insert("SupplierInfoGeneral", values)
    place = {"Address1": supplier.address, "ZipCode": supplier.zip_code, "City": supplier.city}
    here = {"SupplierId": supplier.id, "AddressId": "1", "State": supplier.state, "Country": supplier.country}
    store.insert("SupplierInfoAddress", here | place)
    for company in world.companies:
        terms = {"PayTermId": supplier.pay_term, "DefCurrency": supplier.currency}
        store.insert("SupplierInvoiceCompany", {"SupplierId": supplier.id, "Company": company.code} | terms)


def _code_strings(store: Store, world: World) -> None:
    for account in world.accounts:
        values = {
            "Company": account.company,
            "Account": account.code,
            "Description": account.description,
            "AccntType": account.kind.upper(),
            "AccntGroup": account.code[:2],
            "LogicalAccountType": account.kind.capitalize(),
            "ValidFrom": account.valid_from,
            "ValidUntil": account.valid_until,
        }
        store.insert("Account", values)
    for part in world.code_parts:
        values = {
            "Company": part.company,
            "CodePart": part.part,
            f"Code{part.part}": part.code,
            "Description": part.description,
            "ValidFrom": part.valid_from,
            "ValidUntil": part.valid_until,
            "BudgetValueDb": "FALSE",
        }
        store.insert(f"Code{part.part}", values)


def _order(store: Store, order: PurchaseOrder) -> None:
    shared: dict[str, Any] = {
        "OrderNo": order.order_no,
        "Company": order.company,
        "VendorNo": order.supplier,
        "CurrencyCode": order.currency,
        "Contract": order.site,
        "Objstate": order.state,
    }
    ordered = datetime.combine(order.order_date, time(8, 30), tzinfo=UTC)
    header = {"OrderDate": order.order_date, "BuyerCode": order.buyer, "AuthorizeCode": order.buyer}
    store.insert("PurchaseOrder", shared | header | {"ModifiedDate": ordered})
    for line in order.lines:
        net = line.quantity * line.price
        values = shared | {
            "LineNo": line.line_no,
            "ReleaseNo": line.release_no,
            "PartNo": line.part_no,
            "Description": line.description,
            "BuyQtyDue": line.quantity,
            "BuyUnitMeas": line.unit,
            "BuyUnitPrice": line.price,
            "Discount": Decimal(0),
            "NetAmtCurr": net,
            "GrossAmtCurr": net,
            "TaxAmount": Decimal(0),
            "NetAmountBase": net,
            "NetAmtBase": net,
            "CodeA": line.account,
            "CodeB": line.cost_center,
            "CodeC": order.site,
            "WantedDeliveryDate": ordered,
        }
        store.insert("PurchaseOrderLinePart" if line.part_no else "PurchaseOrderLineNopart", values)


def _invoice(store: Store, invoice: Invoice) -> None:
    key = {"Company": invoice.company, "InvoiceId": invoice.id}
    values = key | {
        "Identity": invoice.supplier,
        "PartyType": "Supplier",
        "SeriesId": invoice.series,
        "InvoiceNo": invoice.number,
        "InvoiceType": invoice.type,
        "Creator": "MAN_SUPP_INVOICE_API",
        "InvoiceDate": invoice.invoice_date,
        "DueDate": invoice.due_date,
        "PayTermBaseDate": invoice.invoice_date,
        "ArrivalDate": invoice.invoice_date,
        "CreationDate": invoice.invoice_date,
        "Currency": invoice.currency,
        "CurrRate": invoice.rate if invoice.rate == 1 else invoice.rate + BEYOND_FLOAT,
        "DivFactor": Decimal(1),
        "NetCurrAmount": invoice.net,
        "VatCurrAmount": invoice.vat,
        "GrossAmount": invoice.net + invoice.vat,
        "NetDomAmount": (invoice.net * invoice.rate).quantize(CENT),
        "VatDomAmount": (invoice.vat * invoice.rate).quantize(CENT),
        "Balance": Decimal(0),
        "PayTermId": invoice.pay_term,
        "PoRefNumber": invoice.order_no,
        "VoucherText": invoice.text,
        "ProposalExist": "TRUE",
        "MultiCompanyInvoice": "FALSE",
        "Cash": "FALSE",
        "AdvInv": False,
        "SiiProposal": False,
        "DigitalInvoice": True,
        "Objstate": invoice.state,
        "ModifiedDate": invoice.modified,
    }
    store.insert("PostingProposalHead", values)
    for line in invoice.lines:
        coding = {"Account": line.account, "CodeB": line.cost_center, "CodeC": line.plant, "CodeD": line.project}
        amounts = {"RowId": line.row, "CurrencyAmount": line.amount, "Text": line.text}
        store.insert("PostingProposalLine", key | coding | amounts)


def _catalogue(store: Store, schema: Schema, *, size: int) -> None:
    own = [service for service in schema.services.values() if service.kind == "projection"]
    for service in own:
        values: dict[str, str | None] = {
            "ProjectionName": service.name,
            "Description": service.description,
            "Layer": "Core",
        }
        store.insert("Projection", values | {"Categories": "Users", "ApiClass": "Standard"})
    for number in range(max(0, size - len(own))):
        subject, purpose = SUBJECTS[number % len(SUBJECTS)], PURPOSES[number // len(SUBJECTS) % len(PURPOSES)]
        categories, api_class = CATEGORIES[number % len(CATEGORIES)]
        values = {
            "ProjectionName": f"{subject}{number:04d}{purpose}",
            "Name": None if number % 2 else f"{subject} {purpose} {number}",
            "Description": f"{subject} {purpose}",
            "Categories": categories,
            "ApiClass": api_class,
            "Layer": "Core",
            "Deprecated": "25R1" if number % 100 == DEPRECATED_ROW else None,
        }
        store.insert("Projection", values)
