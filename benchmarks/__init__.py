"""Figures of the product, measured by commands: `python -m benchmarks.<name>`."""
