"""A simulator of IFS Cloud: tokens, projections, OData reads, writes with ETags, batches."""

from mlc_pipelines.sandbox.ifs.sandbox import IfsSandbox
from mlc_pipelines.sandbox.ifs.switches import Switches

__all__ = ["IfsSandbox", "Switches"]
