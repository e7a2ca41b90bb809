"""Calls `mlc` as a shell would: arguments in; exit code, stdout and stderr out."""

import contextlib
import io
import json
import sys
from dataclasses import dataclass
from typing import Any
from unittest import mock

from mlc_pipelines.cli import main

COLUMNS = 80


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Read stdout as the one JSON document it must be."""
        return json.loads(self.out)

    @property
    def widest(self) -> int:
        """Tell the length of the longest line on stdout."""
        return max((len(line) for line in self.out.splitlines()), default=0)


def mlc(*arguments: str, stdin: str = "") -> Said:
    """Call the command in this process, with the streams of a script."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        mock.patch.object(sys, "argv", ["mlc", *arguments]),  # what a shell gives a program
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),  # as above
        mock.patch.dict("os.environ", {"COLUMNS": str(COLUMNS)}),  # the width people have
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Said(code, out.getvalue(), err.getvalue())
