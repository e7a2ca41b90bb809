"""The Airbase simulator: accounting API, made-up paths for what is gated, and hand-made webhook subscriptions."""

from mlc_pipelines.sandbox.airbase.sandbox import AirbaseSandbox
from mlc_pipelines.sandbox.airbase.switches import Switches, WebhookSigning

__all__ = ["AirbaseSandbox", "Switches", "WebhookSigning"]
