"""Stampli over SFTP: approved invoices come as files and become supplier invoices and vouchers in IFS."""

from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.integrations.stampli.flows.invoices import InvoicesToIfs
from mlc_pipelines.integrations.stampli.flows.purchase_orders import PurchaseOrders
from mlc_pipelines.integrations.stampli.flows.vendors import VendorsToIfs
from mlc_pipelines.integrations.stampli.opening import open_session

INTEGRATION = Integration(
    name="stampli",
    title="Stampli",
    flows=(VendorsToIfs, PurchaseOrders, InvoicesToIfs),
    documents=InvoicesToIfs.name,
    booking=(InvoicesToIfs.name,),
    open=open_session,
    watched=True,
)
