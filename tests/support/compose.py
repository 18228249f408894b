"""docker-compose.yml as Docker Compose itself loads it, and what is ours of it."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.go_programs import compose_loader

MOUNT = "/run/secrets/"
Service = Mapping[str, Any]


def load_folder(folder: Path, profiles: tuple[str, ...] = ()) -> dict[str, Any]:
    """The project of the compose file and `.env` in a folder."""
    done = subprocess.run(
        [compose_loader(), folder, *profiles], capture_output=True, text=True, check=False, env={}
    )
    assert done.returncode == 0, done.stderr
    project: dict[str, Any] = json.loads(done.stdout)
    return project


def ours(project: Mapping[str, Any]) -> dict[str, Service]:
    """The services that run our image."""
    services = project["services"]
    return {name: one for name, one in services.items() if one["image"].startswith("tickhouse:")}


def secrets_of(service: Service) -> set[str]:
    """The names of the secrets that a service is granted."""
    return {secret["source"] for secret in service.get("secrets", [])}


def in_order(services: Mapping[str, Service]) -> Iterator[str]:
    """Their names, each behind those that it depends on."""
    waiting = dict(services)
    while waiting:
        ready = [n for n, s in waiting.items() if not (s.get("depends_on") or {}).keys() & waiting]
        assert ready, f"{sorted(waiting)} wait for each other"
        for name in ready:
            yield name
            del waiting[name]
