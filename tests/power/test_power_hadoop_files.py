"""Whatever Spark writes through Hadoop's file system is on the disk once it is closed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from tests.support.power import PowerDisk

pytestmark = pytest.mark.power
CONTENT = b"a line\n" * 3000


def create(spark: SparkSession, system: Any, path: Any) -> Any:
    return system.create(path)


def create_with_permission(spark: SparkSession, system: Any, path: Any) -> Any:
    permission = jvm_of(spark).org.apache.hadoop.fs.permission.FsPermission("644")
    return system.create(path, permission, True, 4096, 1, 4096, None)


def create_not_recursive(spark: SparkSession, system: Any, path: Any) -> Any:
    return system.createNonRecursive(path, True, 4096, 1, 4096, None)


def build(spark: SparkSession, system: Any, path: Any) -> Any:
    return system.createFile(path).overwrite(True).build()


def create_by_checkpoint_manager(spark: SparkSession, system: Any, path: Any) -> Any:
    managers = jvm_of(spark).org.apache.spark.sql.execution.streaming.checkpointing
    manager = managers.CheckpointFileManager.create(path.getParent(), configuration(spark))
    return manager.createAtomic(path, True)


@pytest.mark.parametrize(
    "opened",
    [create, create_with_permission, create_not_recursive, build, create_by_checkpoint_manager],
)
def test_a_closed_file_survives_a_cut(
    spark: SparkSession, disk: PowerDisk, opened: Callable[..., Any]
) -> None:
    jvm = jvm_of(spark)
    target = disk.path / "folder" / "file"
    target.parent.mkdir()
    path = jvm.org.apache.hadoop.fs.Path(f"file:{target}")
    stream = opened(spark, path.getFileSystem(spark._jsc.hadoopConfiguration()), path)
    stream.write(CONTENT)
    stream.close()
    disk.cut(names=True)
    assert content_of(target) == CONTENT


def test_a_renamed_folder_survives_a_cut(spark: SparkSession, disk: PowerDisk) -> None:
    draft, target = disk.path / "draft", disk.path / "made" / "table"
    spark.range(1000).coalesce(1).write.parquet(f"file:{draft}")
    jvm = jvm_of(spark)
    system = jvm.org.apache.hadoop.fs.Path(f"file:{draft}").getFileSystem(configuration(spark))
    system.mkdirs(jvm.org.apache.hadoop.fs.Path(f"file:{target.parent}"))
    assert system.rename(*(jvm.org.apache.hadoop.fs.Path(f"file:{one}") for one in (draft, target)))
    disk.cut()
    assert spark.read.parquet(f"file:{target}").count() == 1000


def jvm_of(spark: SparkSession) -> Any:
    return spark._jvm


def configuration(spark: SparkSession) -> Any:
    """As a query of the stream has it."""
    return spark._jsparkSession.sessionState().newHadoopConf()


def content_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
