"""docker-compose.yml names services, commands, settings and health checks that exist."""

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.main import cli
from include.local.programs import list_programs
from include.setting_fields import Secret
from include.settings import PREFIX, ROOT, list_variables, load
from include.settings.env import read_environment

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUNS_ONCE = {"prepare", "first-training"}


def test_every_process_of_the_local_platform_is_a_service() -> None:
    local = {program.name for program in list_programs(load({}))}
    assert local - set(SERVICES) == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_an_image_a_health_check_and_known_dependencies(name: str) -> None:
    service = SERVICES[name]
    assert service["image"]
    assert name in RUNS_ONCE or service["healthcheck"]["test"]
    for dependency, wanted in service.get("depends_on", {}).items():
        other = SERVICES[dependency]
        assert wanted["condition"] != "service_healthy" or other["healthcheck"]


@pytest.mark.parametrize("name", [name for name in SERVICES if "build" in SERVICES[name]])
def test_the_command_of_a_service_exists(name: str) -> None:
    command = SERVICES[name]["command"]
    if command[:2] == ["python", "-m"]:
        assert find_spec(command[2])
        return
    if command[0] == "spark-class":
        assert shutil.which("spark-class", path=str(Path(sys.executable).parent))
        return
    verbs = re.findall(r"\./tickhouse,? ([a-z]+)", " ".join(command))
    assert verbs and set(verbs) <= set(cli.commands)


@pytest.mark.parametrize("name", SERVICES)
def test_every_setting_of_a_service_exists(name: str) -> None:
    given = SERVICES[name].get("environment", {})
    ours = read_environment(given, prefix=PREFIX)
    asked = set(re.findall(r"\$\{(TICKHOUSE_\w+)", str(given)))
    secrets = {key for key, value in ours.items() if value.startswith("/run/secrets/")}
    known = {f"{name}_FILE" for name, (value, _) in list_variables().items() if value == Secret("")}
    assert secrets <= known
    assert (set(ours) - secrets | asked) - set(list_variables()) == set()
    load({key: value for key, value in ours.items() if key not in secrets and "${" not in value})


@pytest.mark.parametrize("name", SERVICES)
def test_a_published_port_is_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


def test_volumes_that_are_used_are_declared() -> None:
    used = {volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_the_image_copies_what_exists() -> None:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY") and "--from=" not in line:
            for source in line.split()[2:-1]:
                assert (ROOT / source).exists(), line


def test_the_image_has_every_package_of_the_product() -> None:
    copied = re.findall(r"^COPY \S+ (\w+) \./\1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert packages | {"dags", "plugins"} == set(copied)
