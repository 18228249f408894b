"""Spark's standalone master and workers of `up --cluster`.

Where the system allows it a worker runs in a mount namespace in which its own folder lies over
`var/`: like a machine of its own it sees neither the lake's nor a checkpoint's folder there.
"""

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from include.local.jars import find_pyspark
from include.local.properties import write_properties
from include.settings import Settings
from include.settings.cluster import WORKERS

MASTER, WORKER = "spark-master", "spark-worker"
OWN_FOLDER = 'mount --bind "$0" "$1" && shift && exec "$@"'
PROPERTIES = "spark.properties"
DAEMON_MB = 256


def prepare(settings: Settings) -> None:
    """The configuration of master and workers, in the folder of each; for its owner alone."""
    home = settings.home / MASTER
    properties = {
        "spark.deploy.recoveryMode": "FILESYSTEM",  # a new master knows drivers and workers
        "spark.deploy.recoveryDirectory": home / "recovery",
        "spark.ui.killEnabled": "false",
        "spark.worker.cleanup.enabled": "true",
        "spark.executor.logs.rolling.strategy": "size",
        "spark.executor.logs.rolling.maxSize": settings.supervisor.log_mb * 1_000_000,
        "spark.executor.logs.rolling.maxRetainedFiles": 2,
        **authentication(settings),
    }
    (home / "recovery").mkdir(parents=True, exist_ok=True)
    for folder in (home, *(_locate_worker(settings, number) for number in list_workers())):
        folder.mkdir(parents=True, exist_ok=True)
        write_properties(folder / PROPERTIES, properties)


def list_workers() -> range:
    """The workers' numbers."""
    return range(1, WORKERS + 1)


def authentication(settings: Settings) -> Mapping[str, str]:
    """Options by which Spark's processes know each other; none without a secret."""
    secret = settings.cluster.spark_secret.reveal()
    if not secret:
        return {}
    return {"spark.authenticate": "true", "spark.authenticate.secret": secret}


def build_environment(settings: Settings) -> dict[str, str]:
    """The variables of master and workers."""
    return {
        "SPARK_LOCAL_IP": settings.ports.host,
        "SPARK_DAEMON_MEMORY": f"{DAEMON_MB}m",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC",
    }


def build_master_command(settings: Settings) -> list[str]:
    """The master's command line, to be run in the foreground."""
    ports = settings.cluster_ports
    return [
        *_build_class_command("master.Master", settings.home / MASTER),
        "--host",
        settings.ports.host,
        "--port",
        str(ports.spark_master),
        "--webui-port",
        str(ports.spark_master_ui),
    ]


def build_worker_command(settings: Settings, number: int) -> list[str]:
    """The command line of a worker, from 1 on, to be run in the foreground."""
    folder, is_hidden = _locate_worker(settings, number), may_hide_folders()
    visible = settings.var if is_hidden else folder
    command = [
        *_build_class_command("worker.Worker", visible),
        "--host",
        settings.ports.host,
        "--webui-port",
        str(settings.cluster_ports.spark_worker_ui(number)),
        "--cores",
        str(settings.cluster.worker_cores),
        "--memory",
        settings.cluster.worker_memory,
        "--work-dir",
        str(visible / "work"),
        settings.stream.master,
    ]
    if not is_hidden:
        return command
    namespace = ["unshare", "--mount", "--propagation", "private", "sh", "-c", OWN_FOLDER]
    return [*namespace, str(folder), str(settings.var), *command]


@cache
def may_hide_folders() -> bool:
    """Whether this process may make mount namespaces."""
    command = ["unshare", "--mount", "--propagation", "private", "true"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _build_class_command(name: str, folder: Path) -> list[str]:
    """`spark-class` with the configuration in a folder."""
    program = find_pyspark() / "bin" / "spark-class"
    properties = str(folder / PROPERTIES)
    return [str(program), f"org.apache.spark.deploy.{name}", "--properties-file", properties]


def _locate_worker(settings: Settings, number: int) -> Path:
    return settings.home / f"{WORKER}-{number}"
