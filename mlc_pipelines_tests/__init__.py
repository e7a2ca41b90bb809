"""Tests of mlc_pipelines, room by room."""
