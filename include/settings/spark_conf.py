"""The user's own options of Spark: what they may be, and what Tickhouse alone sets. Pure."""

import re
from collections.abc import Iterable, Mapping

from include.errors import shorten

NAME = "TICKHOUSE_STREAM_SPARK_CONF"
# What exactly-once rests on: one writer a version of a table and a batch of a checkpoint, a table's
# columns, times in UTC, the jars.
RESERVED = re.compile(
    r"spark\.(master|jars(\..*)?|driver\.extraClassPath|submit\..*"
    r"|executorEnv\.PYTHONPATH"
    r"|sql\.extensions|sql\.catalog\.spark_catalog|sql\.session\.timeZone"
    r"|sql\.streaming\.checkpointFileManagerClass|delta\.logStore\..*"
    r"|hadoop\.fs\.(file|s3a)\.impl|databricks\.delta\.schema\.autoMerge\.enabled)"
)


def spark_conf_faults(text: str) -> list[str]:
    """Why the options of a text cannot be, a sentence for each; empty if they can."""
    faults = []
    for part in _split(text):
        key, equals, _ = part.partition("=")
        if not equals or not key.startswith("spark."):
            faults.append(f"{NAME}: {shorten(part)!r} is no spark.key=value")
        elif key.strip() == "spark.master":
            faults.append(f"{NAME}: spark.master is set by TICKHOUSE_STREAM_MASTER")
        elif RESERVED.fullmatch(key.strip()):
            faults.append(f"{NAME}: {key.strip()} is set by Tickhouse alone: remove it")
    return faults


def parse_spark_conf(text: str) -> Mapping[str, str]:
    """The options of a text `key=value;key=value` without a fault."""
    pairs = (part.partition("=") for part in _split(text))
    return {key.strip(): value.strip() for key, _, value in pairs}


def _split(text: str) -> Iterable[str]:
    return filter(None, map(str.strip, text.split(";")))
