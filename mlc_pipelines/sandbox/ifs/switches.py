"""What differs between tenants and releases, as switches of the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NEXT_LINK_FORMS = ("relative_root", "service_relative", "slash", "absolute", "none")
MISSING_IF_MATCH = ("refuse", "upsert")
PAGE_CEILING = 5000


@dataclass
class Switches:
    """Settings of one simulated tenant; they may be changed while it runs, except the renamed attributes."""

    max_page: int = PAGE_CEILING
    next_link_form: str = "relative_root"
    repeat_row: bool = False
    objstate_filter_refused: bool = False
    missing_if_match: str = "refuse"
    granted_companies: frozenset[str] | None = None  # None: every company
    forbidden_projections: frozenset[str] = frozenset()
    missing_projections: frozenset[str] = frozenset()
    renamed_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by set or nested collection
    requests_per_minute: int = 1000
    retry_after_header: bool = True
    token_seconds: int = 3600
    catalogue_size: int = 6000

    def __post_init__(self) -> None:
        if self.next_link_form not in NEXT_LINK_FORMS:
            raise ValueError(f"next_link_form {self.next_link_form!r}: use one of {', '.join(NEXT_LINK_FORMS)}")
        if self.missing_if_match not in MISSING_IF_MATCH:
            raise ValueError(f"missing_if_match {self.missing_if_match!r}: use one of {', '.join(MISSING_IF_MATCH)}")
        for name in ("granted_companies", "forbidden_projections", "missing_projections"):
            value = getattr(self, name)
            if value is not None:
                setattr(self, name, frozenset(value))

    def grants(self, company: str | None) -> bool:
        """Say whether the service user may see rows of this company."""
        return company is None or self.granted_companies is None or company in self.granted_companies

    def installs(self, projection: str | None) -> bool:
        """Say whether this projection exists on the tenant."""
        return projection not in self.missing_projections
