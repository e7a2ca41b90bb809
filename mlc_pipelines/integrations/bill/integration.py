"""BILL: vendors and bills for payment, and what IFS must hear of them."""

from mlc_pipelines.integrations.bill.flows.accounts import AccountsToBill
from mlc_pipelines.integrations.bill.flows.bills import BillsToBill
from mlc_pipelines.integrations.bill.flows.dimensions import DimensionsToBill
from mlc_pipelines.integrations.bill.flows.payments import PaymentsToIfs
from mlc_pipelines.integrations.bill.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.bill.flows.vendors import VendorsToBill
from mlc_pipelines.integrations.bill.opening import open_session
from mlc_pipelines.integrations.bill.receiving import MANNERS
from mlc_pipelines.integrations.integration import Integration

INTEGRATION = Integration(
    name="bill",
    title="BILL",
    flows=(AccountsToBill, DimensionsToBill, VendorsToBill, SuppliersToIfs, BillsToBill, PaymentsToIfs),
    documents=BillsToBill.name,
    booking=(BillsToBill.name,),
    open=open_session,
    webhooks=MANNERS,
)
