"""The switches of the simulator: where the vendor's behaviour is unknown, and where a test wants the other reading."""

from dataclasses import dataclass


@dataclass
class Switches:
    """May be changed while the sandbox runs; every default is explained in README.md."""

    refuse_unknown_parameters: bool = True  # off: ignored, as many servers do
    default_page_size: int = 10
    max_page_size: int = 500  # larger sizes are cut down silently
    slow_pages_over: int | None = None  # larger pages stall until the caller gives up
    slow_seconds: float = 60.0  # a caller that waits this long gets 504
    slash_redirects: bool = False  # a path without its slash is 301 instead of 404
    client_header_status: int = 401  # what a missing X-Procurify-Client gets: 401 or 403
    audience_status: int = 403  # what a wrong audience gets: 401 or 403
    retry_after: bool = True  # 429 carries Retry-After
    inclusive_inside: bool = True  # inclusive tax is inside the line cost and its allocations; off: taken out of both
    default_order: str = "-id"  # order of the bill list when the caller names none
    zone: str = "Europe/Berlin"  # the account's day, for date filters and dates in lists
    novel_fields: bool = False  # every record carries a field no client knows
