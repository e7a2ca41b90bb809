"""Whole roads from Stampli's drop folder to IFS, with both simulators."""
