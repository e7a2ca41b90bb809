"""The front door: what Dagster loads, one set of definitions for each connection file."""

import functools
import os

import dagster as dg

from mlc_pipelines.orchestration.assembly import assemble


@functools.cache
def build() -> dg.Definitions:
    """Build the definitions once a process: Dagster asks for them several times in each run.

    Where each run is a container of its own (Kubernetes, Docker), Dagster names its job to it.
    """
    return assemble(os.environ, job=os.environ.get("DAGSTER_RUN_JOB_NAME"))


@dg.definitions
def defs() -> dg.Definitions:
    """Give Dagster what it loads."""
    return build()
