"""Processes on one credential and a server that counts: no window above the limit, whatever Retry-After it sends."""

from pathlib import Path

import pytest

from mlc_pipelines_tests.databases import on_both
from mlc_pipelines_tests.strict.calling import Measure
from mlc_pipelines_tests.strict.rates import Refusal, count, play


@on_both
def test_processes_that_share_a_budget_stay_within_it(tmp_path: Path, kind: str) -> None:
    """Turned away now and then, killed and started anew at once, two credentials side by side: each keeps its limit.

    The windows are counted a little short here: a machine that runs many tests at once lets calls arrive late.
    """
    acme, globex = Measure("acme", 40, 1.0, 1), Measure("globex", 30, 2.0, 2)
    shorter = [Measure("acme", 40, 0.8, 1), Measure("globex", 30, 1.6, 2)]
    played = play(
        tmp_path, kind=kind, measures=[acme, globex], processes=3, threads=2, seconds=4, refuse_every=23, restarts=1
    )
    assert [each.refused > 0 for each in played] == [True, True]
    for each, measure in zip(played, shorter, strict=True):
        assert each.calls > measure.limit
        assert count(measure, each.stamps, [], until=each.stamps[-1]).over_sliding == 0


def test_a_window_above_the_limit_would_be_seen() -> None:
    """One call too many in a window that slides, in a fixed one, and one in a pause."""
    measure = Measure("acme", 4, 1.0, 1)
    evenly = [10.0 + number / 4 for number in range(16)]
    assert count(measure, evenly, [], until=14.0).over_sliding == 0
    assert count(measure, evenly, [], until=14.0).used == pytest.approx(1.0)
    crowded = count(measure, [*evenly, 12.625], [Refusal(12.0, 12.75)], until=14.0)
    assert (crowded.over_sliding, crowded.over_fixed, crowded.fullest) == (5, 1, 5)
    assert crowded.in_pauses == 3
