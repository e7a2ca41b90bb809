"""What a connection check and the comparison of names say."""

from typing import Any

from mlc_pipelines_tests.roads.airbase.tenancy import Tenancy


def said(tenancy: Tenancy) -> dict[str, tuple[bool, str]]:
    """Give what the check says of Airbase."""
    return {
        finding.name.removeprefix("airbase: "): (finding.ok, finding.message)
        for finding in tenancy.session.check()
        if finding.name.startswith("airbase")
    }


def test_all_is_well(tenancy: Tenancy) -> None:
    """A line for each question, and one for what is not received."""
    lines = said(tenancy)
    assert all(ok for ok, _ in lines.values())
    assert lines["token"][1] == "accepted after the word Token"
    assert "airbase.verify.modes" in lines["webhooks"][1]


def test_the_other_word_is_tried_once_and_told(tenancy: Tenancy) -> None:
    """It is never switched to: what comes after is refused too."""
    tenancy.airbase_settings(auth_scheme="Bearer")
    lines = said(tenancy)
    assert not lines["token"][0]
    assert "set airbase.auth_scheme to Token" in lines["token"][1]
    assert not lines["vendors"][0]
    assert [entry.status for entry in tenancy.airbase.journal.entries].count(200) == 1


def test_a_token_that_is_wrong_either_way(tenancy: Tenancy) -> None:
    """Both were tried."""
    for which in ("token", "token_next"):
        tenancy.airbase.people.revoke_token(which)
    ok, message = said(tenancy)["token"]
    assert not ok
    assert "Bearer does not work either" in message


def test_a_403_is_no_matter_of_words(tenancy: Tenancy) -> None:
    """The token is known; the other word is not tried."""
    body: dict[str, Any] = {"status": 403, "body": '{"detail": "no"}', "headers": {"content-type": "application/json"}}
    tenancy.airbase.faults.once("status", times=100, **body)
    assert "rights" in said(tenancy)["token"][1]
    assert tenancy.asked("GET", "subsidiaries") == 2  # one for each question that asks for them


def test_a_company_without_a_subsidiary_is_told_with_those_there_are(tenancy: Tenancy) -> None:
    """So that a person can choose."""
    tenancy.airbase_settings(subsidiaries={"20": "21"})
    ok, message = said(tenancy)["subsidiaries"]
    assert not ok
    assert "company 20" in message
    assert "90 Falkenried Service K.K." in message


def test_what_is_not_configured_is_said(tenancy: Tenancy) -> None:
    """An unused flow is no fault."""
    tenancy.change(airbase={"requests": None, "payments": None})
    lines = said(tenancy)
    assert lines["request_vouchers"] == (True, "not configured: set airbase.requests to run this flow")
    assert lines["payment_vouchers"] == (True, "not configured: set airbase.payments to run this flow")
    tenancy.walk()
    assert tenancy.states("payment_vouchers") == tenancy.states("request_vouchers") == {}
    assert list(tenancy.session.gaps())


def test_a_side_that_is_down_is_told_once(tenancy: Tenancy) -> None:
    """The first question that nobody answers is the last."""
    html: dict[str, Any] = {"status": 502, "body": "<html>Bad gateway</html>", "headers": {"content-type": "text/html"}}
    tenancy.airbase.faults.once("status", times=1000, **html)
    findings = [finding for finding in tenancy.session.check() if finding.unreachable]
    assert len(findings) == 1
    assert "Bad gateway" in findings[0].message


def test_accounts_and_subsidiaries_are_compared_and_never_written(tenancy: Tenancy) -> None:
    """Missing, renamed and other ones are told."""
    gaps = {(gap.kind, gap.key): gap.what for gap in tenancy.session.gaps()}
    assert set(gaps) == {("gl_account", "4510"), ("gl_account", "4800"), ("gl_account", "7777"), ("subsidiary", "90")}
    assert "only in IFS" in gaps["gl_account", "4800"]
    assert "only in Airbase" in gaps["gl_account", "7777"]
    tenancy.walk()
    assert tenancy.airbase.read_only_writes == []
