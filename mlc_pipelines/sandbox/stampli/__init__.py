"""The Stampli simulator: a drop folder over SFTP, and the people and exports behind it."""

from mlc_pipelines.sandbox.stampli.sandbox import StampliSandbox
from mlc_pipelines.sandbox.stampli.switches import Switches

__all__ = ["StampliSandbox", "Switches"]
