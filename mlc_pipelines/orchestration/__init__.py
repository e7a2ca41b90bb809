"""Connections as Dagster assets, jobs, schedules, sensors and checks; the only room that knows Dagster."""
