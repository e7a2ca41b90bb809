"""The BILL simulator: vendors, bills, payments, classifications, signed webhooks, a little Spend & Expense."""

from mlc_pipelines.sandbox.bill.sandbox import BillSandbox
from mlc_pipelines.sandbox.bill.sessions import Credentials
from mlc_pipelines.sandbox.bill.switches import Switches

__all__ = ["BillSandbox", "Credentials", "Switches"]
