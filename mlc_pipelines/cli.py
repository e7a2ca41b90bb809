"""The `mlc` command: the other door. Each command is a thin function; heavy imports wait until one runs."""

import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from mlc_pipelines.commands import operating, running, sandboxing, serving, telling
from mlc_pipelines.commands.environment import use_home
from mlc_pipelines.commands.output import CONFIGURATION, UNREACHABLE, say
from mlc_pipelines.errors import MlcError, TransientError
from mlc_pipelines.wire.redaction import REDACTOR

app = typer.Typer(
    help="IFS Cloud to and from spend systems: nothing lost, nothing posted twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Home = Annotated[Path | None, typer.Option(help="Folder of ledger, vault key and runs, and of its own connections.")]


@app.callback()
def begin(home: Home = None) -> None:
    """Choose where this installation keeps its things."""
    if home is not None:
        use_home(home)


for register in (running.register, telling.register, operating.register, sandboxing.register, serving.register):
    register(app)


def main() -> None:
    """Run the command; an error of ours is one sentence on stderr and an exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    REDACTOR.install(logging.getLogger())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager stops us as Ctrl-C does
    try:
        app()
    except TransientError as error:
        say(f"not reached: {error}")
        sys.exit(UNREACHABLE)
    except (MlcError, OSError) as error:
        say(str(error))
        sys.exit(CONFIGURATION)
    except Exception as error:
        if not type(error).__module__.startswith("sqlalchemy."):  # never imported here, so that help stays quick
            raise
        say(f"database: {getattr(error, 'orig', None) or error}; see MLC_DATABASE_URL")
        sys.exit(CONFIGURATION)


if __name__ == "__main__":
    main()
