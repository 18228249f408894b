"""How fast the book of an instant is made again, from a day of many changes; the aim is 200 ms."""

import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from bench.book_lake import SYMBOL, VENUE, write_book
from bench.measurement import Measurement, find_quantile
from include.errors import QueryError
from include.lake.book_at import book_at
from include.lake.book_checkpoints import BookCheckpoints
from include.log import PrintLine

DAY_AT, DAY = datetime(2026, 1, 5, tzinfo=UTC), timedelta(days=1)
MOMENTS, PEER_MOMENTS = 40, 5
PEER = "plain DuckDB over all changes before"
_LEVELS = """
SELECT side, price, arg_max(remaining, "offset") AS quantity FROM changes
WHERE venue = $venue AND symbol = $symbol AND received_time <= $at GROUP BY ALL
HAVING quantity > 0
"""


def measure(*, change_count: int, seed: int, print_line: PrintLine) -> list[Measurement]:
    """Milliseconds of `book_at` at moments of the day, its checkpoints made as `minutes` does."""
    moments = [DAY_AT + DAY * share for share in _shares(seed)]
    with tempfile.TemporaryDirectory(prefix="tickhouse-bench-book-") as lake:
        began_s = time.monotonic()
        write_book(lake, count=change_count, first_at=DAY_AT, span=DAY)
        print_line(f"{change_count:,} changes of a day made in {time.monotonic() - began_s:.0f} s")
        began_s = time.monotonic()
        count = BookCheckpoints(lake).add()
        print_line(f"{count} checkpoints added in {time.monotonic() - began_s:.0f} s")
        processor_s = time.process_time()
        ours_ms, levels = zip(*(_time_ours(lake, at) for at in moments), strict=True)
        processor_ms = 1000 * (time.process_time() - processor_s) / len(moments)
        peers_ms, peer_levels = zip(
            *(_time_peer(lake, at) for at in moments[:PEER_MOMENTS]), strict=True
        )
    if levels[:PEER_MOMENTS] != peer_levels:
        raise QueryError("the book differs from that of all changes before")
    peer_ms = statistics.median(peers_ms)
    return [
        Measurement.of(
            "book at an instant, p50",
            statistics.median(ours_ms),
            "ms",
            peer=PEER,
            peer_value=peer_ms,
            digits=1,
        ),
        Measurement.of("book at an instant, p99", find_quantile(ours_ms, 0.99), "ms", digits=1),
        Measurement.of("book at an instant, time of processors", processor_ms, "ms", digits=1),
    ]


def _shares(seed: int) -> list[float]:
    """When in the day, from its first quarter of an hour on."""
    numbers = random.Random(seed)
    return [numbers.uniform(0.02, 0.999) for _ in range(MOMENTS)]


def _time_ours(lake: str, moment_at: datetime) -> tuple[float, int]:
    began_s = time.perf_counter()
    book = book_at(lake, VENUE, SYMBOL, moment_at)
    return 1000 * (time.perf_counter() - began_s), len(book.bids) + len(book.asks)


def _time_peer(lake: str, moment_at: datetime) -> tuple[float, int]:
    began_s = time.perf_counter()
    with duckdb.connect() as connection:
        connection.read_parquet(
            [str(file) for file in Path(lake, "book_changes").glob("*.parquet")]
        ).create_view("changes")
        bindings = {"venue": VENUE, "symbol": SYMBOL, "at": moment_at}
        levels = connection.execute(_LEVELS, bindings).fetchall()
    return 1000 * (time.perf_counter() - began_s), len(levels)
