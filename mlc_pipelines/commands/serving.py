"""Commands that stay: ui, webhooks serve."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import typer

from mlc_pipelines.commands.environment import dagster_home, home
from mlc_pipelines.commands.output import console
from mlc_pipelines.errors import ConfigurationError

Host = Annotated[str, typer.Option(help="Address to listen on.")]


LONGEST_END = 130.0
"""Dagster gives its webserver and its daemon a minute each before it kills them; killed before that, it leaves them."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(ui)
    webhooks = typer.Typer(help="The receiver of webhooks.", no_args_is_help=True)
    webhooks.command("serve")(webhooks_serve)
    app.add_typer(webhooks, name="webhooks")


def ui(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the UI.")] = 3000,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="With the simulators and the webhook receiver, all live.")
    ] = False,
    invoices: Annotated[int, typer.Option(help="Documents for each spend system of the sandbox.")] = 120,
) -> None:
    """Start Dagster's webserver and daemon with our settings. The UI has no login: keep it on loopback."""
    # In the background of a script it is ignored, and all of Dagster's processes, told to stop by it, would stay.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _must_be_free(host, port)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        receiver = None
        if sandbox:
            from mlc_pipelines.commands.playground import open_playground

            address = f"http://127.0.0.1:{port + 1}"
            playground = stack.enter_context(
                open_playground(home() / "sandbox", invoices=invoices, webhooks_at=address)
            )
            receiver = _child(
                stack, [sys.executable, "-m", "mlc_pipelines.cli", "webhooks", "serve", "--port", str(port + 1)]
            )
        server = _child(stack, _dagster(host, port))
        console().print(f"Dagster on http://{host}:{port}, in a few seconds; stop with Ctrl-C", markup=False)
        if receiver is not None:
            playground.live(20.0)
        server.wait()


def _must_be_free(host: str, port: int) -> None:
    """Refuse a port that is taken: Dagster's webserver would hang there, and its daemon work beside another one."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise ConfigurationError(f"ui: cannot listen on {host}:{port} ({said}); choose another --port") from error


def _dagster(host: str, port: int) -> list[str]:
    dagster_home()
    workspace = Path("workspace.yaml").resolve()
    load = ["-w", str(workspace)] if workspace.exists() else ["-m", "mlc_pipelines.definitions"]
    return [sys.executable, "-m", "dagster", "dev", *load, "-h", host, "-p", str(port)]


def _child(stack: ExitStack, command: list[str]) -> subprocess.Popen[bytes]:
    """Start a program that ends with this one."""
    child = subprocess.Popen(command, env=dict(os.environ))  # noqa: S603  # our own command line

    def end() -> None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=LONGEST_END)
        except subprocess.TimeoutExpired:
            child.kill()

    stack.callback(end)
    return child


def webhooks_serve(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 3001,
) -> None:
    """Receive webhooks: verified, stored durably, then answered; a sensor turns them into runs."""
    from mlc_pipelines.integrations.house import House
    from mlc_pipelines.webhooks.app import serve

    with House.open() as house:
        serve(house, host=host, port=port)
