"""Spark's JVM starts from the archive of its classes."""

import shutil
import subprocess
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from include.local import class_archive
from include.local.java import java_home
from tests.conftest import make_settings
from tests.support.absences import describe_absence


def test_the_jvm_maps_the_archive(spark: SparkSession) -> None:
    options = class_archive.archive_options()
    if not options:
        pytest.skip(describe_absence("no class archive here", command="./tickhouse test"))
    archive = options[0].partition("=")[2]
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    assert archive in Path(f"/proc/{pid}/maps").read_text()


def test_an_archive_that_does_not_fit_says_nothing_on_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is the JSON of `audit --json`, whose Spark runs in a child of the command."""
    (ivy,) = (Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar")
    archive, moved = tmp_path / "spark.jsa", tmp_path / "moved.jar"
    shutil.copy(ivy, moved)
    java = str(java_home() / "bin" / "java")
    run_ivy = ["org.apache.ivy.Main", "-version"]
    record = [java, f"-XX:ArchiveClassesAtExit={archive}", "-cp", str(ivy), *run_ivy]
    subprocess.run(record, check=True, capture_output=True)
    monkeypatch.setattr(class_archive, "_archive", lambda: archive)
    printed = [
        subprocess.run(
            [java, *options, "-cp", str(moved), *run_ivy], check=True, capture_output=True
        ).stdout
        for options in ([], class_archive.archive_options())
    ]
    assert printed[0] == printed[1] != b""


def test_what_cannot_be_recorded_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "spark.jsa"
    monkeypatch.setattr(class_archive, "_archive", lambda: archive)
    monkeypatch.setattr(class_archive, "RECORDING_S", 0.01)
    output: list[str] = []
    class_archive.ensure_class_archive(output.append)
    assert "could not be recorded" in output[-1]
    assert class_archive.archive_options() == [] and not archive.exists()
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"]


@pytest.mark.parametrize("is_cluster", [False, True])
def test_a_world_on_a_clusters_servers_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_cluster: bool
) -> None:
    started: list[object] = []
    monkeypatch.setattr(class_archive, "_archive", lambda: tmp_path / "spark.jsa")
    monkeypatch.setattr(subprocess, "Popen", lambda *command, **_: started.append(command))
    settings = make_settings(tmp_path / "var", CLUSTER_START="yes" if is_cluster else "no")
    (settings.home / "logs").mkdir(parents=True)
    assert class_archive.start_recording(settings, {}) is not is_cluster
    assert len(started) == (not is_cluster)
