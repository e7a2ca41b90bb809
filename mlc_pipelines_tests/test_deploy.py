"""What the files in deploy/ name is there: modules, commands, settings, extras, and each other."""

import importlib
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from mlc_pipelines_tests.commands.asking import mlc

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
READ_BY_CELERY = {"DAGSTER_CELERY_BROKER", "DAGSTER_CELERY_BACKEND"}


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def compose() -> dict[str, Any]:
    (document,) = documents("docker-compose.yml")
    services: dict[str, Any] = document["services"]
    return services


def chart() -> dict[str, Any]:
    (values,) = documents("kubernetes/values.yaml")
    return dict(values)


@pytest.mark.parametrize("name", ["dagster.yaml", "dagster-celery.yaml"])
def test_dagster_takes_its_settings(tmp_path: Path, name: str) -> None:
    """As DAGSTER_HOME, with its own checks; pools, retries and retention are those of one machine."""
    shutil.copy(DEPLOY / name, tmp_path / "dagster.yaml")
    there, _ = dagster_instance_config(str(tmp_path))
    here, _ = dagster_instance_config(str(ROOT))
    assert there["storage"]["postgres"]["postgres_url"] == {"env": "DAGSTER_POSTGRES_URL"}
    for part in ("run_retries", "retention", "telemetry", "sensors", "schedules"):
        assert there[part] == here[part]
    assert there["concurrency"]["pools"] == here["concurrency"]["pools"]


def test_commands_and_options_are_there() -> None:
    """Every program of the containers; our own takes the options that it is given."""
    commands = [each["command"] for each in compose().values() if "build" in each and "command" in each]
    programs = {command[0] for command in commands}
    assert programs == {"dagster-webserver", "dagster-daemon", "dagster-celery", "mlc"}
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert "mlc" in scripts
    receiver = documents("kubernetes/mlc.yaml")[2]["spec"]["template"]["spec"]["containers"][0]["command"]
    for command in (compose()["webhooks"]["command"], receiver):
        said = mlc(*command[1:3], "--help")
        assert said.code == 0
        assert all(word in said.out for word in command if word.startswith("--"))


def test_modules_are_there() -> None:
    """What code servers load, and the image that they run in."""
    arguments = chart()["dagster-user-deployments"]["deployments"][0]["codeServerArgs"]
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    named = {arguments[1], *re.findall(r'"-m", "([\w.]+)"', image)}
    assert named == {"mlc_pipelines.definitions"}
    assert importlib.import_module(named.pop()).defs
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(re.findall(r"--extra (\w+)", image)) <= set(extras)


def test_settings_are_ones_that_somebody_reads() -> None:
    """Each variable of a container is read by our code or by the files beside it."""
    ours = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mlc_pipelines").rglob("*.py"))
    beside = (DEPLOY / "dagster-celery.yaml").read_text(encoding="utf-8")
    given = {name for each in compose().values() if "build" in each for name in each["environment"]}
    secret, _, receiver, *_ = documents("kubernetes/mlc.yaml")
    given |= set(secret["stringData"])
    containers = [
        *chart()["dagster-user-deployments"]["deployments"],
        *receiver["spec"]["template"]["spec"]["containers"],
    ]
    given |= {each["name"] for container in containers for each in container["env"]}
    assert {name for name in given if name not in ours and f"env: {name}" not in beside} == set()
    assert given >= READ_BY_CELERY


def test_files_name_each_other() -> None:
    """Mounted files are there; secrets and config maps that the chart names are those of the file beside it."""
    for service in compose().values():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert not source.startswith("./") or source == "./connections" or (DEPLOY / source).exists()
    made = {(each["kind"], each["metadata"]["name"]) for each in documents("kubernetes/mlc.yaml")}
    (deployment,) = chart()["dagster-user-deployments"]["deployments"]
    assert {("Secret", each["name"]) for each in deployment["envSecrets"]} <= made
    assert {("ConfigMap", each["configMap"]["name"]) for each in deployment["volumes"]} <= made


def test_the_chart_has_the_limits_of_the_settings() -> None:
    """Two ways to run, one behaviour: pools, retries, monitoring, retention."""
    values = chart()
    daemon, (settings,) = values["dagsterDaemon"], documents("dagster.yaml")
    assert values["concurrency"]["pools"] == {"defaultLimit": 1, "granularity": "run"}
    assert settings["concurrency"]["pools"] == {"default_limit": 1, "granularity": "run"}
    assert daemon["runRetries"]["maxRetries"] == settings["run_retries"]["max_retries"]
    assert daemon["runRetries"]["retryOnAssetOrOpFailure"] is False
    assert daemon["runMonitoring"]["maxRuntimeSeconds"] == settings["run_monitoring"]["max_runtime_seconds"]
    for kind in ("schedule", "sensor"):
        assert values["retention"][kind]["purgeAfterDays"] == settings["retention"][kind]["purge_after_days"]
