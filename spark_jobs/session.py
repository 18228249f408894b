"""The one place that makes a Spark session, tuned for Delta on one machine or a cluster.

Under `spark-submit` the master and the options given there win, so the same entry points run on a
cluster: `./tickhouse submit` gives them.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pyspark.sql import SparkSession

from include.bus import offset_ranges
from include.errors import PlatformError
from include.local.java import java_home
from include.local.schema import refuse_other_numbers
from include.market.wire import Topic
from include.settings import ROOT, Settings, set_variables
from include.settings.store import is_object_store
from include.store_check import check_store
from spark_jobs.executor_check import require_python
from spark_jobs.options import is_local, master_of, spark_options

STDERR = 2
OTHER_SLOTS, SLOTS_WAIT_S = 2, 60.0
NEEDED_CLASS = "io.delta.sql.DeltaSparkSessionExtension"


def open_session(
    settings: Settings,
    app: str,
    *,
    ui_port: int | None = None,
    brief: bool = True,
    options: Mapping[str, str] = MappingProxyType({}),
) -> SparkSession:
    """A Spark session with Delta; `ui_port` binds its UI to `ports.host`.

    With one it is the stream's, on the stream's master. Without one it has no UI, its JVM is tuned
    for a short life if it is `brief`, and what that JVM prints goes to `spark/jvm.log` of the
    world: it is part of a command, whose output is for people. `options` are further ones of Spark.

    Raises:
        PlatformError: `spark-submit` was not given Delta's classes, executors on other machines
            lack Python or its packages, the object store cannot be used, or the world is one of
            another version of the program.
        Unreachable: the object store does not answer.
    """
    set_variables(settings.s3_variables)
    check_store(settings)
    refuse_other_numbers(settings)
    os.environ.setdefault("JAVA_HOME", str(java_home()))
    os.environ.setdefault("SPARK_LOCAL_IP", settings.ports.host)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    _use_utc()
    is_stream, submitted = ui_port is not None, is_submitted()
    all_options = spark_options(settings, is_stream=is_stream, ui_port=ui_port, brief=brief)
    builder = SparkSession.builder.appName(app)
    if not submitted:
        builder = builder.master(master_of(settings, is_stream=is_stream))
    for name, value in (all_options | dict(options)).items():
        builder = builder.config(name, value)
    with nullcontext() if ui_port or submitted else _stderr_to(settings.home / "spark" / "jvm.log"):
        spark = builder.getOrCreate()
    if submitted:
        _require_classes(spark)
    if not is_local(str(spark.sparkContext.master)):
        require_python(spark)
    spark.sparkContext.setLogLevel("WARN")
    return spark


def _use_utc() -> None:
    """Let this process and its Python workers be in UTC, which PySpark's times without a zone are.

    PySpark takes and gives them in the zone of the process, whatever the session's zone is.
    """
    os.environ["TZ"] = "UTC"
    time.tzset()


def is_submitted() -> bool:
    """Whether `spark-submit` has started this process, and with it the JVM."""
    return "MASTER" in os.environ or bool(os.environ.get("SPARK_ENV_LOADED"))


def submit_environment() -> dict[str, str]:
    """The command's variables: this process's, with the product's code and Java."""
    python = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return {"JAVA_HOME": str(java_home()), **os.environ, **python}


def require_shared_paths(spark: SparkSession, settings: Settings) -> None:
    """Refuse a lake that only this machine sees where executors run on others.

    Raises:
        PlatformError: names the path, and what to set.
    """
    master = str(spark.sparkContext.master)
    is_shared = is_object_store(settings.lake) or settings.stream.shared_disk == "yes"
    if not is_local(master) and not is_shared:
        raise PlatformError(
            f"executors of {master} cannot see the lake {settings.lake} of this machine: set "
            "TICKHOUSE_STORE to s3a://BUCKET/…, or TICKHOUSE_STREAM_SHARED_DISK=yes where every "
            "machine has that path on one shared disk"
        )


def require_task_slots(spark: SparkSession, settings: Settings) -> None:
    """Refuse fewer task slots than the queries keep busy, or nothing would land and nobody know.

    Real-time mode keeps a slot for each partition of market.book; the other queries need
    `OTHER_SLOTS` besides. On a cluster executors get `SLOTS_WAIT_S` to come.

    Raises:
        PlatformError: names how many there are, and what to set.
    """
    books = len(offset_ranges(settings.bootstrap, [Topic.BOOK]))
    needed, deadline = books + OTHER_SLOTS, time.monotonic() + SLOTS_WAIT_S
    while (slots := spark.sparkContext.defaultParallelism) < needed:
        if is_local(str(spark.sparkContext.master)) or time.monotonic() > deadline:
            raise PlatformError(
                f"{spark.sparkContext.master} has {slots} task slots and {needed} are needed: one "
                f"for each of the {books} partitions of {Topic.BOOK} and {OTHER_SLOTS} more; set "
                f"TICKHOUSE_STREAM_MASTER=local[{needed}] or give the cluster more cores"
            )
        time.sleep(1.0)


def _require_classes(spark: SparkSession) -> None:
    jvm: Any = spark.sparkContext._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    try:
        loader.loadClass(NEEDED_CLASS)
    except Exception as error:  # py4j's own class of errors
        spark.stop()
        raise PlatformError(
            "spark-submit was not given the jars of Delta and Kafka: start it by "
            "`./tickhouse submit`, which passes them"
        ) from error


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
