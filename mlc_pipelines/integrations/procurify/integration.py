"""Procurify: approved bills become supplier invoices in IFS; nothing is ever written in Procurify."""

from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.integrations.procurify.flows.bills import BillsToIfs
from mlc_pipelines.integrations.procurify.flows.purchase_orders import OrdersForReference
from mlc_pipelines.integrations.procurify.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.procurify.opening import open_session

INTEGRATION = Integration(
    name="procurify",
    title="Procurify",
    flows=(SuppliersToIfs, OrdersForReference, BillsToIfs),
    documents=BillsToIfs.name,
    booking=(BillsToIfs.name,),
    open=open_session,
)
