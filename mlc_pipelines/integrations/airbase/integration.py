"""Airbase: orders and vendors it learns from IFS, approved requests and payments that IFS must book."""

from mlc_pipelines.integrations.airbase.flows.payment_terms import PaymentTermsToIfs
from mlc_pipelines.integrations.airbase.flows.payment_vouchers import PaymentVouchersToIfs
from mlc_pipelines.integrations.airbase.flows.purchase_orders import OrdersToAirbase
from mlc_pipelines.integrations.airbase.flows.request_vouchers import RequestVouchersToIfs
from mlc_pipelines.integrations.airbase.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.airbase.flows.vendors import VendorsToAirbase
from mlc_pipelines.integrations.airbase.opening import open_session
from mlc_pipelines.integrations.airbase.receiving import MANNERS
from mlc_pipelines.integrations.integration import Integration

INTEGRATION = Integration(
    name="airbase",
    title="Airbase",
    flows=(
        VendorsToAirbase,
        SuppliersToIfs,
        PaymentTermsToIfs,
        OrdersToAirbase,
        RequestVouchersToIfs,
        PaymentVouchersToIfs,
    ),
    documents=PaymentVouchersToIfs.name,
    booking=(RequestVouchersToIfs.name, PaymentVouchersToIfs.name),
    open=open_session,
    webhooks=MANNERS,
)
