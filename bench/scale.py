"""What more symbols, partitions and feed shards change: publishing, landing, a batch's time.

In each cell of the grid shards (processes of disjoint symbols) publish trades and book changes
until the broker has acknowledged them; then the landing query takes them in batches of one size.
Each partition count has a broker of its own; every cell must have landed every message.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from bench.measurement import Measurement
from bench.quiet import end_quietly
from include.bus import ensure_topics, offset_ranges
from include.errors import PlatformError
from include.lake.checkpoint import batch_spans
from include.lake.epoch import Epoch
from include.lake.tables import QUARANTINE, TABLE_OF_TOPIC, TABLES
from include.local.scratch import scratch_broker
from include.log import PrintLine
from include.market.wire import Topic, TopicPartition
from include.settings import ROOT, Settings
from include.settings.groups import KafkaSettings
from spark_jobs.landing import Landing
from spark_jobs.session import open_session
from spark_jobs.sinks import create_table
from spark_jobs.sources import kafka_stream

TOPICS = (Topic.BOOK, Topic.TRADES)
SHARD = "bench.scale_shard"
SHARD_S, LAND_S = 600.0, 600
BATCHES = 10  # of a cell
RATE, SHARE = "messages/s", "%"


@dataclass(frozen=True)
class ScaleGrid:
    """The cells: every combination, `messages` published in each."""

    symbols: Sequence[int]
    partitions: Sequence[int]
    shards: Sequence[int]
    messages: int


USUAL_GRID = ScaleGrid((1, 10, 50, 500), (1, 4, 16), (1, 2), 200_000)
QUICK_GRID = ScaleGrid((1, 50), (1, 4), (1, 2), 20_000)


@dataclass(frozen=True)
class ScaleCell:
    """One combination, and what was measured: rates, a batch's median, the fullest partition."""

    symbols: int
    partitions: int
    shards: int
    published_a_s: float
    landed_a_s: float
    batch_ms: float
    fullest_share: float

    def describe(self) -> str:
        """The combination in words."""
        return f"{self.symbols} symbols, {self.partitions} partitions, {self.shards} shards"


def measure(grid: ScaleGrid, *, print_line: PrintLine) -> list[Measurement]:
    """Four figures of each cell, beside those of the first one.

    Raises:
        PlatformError: a cell did not land every message.
    """
    cells: list[ScaleCell] = []
    for partitions in grid.partitions:
        chosen = {
            "TICKHOUSE_STREAM_MASTER": "local[2]",
            "TICKHOUSE_STREAM_MAX_OFFSETS": str(grid.messages // BATCHES),
        }
        with scratch_broker(chosen) as settings:
            ensure_topics(settings.bootstrap, KafkaSettings(partitions=partitions))
            spark = open_session(settings, "bench scale", ui_port=settings.ports.spark_ui)
            with end_quietly(spark):
                combinations = list(product(grid.symbols, grid.shards))
                for number, (symbols, shards) in enumerate([combinations[0], *combinations]):
                    cell = _measure_cell(
                        spark,
                        replace(settings, world=f"cell{number}"),
                        symbols=symbols,
                        shards=shards,
                        messages=grid.messages,
                    )
                    if number:  # the first one warms up
                        cells.append(replace(cell, partitions=partitions))
                        print_line(f"{cells[-1].describe()}: {_describe_figures(cells[-1])}")
    return list(compare_cells(cells))


def compare_cells(cells: Sequence[ScaleCell]) -> Iterator[Measurement]:
    """The rows of the cells, each beside the first cell's figure."""
    first = cells[0]
    for cell in cells:
        for name, unit, less_is_better in (
            ("published_a_s", RATE, False),
            ("landed_a_s", RATE, False),
            ("batch_ms", "ms", True),
            ("fullest_share", SHARE, True),
        ):
            yield Measurement.of(
                f"{name.removesuffix('_a_s').removesuffix('_ms')}, {cell.describe()}",
                getattr(cell, name),
                unit,
                peer=None if cell is first else first.describe(),
                peer_value=None if cell is first else getattr(first, name),
                less_is_better=less_is_better,
            )


def _measure_cell(
    spark: SparkSession, settings: Settings, *, symbols: int, shards: int, messages: int
) -> ScaleCell:
    starts = _read_ends(settings)
    published_s = _publish(settings, symbols=symbols, shards=shards, messages=messages)
    new_counts = {part: end - starts.get(part, 0) for part, end in _read_ends(settings).items()}
    for table in (*(TABLE_OF_TOPIC[topic] for topic in TOPICS), QUARANTINE):
        create_table(spark, settings, TABLES[table.name])
    began = time.perf_counter()
    query = _land(spark, settings, starts)
    landed_s = time.perf_counter() - began
    _require_rows(settings, messages)
    return ScaleCell(
        symbols,
        0,
        shards,
        published_a_s=messages / published_s,
        landed_a_s=messages / landed_s,
        batch_ms=_find_median_ms(query),
        fullest_share=100 * max(new_counts.values()) * len(TOPICS) / messages,
    )


def _read_ends(settings: Settings) -> dict[TopicPartition, int]:
    ranges = offset_ranges(settings.bootstrap, TOPICS)
    return {part: end for part, (_, end) in ranges.items()}


def _publish(settings: Settings, *, symbols: int, shards: int, messages: int) -> float:
    """Seconds from the shards' common start to the last acknowledgement.

    Raises:
        PlatformError: a shard failed.
    """
    begin_at = time.time() + 2.0  # when all have loaded their code
    commands = [
        [sys.executable, "-m", SHARD, str(settings.bootstrap)]
        + [str(number) for number in (begin_at, shard, shards, symbols, messages // shards)]
        for shard in range(shards)
    ]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]
    outputs = [process.communicate(timeout=SHARD_S)[0] for process in running]
    if failed := [process.returncode for process in running if process.returncode]:
        raise PlatformError(f"a shard of the measurement ended with exit code {failed[0]}")
    return max(float(output) for output in outputs) - begin_at


def _land(
    spark: SparkSession, settings: Settings, starts: Mapping[TopicPartition, int]
) -> StreamingQuery:
    """Let the landing query take all there is behind these offsets.

    Raises:
        PlatformError: it does not end in time.
    """
    folder = settings.checkpoints / "land"
    landing = Landing(
        settings,
        epoch=Epoch(starts=dict(starts), topic_ids={}),
        hooks={},
        spans=lambda batch: batch_spans(folder / "stream", batch, starts=starts),
    )
    by_topic: dict[str, dict[str, int]] = {}
    for part, offset in starts.items():
        by_topic.setdefault(part.topic, {})[str(part.partition)] = offset
    source = kafka_stream(spark, settings, list(TOPICS), starting=json.dumps(by_topic))
    query = (
        source.writeStream.option("checkpointLocation", str(folder / "stream"))
        .trigger(availableNow=True)
        .foreachBatch(landing.write)
        .start()
    )
    if not query.awaitTermination(LAND_S):
        batches = [batch["batchId"] for batch in query.recentProgress]
        raise PlatformError(f"a cell did not land within {LAND_S} s; its batches: {batches}")
    return query


def _require_rows(settings: Settings, expected: int) -> None:
    tables = [TABLE_OF_TOPIC[topic].name for topic in TOPICS]
    counts = [DeltaTable(f"{settings.lake}/{name}").count() for name in tables]
    if sum(counts) != expected:
        raise PlatformError(f"{sum(counts)} of {expected} messages landed: no figure is valid")


def _find_median_ms(query: StreamingQuery) -> float:
    """Of the batches after the first one, which also starts the query."""
    times_ms = [
        batch["durationMs"]["triggerExecution"]
        for batch in query.recentProgress
        if batch["numInputRows"]
    ]
    return float(statistics.median(times_ms[1:] or times_ms))


def _describe_figures(cell: ScaleCell) -> str:
    return (
        f"{cell.published_a_s:,.0f} published and {cell.landed_a_s:,.0f} landed {RATE}, "
        f"{cell.batch_ms:.0f} ms a batch, {cell.fullest_share:.0f} % in the fullest partition"
    )
