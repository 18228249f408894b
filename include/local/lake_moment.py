"""One moment of the lake while it is written: no table has landed what others have not."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from deltalake import DeltaTable

from include.errors import PlatformError
from include.lake.checkpoint import committed_offsets
from include.lake.reading import open_table
from include.lake.tables import LANDED_TOPICS, QUARANTINE, TABLE_OF_TOPIC
from include.lake.topic_restarts import read_restarts
from include.lake.watermarks import next_offsets
from include.market.wire import TopicPartition
from include.object_path import list_paths, store_path
from include.settings import Settings

TRIES, PAUSE_S = 400, 0.05


@dataclass(frozen=True)
class LakeMoment:
    """The version of each of the lake's tables at the end of a batch, and the next offsets."""

    versions: Mapping[str, int]
    watermarks: Mapping[TopicPartition, int]


def find_moment(settings: Settings) -> LakeMoment:
    """The tables' versions at the end of a batch: no table has landed what others have not.

    Raises:
        PlatformError: no such moment was seen in twenty seconds.
    """
    land = settings.checkpoints / "land" / "stream"
    for _ in range(TRIES):
        committed = committed_offsets(land)
        tables = _open_tables(settings.lake)
        watermarks = _read_watermarks(tables, committed)
        restarts = read_restarts(settings.lake)
        ends = {part: restarts.in_lake(part, offset) for part, offset in committed.items()}
        is_between = all(offset <= ends[part] for part, offset in watermarks.items())
        if is_between and committed_offsets(land) == committed:
            versions = {name: table.version() for name, table in tables.items()}
            return LakeMoment(versions, watermarks)
        time.sleep(PAUSE_S)
    raise PlatformError("the stream's batches follow each other without a pause: try again")


def _open_tables(lake: str) -> dict[str, DeltaTable]:
    names = sorted({path.parent.name for path in list_paths(store_path(lake), "*/_delta_log")})
    tables = {name: open_table(lake, name) for name in names}
    return {name: table for name, table in tables.items() if table is not None}


def _read_watermarks(
    tables: Mapping[str, DeltaTable], committed: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    offsets: dict[TopicPartition, int] = {}
    for topic in LANDED_TOPICS:
        table = tables.get(TABLE_OF_TOPIC.get(topic, QUARANTINE).name)
        parts = [part for part in committed if part.topic == topic]
        offsets |= next_offsets(table, parts) if table is not None else {}
    return offsets
