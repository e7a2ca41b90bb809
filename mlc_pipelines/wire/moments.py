"""Times as the systems write them."""

from datetime import UTC, datetime


def instant(text: str) -> datetime:
    """Read an ISO 8601 date or date-time as a time in UTC; one without an offset is in UTC.

    Ramp documents that; the times of IFS, BILL and Procurify are read so too. ValueError where it is neither, or before
    or after all time.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text} is before or after all time") from exc
