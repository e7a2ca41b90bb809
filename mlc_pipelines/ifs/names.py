"""What IFS calls things: for each entity set the logical names used here and the attribute names they stand for.

The attribute names are defaults. A tenant's own `aliases` replace them one by one, and the connection check compares
them with the tenant's `$metadata`.
"""

from collections.abc import Mapping

LETTERS = "BCDEFGHIJ"
CODE_PARTS: Mapping[str, str] = {f"code_{letter.lower()}": f"Code{letter}" for letter in LETTERS}

PROPOSAL: Mapping[str, str] = {
    "company": "Company",
    "invoice_id": "InvoiceId",
    "supplier": "Identity",
    "party_type": "PartyType",
    "series": "SeriesId",
    "number": "InvoiceNo",
    "invoice_type": "InvoiceType",
    "invoice_date": "InvoiceDate",
    "due_date": "DueDate",
    "pay_term": "PayTermId",
    "currency": "Currency",
    "net": "NetCurrAmount",
    "vat": "VatCurrAmount",
    "state": "Objstate",
    "po_reference": "PoRefNumber",
    "text": "VoucherText",
    "modified": "ModifiedDate",
}
SUPPLIER_INVOICE: Mapping[str, str] = {
    name: PROPOSAL[name] for name in ("company", "invoice_id", "supplier", "number", "state", "text")
}
PROPOSAL_LINE: Mapping[str, str] = {
    "company": "Company",
    "line_no": "RowId",
    "account": "Account",
    **CODE_PARTS,
    "amount": "CurrencyAmount",
    "text": "Text",
}
# Payment and contact data of a supplier lie in collections below it, by company and by address. Those with `Cf_` are
# custom fields that repeat them on the supplier itself, so that a thousand suppliers are one read and not thousands.
SUPPLIER: Mapping[str, str] = {
    "id": "SupplierId",
    "name": "Name",
    "country": "Country",
    "language": "DefaultLanguage",
    "tax_id": "AssociationNo",
    "currency": "Cf_Currency",
    "pay_term": "Cf_Pay_Term",
    "email": "Cf_Email",
    "phone": "Cf_Phone",
    "address": "Cf_Address1",
    "city": "Cf_City",
    "state": "Cf_State",
    "zip_code": "Cf_Zip_Code",
    "objstate": "Objstate",
    "modified": "ModifiedDate",
}
SUPPLIER_ADDRESS: Mapping[str, str] = {
    "supplier": "SupplierId",
    "address_id": "AddressId",
    "address": "Address1",
    "city": "City",
    "state": "State",
    "zip_code": "ZipCode",
    "country": "Country",
}
SUPPLIER_COMPANY: Mapping[str, str] = {"company": "Company", "pay_term": "PayTermId", "currency": "DefCurrency"}
ACCOUNT: Mapping[str, str] = {
    "company": "Company",
    "code": "Account",
    "description": "Description",
    "valid_from": "ValidFrom",
    "valid_until": "ValidUntil",
    "kind": "LogicalAccountType",
}
CODE_PART_VALUE: Mapping[str, str] = {
    "company": "Company",
    "description": "Description",
    "valid_from": "ValidFrom",
    "valid_until": "ValidUntil",
}
COMPANY: Mapping[str, str] = {"code": "Company", "name": "Name", "currency": "Currency"}
PAYMENT_TERM: Mapping[str, str] = {"company": "Company", "id": "PayTermId", "description": "Description"}
ACCOUNTING_PERIOD: Mapping[str, str] = {
    "company": "Company",
    "year": "AccountingYear",
    "number": "AccountingPeriod",
    "first": "DateFrom",
    "last": "DateUntil",
    "status": "PeriodStatus",
}
VOUCHER: Mapping[str, str] = {
    "company": "Company",
    "voucher_type": "VoucherType",
    "year": "AccountingYear",
    "period": "AccountingPeriod",
    "number": "VoucherNo",
    "date": "VoucherDate",
    "user_group": "UserGroup",
    "text": "VoucherText",
}
VOUCHER_ROW: Mapping[str, str] = {
    "company": "Company",
    "voucher_type": "VoucherType",
    "year": "AccountingYear",
    "number": "VoucherNo",
    "row_no": "RowNo",
    "account": "Account",
    **CODE_PARTS,
    "currency": "CurrencyCode",
    "debit": "CurrencyDebetAmount",
    "credit": "CurrencyCreditAmount",
    "text": "Text",
    "reference_serie": "ReferenceSerie",
    "reference_number": "ReferenceNumber",
}
PURCHASE_ORDER: Mapping[str, str] = {
    "order_no": "OrderNo",
    "supplier": "VendorNo",
    "order_date": "OrderDate",
    "state": "Objstate",
    "site": "Contract",
    "buyer": "BuyerCode",
    "currency": "CurrencyCode",
    "company": "Company",
    "modified": "ModifiedDate",
}
PURCHASE_ORDER_LINE: Mapping[str, str] = {
    "order_no": "OrderNo",
    "line_no": "LineNo",
    "release_no": "ReleaseNo",
    "part_no": "PartNo",
    "description": "Description",
    "quantity": "BuyQtyDue",
    "unit": "BuyUnitMeas",
    "unit_price": "BuyUnitPrice",
    "net": "NetAmtCurr",
    "currency": "CurrencyCode",
    "account": "CodeA",
    **CODE_PARTS,
    "wanted_date": "WantedDeliveryDate",
    "state": "Objstate",
}
