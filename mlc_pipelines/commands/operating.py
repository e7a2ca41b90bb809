"""Commands for the one who runs it: audit, secrets, db."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mlc_pipelines.commands.output import ATTENTION, CONFIGURATION, as_json, console, plain, say, table
from mlc_pipelines.commands.running import Json


def register(app: typer.Typer) -> None:
    """Add the commands, in groups."""
    audit = typer.Typer(help="The hash chain over everything that happened.", no_args_is_help=True)
    audit.command("verify")(audit_verify)
    audit.command("export")(audit_export)
    app.add_typer(audit, name="audit")
    secrets = typer.Typer(help="Secrets in the vault.", no_args_is_help=True)
    secrets.command("set")(secrets_set)
    secrets.command("list")(secrets_list)
    secrets.command("remove")(secrets_remove)
    secrets.command("rotate")(secrets_rotate)
    app.add_typer(secrets, name="secrets")
    database = typer.Typer(help="The ledger's database.", no_args_is_help=True)
    database.command("upgrade")(db_upgrade)
    database.command("prune")(db_prune)
    app.add_typer(database, name="db")


def audit_verify(
    archive: Annotated[list[Path] | None, typer.Option(help="Archives of `mlc db prune` to check as well.")] = None,
    as_document: Json = False,
) -> None:
    """Check that no event, source copy or seal was changed, removed or put in; if so, seal finished days."""
    from mlc_pipelines.integrations.house import House
    from mlc_pipelines.ledger.archive_audit import verify_archives

    with House.open() as house:
        findings = list(house.ledger.audit.verify())
        findings += verify_archives(house.ledger.engine, archive) if archive else []
        sealed = [] if findings else house.ledger.audit.seal()
    if as_document:
        as_json(
            {
                "intact": not findings,
                "sealed": sealed,
                "findings": [{"where": f.where, "what": f.what} for f in findings],
            }
        )
    else:
        out = console()
        for finding in findings:
            out.print(plain(f"{finding.where}: {finding.what}"))
        out.print(
            "[red]the ledger was changed from outside[/]"
            if findings
            else "[green]intact[/]: every event fits the one before"
        )
    if findings:
        raise typer.Exit(ATTENTION)


def audit_export(file: Annotated[Path, typer.Argument(help="Where to write the pack (JSON lines).")]) -> None:
    """Write a pack of all events and seals, signed, and the script with which an outsider verifies it."""
    from mlc_pipelines.integrations.house import House
    from mlc_pipelines.ledger import verify_pack

    with House.open() as house, file.open("w", encoding="utf-8") as out:
        house.ledger.audit.seal()
        count = sum(1 for line in house.ledger.audit.pack() if out.write(line + "\n"))
        key = house.ledger.audit.public_key()
    script = file.with_name("verify_pack.py")
    script.write_text(Path(verify_pack.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    console().print(
        f"{count} lines written to {file}; verify them with: python {script.name} {file.name} {key}\n"
        "Give the key to the outsider by another way than the pack.",
        markup=False,
        soft_wrap=True,
    )


def secrets_set(
    name: Annotated[str, typer.Argument(help="As the connection file names it: acme/ifs/client_secret.")],
) -> None:
    """Store a secret; it is asked for, or all of standard input, as a key file has it; never on the command line."""
    from getpass import getpass

    from pydantic import SecretStr

    from mlc_pipelines.integrations.house import House

    value = getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read().rstrip("\r\n")
    if not value:
        say("nothing was given; nothing is stored")
        raise typer.Exit(CONFIGURATION)
    with House.open() as house:
        house.vault.set(name, SecretStr(value))
    console().print(f"{name} is stored")


def secrets_list(as_document: Json = False) -> None:
    """Name the stored secrets, never their values."""
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        names = house.vault.names()
    if as_document:
        as_json(names)
    else:
        console().print(plain("\n".join(names) or "none"))


def secrets_remove(name: str) -> None:
    """Forget a secret."""
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        there = house.vault.remove(name)
    if not there:
        say(f"there is no secret {name}")
        raise typer.Exit(ATTENTION)
    console().print(f"{name} is removed")


def secrets_rotate() -> None:
    """Make a new key, if keys are in a file, and seal everything with the newest; nothing needs to stop."""
    import os

    from mlc_pipelines.commands.environment import home
    from mlc_pipelines.connections.vault import KeyRing, Vault, add_key
    from mlc_pipelines.integrations.house import House

    with House.open() as house:
        keys = KeyRing.from_environment(os.environ, home())
        if keys.file is not None:
            keys = add_key(keys)
        vault = Vault(house.ledger.engine, keys, clock=house.ledger.clock, environ=os.environ)
        changed = vault.rotate()
    console().print(
        f"{changed} values are sealed with key {keys.keys[0].id}; old keys stay on the ring to open backups "
        "and to prove seals of the audit"
    )
    if keys.file is None:
        say("no new key was made: the keys are in MLC_VAULT_KEY; put a new one first there, restart, then rotate")


def db_upgrade() -> None:
    """Bring the tables to this version; data stays."""
    from mlc_pipelines.integrations.house import House

    with House.open():
        console().print("the tables are up to date")


def db_prune(
    older_than: Annotated[int, typer.Option(min=2, help="Days since a record came to rest.", metavar="DAYS")],
    archive: Annotated[Path, typer.Option(help="File that gets what goes; it grows with each pruning.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only tell what would go.")] = False,
    as_document: Json = False,
) -> None:
    """Move documents and events of records at rest into an archive; what keeps them from being posted again stays."""
    from dataclasses import asdict
    from datetime import timedelta

    from mlc_pipelines.integrations.house import House
    from mlc_pipelines.ledger.pruning import Pruned

    age = timedelta(days=older_than)
    with House.open() as house:
        groups = house.ledger.retention.resting(age)
        done = house.ledger.retention.prune(age, archive) if yes else Pruned()
    findings = [{"where": finding.where, "what": finding.what} for finding in done.findings]
    if as_document:
        facts = {"pruned": yes, "records": done.entries, "events": done.events, "letters": done.letters}
        resting = [asdict(group) for group in groups]
        as_json({"archive": str(archive), "resting": resting, **facts, "findings": findings})
    else:
        out = console()
        columns = ("connection", "flow", "state", "records", "events", "MB of documents")
        rows = [(g.connection, g.flow, g.state, g.entries, g.events, f"{g.document_bytes / 1e6:.1f}") for g in groups]
        out.print(table("at rest", columns, rows, right=columns[3:]))
        for finding in done.findings:
            out.print(plain(f"{finding.where}: {finding.what}"))
        went = f"{done.entries} records with {done.events} events are in {archive} now: keep it"
        out.print(plain(went if yes else "nothing was changed; --yes does it"))
    if findings:
        raise typer.Exit(ATTENTION)
