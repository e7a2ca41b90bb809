"""Airbase's flows, one module a subject."""
