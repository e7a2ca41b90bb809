"""The front door: what Dagster loads, one set of definitions for each connection file."""

import functools
import os

import dagster as dg

from mlc_pipelines.orchestration.assembly import assemble


@functools.cache
def build() -> dg.Definitions:
    """Build the definitions once a process: Dagster asks for them several times in each run."""
    return assemble(os.environ)


@dg.definitions
def defs() -> dg.Definitions:
    """Give Dagster what it loads."""
    return build()
