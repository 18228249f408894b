"""Spark's classes as its JVM holds them, kept in a file (class data sharing of the JVM itself).

A JVM that maps the file skips parsing and verifying some twenty thousand classes: each start of
Spark, in `up`, in a DAG's task, after a kill, takes a quarter less CPU, and less time by a quarter
to a half.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from include.atomic_files import publish
from include.local.jars import ensure_jars
from include.local.java import java_home
from include.settings import ROOT

RECORDING_S = 600.0


def archive_options() -> list[str]:
    """The JVM options that map the archive; none while there is no archive.

    The JVM itself checks that it fits (its own build, class path, sizes and times of the jars) and
    goes on without it if not.
    """
    archive = _archive()
    return [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off"] if archive.exists() else []


def ensure_class_archive(say: Callable[[str], None]) -> None:
    """Record the archive unless it is there: the stream job runs once on a scratch broker.

    Without one everything works, only later: a fault is printed and not raised.
    """
    archive = _archive()
    if archive.exists():
        return
    say("recording Spark's classes, so that it starts sooner (once, a minute or two)")
    partial = archive.with_suffix(f".{os.getpid()}")
    log = archive.with_suffix(".log")
    command = [sys.executable, "-m", "spark_jobs.record_classes", str(partial)]
    with log.open("wb") as out:
        try:
            subprocess.run(
                command, cwd=ROOT, stdout=out, stderr=out, check=True, timeout=RECORDING_S
            )
            publish(partial, archive)
        except (subprocess.SubprocessError, OSError) as error:
            partial.unlink(missing_ok=True)
            say(f"Spark's classes could not be recorded ({error}); Spark starts slower")


def _archive() -> Path:
    """Beside the jars, named by the Java and the Spark that it fits."""
    release = java_home() / "release"
    java = release.read_bytes() if release.exists() else str(java_home()).encode()
    fits = hashlib.sha256(java + version("pyspark").encode()).hexdigest()[:12]
    return ensure_jars().spark.parent / f"spark-{fits}.jsa"
