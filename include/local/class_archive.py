"""Spark's classes as its JVM holds them, kept in a file (class data sharing of the JVM itself).

A JVM that maps the file skips parsing and verifying some twenty thousand classes: each start of
Spark, in `up`, in a DAG's task, after a kill, takes a quarter less CPU, and less time by a quarter
to a half. `python -m include.local.class_archive` records it beside a world that runs: once that
has its forecast, and at the lowest priority. It costs a minute of a core and a second JVM's memory,
once. All jars must be on the JVM's class path (`spark.jars` would load them by another loader).
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from include.atomic_files import publish
from include.errors import PlatformError
from include.local.jars import ensure_jars
from include.local.java import java_home
from include.local.lock import exclusive_lock
from include.log import PrintLine
from include.process import unwind_on_sigterm
from include.settings import ROOT, Settings, from_environment

RECORDING_S = 600.0
FORECAST_S = 300.0  # the first training has the machine for so long
LOWEST_PRIORITY = 19
SILENT = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")


def archive_options() -> list[str]:
    """The JVM options that map the archive; none while there is no archive.

    The JVM itself checks that it fits (its own build, class path, sizes and times of the jars) and
    goes on without it if not; its warning would be on standard output, among what a verb prints.
    """
    archive = _archive()
    return [f"-XX:SharedArchiveFile={archive}", *SILENT] if archive.exists() else []


def ensure_class_archive(print_line: PrintLine) -> None:
    """Record the archive unless it is there: the stream job runs once on a scratch broker.

    Without one everything works, only later: a fault is printed and not raised.
    """
    archive = _archive()
    if archive.exists():
        return
    print_line("recording Spark's classes, so that it starts sooner (once, a minute or two)")
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
            print_line(f"Spark's classes could not be recorded ({error}); Spark starts slower")
        finally:
            partial.unlink(missing_ok=True)


def start_recording(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Record it in the background, unless it is there; whether that was started.

    A world on a cluster's servers records none: its stream reads none, its batch jobs use one
    that another world recorded, and here the recording failed for want of processor time.
    The process belongs to the world that runs, whose environment this is: it ends with that.
    """
    if settings.cluster.is_started or _archive().exists():
        return False
    with (settings.home / "logs" / "class-archive.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=environ,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return True


def main() -> None:
    """Record it when the world's first forecast is there, or is not to be expected any more."""
    unwind_on_sigterm(SystemExit(1))
    settings = from_environment()
    _give_way()
    deadline = time.monotonic() + FORECAST_S
    while not (settings.forecasts / "CURRENT").exists() and time.monotonic() < deadline:
        time.sleep(1)
    try:
        with exclusive_lock(_archive().with_suffix(".lock"), name="the recording of classes"):
            ensure_class_archive(_print_line)
    except PlatformError as error:  # another world of this installation records it
        _print_line(str(error))


def _print_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _give_way() -> None:
    """Take what processor time others leave; Linux schedules sessions before processes."""
    os.nice(LOWEST_PRIORITY)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(LOWEST_PRIORITY))


def _archive() -> Path:
    """Beside the jars, named by the Java and the Spark that it fits."""
    release = java_home() / "release"
    java = release.read_bytes() if release.exists() else str(java_home()).encode()
    fits = hashlib.sha256(java + version("pyspark").encode()).hexdigest()[:12]
    return ensure_jars().spark.parent / f"spark-{fits}.jsa"


if __name__ == "__main__":
    main()
