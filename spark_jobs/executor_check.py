"""Whether the executors on other machines have what the product's tasks need of Python."""

import re
from importlib import import_module

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from include.errors import PlatformError, first_line, shorten

CAUSES = (
    r"Cannot run program .*",
    r"No module named .*",
    r"PYTHON_VERSION_MISMATCH.*",
    r"\w+(Error|Exception): .*",
)
CAUSE_CHARS = 200


def require_python(spark: SparkSession) -> None:
    """Refuse executors without Python, the product's code or its packages.

    Raises:
        PlatformError: names what a task reported first, and what to do.
    """
    context = spark.sparkContext
    slots = max(1, context.defaultParallelism)
    try:
        context.parallelize(range(slots), slots).foreach(_import_packages)
    except (Py4JError, PySparkException) as error:
        spark.stop()
        raise PlatformError(
            f"executors of {context.master} cannot run Tickhouse's Python "
            f"({_find_cause(str(error))}): install the packages of uv.lock at the driver's path on "
            "each worker, or pass them packed: ./tickhouse submit JOB --environment URI"
        ) from error


def _import_packages(_: object) -> None:
    import_module("spark_jobs.data_files")  # on the executor, with all that it imports


def _find_cause(text: str) -> str:
    """The part of an executor's report that has the cause in it."""
    causes = filter(None, (re.search(cause, text) for cause in CAUSES))
    cause = next((match[0] for match in causes), first_line(text))
    return shorten(cause, chars=CAUSE_CHARS)
