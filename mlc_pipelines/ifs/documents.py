"""Writing to IFS: single records with their ETag, and documents of a header and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlc_pipelines.errors import (
    Cause,
    ConfigurationError,
    MlcError,
    OutcomeUnknownError,
    RecordError,
    TransientError,
)
from mlc_pipelines.ifs.batch import Change, answers, change_set
from mlc_pipelines.ifs.errors import judge
from mlc_pipelines.ifs.metadata import EntityType
from mlc_pipelines.ifs.odata import key_predicate
from mlc_pipelines.ifs.reading import Place
from mlc_pipelines.ifs.records import Row, RowReader
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.http import HttpClient

_FAILED = 400


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a new document: the nested collection they go to, the type of its records, and their values."""

    navigation: str
    type: EntityType
    names: Mapping[str, str]
    values: Sequence[Mapping[str, Any]]


class Documents:
    """Writes below one service."""

    def __init__(self, http: HttpClient, *, where: str) -> None:
        self._http = http
        self._where = where

    def create(self, place: Place, values: Mapping[str, Any]) -> Row:
        """Make one record."""
        answer = self._http.send("POST", place.path, json=_attributes(values, place.names))
        return self._made(answer, place)

    def patch(self, record: Place, row: Row, values: Mapping[str, Any]) -> Row:
        """Change a record under its ETag. An answer without a body gives a row of keys and ETag only."""
        headers = {"If-Match": self._etag(row)}
        answer = self._http.send("PATCH", record.path, headers=headers, json=_attributes(values, record.names))
        if not answer.body.strip():
            return Row(row.keys, answer.headers.get("etag"))
        changed = _row(answer, record)
        if changed.problem:
            raise OutcomeUnknownError(
                f"{self._where}: the answer to a change is {changed.problem}; read the record again"
            )
        return changed

    def action(self, record: Place, row: Row, name: str, values: Mapping[str, Any]) -> Any:
        """Run a bound action; its name is prefixed with the entity type, as `IfsApp.<Projection>.<Type>_<Action>`."""
        headers = {"If-Match": self._etag(row)}
        path = f"{record.path}/{record.type.name}_{name}"
        answer = self._http.send("POST", path, headers=headers, json=values)
        return answer.json() if answer.body.strip() else None

    def in_one_change_set(self, place: Place, header: Mapping[str, Any], *, rows: Rows) -> Row:
        """Make header and rows in one `$batch` change set: IFS keeps all of it or nothing."""
        changes = [Change(place.path.removeprefix(place.root), _attributes(header, place.names))]
        changes += [Change(f"$1/{rows.navigation}", _attributes(row, rows.names), if_match="$1") for row in rows.values]
        content_type, content = change_set(changes)
        whole = self._http.send(
            "POST",
            f"{place.root}$batch",
            headers={"Content-Type": content_type, "Accept": "multipart/mixed"},
            content=content,
        )
        inside = answers(whole)
        for answer in inside:
            if answer.status >= _FAILED:
                raise self._refused(answer)
        if len(inside) != len(changes):
            raise OutcomeUnknownError(
                f"{self._where}: sent {len(changes)} records, IFS answered {len(inside)}; look whether they exist"
            )
        return self._made(inside[0], place)

    def header_then_rows(self, place: Place, header: Mapping[str, Any], *, rows: Rows) -> Row:
        """Make the header, then row after row; when one fails the header is taken back, and the rows with it.

        A row whose answer was lost may land later than anybody looks for it, so it is never sent a second time.
        """
        made = self.create(place, header)
        record = Place(place.root, place.path + key_predicate(made.keys, place.type.keys), place.type, place.names)
        below = Place(place.root, f"{record.path}/{rows.navigation}", rows.type, rows.names)
        for row in rows.values:
            try:
                self._http.send("POST", below.path, json=_attributes(row, below.names))
            except MlcError as exc:
                self._take_back(record, exc)
                raise
        return made

    def _take_back(self, record: Place, why: MlcError) -> None:
        try:
            fresh = RowReader(record.type.keys, record.names).read(self._http.send("GET", record.path).body)
            self._http.send("DELETE", record.path, headers={"If-Match": self._etag(fresh)})
        except MlcError as exc:
            raise RecordError(
                f"{self._where}: {record.path} has a header without all its rows ({why}) and could not be deleted "
                f"({exc}); delete it in IFS, then release",
                cause=Cause.OUTCOME_UNSETTLED,
            ) from exc

    def _refused(self, answer: Answer) -> MlcError:
        error = judge(answer)
        if isinstance(error, TransientError) and not error.refused:
            return OutcomeUnknownError(f"{error}; look whether the document exists")
        return error or OutcomeUnknownError(f"{self._where}: HTTP {answer.status} inside a batch")

    def _made(self, answer: Answer, place: Place) -> Row:
        row = _row(answer, place)
        if row.problem or len(row.keys) != len(place.type.keys):
            raise OutcomeUnknownError(
                f"{self._where}: IFS accepted the record but its answer has no key ({row.problem or 'key missing'}); "
                "look for it before sending again"
            )
        return row

    def _etag(self, row: Row) -> str:
        if not row.etag or row.etag.strip() == "*":
            raise ConfigurationError(
                f"{self._where}: a record without an ETag is not changed; read it by its key first"
            )
        if not row.etag.isascii() or not row.etag.isprintable():
            raise RecordError(f"{self._where}: the ETag {row.etag!r} cannot be sent back", cause=Cause.UNREADABLE)
        return row.etag


def _row(answer: Answer, place: Place) -> Row:
    return RowReader(place.type.keys, place.names).read(answer.body)


def _attributes(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise ConfigurationError(f"ifs: no attribute is configured for {', '.join(unknown)}")
    return {names[name]: value for name, value in values.items()}
