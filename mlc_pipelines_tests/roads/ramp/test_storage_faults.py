"""A database that fails at a step of a flow over HTTP: tokens, rate budget, lease, intents and outcomes included."""

from mlc_pipelines_tests.faulty_storage import FaultySteps
from mlc_pipelines_tests.roads.ramp.bills_on_faulty_storage import carry
from mlc_pipelines_tests.roads.ramp.tenancy import Tenancy

STRIDE = 29
"""Every so many steps are tried here; `benchmarks.storage_faults` tries them all, on both databases."""


def test_an_invoice_is_in_ramp_once_whatever_step_failed(tenancy: Tenancy) -> None:
    """The run says what happened, and the next one finishes: one bill, one mark in IFS."""
    faults = FaultySteps(tenancy.house.engines)
    assert carry(tenancy, faults, 0).wrong == ()
    steps, tried = 0, 0
    while (told := carry(tenancy, faults, steps := steps + STRIDE)).failed is not None:
        assert told.wrong == (), f"step {steps}, {told.failed}"
        tried += 1
    assert tried >= 8
