"""Tests of the Airbase integration's own rooms."""
