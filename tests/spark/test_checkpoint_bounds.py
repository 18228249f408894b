"""How many batches the stream's checkpoints keep: fewer where they are large."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from include.settings import Settings, load
from spark_jobs.stream_market import BATCHES, bound_checkpoints


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_STREAM_CHECKPOINT_MB": "1"})
    state = tmp_path / settings.world / "checkpoints" / "signals" / "stream" / "state"
    state.mkdir(parents=True)
    (state / "1.delta").write_bytes(bytes(4_000_000))
    return settings


@pytest.fixture
def batches(spark: SparkSession) -> Iterator[SparkSession]:
    before = spark.conf.get(BATCHES)
    spark.conf.set(BATCHES, "20")
    yield spark
    spark.conf.set(BATCHES, str(before))


def test_a_checkpoint_beyond_its_size_keeps_fewer_batches(
    batches: SparkSession, settings: Settings
) -> None:
    bound_checkpoints(batches, settings)
    assert batches.conf.get(BATCHES) == "5"


def test_small_checkpoints_keep_what_they_kept(batches: SparkSession, tmp_path: Path) -> None:
    bound_checkpoints(batches, load({"TICKHOUSE_VAR": str(tmp_path)}))
    assert batches.conf.get(BATCHES) == "20"
