"""The jars that PySpark lacks: fetched once by the Ivy inside PySpark as `ivy.xml` pins them.

And the one that is made here, of what has to be Java: how Spark and Delta use a local disk.
"""

import fcntl
import hashlib
import logging
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from include.atomic_files import publish
from include.errors import PlatformError
from include.local.ivy_output import ivy_reason
from include.local.java import ensure_java
from include.local.tool import run_tool
from include.log import event
from include.settings import ROOT

IVY_FILE = ROOT / "ivy.xml"
JAVA_SOURCES = ROOT / "spark_jobs" / "java"
BASE, S3, CLUSTER = ("spark", "kafka"), "s3", "cluster"
EXTRA_MB = {S3: 12, CLUSTER: 42}
log = logging.getLogger("tickhouse.jars")


@dataclass(frozen=True)
class Jars:
    """Folders of jars: what Spark adds to its class path, and the Kafka broker's whole one.

    `s3` is what Spark needs besides for an object store; null: it needs none.
    """

    spark: Path
    kafka: Path
    s3: Path | None = None

    def spark_jars(self) -> str:
        """The value of `spark.jars`."""
        folders = [self.spark, *([self.s3] if self.s3 else [])]  # a class archive has the first
        return ",".join(str(path) for folder in folders for path in sorted(folder.glob("*.jar")))

    def kafka_classpath(self) -> str:
        """The class path of the broker."""
        return f"{self.kafka}/*"


def ensure_jars(*, uses_s3: bool = False) -> Jars:
    """The jars, fetched on first use (63 MB) into the environment's folder, and made there.

    For an object store further ones.

    Raises:
        PlatformError: they cannot be fetched, or not be made.
    """
    folder = _locate_jars()
    if not folder.exists():
        _retrieve_once(folder, BASE)
    return Jars(folder / "spark", folder / "kafka", s3=ensure_extra_jars(S3) if uses_s3 else None)


def ensure_extra_jars(name: str, *, unpack: Callable[[Path], None] = lambda _: None) -> Path:
    """The folder of a further configuration of `ivy.xml`, fetched on first use (`EXTRA_MB`).

    `unpack` is what is done with its files before anyone sees them.

    Raises:
        PlatformError: they cannot be fetched.
    """
    ensure_jars()  # first: theirs are fetched as one folder, in which further ones lie
    folder = _locate_jars() / name
    if not folder.exists():
        log.info(event("fetching jars", purpose=name, mb=EXTRA_MB[name]))
        _retrieve_once(folder, (name,), unpack=unpack)
    return folder


def jars_are_fetched(extra: str = "") -> bool:
    """Whether the jars of this `ivy.xml` are there already, or those of a further configuration."""
    return (_locate_jars() / extra).exists()


def _locate_jars() -> Path:
    made_of = b"".join(file.read_bytes() for file in (IVY_FILE, *_list_sources()))
    return ROOT / ".venv" / "jars" / hashlib.sha256(made_of).hexdigest()[:12]


def _list_sources() -> list[Path]:
    return sorted(JAVA_SOURCES.glob("*.java"))


def _retrieve_once(
    folder: Path,
    configurations: Sequence[str],
    *,
    unpack: Callable[[Path], None] = lambda _: None,
) -> None:
    """Fetch them unless another process does so at this moment: then wait for its folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _retrieve(folder, configurations, unpack)


def _retrieve(folder: Path, configurations: Sequence[str], unpack: Callable[[Path], None]) -> None:
    """Fetch configurations of `ivy.xml`: several each in a folder of its name, one as `folder`."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    cache = partial.with_suffix(".cache")
    command = [
        str(ensure_java()),
        "-jar",
        str(_find_ivy()),
        "-ivy",
        str(IVY_FILE),
        "-cache",
        str(cache),
        "-confs",
        *configurations,
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
    if any(not any((partial / name).glob("*.jar")) for name in configurations):
        raise PlatformError(f"{failure}: {ivy_reason(output)}")
    if (partial / "spark").exists():
        _compile(partial / "spark")
    fetched = partial if len(configurations) > 1 else partial / configurations[0]
    unpack(fetched)
    publish(fetched, folder)
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(cache, ignore_errors=True)


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


def find_pyspark() -> Path:
    """The folder of PySpark's package.

    Raises:
        PlatformError: it is not installed.
    """
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise PlatformError("pyspark is not installed: run ./tickhouse up to make the environment")
    return Path(spec.origin).parent


def _of_pyspark(pattern: str) -> Path:
    return next((find_pyspark() / "jars").glob(pattern))
