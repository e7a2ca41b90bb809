"""Tests of the settings: what follows from the domain, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlc_pipelines.integrations.procurify.settings import PATHS, Feed, ProcurifySettings


def settings(**given: Any) -> ProcurifySettings:
    return ProcurifySettings.model_validate({"domain": "acme", "credential": "acme/procurify"} | given)


def test_addresses_follow_from_the_domain() -> None:
    """A customer has its own host, and its token comes from there."""
    found = settings()
    assert (found.base_url, found.token_url) == (
        "https://acme.procurify.com",
        "https://acme.procurify.com/oauth/token",
    )


def test_older_customers_name_another_token_address() -> None:
    """The older token host was seen in public code."""
    assert settings(token_url="https://login.procurify.com/oauth/token").token_url.startswith("https://login.")


def test_the_defaults_are_those_of_the_contract() -> None:
    """Approved bills in every later status, orders only, the approver's cost center, a person for new vendors."""
    found = settings()
    assert [sorted(kinds) for kinds in (found.bill_statuses, found.bill_types, found.vendor_types)] == [
        [2, 4, 6, 7, 8],
        [0],
        [3, 4],
    ]
    assert (found.cost_center_source, found.new_suppliers, found.page_size) == ("approver", "hold", 50)
    assert found.audience == "https://api.procurify.com/"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"domain": None}, "name the domain"),
        ({"domain": "acme.procurify.com"}, "String should match"),
        ({"base_url": "http://acme.procurify.com"}, "https"),
        ({"token_url": "https://acme.procurify.com/oauth/token?x=1"}, "plain address"),
        ({"audience": "https://api.procurify.com"}, "slash"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"bill_types": [0, 2]}, "card bills"),
        ({"paths": {"bills": "/api/v4/bills"}}, "slash"),
        ({"paths": {"bill": "/api/v4/bill/"}}, "compare with"),
        ({"paths": {"requisitions": "/x/"}}, "requisitions"),
        ({"calls_at_once": 5}, "less than or equal to 4"),
        ({"webhook_secret": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], said: str) -> None:
    """The message names what is wrong."""
    with pytest.raises(ValidationError, match=said):
        settings(**given)


def test_a_path_that_moved_is_a_setting() -> None:
    """The others stay as they are known."""
    found = settings(paths={"bills": "/api/v4/ap/bills/"})
    assert (found.path(Feed.BILLS), found.path(Feed.BILL)) == ("/api/v4/ap/bills/", PATHS[Feed.BILL])
