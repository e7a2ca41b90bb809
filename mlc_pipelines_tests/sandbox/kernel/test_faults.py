"""Seeded decisions: repeatable, bounded, and what the profiles promise."""

import pytest
from starlette.requests import Request

from mlc_pipelines.sandbox.kernel.clock import SandboxClock
from mlc_pipelines.sandbox.kernel.faults import PROFILES, Faults
from mlc_pipelines.sandbox.kernel.rate import RateLimit


def request(method: str = "GET", path: str = "/x") -> Request:
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    return Request(scope | {"server": ("127.0.0.1", 80), "scheme": "http", "root_path": ""})


def test_the_same_seed_makes_the_same_faults() -> None:
    """Two simulators with one seed fail on the same requests."""
    one, other = Faults("storm", seed=5), Faults("storm", seed=5)
    assert [one.before(request()) for _ in range(200)] == [other.before(request()) for _ in range(200)]


def test_calm_is_calm() -> None:
    """Without a profile nothing goes wrong."""
    faults = Faults()
    assert not any(faults.before(request("POST")) or faults.drop_answer(request("POST")) for _ in range(200))
    assert not any(faults.someone_edits() or faults.revoke_now() for _ in range(200))
    assert faults.token_seconds(3600) == 3600


def test_lossy_loses_answers_of_writes_only() -> None:
    """The lossy profile drops about a tenth of the writes' answers and no read's."""
    faults = Faults("lossy")
    assert not any(faults.drop_answer(request("GET")) for _ in range(200))
    lost = [faults.drop_answer(request("POST")) for _ in range(400)]
    assert 20 <= sum(fault is not None for fault in lost) <= 70
    assert {fault.kind for fault in lost if fault} == {"lost", "lost_504"}
    assert not any(faults.drop_answer(request("POST", "/oauth/token")) for _ in range(200))


def test_contended_means_others_edit() -> None:
    """In the contended profile someone edits about every fifth record before a change."""
    faults = Faults("contended")
    assert 50 <= sum(faults.someone_edits() for _ in range(400)) <= 110
    assert any(faults.someone_edits(request("PATCH")) for _ in range(50))


def test_an_edit_can_be_scripted() -> None:
    """One edit can be ordered for one address."""
    faults = Faults()
    faults.once("edit", method="PATCH", path_part="(7)")
    assert not faults.someone_edits(request("PATCH", "/things(8)"))
    assert faults.someone_edits(request("PATCH", "/things(7)"))
    assert not faults.someone_edits(request("PATCH", "/things(7)"))


def test_expiring_shortens_tokens() -> None:
    """In the expiring profile tokens live three seconds and are revoked now and then."""
    faults = Faults("expiring")
    assert faults.token_seconds(3600) == 3
    assert any(faults.revoke_now() for _ in range(300))


def test_unknown_profiles_and_kinds_are_refused() -> None:
    """A misspelt profile or kind is said at once."""
    with pytest.raises(ValueError, match="calm"):
        Faults("windy")
    with pytest.raises(ValueError, match="stall"):
        Faults().once("hiccup")
    assert set(PROFILES) == {"calm", "storm", "lossy", "contended", "expiring"}


def test_a_script_counts_what_it_skips_and_repeats() -> None:
    """`after` skips matches, `times` repeats, and only matching requests count."""
    faults = Faults()
    faults.once("reset", method="POST", path_part="/bills", after=1, times=2)
    kinds = [
        faults.before(request("POST", path)) is not None for path in ("/x", "/bills", "/bills", "/bills", "/bills")
    ]
    assert kinds == [False, False, True, True, False]


def test_the_rate_limit_is_strict() -> None:
    """Exactly the budget is admitted in a window; then the next fits only after the oldest has left it."""
    clock = SandboxClock()
    rate = RateLimit(clock, limit=3, seconds=60)
    assert [rate.refuse() for _ in range(3)] == [None, None, None]
    wait = rate.refuse()
    assert wait is not None
    assert 50 < wait <= 60
    clock.advance(61)
    assert rate.refuse() is None
    rate.limit = 0
    assert all(rate.refuse() is None for _ in range(10))
    rate.limit = 1
    assert rate.refuse() is not None
    rate.clear()
    assert rate.refuse() is None
