"""Spark's options by the settings: the same for a session made here and for `spark-submit`."""

import os
import socket

from include.local.class_archive import archive_options
from include.local.jars import ensure_jars
from include.local.spark_servers import authentication
from include.settings import ROOT, Settings
from include.settings.spark_conf import parse_spark_conf
from include.settings.store import CHECKPOINT_MANAGER, is_object_store, s3a_options

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
    CHECKPOINT_MANAGER: (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}
# A job of a minute never earns back what the optimising compiler costs it.
SHORT_LIVED = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
# Soft references are kept a second for each free MB: 20 ms instead, or they fill the heap.
LONG_LIVED = ["-XX:SoftRefLRUPolicyMSPerMB=20"]
# A shuffle to so few tasks writes each row twice by default: to a file of its task, then to one of
# all. And rows of a market are a third as large by zstd. The stream's shuffles are of some rows.
SMALL_SHUFFLES = {
    "spark.shuffle.sort.bypassMergeThreshold": "0",
    "spark.io.compression.codec": "zstd",
}
# On one machine no network can change a shuffle: no third file for each task, of checksums.
UNCHECKED_SHUFFLES = {"spark.shuffle.checksum.enabled": "false"}
SMALL_MACHINE = {
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


def master_of(settings: Settings, *, is_stream: bool) -> str:
    """The master of the stream, or of another job: on a cluster the stream may take every core."""
    stream = settings.stream
    if is_stream:
        return stream.master
    return stream.batch_master or (stream.master if is_local(stream.master) else "local[2]")


def is_local(master: str) -> bool:
    """Whether executors are threads of the driver."""
    return master == "local" or master.startswith("local[")


def spark_options(
    settings: Settings, *, is_stream: bool, ui_port: int | None, brief: bool = False
) -> dict[str, str]:
    """Every option but the master's: those of `TICKHOUSE_STREAM_SPARK_CONF` win."""
    stream, host = settings.stream, settings.ports.host
    scratch, local = settings.home / "spark", is_local(master_of(settings, is_stream=is_stream))
    tuned = LONG_LIVED if ui_port is not None else SHORT_LIVED if brief else []
    java = [f"-Dderby.system.home={scratch}", *(archive_options() if local else []), *tuned]
    java.append(stream.java_options)
    options: dict[str, str] = {
        **_find_jars(local=local, uses_s3=settings.uses_s3),
        "spark.driver.memory": stream.driver_memory,
        "spark.driver.host": socket.gethostname() if host == "0.0.0.0" else host,
        "spark.driver.bindAddress": host,
        "spark.driver.extraJavaOptions": " ".join(java).strip(),
        "spark.executorEnv.PYTHONPATH": str(ROOT),
        "spark.local.dir": str(scratch / "local"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.shuffle.partitions": str(stream.shuffle_partitions),
        "spark.ui.enabled": str(ui_port is not None).lower(),
        "spark.ui.port": str(ui_port or 0),
    }
    if not local:
        options["spark.executor.memory"] = stream.executor_memory
        options |= {f"spark.executorEnv.{name}": v for name, v in settings.s3_variables.items()}
        options |= authentication(settings)
        if stream.cores and is_stream:
            options["spark.cores.max"] = str(stream.cores)
    disk = LOCAL_DISK | UNCHECKED_SHUFFLES if local else {}
    shuffles = {} if is_stream else SMALL_SHUFFLES
    store = s3a_options(settings.s3) if settings.uses_s3 else {}
    if not is_object_store(settings.store):
        store.pop(CHECKPOINT_MANAGER, None)
    chosen = parse_spark_conf(stream.spark_conf)
    return {**options, **DELTA, **SMALL_MACHINE, **disk, **shuffles, **store, **chosen}


def _find_jars(*, local: bool, uses_s3: bool) -> dict[str, str]:
    """How Delta and the Kafka source get to the class path.

    On this machine they are on that of the JVM itself: its class archive holds no others.
    """
    jars = ensure_jars(uses_s3=uses_s3).spark_jars()
    if local:
        return {"spark.driver.extraClassPath": jars.replace(",", os.pathsep)}
    return {"spark.jars": jars}
