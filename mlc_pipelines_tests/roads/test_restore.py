"""A backup of the ledger that is older than its postings: nothing is posted again, all of it is linked."""

from pathlib import Path

import pytest

from mlc_pipelines_tests.roads.restoring import Restoring


@pytest.mark.parametrize(("system", "kind", "documents"), [("bill", "sqlite", 20), ("procurify", "postgres", 40)])
def test_what_the_ledger_has_forgotten_is_found_in_the_target(
    tmp_path: Path, system: str, kind: str, documents: int
) -> None:
    """Bills and payments in BILL, invoices and vouchers in IFS: after the restore both sides see no write at all."""
    found = Restoring(system, tmp_path / "home", documents=documents, kind=kind).go()
    assert found.posted >= 20
    assert (found.linked, found.rewritten, found.wrong) == (found.posted, 0, ())
