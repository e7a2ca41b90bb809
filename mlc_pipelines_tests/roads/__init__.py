"""Whole roads against both simulators."""
