"""The Helm chart, rendered by Helm itself: what each pod is, and what it is given."""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from cli.main import cli
from include.errors import SettingsError
from include.local.process_pages import list_pages
from include.local.programs import list_programs
from include.settings import ROOT, Settings, load
from include.settings.groups import DatabaseRole
from tests.support.go_programs import helm, manifest_validator

CHART = ROOT / "deploy" / "helm"
KUBERNETES = ["--kube-version", "1.31.0"]
MOUNT = "/run/secrets/tickhouse/"
ODD = "pg$ecret {{ .x }} \"quoted' #1"
STORE = {"settings": {"TICKHOUSE_STORE": "s3a://bucket/prefix"}}
ROLES = ("STREAM", "TRADER", "DASHBOARD", "READER", "AIRFLOW")
SECRETS = {
    name: f"{ODD} {name}"
    for name in (
        "TICKHOUSE_POSTGRES_PASSWORD",
        *(f"TICKHOUSE_POSTGRES_{role}_PASSWORD" for role in ROLES),
        "TICKHOUSE_AIRFLOW_PASSWORD",
        "TICKHOUSE_S3_ACCESS_KEY",
        "TICKHOUSE_S3_SECRET_KEY",
        "TICKHOUSE_VENUES_GEMINI_KEY",
        "TICKHOUSE_VENUES_GEMINI_SECRET",
        "TICKHOUSE_VENUES_DERIBIT_KEY",
        "TICKHOUSE_VENUES_DERIBIT_SECRET",
        "TICKHOUSE_ALERTS_WEBHOOK",
    )
}
SECRETS["TICKHOUSE_ALERTS_WEBHOOK"] = f"https://alerts.invalid/?a={ODD.replace(' ', '')}"
FULL = {
    **STORE,
    "secrets": {"values": SECRETS},
    "serviceMonitors": {"enabled": True, "labels": {"release": "prometheus"}},
    "prepare": {"firstTraining": True},
}
FEEDS = {f"feed-{name}" for name in ("gemini", "binance", "deribit", "quotes")}
PROCESSES = {
    "stream": "STREAM",
    "minutes": "STREAM",
    "watcher": "STREAM",
    "trader": "TRADER",
    "dashboard": "DASHBOARD",
}
STORE_KEYS = {"S3_ACCESS_KEY", "S3_SECRET_KEY", "ALERTS_WEBHOOK"}
NEEDED = {
    **dict.fromkeys(FEEDS, STORE_KEYS | {"VENUES_DERIBIT_KEY", "VENUES_DERIBIT_SECRET"}),
    **{
        process: STORE_KEYS | {f"POSTGRES_{role}_PASSWORD", "POSTGRES_READER_PASSWORD"}
        for process, role in PROCESSES.items()
    },
    "prepare": STORE_KEYS
    | {"POSTGRES_PASSWORD", "AIRFLOW_PASSWORD"}
    | {f"POSTGRES_{role}_PASSWORD" for role in ROLES},
}
NEEDED["trader"] = NEEDED["trader"] | {"VENUES_GEMINI_KEY", "VENUES_GEMINI_SECRET"}

Render = Callable[[dict[str, Any]], subprocess.CompletedProcess[str]]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """`helm template` with these values."""

    def run(values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        command = [helm(), "template", "tick", CHART, "-f", file, *KUBERNETES]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def objects(done: subprocess.CompletedProcess[str], kind: str) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    all_of_it = [one for one in yaml.safe_load_all(done.stdout) if one]
    return {one["metadata"]["name"]: one for one in all_of_it if one["kind"] == kind}


def pods(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """The pod templates by component."""
    owners = {**objects(done, "Deployment"), **objects(done, "Job")}
    return {name.removeprefix("tick-"): owner["spec"]["template"] for name, owner in owners.items()}


def read_settings(pod: dict[str, Any], done: Any, folder: Path) -> Settings:
    """The settings as the pod's process reads them, with the secrets that its volume has."""
    container = pod["spec"]["containers"][0]
    (config,) = objects(done, "ConfigMap").values()
    variables = {**config["data"], **{one["name"]: one["value"] for one in container["env"]}}
    (secret,) = objects(done, "Secret").values()
    folder.mkdir()
    for item in mounted(pod):
        (folder / item["path"]).write_bytes(base64.b64decode(secret["data"][item["key"]]))
    return load({name: value.replace(MOUNT, f"{folder}/") for name, value in variables.items()})


def mounted(pod: dict[str, Any]) -> Iterator[dict[str, str]]:
    for volume in pod["spec"]["volumes"]:
        yield from volume.get("secret", {}).get("items", [])


def test_helm_finds_no_fault() -> None:
    store = ["--set", "settings.TICKHOUSE_STORE=s3a://bucket/prefix"]
    command = [helm(), "lint", "--strict", CHART, *store, *KUBERNETES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "values",
    [
        STORE,
        FULL,
        {"state": {"claim": "shared"}},
        {**STORE, "feeds": {"names": [], "spool": ""}},
        {**STORE, "secrets": {"existing": "mine", "names": ["TICKHOUSE_POSTGRES_PASSWORD"]}},
    ],
)
def test_what_it_renders_is_what_kubernetes_types_hold(
    render: Render, values: dict[str, Any]
) -> None:
    done = render(values)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run(
        [manifest_validator()], input=done.stdout, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_an_unknown_field_is_found_by_the_validator(render: Render) -> None:
    text = render(STORE).stdout.replace("terminationGracePeriodSeconds", "graceSeconds")
    checked = subprocess.run(
        [manifest_validator()], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1
    assert 'unknown field "graceSeconds"' in checked.stderr


def test_every_process_is_one_pod_that_ends_before_its_successor(render: Render) -> None:
    deployments = objects(render(FULL), "Deployment")
    assert {name.removeprefix("tick-") for name in deployments} == FEEDS | PROCESSES.keys()
    for one in deployments.values():
        assert one["spec"]["replicas"] == 1
        assert one["spec"]["strategy"] == {"type": "Recreate"}
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"] == labels


def test_every_command_exists(render: Render) -> None:
    for component, pod in pods(render(FULL)).items():
        command = pod["spec"]["containers"][0]["command"]
        if component == "prepare":
            assert command == ["./tickhouse", "prepare", "--first-training"]
            assert "--first-training" in cli.commands["prepare"].params[0].opts
        else:
            assert command[:2] == ["python", "-m"] and find_spec(command[2])
            assert command[3:] == ([component[5:]] if component in FEEDS else [])


def test_every_pod_reads_settings_and_its_secrets_unchanged(render: Render, tmp_path: Path) -> None:
    done = render(FULL)
    for component, pod in pods(done).items():
        granted = {item["key"].removeprefix("TICKHOUSE_") for item in mounted(pod)}
        assert granted == NEEDED[component], component
        settings = read_settings(pod, done, tmp_path / component)
        assert (settings.world, settings.ports.host) == ("live", "0.0.0.0")
        assert settings.kafka.bootstrap == "market-kafka-bootstrap:9092"
        assert settings.s3.secret_key.reveal() == SECRETS["TICKHOUSE_S3_SECRET_KEY"]
        if component not in FEEDS:
            name = PROCESSES.get(component, "READER")
            password = settings.postgres.login(DatabaseRole[name])[1].reveal()
            assert password == SECRETS[f"TICKHOUSE_POSTGRES_{name}_PASSWORD"]


@pytest.mark.parametrize("value", [5_000_000, 123_456_789_012, "5000000", 0.25, "a,b"])
def test_a_setting_arrives_as_it_is_written(render: Render, value: Any) -> None:
    values = {"settings": {**STORE["settings"], "TICKHOUSE_STREAM_MAX_OFFSETS": value}}
    (config,) = objects(render(values), "ConfigMap").values()
    assert config["data"]["TICKHOUSE_STREAM_MAX_OFFSETS"] == str(value)


def test_probes_and_monitors_ask_ports_that_the_settings_have(
    render: Render, tmp_path: Path
) -> None:
    done = render(FULL)
    for component, pod in pods(done).items():
        container = pod["spec"]["containers"][0]
        ports = {one["name"]: one["containerPort"] for one in container.get("ports", [])}
        metrics = read_settings(pod, done, tmp_path / component).metrics
        own = {f"feed-{name}": port for name, port in metrics.feeds.items()}
        own |= {"feed-quotes": metrics.quotes}
        own |= {name: getattr(metrics, name) for name in PROCESSES.keys() - {"stream"}}
        assert ports.get("metrics") == own.get(component)
        probe = container.get("livenessProbe", {}).get("httpGet")
        assert probe is None or probe["port"] in ports
    services, monitors = objects(done, "Service"), objects(done, "ServiceMonitor")
    assert len(monitors) == len(FEEDS | PROCESSES.keys()) - 1
    for monitor in monitors.values():
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        chosen = [
            one for one in services.values() if wanted <= one["metadata"].get("labels", {}).items()
        ]
        assert len(chosen) == 1
        assert monitor["metadata"]["labels"] == {"release": "prometheus"}


def test_a_feed_has_a_pod_for_each_shard_that_the_settings_want(
    render: Render, tmp_path: Path
) -> None:
    shards = {"TICKHOUSE_VENUES_BINANCE_SHARDS": 2}
    done = render(FULL | {"settings": STORE["settings"] | shards})
    commands = {
        name: pod["spec"]["containers"][0]["command"][3:] for name, pod in pods(done).items()
    }
    settings = read_settings(pods(done)["watcher"], done, tmp_path / "watcher")
    programs = [program for program in list_programs(settings) if program.name in commands]
    for program in programs:
        if program.name.startswith("feed-"):
            assert commands[program.name] == program.command[3:]
    assert commands["feed-binance-2"] == ["binance", "--shard", "2/2"]
    page = urlsplit(list_pages(settings)["feed-binance-2"])
    (port,) = objects(done, "Service")[str(page.hostname)]["spec"]["ports"]
    ports = pods(done)["feed-binance-2"]["spec"]["containers"][0]["ports"]
    assert [port["port"], ports[0]["containerPort"]] == [page.port, page.port] == [19512, 19512]
    assert "tick-feed-binance-2" in objects(done, "ServiceMonitor")


@pytest.mark.parametrize("more", [{}, {"serviceMonitors": {"enabled": False}}])
def test_status_asks_pages_that_services_have(
    render: Render, tmp_path: Path, more: dict[str, Any]
) -> None:
    done = render(FULL | more)
    settings = read_settings(pods(done)["watcher"], done, tmp_path / "watcher")
    services = objects(done, "Service")
    asked = {name: urlsplit(url) for name, url in list_pages(settings).items()}
    assert set(asked) == FEEDS | PROCESSES.keys()
    for url in asked.values():
        ports = services[str(url.hostname)]["spec"]["ports"]
        assert [one["port"] for one in ports] == [url.port]


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({}, "pods share nothing: set settings.TICKHOUSE_STORE"),
        ({"settings": {"TICKHOUSE_STOR": "x"}}, "'TICKHOUSE_STOR' not allowed"),
        ({"settings": {"TICKHOUSE_POSTGRES_PASSWORD": "x"}}, "PASSWORD' not allowed"),
        ({"settings": {"TICKHOUSE_VAR": "/x"}}, "'TICKHOUSE_VAR' not allowed"),
        # What services and probes of the chart name is not to be moved by a setting.
        ({"settings": {"TICKHOUSE_PORTS_DASHBOARD": 6006}}, "_DASHBOARD' not allowed"),
        ({"settings": {"TICKHOUSE_PORTS_SPARK_UI": 4041}}, "_SPARK_UI' not allowed"),
        ({"settings": {"TICKHOUSE_CLUSTER_START": "yes"}}, "_START' not allowed"),
        ({"settings": {"TICKHOUSE_WORLD": None}}, "missing property 'TICKHOUSE_WORLD'"),
        ({"settings": {"TICKHOUSE_WORLD": ""}}, "/settings/TICKHOUSE_WORLD"),
        ({"secrets": {"values": {"TICKHOUSE_WORLD": "x"}}}, "'TICKHOUSE_WORLD' not allowed"),
        ({"feeds": {"names": ["nowhere"]}}, "/feeds/names/0"),
        ({"tradr": {}}, "'tradr' not allowed"),
        (
            {**STORE, "secrets": {"existing": "mine", "values": SECRETS}},
            "secrets.existing and secrets.values are both set",
        ),
    ],
)
def test_a_value_that_is_none_is_refused_by_name(
    render: Render, values: dict[str, Any], sentence: str
) -> None:
    done = render(values)
    assert done.returncode != 0
    assert sentence in done.stderr


def test_the_defaults_are_settings_and_values_that_the_schema_has() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(values) == set(schema["properties"]) - {"global"}
    load({name: str(value) for name, value in values["settings"].items()})
    with pytest.raises(SettingsError, match="is not a setting"):
        load({"TICKHOUSE_STOR": "x"})


def test_a_pod_without_its_roles_password_logs_in_as_the_owner(render: Render) -> None:
    secrets = {"values": {"TICKHOUSE_POSTGRES_PASSWORD": "owner's"}}
    for name, pod in pods(render({**STORE, "secrets": secrets})).items():
        keys = [item["key"] for item in mounted(pod)]
        assert keys == ([] if name in FEEDS else ["TICKHOUSE_POSTGRES_PASSWORD"]), name
