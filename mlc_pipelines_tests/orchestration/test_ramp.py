"""A connection to Ramp, run through Dagster against both sandboxes."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from mlc_pipelines.integrations.house import House
from mlc_pipelines.sandbox.ifs import IfsSandbox
from mlc_pipelines.sandbox.ramp import RampSandbox
from mlc_pipelines.sandbox.world import World
from mlc_pipelines_tests.orchestration.running import check, counts, load

FILE = """\
name: sandbox
integration: ramp
companies: ["10", "20"]
ifs: {{base_url: "{ifs}", token_url: "{token}", credential: sandbox/ifs}}
ramp: {{base_url: "{ramp}", credential: sandbox/ramp}}
mapping:
  dimensions: {{CodeB: "Cost Center"}}
"""
SECRETS = {
    "sandbox/ifs/client_id": "mlc-sandbox",
    "sandbox/ifs/client_secret": "sandbox-ifs-secret",
    "sandbox/ramp/client_id": "ramp_sandbox_id",
    "sandbox/ramp/client_secret": "ramp-sandbox-secret",
}


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    world = World.make(seed=1, invoices=8)
    with IfsSandbox(world=world) as ifs, RampSandbox(world=world) as ramp:
        text = FILE.format(ifs=ifs.url, token=ifs.token_url, ramp=ramp.url)
        (folder / "sandbox.yaml").write_text(text, encoding="utf-8")
        with House.open() as opened:
            for name, secret in SECRETS.items():
                opened.vault.set(name, SecretStr(secret))
            yield opened


def test_a_run_accounts_for_every_invoice(house: House, instance: dg.DagsterInstance) -> None:
    """All eight invoices are somewhere, nothing secret is in the event log, and both sides agree."""
    result = load().resolve_job_def("sandbox").execute_in_process(instance=instance, raise_on_error=False)
    assert result.success
    assert counts(result, "sandbox/supplier_invoices") == {"new": 8}
    conservation = check(result, "conservation", "sandbox/bills")
    assert conservation.passed
    assert conservation.metadata["records"].value == 8
    told = "".join(str(event) for event in instance.all_logs(result.run_id))
    assert not [secret for secret in SECRETS.values() if secret.endswith("-secret") and secret in told]
    asked = load().resolve_job_def("sandbox_checks").execute_in_process(instance=instance, raise_on_error=False)
    assert asked.success
    assert check(asked, "reconciled", "sandbox/bills").passed


def test_a_refused_credential_stops_the_connection_with_its_sentence(
    house: House, instance: dg.DagsterInstance
) -> None:
    """Every flow fails at once and names the credential; the secret is nowhere."""
    house.vault.set("sandbox/ifs/client_secret", SecretStr("canary-7f3a-secret"))
    result = load().resolve_job_def("sandbox").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    data = result.failure_data_for_node("sandbox__supplier_invoices")
    assert data is not None
    assert data.user_failure_data is not None, data.error
    assert "sandbox/ifs" in (data.user_failure_data.description or "")
    assert not [entry for entry in instance.all_logs(result.run_id) if "canary-7f3a-secret" in str(entry)]
