"""What must hold before anything is started; each fault is one sentence with what to do."""

import shutil
import socket
from collections.abc import Container, Iterable
from dataclasses import fields
from pathlib import Path

from include.errors import PlatformError
from include.settings import Settings
from include.settings.groups import PortSettings

MIN_FREE_GB = 2.0


def check(settings: Settings) -> None:
    """Raise for the first thing that would make the start fail.

    Raises:
        PlatformError: a full disk, or busy ports, named.
    """
    check_disk(settings.var)
    unused = {"cluster"} | (set() if settings.sql_server.start == "yes" else {"sql_server"})
    if settings.cluster.is_started:
        unused |= {"kafka", "kafka_controller"}
        _check_cluster_ports(settings)
    check_ports(settings.ports, unused=unused)


def check_disk(folder: Path, *, min_gb: float = MIN_FREE_GB) -> None:
    """Raise if less than `min_gb` gigabytes are free where `folder` is (or will be).

    Raises:
        PlatformError: names the folder and both figures.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    if free_gb < min_gb:
        raise PlatformError(
            f"only {free_gb:.1f} GB are free for {folder}, {min_gb:.0f} GB are needed: "
            "free some space, or set TICKHOUSE_VAR to a folder on another disk"
        )


def check_ports(settings: PortSettings, *, unused: Container[str] = ()) -> None:
    """Raise if any port of the platform is taken; `unused` ones may be.

    Raises:
        PlatformError: names each busy port and the setting that moves it.
    """
    busy = [
        name
        for name, port in list_ports(settings)
        if name not in unused and _is_taken(settings.host, port)
    ]
    if busy:
        named = ", ".join(f"{getattr(settings, name)} ({name.replace('_', ' ')})" for name in busy)
        variables = ", ".join(f"TICKHOUSE_PORTS_{name.upper()}" for name in busy)
        raise PlatformError(
            f"busy port {named}: stop what listens there (./tickhouse down?), or set {variables}"
        )


def _check_cluster_ports(settings: Settings) -> None:
    busy = [port for port in settings.cluster_ports if _is_taken(settings.ports.host, port)]
    if busy:
        first, *_, last = settings.cluster_ports
        named = ", ".join(map(str, busy))
        raise PlatformError(
            f"busy port {named} (of a cluster's servers, {first} to {last}): stop what listens "
            "there, or set TICKHOUSE_PORTS_CLUSTER"
        )


def list_ports(settings: PortSettings) -> Iterable[tuple[str, int]]:
    """Every port with its setting's name."""
    return [
        (spec.name, getattr(settings, spec.name))
        for spec in fields(PortSettings)
        if spec.name != "host"
    ]


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
