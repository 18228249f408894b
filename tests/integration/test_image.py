"""The image, built from the Dockerfile, and every service of docker-compose.yml run in it."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from include.local import postgres
from include.local.jars import ensure_jars
from include.local.java import ensure_java
from include.local.tool import run_tool
from include.settings import ROOT, load
from tests.support import image
from tests.support.absences import describe_absence
from tests.support.compose import MOUNT, Service, in_order, load_folder, ours, secrets_of
from tests.support.image import Container, Images, loopback_network
from tests.support.services import eventually, running

HEALTHY_S, TRAINED_S = 480.0, 600.0
STATE, USER = "/opt/tickhouse/var", 1000  # of the image
ENDS = ("prepare", "first-training")
OF_DEVELOPMENT = ("pytest", "mypy", "hypothesis", "moto")
CLUSTER_ID = "tickhouse-image-test00"
PASSWORD = "for-tests $only %'\""


@pytest.fixture(scope="module")
def project(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[dict[str, Any]]:
    if not request.config.getoption("--long"):
        command = "./tickhouse test tests/integration/test_image.py --long"
        pytest.skip(describe_absence("an image is built for minutes", command=command))
    if reason := image.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("compose")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    yield load_folder(folder)


@pytest.fixture(scope="module")
def images(project: dict[str, Any], tmp_path_factory: Any) -> Iterator[Images]:
    images = Images(tmp_path_factory.mktemp("images"))
    images.make_base()
    images.build(ours(project)["stream"]["image"], ROOT)
    yield images
    images.close()


def test_it_holds_what_runs_and_nothing_else(project: dict[str, Any], images: Images) -> None:
    with images.container(ours(project)["stream"]["image"]) as container:
        assert container.run("id", "--user").stdout.strip() == str(USER)
        version = ours(project)["stream"]["image"].partition(":")[2]
        assert version in container.run("./tickhouse", "version").stdout
        assert container.run("find", "var", "tests", ".git", "-type", "f").stdout == ""
        for package in OF_DEVELOPMENT:
            done = container.run("python", "-c", f"import {package}")
            assert "ModuleNotFoundError" in done.stderr, package


@pytest.mark.parametrize("profile", ["sql", "cluster"])
def test_every_service_runs_in_it(images: Images, tmp_path: Path, profile: str) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    settings = ROOT / "deploy" / f"{profile}.env"
    lines = settings.read_text() if settings.exists() else f"COMPOSE_PROFILES={profile}\n"
    (tmp_path / ".env").write_text(lines)
    project = load_folder(tmp_path)
    assert {f"{profile}-server", "spark-master"} & set(project["services"])
    run_every_service(project, images, tmp_path)


def run_every_service(project: dict[str, Any], images: Images, folder: Path) -> None:
    """Start them behind one another, each when those that it needs are healthy; then audit."""
    services = ours(project)
    put_secrets({name for service in services.values() for name in secrets_of(service)}, folder)
    (folder / "state").mkdir()
    os.chown(folder / "state", USER, USER)
    brokers = {n: s for n, s in project["services"].items() if s["image"].startswith("apache/")}
    hosts = dict.fromkeys(project["services"], "127.0.0.1")
    hosts |= {name: f"127.0.0.{number}" for number, name in enumerate(brokers, 1)}
    probes = {}  # buildah runs one command in a container at a time
    with loopback_network(hosts) as before, ExitStack() as stack:
        for name, broker in brokers.items():
            serve_broker(broker, hosts[name], before, stack, folder / name)
        serve_postgres(before, stack, folder)
        for name in in_order(services):
            make = partial(
                images.container,
                services[name]["image"],
                hosts=hosts,
                mounts=mounts_of(services[name], folder),
                environ=services[name]["environment"],
                before=before,
                hostname=name,
            )
            probes[name] = stack.enter_context(make())
            for number in range(services[name]["deploy"].get("replicas", 1)):
                container = stack.enter_context(make())
                log = folder / f"{name}-{number}.log"
                run_service(name, services[name], container, probes[name], stack, log)
        require_proof(probes["stream"])


def run_service(
    name: str, service: Service, container: Container, probe: Container, stack: ExitStack, log: Path
) -> None:
    """Run one that ends to its end; start another, and wait until it is healthy."""
    if name in ENDS:
        done = container.run(*service["command"], seconds=TRAINED_S)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return
    process = stack.enter_context(container.running(service["command"], log=log))
    eventually(
        partial(has_ended_or_answers, process, probe, service),
        timeout_s=HEALTHY_S,
        every_s=2.0,
        what=f"{name} is healthy",
    )
    assert process.poll() is None, f"{name}: {log.read_text()[-3000:]}"


def require_proof(stream: Container) -> None:
    """Trades have landed, and the audit finds nothing."""
    statement = "SELECT count(*) AS n FROM trades"
    query = ("./tickhouse", "sql", statement, "--format", "json")
    eventually(lambda: json.loads(stream.run(*query).stdout)[0]["n"] > 0, what="trades")
    audit = stream.run("./tickhouse", "audit")
    assert audit.returncode == 0, audit.stdout + audit.stderr


def put_secrets(names: set[str], folder: Path) -> None:
    """Write each secret into a file of its name."""
    for name in names:
        is_key = name == "airflow_fernet_key"
        secret = Fernet.generate_key().decode() if is_key else PASSWORD + name
        (folder / name).write_text(secret)


def mounts_of(service: Service, folder: Path) -> Mapping[Path, str]:
    """The volume and the secrets that a service is granted."""
    mounts = {folder / name: MOUNT + name for name in secrets_of(service)}
    return {folder / "state": STATE} | mounts


def serve_postgres(before: list[str], stack: ExitStack, folder: Path) -> None:
    """Run Postgres at the port where compose has it."""
    settings = load(
        {
            "TICKHOUSE_VAR": str(folder / "neighbours"),
            "TICKHOUSE_PORTS_POSTGRES": "5432",
            "TICKHOUSE_POSTGRES_PASSWORD": f"{PASSWORD}postgres_password",
        }
    )
    postgres.prepare(settings)
    user = ["runuser", "-u", postgres.system_user() or "", "--"]
    command = [*before, *user, *postgres.build_command(settings)]
    stack.enter_context(running(command, log=folder / "postgres.log", cwd=Path("/")))


def serve_broker(
    service: Service, address: str, before: list[str], stack: ExitStack, folder: Path
) -> None:
    """Run a broker with the properties that its image makes of the service's environment."""
    environ, log = service["environment"], folder / "log"
    properties = {
        variable.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for variable, value in environ.items()
        if variable.startswith("KAFKA_") and variable != "KAFKA_HEAP_OPTS"
    }
    properties["log.dirs"] = str(log)
    properties["listeners"] = properties["listeners"].replace("0.0.0.0", address)
    folder.mkdir()
    file = folder / "server.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    java = [str(ensure_java()), "-cp", ensure_jars().kafka_classpath()]
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(file)]
    run_tool(tool, failure="Kafka's folder could not be formatted")
    command = [*before, *java, environ["KAFKA_HEAP_OPTS"], "kafka.Kafka", str(file)]
    stack.enter_context(running(command, log=folder / "broker.log"))


def has_ended_or_answers(process: Any, container: Container, service: Service) -> bool:
    """Whether there is nothing to wait for any more."""
    return process.poll() is not None or is_healthy(container, service)


def is_healthy(container: Container, service: Service) -> bool:
    """Whether the service's own health check passes in its container."""
    kind, *words = service["healthcheck"]["test"]
    command = words if kind == "CMD" else ["sh", "-c", *words]
    return container.run(*command).returncode == 0
