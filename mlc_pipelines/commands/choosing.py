"""Which connections a command tells of, and what of their files cannot be read."""

import os

from mlc_pipelines.commands.output import say
from mlc_pipelines.connections.settings import connections_folder
from mlc_pipelines.integrations.house import House


def chosen(house: House, connection: str | None) -> tuple[list[str], bool]:
    """Name the connections, broken ones too, and tell whether all could be read; what could not is said."""
    broken = [each for each in house.broken if connection in (None, each.name)]
    problems = [each.problem for each in broken]
    folder = connections_folder(os.environ)
    if connection is None and not folder.is_dir():
        problems.append(f"there is no folder {folder} with connection files; see README.md")
    for problem in problems:
        say(problem)
    if connection is None:
        return sorted({*house.connections, *(each.name for each in broken)}), not problems
    return [connection if broken else house.connection(connection).name], not problems
