"""Commands on the embedded sandbox: demo, sandbox serve."""

from contextlib import suppress
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


Invoices = Annotated[int, typer.Option(min=1, max=100_000, help="Documents for each spend system.")]
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

    _must_be_known(integration)
    folder = home() / "demo"
    if not demonstrate(folder, system=integration, invoices=invoices, seed=seed, faults=faults.value):
        raise typer.Exit(ATTENTION)


def _must_be_known(integration: str | None) -> None:
    from mlc_pipelines.sandbox.offices import offices

    if integration is not None and integration not in offices():
        say(f"there is no integration {integration!r}; there are: {', '.join(offices())}")
        raise typer.Exit(CONFIGURATION)


def serve(
    integration: Annotated[str | None, typer.Option(help="Only this spend system.")] = None,
    port_base: Annotated[int, typer.Option(help="First port; ten for each spend system.")] = 18080,
    seed: Seed = 1,
    invoices: Invoices = 120,
    faults: FaultsOption = Faults.CALM,
    act_every: Annotated[float, typer.Option(help="Seconds between two days of the people there; 0 for never.")] = 30.0,
) -> None:
    """Serve the simulators in the foreground, with ready-made connection files beside them."""
    from mlc_pipelines.commands.playground import open_playground

    _must_be_known(integration)
    folder = home() / "sandbox"
    with (
        suppress(KeyboardInterrupt),
        open_playground(
            folder,
            systems=[integration] if integration else [],
            port_base=port_base,
            seed=seed,
            invoices=invoices,
            faults=faults.value,
        ) as playground,
    ):
        out = console()
        for name, office in playground.offices.items():
            for title, address in office.addresses().items():
                out.print(f"sandbox_{name:<10} {title:<10} {address}", markup=False)
        out.print(f"connections        {folder / 'connections'}", markup=False)
        out.print(f"in another terminal:  uv run mlc --home {shown(folder)} run sandbox_ramp", markup=False)
        out.print("stop with Ctrl-C", markup=False)
        playground.live(act_every)


def shown(folder: Path) -> Path:
    """Give a folder as short as it can be written here."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


__all__ = ["demo", "register", "serve", "shown", "use_home"]
