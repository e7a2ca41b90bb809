"""Commands on the embedded sandbox: demo, sandbox serve."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mlc_pipelines.commands.environment import home, use_home
from mlc_pipelines.commands.output import ATTENTION, CONFIGURATION, console, say


class Faults(StrEnum):
    """How badly the simulators behave."""

    CALM = "calm"
    STORM = "storm"  # 429, 5xx, time-outs, resets
    LOSSY = "lossy"  # commits, then drops the answer
    CONTENDED = "contended"  # someone edits between our read and our write
    EXPIRING = "expiring"  # short tokens, revocations


Invoices = Annotated[int, typer.Option(min=1, max=100_000, help="Supplier invoices in IFS.")]
Seed = Annotated[int, typer.Option(help="Same seed, same data.")]
FaultsOption = Annotated[Faults, typer.Option(help="Fault profile of the simulators.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    sandbox = typer.Typer(help="Simulators of all systems, on this machine.", no_args_is_help=True)
    sandbox.command("serve")(serve)
    app.add_typer(sandbox, name="sandbox")


def demo(
    integration: Annotated[str | None, typer.Option(help="Only this spend system.")] = None,
    invoices: Invoices = 120,
    seed: Seed = 1,
    faults: FaultsOption = Faults.CALM,
) -> None:
    """Run everything once on an embedded sandbox, in a folder of its own, and count what came of it."""
    from mlc_pipelines.commands.demonstration import demonstrate
    from mlc_pipelines.integrations.catalogue import catalogue

    if integration is not None and integration not in catalogue():
        say(f"there is no integration {integration!r}; there are: {', '.join(catalogue())}")
        raise typer.Exit(CONFIGURATION)
    folder = home() / "demo"
    if not demonstrate(folder, invoices=invoices, seed=seed, faults=faults.value):
        raise typer.Exit(ATTENTION)


def serve(
    port_base: Annotated[int, typer.Option(help="IFS here, Ramp on the next port.")] = 18080,
    seed: Seed = 1,
    invoices: Invoices = 120,
    faults: FaultsOption = Faults.CALM,
    act_every: Annotated[
        float, typer.Option(help="Seconds between visits of approvers and payers; 0 for never.")
    ] = 30.0,
) -> None:
    """Serve the simulators in the foreground, with ready-made connection files beside them."""
    from mlc_pipelines.commands.playground import open_playground

    folder = home() / "sandbox"
    with open_playground(folder, port_base=port_base, seed=seed, invoices=invoices, faults=faults.value) as office:
        out = console()
        out.print(f"IFS Cloud     {office.ifs.url}\nRamp          {office.ramp.url}", markup=False)
        out.print(f"connections   {folder / 'connections'}", markup=False)
        out.print(f"in another terminal:  uv run mlc --home {shown(folder)} run sandbox_ramp", markup=False)
        out.print("stop with Ctrl-C", markup=False)
        office.live(act_every)


def shown(folder: Path) -> Path:
    """Give a folder as short as it can be written here."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


__all__ = ["demo", "register", "serve", "shown", "use_home"]
