"""Finds the integrations: every folder beside this file that has an INTEGRATION."""

import functools
import importlib
import pkgutil
from collections.abc import Mapping

from mlc_pipelines import integrations
from mlc_pipelines.integrations.integration import Integration


@functools.cache
def catalogue() -> Mapping[str, Integration]:
    """Give all integrations by name."""
    found = {}
    for module in pkgutil.iter_modules(integrations.__path__):
        if module.ispkg:
            folder = importlib.import_module(f"{integrations.__name__}.{module.name}")
            integration: Integration | None = getattr(folder, "INTEGRATION", None)
            if integration is not None:
                found[integration.name] = integration
    return found
