"""The chart of accounts and the other classifications of BILL: what lines are coded to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlc_pipelines.integrations.bill.calls import Calls, id_of, made_rows
from mlc_pipelines.integrations.bill.models import Classification, reader
from mlc_pipelines.wire.rows import readable

MOST_AT_ONCE = 20
"""Classifications in one bulk call; the limit is not stated (assumed)."""

_read = reader(Classification, "classification")


class ClassificationCalls(Calls):
    """Calls below /v3/classifications. Nothing is archived: with an account go its children, for good."""

    def classifications(self, kind: str) -> Iterator[Classification]:
        """List one kind, archived ones too where BILL lists them; RecordError for one that cannot be read."""
        return self._rows(f"/v3/classifications/{kind}", _read)

    def classifications_known(self, kind: str) -> Iterator[Classification]:
        """List one kind to have its words; one that cannot be read is logged and left out."""
        return readable(self._raw(f"/v3/classifications/{kind}"), _read)

    def create_classifications(self, kind: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Make up to twenty of one kind and give their ids."""
        path = f"/v3/classifications/{kind}"
        if len(rows) == 1:
            return [id_of(self._post(path, rows[0]), "classification")]
        body = self._post(f"{path}/bulk", list(rows))
        names = [((row["name"], row.get("account", {}).get("number")),) for row in rows]
        made = made_rows(
            body, _read, "classifications", sent=names, named=lambda row: ((row.name, row.account.number),)
        )
        return [row.id for row in made]
