"""Ramp: bills for approval and payment, and what IFS must hear of them."""

from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.integrations.ramp.flows.bills import BillsToRamp
from mlc_pipelines.integrations.ramp.flows.dimensions import DimensionsToRamp
from mlc_pipelines.integrations.ramp.flows.gl_accounts import AccountsToRamp
from mlc_pipelines.integrations.ramp.flows.payments import PaymentsToIfs
from mlc_pipelines.integrations.ramp.flows.suppliers import SuppliersToIfs
from mlc_pipelines.integrations.ramp.flows.vendors import AccountingVendorsToRamp, VendorsToRamp
from mlc_pipelines.integrations.ramp.flows.vouchers import VouchersToIfs
from mlc_pipelines.integrations.ramp.opening import open_session
from mlc_pipelines.integrations.ramp.receiving import MANNERS

INTEGRATION = Integration(
    name="ramp",
    title="Ramp",
    flows=(
        AccountsToRamp,
        DimensionsToRamp,
        AccountingVendorsToRamp,
        VendorsToRamp,
        SuppliersToIfs,
        BillsToRamp,
        VouchersToIfs,
        PaymentsToIfs,
    ),
    documents=BillsToRamp.name,
    booking=(BillsToRamp.name, VouchersToIfs.name),
    open=open_session,
    webhooks=MANNERS,
)
