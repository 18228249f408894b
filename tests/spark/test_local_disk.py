"""Spark and Delta on a local disk: no commit replaces another's, no process for each file."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.services import eventually

CHILDREN_FAULTS = 8  # in /proc/PID/stat after the name: page faults of children that have ended


def children_faults(spark: SparkSession) -> int:
    """Grows with each process that Spark's JVM has started and seen end."""
    pid = spark._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[CHILDREN_FAULTS])


def conf(spark: SparkSession) -> Any:
    """Hadoop's settings of this Spark; with others its cache would keep another file system."""
    return spark._jsc.hadoopConfiguration()  # type: ignore[attr-defined]


def commit_while_another_does(spark: SparkSession, store: Any, log: Path) -> str | None:
    """Write version 0 with this store; another process commits it before the last line is there.

    Returns:
        What the store said of it, if it refused.
    """
    jvm: Any = spark._jvm
    pipe, version, output = log / "pipe", log / f"{0:020}.json", []
    os.mkfifo(pipe)
    before = set(log.iterdir())

    def write() -> None:
        lines = jvm.java.io.BufferedReader(jvm.java.io.FileReader(str(pipe))).lines().iterator()
        try:
            store.write(jvm.org.apache.hadoop.fs.Path(str(version)), lines, False, conf(spark))
        except Exception as error:  # py4j's, of any Java class
            output.append(str(error))

    writing = threading.Thread(target=write)
    writing.start()
    with pipe.open("w") as late:
        eventually(lambda: set(log.iterdir()) - before, what="the store writes its draft")
        version.write_text("another's\n")
        late.write("mine\n")
    writing.join(30)
    assert not writing.is_alive()
    return output[0] if output else None


def test_a_commit_never_replaces_another_process_s(spark: SparkSession, tmp_path: Path) -> None:
    jvm: Any = spark._jvm
    store = jvm.tickhouse.AtomicLocalLogStore(conf(spark))
    refused = commit_while_another_does(spark, store, tmp_path)
    assert refused is not None and "FileAlreadyExistsException" in refused
    assert (tmp_path / f"{0:020}.json").read_text() == "another's\n"
    assert {file.name for file in tmp_path.iterdir()} == {"pipe", f"{0:020}.json"}


def list_from(store: Any, spark: SparkSession, path: Path) -> list[tuple[str, int, int]]:
    jvm: Any = spark._jvm
    statuses = store.listFrom(jvm.org.apache.hadoop.fs.Path(str(path)), conf(spark))
    listed = []
    while statuses.hasNext():
        status = statuses.next()
        listed.append((status.getPath().toString(), status.getLen(), status.getModificationTime()))
    return listed


def test_a_log_is_listed_as_by_deltas_own_store(spark: SparkSession, tmp_path: Path) -> None:
    jvm: Any = spark._jvm
    for number in (12, 3, 4, 11):
        (tmp_path / f"{number:020}.json").write_text("x" * number)
        (tmp_path / f"{number:020}.crc").touch()
    (tmp_path / "_last_checkpoint").touch()
    (tmp_path / "_staged_commits").mkdir()
    own = jvm.tickhouse.AtomicLocalLogStore(conf(spark))
    deltas = jvm.io.delta.storage.LocalLogStore(conf(spark))
    first = tmp_path / f"{4:020}."
    listed = list_from(own, spark, first)
    assert [Path(name).name for name, _, _ in listed][:2] == [f"{4:020}.crc", f"{4:020}.json"]
    assert len(listed) == 8
    assert listed == list_from(deltas, spark, first)
    with pytest.raises(Exception, match="No such file or directory"):
        list_from(own, spark, tmp_path / "none" / f"{4:020}.")


def test_a_store_that_looks_and_then_renames_does(spark: SparkSession, tmp_path: Path) -> None:
    """The twin: were this refused too, the test above could not fail."""
    jvm: Any = spark._jvm
    store = jvm.io.delta.storage.LocalLogStore(conf(spark))
    assert commit_while_another_does(spark, store, tmp_path) is None
    assert (tmp_path / f"{0:020}.json").read_text() == "mine\n"


def test_what_may_be_overwritten_is_at_once_and_for_every_reader(
    spark: SparkSession, tmp_path: Path
) -> None:
    """A checksum that Hadoop left beside the old file would make the new one unreadable."""
    jvm: Any = spark._jvm
    store = jvm.tickhouse.AtomicLocalLogStore(conf(spark))
    file, beside = tmp_path / "_last_checkpoint", tmp_path / "._last_checkpoint.crc"
    file.write_text("old\n")
    beside.write_bytes(b"crc\0of the old")
    lines = jvm.java.util.ArrayList(["new", "lines"])
    place = jvm.org.apache.hadoop.fs.Path(str(file))
    store.write(place, lines.iterator(), True, conf(spark))
    assert file.read_text() == "new\nlines\n" and not beside.exists()
    assert list(tmp_path.iterdir()) == [file]


def test_a_log_without_a_folder_is_told(spark: SparkSession, tmp_path: Path) -> None:
    jvm: Any = spark._jvm
    place = jvm.org.apache.hadoop.fs.Path(str(tmp_path / "none" / "0.json"))
    lines = jvm.java.util.ArrayList(["line"]).iterator()
    with pytest.raises(Exception, match=r"No such file or directory: .*/none"):
        jvm.tickhouse.AtomicLocalLogStore(conf(spark)).write(place, lines, False, conf(spark))


def append(spark: SparkSession, folder: Path) -> None:
    spark.range(10).write.format("delta").mode("append").save(str(folder / "table"))


def stream(spark: SparkSession, folder: Path) -> None:
    """A stateful query over the appended rows, to its end."""
    rows = spark.readStream.format("delta").load(str(folder / "table"))
    query = (
        rows.groupBy("id")
        .count()
        .writeStream.format("memory")
        .outputMode("complete")
        .queryName("counted")
        .option("checkpointLocation", str(folder / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    assert query.awaitTermination(120)
    assert spark.table("counted").count() == 10


@pytest.mark.parametrize("work", [append, stream])
def test_files_are_made_without_processes_and_checksums(
    spark: SparkSession, tmp_path: Path, work: Callable[[SparkSession, Path], None]
) -> None:
    append(spark, tmp_path)
    started = children_faults(spark)
    work(spark, tmp_path)
    assert children_faults(spark) == started
    hidden = [file for file in tmp_path.rglob(".*.crc")]
    assert len(list(tmp_path.rglob("*"))) > 4 and not hidden


def test_permissions_are_set(spark: SparkSession, tmp_path: Path) -> None:
    jvm: Any = spark._jvm
    hadoop = jvm.org.apache.hadoop.fs
    disk = hadoop.FileSystem.get(conf(spark))
    assert disk.getClass().getName() == "tickhouse.NioLocalFileSystem"
    place = hadoop.Path(str(tmp_path / "folder"))
    for expected in (0o750, 0o1777):
        disk.mkdirs(place)
        disk.setPermission(place, hadoop.permission.FsPermission(f"{expected:o}"))
        assert (tmp_path / "folder").stat().st_mode & 0o7777 == expected
