"""Whole roads to Ramp and back, flow by flow."""
