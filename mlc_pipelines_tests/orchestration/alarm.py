"""The alerts sensor as its daemon runs it: tick after tick, the cursor handed on."""

import logging

import dagster as dg
import pytest

from mlc_pipelines.orchestration.alerts import alerts

LOGGER = "mlc_pipelines.alerts"


class Alarm:
    """Ticks, and gives what was logged meanwhile."""

    def __init__(self, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture) -> None:
        self.instance = instance
        self._caplog = caplog
        self.cursor: str | None = None
        self.said = ""

    def tick(self) -> list[str]:
        """Tick once; give the alerts written to the log, the first thing each says."""
        return [line.split(" | ")[0] for line in self.lines()]

    def lines(self) -> list[str]:
        """Tick once; give the alerts written to the log in full."""
        self._caplog.clear()
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor)
        with self._caplog.at_level(logging.WARNING, LOGGER):
            data = alerts.evaluate_tick(context)
        self.cursor, self.said = data.cursor, data.skip_message or ""
        return [each.getMessage() for each in self._mine() if hasattr(each, "alert")]

    def warnings(self) -> list[str]:
        """Give what the last tick logged beside alerts."""
        return [each.getMessage() for each in self._mine() if not hasattr(each, "alert")]

    def _mine(self) -> list[logging.LogRecord]:
        return [each for each in self._caplog.records if each.name == LOGGER]
