"""Times as the systems write them."""

from datetime import UTC, datetime

import pytest

from mlc_pipelines.wire.moments import instant


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-14T09:26:53Z", datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)),
        ("2026-03-14T11:26:53+02:00", datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)),
        ("2026-03-14T09:26:53.25", datetime(2026, 3, 14, 9, 26, 53, 250000, tzinfo=UTC)),
        ("2026-03-14", datetime(2026, 3, 14, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text: str, moment: datetime) -> None:
    """With or without a zone, with or without a time of day."""
    assert instant(text) == moment


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Also what has no equal in UTC."""
    with pytest.raises(ValueError, match=r".+"):
        instant(text)
