"""Which code parts of IFS go to a spend system, and as what."""

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.ifs.names import CODE_PARTS


def mapped_code_parts(connection: Connection) -> dict[str, str]:
    """Give what each code part (`CodeB`) is in the spend system; ConfigurationError for one that there is not."""
    table = dict(connection.mapping.table("dimensions") or {})
    wrong = sorted(set(table) - set(CODE_PARTS.values()))
    if wrong:
        raise ConfigurationError(
            f"{connection.path}: mapping.dimensions: {', '.join(wrong)}: code parts are CodeB to CodeJ"
        )
    return table
