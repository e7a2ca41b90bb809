"""SFTP operations as the kernel's journal and faults see them: a method on a path, like any request."""

from urllib.parse import urlencode

from starlette.requests import Request

from mlc_pipelines.sandbox.kernel.faults import Fault, Faults
from mlc_pipelines.sandbox.kernel.journal import Journal, JournalEntry

LOGIN, LIST, STAT, OPEN, READ, RENAME, REMOVE = "LOGIN", "LIST", "STAT", "OPEN", "READ", "RENAME", "REMOVE"
CHANGING = frozenset({RENAME, REMOVE})


def operation(method: str, path: str, **details: object) -> Request:
    """Write an operation as a request."""
    return Request(
        {
            "type": "http",
            "method": method,
            "scheme": "http",  # the kernel reads addresses of requests
            "server": ("127.0.0.1", 22),
            "path": path,
            "query_string": urlencode(details).encode(),
            "headers": [],
        }
    )


class SftpJournal(Journal):
    """Entries of SFTP operations: `status` is the SFTP status, 0 for success, None when the line was cut."""

    def writes(self) -> list[JournalEntry]:
        """Return the operations that could have changed something."""
        return [entry for entry in self.since(0) if entry.method in CHANGING]

    def of(self, method: str, path: str | None = None) -> list[JournalEntry]:
        """Return the operations of one kind, on one path if given."""
        return [entry for entry in self.since(0) if entry.method == method and path in (None, entry.path)]


def lost_answer(faults: Faults, request: Request) -> Fault | None:
    """Decide whether the answer to a change is lost; the profile knows changes by the methods of HTTP."""
    scripted = faults.drop_answer(request)
    if scripted is not None or request.method not in CHANGING:
        return scripted
    return faults.drop_answer(operation("PUT", request.url.path))
