"""The offices of the sandbox: one for each spend system, found by its name."""

import importlib
import pkgutil
from collections.abc import Mapping

from mlc_pipelines.sandbox.office import Office


def offices() -> Mapping[str, type[Office]]:
    """Give the kinds of office by spend system; every module beside this one has an OFFICE."""
    found: dict[str, type[Office]] = {}
    for module in pkgutil.iter_modules(__path__):
        office: type[Office] = importlib.import_module(f"{__name__}.{module.name}").OFFICE
        found[office.system] = office
    return found
