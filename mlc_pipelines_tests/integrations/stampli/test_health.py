"""Health: hours of working days, counted in the tenant's zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mlc_pipelines.integrations.stampli.health import working_hours

FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("later", "hours"),
    [
        (timedelta(hours=3), 3),
        (timedelta(hours=12), 12),
        (timedelta(days=1), 12),
        (timedelta(days=2), 12),
        (timedelta(days=3), 24),
        (timedelta(days=7), 120),
        (timedelta(0), 0),
    ],
)
def test_a_weekend_does_not_count(later: timedelta, hours: float) -> None:
    """From Friday noon on."""
    assert working_hours(FRIDAY, FRIDAY + later, ZoneInfo("UTC")) == pytest.approx(hours)


def test_days_are_those_of_the_zone() -> None:
    """Friday 23:30 in London is Saturday in Berlin."""
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert working_hours(late, late + timedelta(hours=10), BERLIN) == 0


def test_a_change_of_the_clocks_is_counted_as_it_is() -> None:
    """The week of the long Sunday has no hour more on its working days."""
    monday = datetime(2026, 10, 19, 0, 0, tzinfo=BERLIN)
    assert working_hours(monday, monday + timedelta(days=14), BERLIN) == pytest.approx(240)
