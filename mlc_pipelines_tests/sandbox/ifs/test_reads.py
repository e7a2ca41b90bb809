"""Reading: filters, order, pages, keys and nested collections."""

import base64
from decimal import Decimal
from itertools import pairwise

import pytest

from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines_tests.sandbox.ifs.caller import FIRST, PROPOSALS, Caller, error_code
from mlc_pipelines_tests.sandbox.ifs.conftest import WORLD

HEADS = "PostingProposalHeadSet"
SERVICE = "PostingProposalHandling.svc"
STATE = "IfsApp.PostingProposalHandling.PostingProposalHeadState"


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("Company eq '10'", lambda one: one.company == "10"),
        ("Company ne '10' and Currency eq 'USD'", lambda one: one.company == "20"),
        ("NetCurrAmount gt 2500", lambda one: one.net > 2500),
        ("NetCurrAmount le 2500.5 and NetCurrAmount ge -10", lambda one: -10 <= one.net <= Decimal("2500.5")),
        ("InvoiceId lt 48210", lambda one: one.id < 48210),
        ("not (Company eq '10') or InvoiceId eq 48201", lambda one: one.company == "20" or one.id == 48201),
        ("Identity eq 'S-10''4'", lambda one: one.supplier == "S-10'4"),
        ("PoRefNumber eq null", lambda one: one.order_no is None),
        ("PoRefNumber ne null and startswith(PoRefNumber,'P10')", lambda one: (one.order_no or "").startswith("P10")),
        ("contains(tolower(VoucherText),'freight')", lambda one: "freight" in one.text.lower()),
        ("tolower(InvoiceNo) eq 'inv-2600'", lambda one: one.number == "INV-2600"),
        ("endswith(InvoiceNo,'7')", lambda one: one.number.endswith("7")),
        ("InvoiceDate ge 2026-10-20", lambda one: one.invoice_date.isoformat() >= "2026-10-20"),
        ("ModifiedDate gt 2026-11-01T00:00:00Z", lambda one: one.modified.isoformat() > "2026-11-01"),
        ("ModifiedDate gt 2026-11-01T01:00:00+01:00", lambda one: one.modified.isoformat() > "2026-11-01"),
        (f"Objstate eq {STATE}'Balanced'", lambda one: one.state == "Balanced"),
        ("DigitalInvoice eq true", lambda one: True),
        ("2500 lt NetCurrAmount", lambda one: one.net > 2500),
        ("InvoiceDate eq DueDate", lambda one: one.invoice_date == one.due_date),
    ],
)
def test_filters_mean_what_they_say(caller: Caller, text: str, test: object) -> None:
    """Each literal form and operator selects exactly the rows it should."""
    assert callable(test)
    found = {row["InvoiceId"] for row in caller.rows(f"{PROPOSALS}?$filter={text}")}
    assert found == {one.id for one in WORLD.invoices if test(one)}


@pytest.mark.parametrize(
    "text",
    [
        "ModifiedDate ge '2026-01-01T00:00:00Z'",
        "ModifiedDate ge datetime'2026-01-01T00:00:00'",
        "ModifiedDate ge 2026-01-01",
        "ModifiedDate ge 2026-01-01T00:00:00",
        "ModifiedDate ge 2026-13-01T00:00:00Z",
        "InvoiceDate ge '2026-01-01'",
        "InvoiceDate ge 2026-01-01T00:00:00Z",
        "InvoiceId eq '48201'",
        "InvoiceId eq 48201.5",
        "NetCurrAmount eq 10m",
        "Company eq 10",
        "Company eq 10'",
        "Company = '10'",
        "Nothing eq '10'",
        "Objstate eq 'Balanced'",
        "Objstate eq IfsApp.VoucherHandling.PostingProposalHeadState'Balanced'",
        f"Objstate eq {STATE}'In balance'",
        "Company eq '10' and",
        "(Company eq '10'",
        "Company eq '10' Company eq '20'",
        "startswith(InvoiceId,'4')",
        "tolower(InvoiceId) eq '4'",
        "contains(VoucherText)",
        "shout(VoucherText) eq 'A'",
        "Company eq InvoiceId",
        "Company+eq+'10'",
        "",
    ],
)
def test_wrong_filters_are_400(caller: Caller, text: str) -> None:
    """Quoted timestamps, old literals, wrong types and loose ends are refused, never guessed."""
    answer = caller.get(f"{PROPOSALS}?$filter={text}")
    assert (answer.status_code, error_code(answer)) == (400, "ODP_INVALID_QUERY")


@pytest.mark.parametrize(
    "query",
    [
        "$expand=PostingProposalLines",
        "$filter=InvoiceId mod 2 eq 0",
        "$filter=Company in ('10','20')",
        "$filter=PostingProposalLines/any(line:line/Account eq '4010')",
        "$filter=Company eq '10' add 1",
        "$search=steel",
    ],
)
def test_what_ifs_has_not_built_is_501(caller: Caller, query: str) -> None:
    """Collections in $expand, lambdas, arithmetic and search are not implemented."""
    answer = caller.get(f"{PROPOSALS}?{query}")
    assert (answer.status_code, error_code(answer)) == (501, "ODP_NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    "query",
    [
        "$top=ten",
        "$top=-1",
        "$skip=x",
        "$orderby=Nothing",
        "$orderby=Company sideways",
        "$select=Nothing",
        "$expand=Nothing",
        "$count=maybe",
        "$nonsense=1",
        "%24top=1",
        "$top=1&$top=2",
    ],
)
def test_wrong_options_are_400(caller: Caller, query: str) -> None:
    """Unknown, repeated, misspelt and encoded option names are refused."""
    assert caller.get(f"{PROPOSALS}?{query}").status_code == 400


def test_some_tenants_refuse_filters_on_the_state(ifs: IfsSandbox, caller: Caller) -> None:
    """With the switch on, any filter that names Objstate is 400."""
    ifs.switches.objstate_filter_refused = True
    assert caller.get(f"{PROPOSALS}?$filter=Objstate eq {STATE}'Balanced'").status_code == 400
    assert caller.get(f"{PROPOSALS}?$filter=Company eq '10'").status_code == 200


def test_rows_come_in_the_order_asked_for(caller: Caller) -> None:
    """Order by several attributes, each up or down; nulls come first going up."""
    rows = caller.rows(f"{PROPOSALS}?$orderby=Company desc,NetCurrAmount asc")
    keys = [(row["Company"], row["NetCurrAmount"]) for row in rows]
    assert keys == sorted(sorted(keys, key=lambda key: key[1]), key=lambda key: key[0], reverse=True)
    orders = [row["PoRefNumber"] for row in caller.rows(f"{PROPOSALS}?$orderby=PoRefNumber")]
    assert orders[0] is None
    assert orders[-1] is not None


def test_select_and_count(caller: Caller) -> None:
    """Selected attributes come alone with the ETag; the count covers all pages."""
    page = caller.read(f"{PROPOSALS}?$select=Company,InvoiceId&$count=true&$top=2")
    assert set(page["value"][0]) == {"@odata.etag", "Company", "InvoiceId"}
    assert (page["@odata.count"], len(page["value"])) == (60, 2)
    assert set(caller.read(f"{FIRST}?$select=InvoiceNo")) == {"@odata.context", "@odata.etag", "InvoiceNo"}


def test_pages_cover_everything_once(caller: Caller) -> None:
    """Following relative links gives every row once, in order."""
    pages = list(caller.walk(SERVICE, f"{HEADS}?$orderby=ModifiedDate,Company,InvoiceId&$top=7"))
    ids = [row["InvoiceId"] for page in pages for row in page]
    assert [len(page) for page in pages] == [7] * 8 + [4]
    assert sorted(ids) == [one.id for one in WORLD.invoices]


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("relative_root", f"{HEADS}?$filter=Company%20eq%20'10'&$top=2&$skiptoken=2"),
        ("service_relative", f"{SERVICE}/{HEADS}?"),
        ("slash", f"/main/ifsapplications/projection/v1/{SERVICE}/{HEADS}?"),
        ("absolute", "http://127.0.0.1:"),
    ],
)
def test_next_links_come_in_several_forms(ifs: IfsSandbox, caller: Caller, form: str, start: str) -> None:
    """The tenant decides what a next link is relative to."""
    ifs.switches.next_link_form = form
    link = caller.read(f"{PROPOSALS}?$filter=Company eq '10'&$top=2")["@odata.nextLink"]
    assert link.startswith(start)
    base = f"{ifs.url}/main/ifsapplications/projection/v1/"
    url = {"relative_root": f"{base}{SERVICE}/{link}", "service_relative": base + link, "slash": ifs.url + link}
    second = caller.rows(url.get(form, link).removeprefix(ifs.url))
    assert second == caller.rows(f"{PROPOSALS}?$filter=Company eq '10'&$top=2&$skip=2")


def test_a_full_page_may_come_without_a_link(ifs: IfsSandbox, caller: Caller) -> None:
    """Some tenants give no link at all: the next page is reached by $skip."""
    ifs.switches.next_link_form = "none"
    first = caller.read(f"{PROPOSALS}?$top=30")
    assert (len(first["value"]), "@odata.nextLink" in first) == (30, False)
    assert len(caller.rows(f"{PROPOSALS}?$top=40&$skip=30")) == 30


def test_rows_may_repeat_across_pages(ifs: IfsSandbox, caller: Caller) -> None:
    """With the switch on, each further page begins with the last row of the page before."""
    ifs.switches.repeat_row = True
    pages = list(caller.walk(SERVICE, f"{HEADS}?$top=20"))
    for before, after in pairwise(pages):
        assert after[0] == before[-1]
    assert len({row["InvoiceId"] for page in pages for row in page}) == 60


def test_the_page_ceiling_cuts_silently(ifs: IfsSandbox, caller: Caller) -> None:
    """Asking for more than the ceiling gives a full page and a link, not an error."""
    ifs.switches.max_page = 10
    page = caller.read(f"{PROPOSALS}?$top=99999")
    assert (len(page["value"]), "@odata.nextLink" in page) == (10, True)
    assert len(caller.rows(PROPOSALS)) == 10


def test_one_record_by_key(caller: Caller) -> None:
    """A record carries its ETag in the body and in the header, and the meta fields that ride along."""
    answer = caller.get(FIRST)
    record = answer.json()
    assert (record["luname"], record["keyref"]) == ("PostingProposalHead", "COMPANY=10^INVOICE_ID=48201^")
    assert answer.headers["etag"] == record["@odata.etag"]
    weak, quoted = record["@odata.etag"].split("/", 1)
    objid, _, objversion = base64.b64decode(quoted.strip('"')).decode().partition(":")
    assert (weak, bool(objid), bool(objversion)) == ("W", True, True)


def test_text_flags_and_booleans_live_together(caller: Caller) -> None:
    """One record has TRUE as text and true as a boolean, and a decimal no float can hold."""
    record = caller.read(FIRST)
    assert (record["ProposalExist"], record["DigitalInvoice"]) == ("TRUE", True)
    yen = caller.rows(f"{PROPOSALS}?$filter=Currency eq 'JPY'&$top=1")[0]
    assert yen["CurrRate"] == Decimal("0.0059460000000000001")
    assert float(yen["CurrRate"]) != yen["CurrRate"]


def test_decimals_may_come_as_text(caller: Caller) -> None:
    """A caller that asks for IEEE 754 compatible numbers gets text."""
    plain = caller.get(FIRST).json()["NetCurrAmount"]
    text = caller.get(FIRST, accept="application/json;IEEE754Compatible=true").json()["NetCurrAmount"]
    assert isinstance(text, str)
    assert float(text) == plain


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("Company='10',InvoiceId=1", 404),
        ("InvoiceId=48201,Company='10'", 400),
        ("Company=10,InvoiceId=48201", 400),
        ("Company='10',InvoiceId='48201'", 400),
        ("Company='10'", 400),
        ("Company='10',InvoiceId=48201,Currency='EUR'", 400),
        ("'10',48201", 400),
        ("", 400),
    ],
)
def test_keys_are_complete_ordered_and_typed(caller: Caller, key: str, status: int) -> None:
    """A key predicate names every key attribute in order with the right literal, or is refused."""
    assert caller.get(f"{PROPOSALS}({key})").status_code == status


def test_a_quote_in_a_key_is_doubled(caller: Caller) -> None:
    """A supplier id with a quote is reached with the quote doubled, encoded or not."""
    suppliers = "SupplierHandling.svc/SupplierInfoGeneralSet"
    assert caller.read(f"{suppliers}(SupplierId='S-10''4')")["Name"] == "O'Dwyer Precision Ltd"
    assert caller.read(f"{suppliers}(SupplierId='S-10%27%274')")["SupplierId"] == "S-10'4"
    assert caller.read(f"{suppliers}('S-1001')")["Country"] == "DK"
    assert caller.get(f"{suppliers}(SupplierId='S-10'4')").status_code == 400


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("AccountHandling.svc/CompanyFinanceSet(Company='10')/AccountArray", 40),
        ("AccountHandling.svc/AccountSet", 80),
        ("CodePartValuesHandling.svc/CompanyFinanceSet(Company='20')/CodeBArray", 12),
        ("CodePartValuesHandling.svc/CompanyFinanceSet(Company='10')/CodeCArray", 2),
        ("CodePartValuesHandling.svc/CompanyFinanceSet(Company='10')/CodeJArray", 0),
        ("PaymentTermHandling.svc/PaymentTermSet", 8),
        ("SupplierHandling.svc/SupplierInfoGeneralSet", 25),
        ("SupplierHandling.svc/SupplierInfoGeneralSet(SupplierId='S-1001')/SupplierInfoAddresses", 1),
        ("SupplierHandling.svc/SupplierInfoGeneralSet(SupplierId='S-1001')/SupplierInvoiceCompanies", 2),
        ("AccountingPeriodsHandling.svc/AccountingPeriodSet?$filter=AccountingYear eq 2026", 24),
        ("VoucherRowsAnalysis.svc/VoucherRowSet", 0),
        ("PurchaseOrderHandling.svc/PurchaseOrderSet", 16),
    ],
)
def test_reference_data_is_where_the_sheet_says(caller: Caller, path: str, count: int) -> None:
    """Accounts, code parts, terms, suppliers, periods and orders are read at their addresses."""
    assert len(caller.rows(path)) == count


def test_nested_collections_page_from_the_service_root(caller: Caller) -> None:
    """The next link of a nested collection is relative to the service root, not to the current address."""
    accounts = "CompanyFinanceSet(Company='10')/AccountArray"
    pages = list(caller.walk("AccountHandling.svc", f"{accounts}?$top=15"))
    assert [len(page) for page in pages] == [15, 15, 10]


def test_order_lines_are_split_by_kind(caller: Caller) -> None:
    """Part and no-part lines are two collections whose base amounts have different names."""
    orders = "PurchaseOrderHandling.svc"
    for order in WORLD.orders:
        parts = caller.rows(f"{orders}/PurchaseOrderSet(OrderNo='{order.order_no}')/LinePartArray")
        others = caller.rows(f"{orders}/PurchaseOrderSet(OrderNo='{order.order_no}')/LineNopartArray")
        assert len(parts) + len(others) == len(order.lines)
        assert all("NetAmountBase" in line and "PartNo" in line for line in parts)
        assert all("NetAmtBase" in line and "PartNo" not in line for line in others)


def test_paths_that_lead_nowhere(caller: Caller) -> None:
    """Unknown parents and collections below collections do not exist; other specials are not built."""
    for path in (
        f"{PROPOSALS}/PostingProposalLines",
        f"{FIRST}/Nothing",
        f"{PROPOSALS}(Company='10',InvoiceId=1)/PostingProposalLines",
    ):
        assert caller.get(path).status_code == 404
    assert caller.get(f"{SERVICE}/$openapi").status_code == 501
    assert caller.get(f"{SERVICE}/-").status_code == 400
