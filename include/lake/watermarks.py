"""How far each table has landed: the next offset of each topic-partition, kept in its Delta log.

A commit of landed rows carries a `txn` action per topic-partition that it brings forward (Delta
protocol, "Transaction Identifiers"): the application id names the topic-partition, the version is
its next offset. The action is in the same commit as the rows, and Delta keeps it in its log
checkpoints, so it survives the clean-up of the log, other writers and a rebuilt stream checkpoint.
"""

from collections.abc import Iterable

from deltalake import DeltaTable

from include.lake.columns import Table
from include.lake.reading import open_table
from include.lake.tables import QUARANTINE, TABLE_OF_TOPIC
from include.lake.topic_restarts import read_restarts
from include.market.wire import TopicPartition


def application_id(partition: TopicPartition) -> str:
    """The application id of a topic-partition in a table's `txn` actions."""
    return f"tickhouse/{partition.topic}/{partition.partition}"


def home_table(topic: str) -> Table:
    """The table whose watermark is how far a topic has landed: its own, or quarantine."""
    return TABLE_OF_TOPIC.get(topic, QUARANTINE)


def next_offsets(
    table: DeltaTable, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """The next offset of those partitions that a version of a table knows."""
    versions = {part: table.transaction_version(application_id(part)) for part in partitions}
    return {part: version for part, version in versions.items() if version is not None}


def lake_watermarks(
    lake: str, partitions: Iterable[TopicPartition], *, table: str | None = None
) -> dict[TopicPartition, int]:
    """The watermark of each partition that has landed at all, as the lake counts offsets.

    It is that of its home table, or of the one that is given.
    """
    by_table: dict[str, list[TopicPartition]] = {}
    for partition in partitions:
        by_table.setdefault(table or home_table(partition.topic).name, []).append(partition)
    offsets: dict[TopicPartition, int] = {}
    for name, of_table in by_table.items():
        existing = open_table(lake, name)
        if existing is not None:
            offsets |= next_offsets(existing, of_table)
    return offsets


def landed_offsets(lake: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The next offset to land of each partition that has landed at all, as Kafka counts them."""
    watermarks, restarts = lake_watermarks(lake, partitions), read_restarts(lake)
    return {part: restarts.in_kafka(part, offset) for part, offset in watermarks.items()}
