"""The services of the simulated tenant: entity sets, keys, types and nested collections."""

from mlc_pipelines.sandbox.ifs.schema import EntityType, Nav, Schema, Service, attributes

CODE_PARTS = "BCDEFGHIJ"
WRITABLE = frozenset({"insert", "update", "delete"})
ENUMS = {
    "PartyType": ("Customer", "Supplier", "Employee"),
    "PostingProposalHeadState": ("Preliminary", "Balanced", "Cancelled"),
    "ManSuppInvoiceState": ("Preliminary", "Balanced", "Posted", "Cancelled"),
    "VoucherState": ("Confirmed", "Error", "Cancelled"),
    "SupplierState": ("Active", "Blocked"),
    "PurchaseOrderState": ("Planned", "Released", "Confirmed", "Received", "Closed", "Cancelled"),
}

_PROPOSAL = """
Company             text(20)   key insert required
InvoiceId           int        key
Identity            text(20)   insert update required
PartyType           enum(PartyType) insert required
SeriesId            text(20)   insert required
InvoiceNo           text(50)   insert required
InvoiceType         text(20)   insert required
Creator             text(30)
InvoiceDate         date       insert update required
DueDate             date       insert update
PayTermBaseDate     date       insert update
DeliveryDate        date       insert update
ArrivalDate         date       insert update
CreationDate        date
PlPayDate           date       insert update
Currency            text(3)    insert update required
CurrRate            decimal    insert update
DivFactor           decimal
NetCurrAmount       decimal    insert update required
VatCurrAmount       decimal    insert update required
GrossAmount         decimal
NetDomAmount        decimal
VatDomAmount        decimal
Balance             decimal
PayTermId           text(20)   insert update
PoRefNumber         text(50)   insert update
InvoiceRecipient    text(20)   insert update
VoucherText         text(200)  insert update
NcfReference        text(50)   insert update
ProposalExist       text(5)
MultiCompanyInvoice text(5)
Cash                text(5)
AdvInv              bool       insert update
SiiProposal         bool
DigitalInvoice      bool
Cf_Spend_Reference  text(100)  insert update
Cf_Paid_Status      text(50)   insert update
Cf_Paid_Date        date       insert update
Cf_Payment_Reference text(100) insert update
Objstate            enum(PostingProposalHeadState)
ModifiedDate        time
"""
_INVOICE = "\n".join(line.split(" insert")[0].replace("PostingProposalHeadState", "ManSuppInvoiceState") for line in
                     _PROPOSAL.strip().splitlines() if not line.startswith(("Cf_", "Balance ")))  # fmt: skip
_CODE_STRING = "\n".join(f"Code{letter} text(20) insert update" for letter in CODE_PARTS)
_PROPOSAL_LINE = f"""
Company             text(20)   key insert
InvoiceId           int        key
RowId               int        key
Account             text(20)   insert update required
{_CODE_STRING}
ProcessCode         text(20)   insert update
OptionalCode        text(20)   insert update
CurrencyAmount      decimal    insert update required
Text                text(200)  insert update
"""
_VOUCHER = """
Company             text(20)   key insert required
VoucherType         text(3)    key insert required
AccountingYear      int        key insert required
VoucherNo           int        key insert
AccountingPeriod    int        insert required
VoucherDate         date       insert required
UserGroup           text(30)   insert required
VoucherText         text(200)  insert update
EntryDate           time
Userid              text(30)
Objstate            enum(VoucherState)
ModifiedDate        time
"""
_VOUCHER_ROW = f"""
Company             text(20)   key insert
VoucherType         text(3)    key
AccountingYear      int        key
VoucherNo           int        key
RowNo               int        key
Account             text(20)   insert update required
{_CODE_STRING}
ProcessCode         text(20)   insert update
OptionalCode        text(20)   insert update
ProjectActivityId   int        insert update
Quantity            decimal    insert update
Text                text(200)  insert update
CurrencyCode        text(3)    insert required
CurrencyRate        decimal    insert
ConversionFactor    decimal    insert
CurrencyDebetAmount decimal    insert
CurrencyCreditAmount decimal   insert
CurrencyAmount      decimal    insert
DebetAmount         decimal    insert
CreditAmount        decimal    insert
Amount              decimal    insert
ThirdCurrencyDebitAmount decimal insert
ThirdCurrencyCreditAmount decimal insert
ReferenceSerie      text(50)   insert update
ReferenceNumber     text(50)   insert update
PartyType           text(20)   insert
PartyTypeId         text(20)   insert
TransferId          text(20)
MultiCompanyId      text(20)
"""
_REFERENCES = "\n".join(f"Reference_Code{letter} text(200)" for letter in CODE_PARTS)
_ANALYSIS_ROW = "\n".join(line.split(" insert")[0] for line in _VOUCHER_ROW.strip().splitlines()) + (
    f"""
AccountingPeriod    int
VoucherDate         date
EntryDate           time
Reference_Account   text(200)
{_REFERENCES}
"""
)
_SUPPLIER = """
SupplierId          text(20)   key insert
Name                text(100)  insert update required
PartyType           enum(PartyType)
Country             text(2)    insert update
DefaultLanguage     text(2)    insert update
CorporateForm       text(8)    insert update
AssociationNo       text(50)   insert update
CreationDate        date
Cf_Email            text(200)  insert update
Cf_Phone            text(50)   insert update
Cf_Currency         text(3)    insert update
Cf_Pay_Term         text(20)   insert update
Cf_Address1         text(100)  insert update
Cf_City             text(50)   insert update
Cf_State            text(50)   insert update
Cf_Zip_Code         text(20)   insert update
Objstate            enum(SupplierState)
ModifiedDate        time
"""
_ACCOUNT = """
Company             text(20)   key
Account             text(20)   key
Description         text(100)
AccntType           text(20)
AccntGroup          text(20)
LogicalAccountType  text(20)
ValidFrom           date
ValidUntil          date
"""
_ORDER = """
OrderNo             text(12)   key
Company             text(20)
VendorNo            text(20)
OrderDate           date
Contract            text(5)
BuyerCode           text(20)
AuthorizeCode       text(20)
CurrencyCode        text(3)
Objstate            enum(PurchaseOrderState)
ModifiedDate        time
"""


def _order_line(own: str) -> str:
    code_string = "\n".join(f"Code{letter} text(20)" for letter in "A" + CODE_PARTS)
    return f"""
OrderNo             text(12)   key
LineNo              text(4)    key
ReleaseNo           text(4)    key
Company             text(20)
{own}
Description         text(200)
BuyQtyDue           decimal
BuyUnitMeas         text(10)
BuyUnitPrice        decimal
Discount            decimal
NetAmtCurr          decimal
GrossAmtCurr        decimal
TaxAmount           decimal
CurrencyCode        text(3)
VendorNo            text(20)
Contract            text(5)
{code_string}
ProjectId           text(20)
ActivitySeq         int
WantedDeliveryDate  time
PlannedReceiptDate  time
PromisedDeliveryDate time
FeeCode             text(20)
RequisitionNo       text(12)
NoteText            text(2000)
Objstate            enum(PurchaseOrderState)
"""


def _code_part(letter: str) -> EntityType:
    table = f"""
Company             text(20)   key
Code{letter}        text(20)   key
CodePart            text(1)
Description         text(100)
ValidFrom           date
ValidUntil          date
BudgetValueDb       text(20)
"""
    return EntityType(f"Code{letter}", attributes(table))


def _types() -> dict[str, EntityType]:
    finance = attributes("Company text(20) key\nDescription text(100)")
    supplier_parts = (
        Nav("SupplierInfoAddresses", "SupplierInfoAddress", ("SupplierId",)),
        Nav("SupplierInvoiceCompanies", "SupplierInvoiceCompany", ("SupplierId",)),
    )
    order_parts = (
        Nav("LinePartArray", "PurchaseOrderLinePart", ("OrderNo",)),
        Nav("LineNopartArray", "PurchaseOrderLineNopart", ("OrderNo",)),
    )
    voucher_key = ("Company", "VoucherType", "AccountingYear", "VoucherNo")
    proposal_lines = Nav("PostingProposalLines", "PostingProposalLine", ("Company", "InvoiceId"), inserts=True)
    code_arrays = tuple(Nav(f"Code{letter}Array", f"Code{letter}", ("Company",)) for letter in CODE_PARTS)
    found = [
        EntityType("Company", attributes("Company text(20) key\nName text(100)\nCountry text(2)\nCurrency text(3)")),
        EntityType("CompanyFinance", finance, (Nav("AccountArray", "Account", ("Company",)), *code_arrays)),
        EntityType("Account", attributes(_ACCOUNT)),
        *(_code_part(letter) for letter in CODE_PARTS),
        EntityType("PaymentTerm", attributes("Company text(20) key\nPayTermId text(20) key\nDescription text(100)")),
        EntityType("AccountingPeriod", attributes(_PERIOD)),
        EntityType("SupplierInfoGeneral", attributes(_SUPPLIER), supplier_parts, (), frozenset({"insert", "update"})),
        EntityType("SupplierInfoAddress", attributes(_ADDRESS)),
        EntityType("SupplierInvoiceCompany", attributes(_SUPPLIER_COMPANY)),
        EntityType("PostingProposalHead", attributes(_PROPOSAL), (proposal_lines,), ("Cancel",), WRITABLE),
        EntityType("ManSuppInvoice", attributes(_INVOICE), shows="PostingProposalHead"),
        EntityType("PostingProposalLine", attributes(_PROPOSAL_LINE), (), (), WRITABLE),
        EntityType(
            "Voucher",
            attributes(_VOUCHER),
            (Nav("VoucherRows", "VoucherRow", voucher_key, inserts=True),),
            ("Cancel",),
            WRITABLE,
        ),
        EntityType("VoucherRow", attributes(_VOUCHER_ROW), (), (), frozenset({"insert", "update"})),
        EntityType("VoucherRowAnalysis", attributes(_ANALYSIS_ROW)),
        EntityType("PurchaseOrder", attributes(_ORDER), order_parts),
        EntityType("PurchaseOrderLinePart", attributes(_order_line("PartNo text(25)\nNetAmountBase decimal"))),
        EntityType("PurchaseOrderLineNopart", attributes(_order_line("NetAmtBase decimal"))),
        EntityType("Projection", attributes(_CATALOGUE)),
    ]
    return {entity_type.name: entity_type for entity_type in found}


_PERIOD = """
Company             text(20)   key
AccountingYear      int        key
AccountingPeriod    int        key
Description         text(100)
DateFrom            date
DateUntil           date
PeriodStatus        text(20)
"""
_ADDRESS = """
SupplierId          text(20)   key
AddressId           text(50)   key
Address1            text(100)
ZipCode             text(20)
City                text(50)
State               text(50)
Country             text(2)
"""
_SUPPLIER_COMPANY = """
SupplierId          text(20)   key
Company             text(20)   key
PayTermId           text(20)
DefCurrency         text(3)
"""
_CATALOGUE = """
ProjectionName      text(100)  key
Name                text(100)
Description         text(200)
Categories          text(100)
ApiClass            text(50)
Layer               text(20)
Deprecated          text(20)
"""


def tenant_schema() -> Schema:
    """Return the services a standard tenant of the simulator offers."""
    proposals = {"PostingProposalHeadSet": "PostingProposalHead"}
    suppliers = {"SupplierInfoGeneralSet": "SupplierInfoGeneral"}
    finance = {"CompanyFinanceSet": "CompanyFinance"}
    orders = {"PurchaseOrderSet": "PurchaseOrder", "PurchaseOrderLineNopartSet": "PurchaseOrderLineNopart"}
    services = [
        Service("AllProjections", {"Projections": "Projection"}, description="All Projections"),
        Service("CompanyHandling", {"CompanySet": "Company"}, description="Company"),
        Service("SupplierHandling", suppliers, description="Supplier"),
        Service("SuppliersHandling", suppliers, description="Suppliers"),
        Service("AccountHandling", {**finance, "AccountSet": "Account"}, description="Account"),
        Service("CodePartValuesHandling", finance, description="Code Part Values"),
        Service("PaymentTermHandling", {"PaymentTermSet": "PaymentTerm"}, description="Payment Term"),
        Service("AccountingPeriodsHandling", {"AccountingPeriodSet": "AccountingPeriod"}, description="Periods"),
        Service("PostingProposalHandling", proposals, description="Posting Proposal"),
        Service("ManSuppInvoiceHandling", {"ManSuppInvoiceSet": "ManSuppInvoice"}, description="Supplier Invoice"),
        Service("VoucherHandling", {"VoucherSet": "Voucher"}, description="Voucher"),
        Service("VoucherRowsAnalysis", {"VoucherRowSet": "VoucherRowAnalysis"}, description="Voucher Rows Analysis"),
        Service("PurchaseOrderHandling", orders, description="Purchase Order"),
        Service("AccountEntity", {"AccountSet": "Account"}, kind="entity"),
        Service("PostingProposalHeadEntity", proposals, kind="entity"),
        Service("PurchaseOrderLinePartEntity", {"PurchaseOrderLinePartSet": "PurchaseOrderLinePart"}, kind="entity"),
    ]
    return Schema({service.name: service for service in services}, _types(), ENUMS)
