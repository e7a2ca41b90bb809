"""Lays out the sandbox's connection to Ramp with addresses of a test's own."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlc_pipelines.sandbox.office import Sample
from mlc_pipelines.sandbox.offices.ramp import RampOffice

NAME = "sandbox_ramp"
SECRETS = RampOffice(seed=1, invoices=2).all_secrets()


def lay_out(folder: Path, *, ifs: str, ramp: str) -> Path:
    """Write the connection file of an office that never opens; give it."""
    office: Any = RampOffice(seed=1, invoices=2)
    office.ifs, office.ramp = SimpleNamespace(url=ifs), SimpleNamespace(url=ramp)  # all that a file needs of them
    path: Path = office.lay_out(folder, Sample())
    return path
