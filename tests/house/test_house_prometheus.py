"""Prometheus, run with the files that docker-compose.yml and its override mount into it."""

import json
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.compose_shards import describe_shards
from include.settings import ROOT, load
from tests.support.absences import absent_programs
from tests.support.compose import load_folder
from tests.support.services import eventually, free_ports, running

ABSENT = absent_programs("prometheus", package="prometheus")
FOLDER = "/etc/prometheus/"  # of the image, whose command names prometheus.yml in it
SHARDS = {"TICKHOUSE_VENUES_BINANCE_SHARDS": "2"}


def mount_files(project: dict[str, Any], sources: Path, folder: Path) -> None:
    """Write what the service's configs hold to where the image has them."""
    for mounted in project["services"]["prometheus"]["configs"]:
        config = project["configs"][mounted["source"]]
        name = mounted["target"].removeprefix(FOLDER)
        if "content" in config:
            (folder / name).write_text(config["content"])
        else:
            shutil.copy(ROOT / Path(config["file"]).relative_to(sources), folder / name)


def ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return json.loads(answer.read())["data"]


@pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
@pytest.mark.parametrize("settings", [{}, SHARDS], ids=["feeds", "shards"])
def test_prometheus_asks_every_process_and_has_every_rule(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    sources, folder = tmp_path / "sources", tmp_path / "image"
    sources.mkdir()
    folder.mkdir()
    shutil.copy(ROOT / "docker-compose.yml", sources)
    (sources / "docker-compose.override.yml").write_text(describe_shards(load(settings)))
    project = load_folder(sources, ("monitoring",))
    mount_files(project, sources, folder)
    (port,) = free_ports(1)
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    words.append(f"--web.listen-address=127.0.0.1:{port}")
    probe = project["services"]["prometheus"]["healthcheck"]["test"][-1]

    def answers(page: str) -> bool:
        address = probe.replace("9090", str(port)).replace("healthy", page)
        try:
            with urllib.request.urlopen(address, timeout=5):
                return True
        except urllib.error.URLError:
            return False

    with running(["prometheus", *words], log=tmp_path / "log"):
        eventually(lambda: answers("healthy"), what="Prometheus is healthy")
        eventually(lambda: answers("ready"), what="Prometheus has its rules")
        address = f"http://127.0.0.1:{port}/api/v1"
        expected = expected_targets(project)
        eventually(lambda: active_targets(address) == expected, what="the targets are there")
        groups = ask(f"{address}/rules")["groups"]
    rules = yaml.safe_load((ROOT / "include/local/monitoring/alert-rules.yml").read_text())
    assert [rule["name"] for group in groups for rule in group["rules"]] == [
        rule["alert"] for group in rules["groups"] for rule in group["rules"]
    ]
    assert len(expected) == 8 + len(settings)


def active_targets(address: str) -> set[str]:
    """What Prometheus asks, each under the job that the alerts are about."""
    targets = ask(f"{address}/targets?state=active")["activeTargets"]
    return {one["labels"]["instance"] for one in targets if one["labels"]["job"] == "tickhouse"}


def expected_targets(project: dict[str, Any]) -> set[str]:
    """Each service whose health check asks the server of its own metrics, and the dashboard."""
    targets = {f"dashboard:{load({}).metrics.dashboard}"}
    for name, service in project["services"].items():
        probe = service.get("healthcheck", {}).get("test", [""])[-1]
        if health := re.search(r"127\.0\.0\.1:(19[45]\d\d)/healthz'", probe):
            targets.add(f"{name}:{health[1]}")
    return targets
