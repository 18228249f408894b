"""Which data files of a table can hold rows of a span, by the statistics in its log.

A query then opens these alone: its cost follows what it asks for, not the history.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable

from include.market.time import to_epoch_us

# Spark cuts the times in its statistics to milliseconds: the true maximum may be above.
STATISTIC_STEP_US = 1000
FARTHEST = np.iinfo(np.int64)
LATEST = datetime.max.replace(tzinfo=UTC)
TimeSpan = tuple[datetime, datetime]  # from the first to before the second


def list_files(table: DeltaTable) -> pa.Table:
    """The data files of a version, a row each: `uri`, and `min.…` and `max.…` of its columns."""
    files = pa.table(table.get_add_actions(flatten=True))
    root = table.table_uri.removeprefix("file://").rstrip("/")
    paths = [path if _is_absolute(path) else f"{root}/{path}" for path in files["path"].to_pylist()]
    return files.append_column("uri", pa.array(paths, pa.string()))


def list_uris(files: pa.Table) -> list[str]:
    """The files' addresses, as `DeltaTable.file_uris` gives them."""
    addresses: list[str] = files["uri"].to_pylist()
    return addresses


def files_in_spans(files: pa.Table, column: str, spans: Sequence[TimeSpan]) -> pa.Table:
    """The files that may hold rows whose time `column` is in one of the spans.

    The spans are in order and do not overlap. A file without statistics may hold any row.
    """
    if not spans:
        return files.slice(0, 0)
    begins, ends = (np.array([to_epoch_us(at) for at in side]) for side in zip(*spans, strict=True))
    low, high = _read_bounds(files, column)
    high = np.where(high == FARTHEST.max, high, high + STATISTIC_STEP_US)
    nearest = np.searchsorted(ends, low, side="right")  # the first span that ends after the minimum
    begin_of_nearest = np.append(begins, FARTHEST.max)[nearest]
    return files.filter(pa.array((nearest < len(ends)) & (begin_of_nearest <= high)))


def files_from_offsets(files: pa.Table, next_offsets: Mapping[int, int]) -> pa.Table:
    """The files of a landed table that may hold offsets at or beyond a reader's, by partition."""
    first, last = _read_bounds(files, "partition")
    _, newest = _read_bounds(files, "offset")
    min_next_offsets = {
        (low, high): _lowest_offset(next_offsets, low, high)
        for low, high in {*zip(first.tolist(), last.tolist(), strict=True)}
    }
    due = [
        min_next_offsets[low, high] for low, high in zip(first.tolist(), last.tolist(), strict=True)
    ]
    return files.filter(pa.array(newest >= np.array(due, dtype=np.int64)))


def files_below(files: pa.Table, column: str, bound: int) -> pa.Table:
    """The files that may hold rows whose `column` (a time: in µs) is below the bound."""
    low, _ = _read_bounds(files, column)
    return files.filter(pa.array(low < bound))


def newest_us(files: pa.Table, column: str) -> int:
    """The newest time of a column by the files' statistics, in µs; -1 if there is none."""
    times = [at for at in list_statistics(files, f"max.{column}") if at is not None]
    return to_epoch_us(max(times)) + STATISTIC_STEP_US - 1 if times else -1


def list_statistics(files: pa.Table, name: str) -> list[datetime | None]:
    """A statistic of a column of times, such as `max.minute`, by file; null where it is unknown."""
    if name not in files.column_names:
        return [None] * files.num_rows
    times: list[datetime | None] = files[name].to_pylist()
    return times


def files_with_text(files: pa.Table, column: str, text: str) -> pa.Table:
    """The files that may hold rows whose `column` is that text."""
    names = f"min.{column}", f"max.{column}"
    if not {*names} <= {*files.column_names}:
        return files
    may_hold = [
        low is None or high is None or low <= text <= high
        for low, high in zip(*(files[name].to_pylist() for name in names), strict=True)
    ]
    return files.filter(pa.array(may_hold, pa.bool_()))


def files_not_in(files: pa.Table, addresses: Iterable[str]) -> pa.Table:
    """The files that are not among these."""
    excluded = frozenset(addresses)
    return files.filter(pa.array([uri not in excluded for uri in list_uris(files)], pa.bool_()))


def _lowest_offset(next_offsets: Mapping[int, int], low: int, high: int) -> int:
    """The lowest next offset of the partitions from `low` to `high`; 0 if one of them has none."""
    if high - low >= len(next_offsets):
        return 0
    return min(next_offsets.get(partition, 0) for partition in range(low, high + 1))


def _read_bounds(files: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of a column in each file; without statistics, the widest."""
    widest = {"min": FARTHEST.min, "max": FARTHEST.max}
    sides = []
    for side, bound in widest.items():
        if (name := f"{side}.{column}") not in files.column_names:
            sides.append(np.full(files.num_rows, bound, dtype=np.int64))
            continue
        statistics = files[name].combine_chunks()
        if pa.types.is_timestamp(statistics.type):
            statistics = statistics.cast(pa.timestamp("us", "UTC"))
        sides.append(statistics.cast(pa.int64()).fill_null(int(bound)).to_numpy())
    return sides[0], sides[1]


def _is_absolute(path: str) -> bool:
    return "://" in path or PurePosixPath(path).is_absolute()


def join_steps(starts: Sequence[datetime], length: timedelta) -> list[TimeSpan]:
    """Steps by their starts, in order, as spans: those that follow one another are one."""
    spans: list[TimeSpan] = []
    for start_at in starts:
        first = spans.pop()[0] if spans and spans[-1][1] == start_at else start_at
        spans.append((first, start_at + length))
    return spans
