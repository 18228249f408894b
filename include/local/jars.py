"""The jars that PySpark lacks: fetched once by the Ivy inside PySpark as `ivy.xml` pins them.

And the one that is made here, of what has to be Java: how Spark and Delta use a local disk.
"""

import hashlib
import os
import shutil
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from include.atomic_files import publish
from include.errors import PlatformError
from include.local.ivy_output import ivy_reason
from include.local.java import ensure_java
from include.local.tool import run_tool
from include.settings import ROOT

IVY_FILE = ROOT / "ivy.xml"
JAVA_SOURCES = ROOT / "spark_jobs" / "java"


@dataclass(frozen=True)
class Jars:
    """Folders of jars: what Spark adds to its class path, and the Kafka broker's whole one."""

    spark: Path
    kafka: Path

    def spark_jars(self) -> str:
        """The value of `spark.jars`."""
        return ",".join(str(path) for path in sorted(self.spark.glob("*.jar")))

    def kafka_classpath(self) -> str:
        """The class path of the broker."""
        return f"{self.kafka}/*"


def ensure_jars() -> Jars:
    """The jars, fetched on first use (63 MB) into the environment's folder, and made there.

    Raises:
        PlatformError: they cannot be fetched, or not be made.
    """
    folder = _locate_jars()
    if not folder.exists():
        _retrieve(folder)
    return Jars(spark=folder / "spark", kafka=folder / "kafka")


def jars_are_fetched() -> bool:
    """Whether the jars of this `ivy.xml` are there already."""
    return _locate_jars().exists()


def _locate_jars() -> Path:
    made_of = b"".join(file.read_bytes() for file in (IVY_FILE, *_list_sources()))
    return ROOT / ".venv" / "jars" / hashlib.sha256(made_of).hexdigest()[:12]


def _list_sources() -> list[Path]:
    return sorted(JAVA_SOURCES.glob("*.java"))


def _retrieve(folder: Path) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        str(ensure_java()),
        "-jar",
        str(_find_ivy()),
        "-ivy",
        str(IVY_FILE),
        "-cache",
        str(folder.parent / "cache"),
        "-retrieve",
        f"{partial}/[conf]/[artifact]-[revision].[ext]",
        "-types",
        "jar",
        "bundle",
    ]
    failure = (
        f"the jars of {IVY_FILE.name} could not be fetched (check the network and run the command "
        "again)"
    )
    output = run_tool(command, failure=failure, reason=ivy_reason)
    if not any((partial / "kafka").glob("kafka_*.jar")):
        raise PlatformError(f"{failure}: {ivy_reason(output)}")
    _compile(partial / "spark")
    publish(partial, folder)
    shutil.rmtree(folder.parent / "cache", ignore_errors=True)


def _compile(jars: Path) -> None:
    """Compile our own classes against Delta's and Spark's interfaces, into a jar beside them."""
    classes = jars.parent / "classes"
    pyspark = _of_pyspark("hadoop-client-api-*.jar").parent
    patterns = ("hadoop-client-api-*.jar", "scala-library-*.jar", "spark-*.jar")
    needed = [*jars.glob("delta-storage-*.jar")]
    needed += [path for pattern in patterns for path in sorted(pyspark.glob(pattern))]
    command = [
        str(ensure_java()),
        "-m",
        "jdk.compiler/com.sun.tools.javac.Main",
        "--release",
        "17",
        "-cp",
        os.pathsep.join(map(str, needed)),
        "-d",
        str(classes),
        *map(str, _list_sources()),
    ]
    failure = f"the classes of {JAVA_SOURCES.name}/ could not be compiled"
    run_tool(command, failure=failure, reason=str.strip)
    with zipfile.ZipFile(jars / "tickhouse.jar", "w") as jar:
        for file in sorted(classes.rglob("*.class")):
            jar.write(file, file.relative_to(classes))
    shutil.rmtree(classes)


def _find_ivy() -> Path:
    return _of_pyspark("ivy-*.jar")


def _of_pyspark(pattern: str) -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise PlatformError("pyspark is not installed: run ./tickhouse up to make the environment")
    return next((Path(spec.origin).parent / "jars").glob(pattern))
