"""Ready-made connection files for the sandbox: what an operator would write, with the sandbox's addresses."""

import csv
from pathlib import Path

from mlc_pipelines.sandbox.world import World

NAME = "sandbox_ramp"
WEBHOOK_SECRET = "sandbox/ramp/webhook"  # noqa: S105  # the name of a secret
SECRETS = {
    "sandbox/ifs/client_id": "mlc-sandbox",
    "sandbox/ifs/client_secret": "sandbox-ifs-secret",
    "sandbox/ramp/client_id": "ramp_sandbox_id",
    "sandbox/ramp/client_secret": "ramp-sandbox-secret",
}
"""What opens the simulators; they listen on loopback and hold made-up data only."""

_FILE = """\
# Made for the sandbox: two companies of a made-up manufacturer, against simulators on this machine.
name: {name}
integration: ramp
companies: ["10", "20"]
schedule: "*/1 * * * *"
enabled: true

ifs:
  base_url: {ifs}
  token_url: {ifs}/auth/realms/sandbox/protocol/openid-connect/token
  credential: sandbox/ifs
  requests_per_minute: 900
  read_seconds: {patience}
  write_seconds: {patience}

ramp:
  base_url: {ramp}
  credential: sandbox/ramp
  webhook_secret: {secret}
{webhook}  entities:
{entities}
  read_seconds: {patience}
  write_seconds: {patience}
  settle_after_seconds: {settle}        # the simulators answer at once; a real Ramp gets its 75 seconds
  ifs_settle_after_seconds: {settle}    # and a real IFS its 900
  vouchers:
    bills: all
    voucher_type: M
    user_group: AC
    credit_account: {{"*": "2400"}}

mapping:
  accounts: {{file: sandbox_accounts.csv}}
  dimensions: {{CodeB: Cost center, CodeC: Plant, CodeD: Project}}
  tax_accounts: {{"*": "1400"}}
"""


def write_samples(
    folder: Path,
    *,
    world: World,
    ifs: str,
    ramp: str,
    webhook_url: str | None = None,
    patience: float = 10.0,
    settle: float = 2.0,
) -> Path:
    """Write a connection file and its account table; a few accounts are left out, so that their invoices are held."""
    folder.mkdir(parents=True, exist_ok=True)
    mapped = sorted({account.code for account in world.accounts} - world.unmapped_accounts)
    with (folder / "sandbox_accounts.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["account", "gl_account"])
        rows.writerows([code, code] for code in mapped)
    entities = "\n".join(f'    "{company.code}": {company.name}' for company in world.companies)
    path = folder / f"{NAME}.yaml"
    text = _FILE.format(
        name=NAME,
        ifs=ifs,
        ramp=ramp,
        secret=WEBHOOK_SECRET,
        webhook=f"  webhook_url: {webhook_url}\n" if webhook_url else "",
        entities=entities,
        patience=patience,
        settle=settle,
    )
    path.write_text(text, encoding="utf-8")
    return path
