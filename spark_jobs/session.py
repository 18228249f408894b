"""The one place that makes a Spark session, tuned for Delta on one machine or a cluster.

Under `spark-submit` the master given there wins, so the same entry points run on a cluster.
"""

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType

from pyspark.sql import SparkSession

from include.local.class_archive import archive_options
from include.local.jars import ensure_jars
from include.local.java import java_home
from include.settings import ROOT, Settings

DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
}
# How Spark and Delta use this machine's disk: commits that cannot replace one another, and no
# process for each file that is made or renamed. `java/`.
LOCAL_DISK = {
    "spark.delta.logStore.file.impl": "tickhouse.AtomicLocalLogStore",
    "spark.hadoop.fs.file.impl": "tickhouse.NioLocalFileSystem",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}
STDERR = 2
# A job of a minute never earns back what the optimising compiler costs it.
SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
# Soft references are kept a second for each free MB: 20 ms instead, or they fill the heap.
LONG_LIVED = ["-XX:SoftRefLRUPolicyMSPerMB=20"]
SMALL_MACHINE = {
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.showConsoleProgress": "false",
    "spark.ui.killEnabled": "false",  # any web page that is open here could ask for it
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "false",
    # VACUUM lists folders with so many tasks; the default is 10,000.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    "spark.sql.streaming.stateStore.minDeltasForSnapshot": "20",
    "spark.sql.streaming.minBatchesToRetain": "20",
    "spark.eventLog.enabled": "false",
    # What the UI keeps of the past; with Spark's own limits it fills the heap for half an hour.
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.sql.ui.retainedExecutions": "50",
    "spark.ui.retainedTasks": "500",
}


def session(
    settings: Settings,
    app: str,
    *,
    ui_port: int | None = None,
    brief: bool = True,
    options: Mapping[str, str] = MappingProxyType({}),
) -> SparkSession:
    """A Spark session with Delta; `ui_port` binds its UI to `ports.host`.

    Without one it has no UI, its JVM is tuned for a short life if it is `brief`, and what that JVM
    prints goes to `spark/jvm.log` of the world: it is part of a command, whose output is for
    people. `options` are further ones of Spark.
    """
    os.environ.setdefault("JAVA_HOME", str(java_home()))
    os.environ.setdefault("SPARK_LOCAL_IP", settings.ports.host)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    scratch = settings.home / "spark"
    tuned = LONG_LIVED if ui_port is not None else SHORT_LIVED if brief else []
    java = [f"-Dderby.system.home={scratch}", *archive_options(), *tuned]
    java.append(settings.stream.java_options)
    builder = (
        SparkSession.builder.appName(app)
        .config(*_jars(settings.stream.master))
        .config("spark.driver.memory", settings.stream.driver_memory)
        .config("spark.driver.host", _driver_address(settings.ports.host))
        .config("spark.driver.bindAddress", settings.ports.host)
        .config("spark.executorEnv.PYTHONPATH", str(ROOT))
        .config("spark.local.dir", str(scratch / "local"))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.driver.extraJavaOptions", " ".join(java))
        .config("spark.ui.enabled", str(ui_port is not None).lower())
        .config("spark.ui.port", str(ui_port or 0))
    )
    all_options = DELTA | SMALL_MACHINE
    if "MASTER" not in os.environ and not os.environ.get("SPARK_ENV_LOADED"):
        builder = builder.master(settings.stream.master)
        all_options |= LOCAL_DISK if settings.stream.master.startswith("local") else {}
    for name, value in (all_options | dict(options)).items():
        builder = builder.config(name, value)
    with nullcontext() if ui_port else _stderr_to(scratch / "jvm.log"):
        spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    return spark


def choose_engine(spark: SparkSession, *, interpreted: bool) -> None:
    """Whether plans made from now on are interpreted: what is small costs more to compile."""
    spark.conf.set("spark.sql.codegen.wholeStage", str(not interpreted).lower())
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN" if interpreted else "FALLBACK")


@contextmanager
def _stderr_to(file: Path) -> Iterator[None]:
    """Processes that are started in the block write their errors to this file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    original = os.dup(STDERR)
    try:
        with file.open("ab") as log:
            os.dup2(log.fileno(), STDERR)
        yield
    finally:
        os.dup2(original, STDERR)
        os.close(original)


def _jars(master: str) -> tuple[str, str]:
    """How Delta and the Kafka source get to the class path.

    On this machine they are on that of the JVM itself: its class archive holds no others.
    """
    jars = ensure_jars().spark_jars()
    if master.startswith("local"):
        return "spark.driver.extraClassPath", jars.replace(",", os.pathsep)
    return "spark.jars", jars


def _driver_address(bound: str) -> str:
    """The address by which executors reach a driver that is bound to `bound`."""
    return socket.gethostname() if bound == "0.0.0.0" else bound
