"""Documents of every currency, tax and sign: what is sent is what they come to, in exact fractions."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlc_pipelines_tests.accounting.money_cases import OUTWARD, REFUSED, Case
from mlc_pipelines_tests.accounting.voucher_cases import INWARD

CASES = (*OUTWARD, *INWARD)
SEEDS = 300


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@settings(max_examples=40, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_whatever_is_drawn_is_exact(case: Case, rng: Random) -> None:
    """Debits are credits, every account has its amount, and what does not add up is refused."""
    verdict = case(rng)
    assert not verdict.off
    assert verdict.wrong == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_many_by_seed(case: Case) -> None:
    """The same cases as the long run has; some of the documents are right, and of most kinds some are refused."""
    verdicts = [case(Random(seed)) for seed in range(SEEDS)]
    assert [(verdict.off, verdict.wrong) for verdict in verdicts if verdict.off or verdict.wrong] == []
    outcomes = {verdict.outcome for verdict in verdicts}
    assert outcomes == ({"right"} if case.__name__ in {"money", "split"} else {"right", REFUSED})
