"""The Ramp simulator: Developer API v1 with accounting, vendors, bills, syncs and signed webhooks."""

from mlc_pipelines.sandbox.ramp.sandbox import RampSandbox
from mlc_pipelines.sandbox.ramp.switches import Switches

__all__ = ["RampSandbox", "Switches"]
