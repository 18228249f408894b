"""docker-compose.yml as Docker Compose itself loads it: what each service is really given."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from include.errors import SettingsError
from include.setting_fields import Secret
from include.settings import PREFIX, ROOT, list_variables, load
from include.settings.env import read_env, read_environment
from tests.support.compose import MOUNT, load_folder, ours, secrets_of
from tests.support.services import eventually, free_ports

FILE = "_FILE"
PASSWORD = "pg$ecret ${HOME} \"quoted' #1"
PROFILES = ("sql", "monitoring", "cluster")
READER = {"postgres_reader_password"}
STREAM = READER | {"postgres_stream_password"}
TRADER = READER | {"postgres_trader_password"}
DASHBOARD = READER | {"postgres_dashboard_password"}
ACCOUNT = {"gemini_key", "gemini_secret"}
AIRFLOW = STREAM | {
    "postgres_airflow_password",
    "airflow_password",
    "airflow_jwt_secret",
    "airflow_fernet_key",
}
OWNER = AIRFLOW | TRADER | DASHBOARD | {"postgres_password"}
NEEDED = {
    "postgres": {"postgres_password"},
    "simulator": ACCOUNT,
    "trader": TRADER | ACCOUNT,
    "dashboard": DASHBOARD,
    **{name: STREAM for name in ("stream", "minutes", "watcher")},
    **{name: OWNER for name in ("prepare", "first-training")},
    **{f"airflow-{name}": AIRFLOW for name in ("api-server", "scheduler", "triggerer")},
    "airflow-dag-processor": AIRFLOW,
    "sql-server": {"sql_server_password"},
    "grafana": {"grafana_password", "postgres_reader_password"},
}

Load = Callable[..., dict[str, Any]]


@pytest.fixture
def load_project(tmp_path: Path) -> Load:
    """Loads the compose file as it is beside a `.env` of these lines."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)

    def load_with(*lines: str, profiles: tuple[str, ...] = PROFILES) -> dict[str, Any]:
        (tmp_path / ".env").write_text("".join(f"{line}\n" for line in lines))
        return load_folder(tmp_path, profiles)

    return load_with


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    """The settings as a process of the service reads them."""
    return read_environment(service["environment"], prefix=PREFIX)


def as_in_container(service: dict[str, Any], secrets: Path) -> Mapping[str, str]:
    """The settings with the paths of the granted secrets, and of those alone, put into a folder."""
    granted = secrets_of(service)
    return {
        name: str(secrets / value.removeprefix(MOUNT))
        if value.startswith(MOUNT) and value.removeprefix(MOUNT) in granted
        else value
        for name, value in settings_of(service).items()
    }


def test_it_loads_without_any_env_file(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    project = load_folder(tmp_path, ())
    assert len(ours(project)) > 10
    assert not {"sql-server", "grafana", "kafka-2", "spark-master"} & set(project["services"])


def test_every_setting_of_the_env_file_reaches_every_service(load_project: Load) -> None:
    fixed = settings_of(ours(load_project())["feed-gemini"])
    free = [
        name
        for name, (default, _) in list_variables().items()
        if name not in fixed and not isinstance(default, Secret)
    ]
    assert len(free) > 100
    services = ours(load_project(*(f"{name}=given to {name}" for name in free)))
    for service, one in services.items():
        given = settings_of(one)
        assert [name for name in free if given.get(name) != f"given to {name}"] == [], service


def test_a_fixed_address_wins_over_the_env_file(load_project: Load) -> None:
    services = ours(load_project("TICKHOUSE_PORTS_HOST=127.0.0.1", "TICKHOUSE_VAR=/elsewhere"))
    for one in services.values():
        assert one["environment"]["TICKHOUSE_PORTS_HOST"] == "0.0.0.0"
        assert one["environment"]["TICKHOUSE_VAR"] == "/opt/tickhouse/var"


def test_a_dollar_in_a_setting_arrives_unchanged(load_project: Load) -> None:
    address = "https://alerts.invalid/?token=pg$ecret&again=${HOME}"
    services = ours(load_project(f"TICKHOUSE_ALERTS_WEBHOOK={address}"))
    assert {one["environment"]["TICKHOUSE_ALERTS_WEBHOOK"] for one in services.values()} == {
        address
    }


@pytest.mark.parametrize(
    "text",
    [
        "b:9092",
        "'b:9092'",
        '"b:9092" # the brokers',
        "b:9092 # the brokers",
        "\t# nothing yet",
        "b#9092",
        "'b # 9092'",
        r"'b\n$c'",
        r'"b\n\"c\" \\ $d"',
        "",
        "b\r",
    ],
)
def test_a_line_of_the_env_file_means_the_same_as_to_up(
    load_project: Load, tmp_path: Path, text: str
) -> None:
    services = ours(load_project(f"TICKHOUSE_ALERTS_WEBHOOK={text}"))
    expected = read_env(tmp_path / ".env", prefix=PREFIX)["TICKHOUSE_ALERTS_WEBHOOK"]
    for service in services.values():
        assert settings_of(service)["TICKHOUSE_ALERTS_WEBHOOK"] == expected


def test_a_quote_that_does_not_end_is_named(load_project: Load) -> None:
    one = ours(load_project('TICKHOUSE_ALERTS_WEBHOOK="a" b'))["watcher"]
    with pytest.raises(SettingsError, match=r"\.env cannot be read: TICKHOUSE_ALERTS_WEBHOOK: its"):
        settings_of(one)


def test_a_name_in_other_letters_is_refused_as_by_up(load_project: Load, tmp_path: Path) -> None:
    one = ours(load_project("Tickhouse_Kafka_Partitions=4"))["watcher"]
    for read in (lambda: settings_of(one), lambda: read_env(tmp_path / ".env", prefix=PREFIX)):
        with pytest.raises(SettingsError, match=r"\.env cannot be read: .*TICKHOUSE_NAME=value"):
            read()


def test_each_service_gets_the_secrets_that_it_needs_and_no_other(load_project: Load) -> None:
    project = load_project()
    granted = {
        name: secrets_of(one) for name, one in project["services"].items() if one.get("secrets")
    }
    assert granted == NEEDED
    assert set(project["secrets"]) == set.union(*granted.values())


def test_each_service_reads_its_settings_and_its_secrets_unchanged(
    load_project: Load, tmp_path: Path
) -> None:
    project = load_project("TICKHOUSE_KAFKA_PARTITIONS=4", "TICKHOUSE_TRADER_SYMBOL=ETH-USD")
    for name in project["secrets"]:
        (tmp_path / name).write_text(f"{PASSWORD}{name}\n")
    for service, one in ours(project).items():
        settings = load(as_in_container(one, tmp_path))
        assert (settings.kafka.partitions, settings.trader.symbol) == (4, "ETH-USD"), service
        has_database = "postgres_password" in NEEDED.get(service, set())
        expected = f"{PASSWORD}postgres_password" if has_database else ""
        assert settings.postgres.password.reveal() == expected, service


def test_a_secret_that_is_not_granted_is_not_there(load_project: Load, tmp_path: Path) -> None:
    one = ours(load_project())["trader"]
    one["secrets"] = []
    with pytest.raises(SettingsError, match="cannot be read"):
        load(as_in_container(one, tmp_path))


def test_every_service_has_limits_a_grace_period_and_small_logs(load_project: Load) -> None:
    for name, one in load_project()["services"].items():
        limits = one["deploy"]["resources"]["limits"]
        assert limits["cpus"] and limits["memory"], name
        assert one["stop_grace_period"] == "40s", name
        assert one["logging"]["options"]["max-size"] == "10m", name


def test_the_first_training_begins_when_airflow_answers(load_project: Load) -> None:
    one = load_project()["services"]["first-training"]
    assert one["command"] == ["./tickhouse", "prepare", "--first-training"]
    assert one["depends_on"]["airflow-api-server"]["condition"] == "service_healthy"


def test_the_cluster_has_three_brokers_and_a_spark_master(load_project: Load) -> None:
    lines = (ROOT / "deploy" / "cluster.env").read_text().splitlines()
    services = load_project(*lines, profiles=())["services"]
    brokers = {name: one for name, one in services.items() if "KAFKA_NODE_ID" in one["environment"]}
    voters = {f"{one['environment']['KAFKA_NODE_ID']}@{name}:9093" for name, one in brokers.items()}
    assert len(voters) == 3
    for one in brokers.values():
        assert set(one["environment"]["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")) == voters
        assert one["environment"]["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"] == "3"
    kafka = load({k: v for k, v in settings_of(services["feed-gemini"]).items()}).kafka
    assert (kafka.replication, kafka.bootstrap.count(",")) == (3, 2)
    stream = load({k: v for k, v in settings_of(services["feed-gemini"]).items()}).stream
    assert stream.master == "spark://spark-master:7077"
    workers = services["spark-worker"]
    cores = workers["deploy"]["replicas"] * int(workers["command"][3])
    assert kafka.partitions + 2 <= stream.cores <= cores


def test_a_health_check_asks_the_port_that_the_process_serves(load_project: Load) -> None:
    metrics = load({}).metrics
    ports = {f"feed-{name}": port for name, port in metrics.feeds.items()}
    ports |= {"feed-quotes": metrics.quotes, "trader": metrics.trader, "watcher": metrics.watcher}
    ports |= {"minutes": metrics.minutes}
    services = load_project()["services"]
    for name, port in ports.items():
        assert f"http://127.0.0.1:{port}/healthz" in services[name]["healthcheck"]["test"][-1]
        variable = settings_of(services[name])
        assert str(port) in variable.values()


def test_the_simulator_runs_and_is_found_healthy_as_compose_would_do(
    load_project: Load, tmp_path: Path
) -> None:
    one = ours(load_project())["simulator"]
    for name in ACCOUNT:
        (tmp_path / name).write_text(PASSWORD)
    (port,) = free_ports(1)
    here = {"TICKHOUSE_PORTS_HOST": "127.0.0.1", "TICKHOUSE_PORTS_SIMULATOR": str(port)}
    here |= {"TICKHOUSE_VAR": str(tmp_path), "PATH": os.environ["PATH"]}
    environ = {**as_in_container(one, tmp_path), **here}
    python, *command = one["command"]
    probe = [word.replace("18765", str(port)) for word in one["healthcheck"]["test"][2:]]
    assert (python, one["healthcheck"]["test"][1]) == ("python", "python")

    def is_healthy() -> bool:
        done = subprocess.run([sys.executable, *probe], capture_output=True, check=False)
        return done.returncode == 0

    assert not is_healthy()
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environ) as process:
        try:
            eventually(is_healthy, what="the simulator's health check passes")
        finally:
            process.terminate()
