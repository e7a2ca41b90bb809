"""The Procurify simulator: bills, purchase orders, vendors and payments, to be read only."""

from mlc_pipelines.sandbox.procurify.sandbox import ProcurifySandbox
from mlc_pipelines.sandbox.procurify.switches import Switches

__all__ = ["ProcurifySandbox", "Switches"]
