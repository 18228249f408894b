"""Delta's `trade_minutes`: closed minutes alone, and in its log what they are made from.

Each commit carries the next offset of every partition of market.trades that was counted, and the
minute before which Delta has every minute (`closed_until`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
from deltalake import DeltaTable

from include.lake.reading import open_table
from include.lake.tables import TRADE_MINUTES
from include.lake.watermarks import application_id, next_offsets
from include.lake.writing import join_files_of_days, merge_by_day
from include.market.wire import Topic, TopicPartition

CLOSED_UNTIL = "tickhouse/trade_minutes/closed_until"  # seconds since 1970
NEVER = datetime.fromtimestamp(0, UTC)


def closed_until(lake: str) -> datetime:
    """The minute before which Delta has every minute; 1970 if it has none."""
    table = open_table(lake, TRADE_MINUTES.name)
    return NEVER if table is None else closed_in(table)


def closed_in(table: DeltaTable) -> datetime:
    """When the closed minutes of an opened table end."""
    return datetime.fromtimestamp(table.transaction_version(CLOSED_UNTIL) or 0, UTC)


def counted_offsets(table: DeltaTable, partition_count: int) -> dict[int, int]:
    """The next offset of market.trades, by partition, that the closed minutes are made from."""
    of_trades = [TopicPartition(Topic.TRADES, number) for number in range(partition_count)]
    return {part.partition: offset for part, offset in next_offsets(table, of_trades).items()}


def closing_watermarks(offsets: Mapping[int, int], end_at: datetime) -> dict[str, int]:
    """Watermarks of a commit that has every minute before `end_at` from trades below offsets."""
    watermarks = {
        application_id(TopicPartition(Topic.TRADES, partition)): offset
        for partition, offset in offsets.items()
    }
    return watermarks | {CLOSED_UNTIL: int(end_at.timestamp())}


def merge_closed(
    lake: str, new_minutes: pa.Table, *, watermarks: Mapping[str, int] | None = None
) -> None:
    """Insert or replace closed minutes; the watermarks are moved with them, if there are any."""
    if new_minutes.num_rows:
        merge_by_day(lake, TRADE_MINUTES, new_minutes, column="minute", watermarks=watermarks)


def join_files(lake: str, *, max_files: int) -> int:
    """Join the small files of days; gives how many days were joined."""
    return join_files_of_days(lake, TRADE_MINUTES, column="minute", max_files=max_files)
