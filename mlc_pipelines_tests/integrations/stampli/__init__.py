"""Tests of the Stampli integration that need no server."""
