"""The jars that PySpark lacks, fetched once by the Ivy inside PySpark as `ivy.xml` pins them."""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from include.errors import PlatformError
from include.local.java import ensure_java
from include.settings import ROOT

IVY_FILE = ROOT / "ivy.xml"


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
    """The jars, fetched on first use (63 MB) into the environment's folder.

    Raises:
        PlatformError: they cannot be fetched.
    """
    folder = _folder()
    if not folder.exists():
        _retrieve(folder)
    return Jars(spark=folder / "spark", kafka=folder / "kafka")


def fetched() -> bool:
    """Whether the jars of this `ivy.xml` are there already."""
    return _folder().exists()


def _folder() -> Path:
    pinned = hashlib.sha256(IVY_FILE.read_bytes()).hexdigest()[:12]
    return ROOT / ".venv" / "jars" / pinned


def _retrieve(folder: Path) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [
        str(ensure_java()), "-jar", str(_ivy()), "-ivy", str(IVY_FILE),
        "-cache", str(folder.parent / "cache"),
        "-retrieve", f"{partial}/[conf]/[artifact]-[revision].[ext]", "-types", "jar", "bundle",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not any((partial / "kafka").glob("kafka_*.jar")):
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise PlatformError(
            f"the jars of {IVY_FILE.name} could not be fetched ({' '.join(last)}): "
            "check the network and run the command again"
        )
    partial.rename(folder)
    shutil.rmtree(folder.parent / "cache", ignore_errors=True)


def _ivy() -> Path:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise PlatformError("pyspark is not installed: run ./tickhouse up to make the environment")
    return next((Path(spec.origin).parent / "jars").glob("ivy-*.jar"))
