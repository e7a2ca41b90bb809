"""All figures: `python -m benchmarks [FIGURE ...] [--quick] [--json FILE]`."""

import sys
from importlib import import_module

from benchmarks.measuring import program

FIGURES = ("extract", "load", "road", "growth", "latency", "fixed", "scale")
"""Modules of this folder; each has `measure(quick)` that gives a Figure."""

if __name__ == "__main__":
    measures = [import_module(f"benchmarks.{name}").measure for name in FIGURES]
    sys.exit(program(FIGURES, measures, __doc__))
