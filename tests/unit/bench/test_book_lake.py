"""What the benchmarks of book and sweep read is a book that holds, and as many settings."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from deltalake import DeltaTable

from bench.book_lake import SYMBOL, VENUE, WAVE, write_book
from bench.sweep import list_settings
from include.lake.book_at import book_at
from streaming.trader.rehearsal.sweep import list_variants

START_AT, HOUR = datetime(2026, 1, 5, tzinfo=UTC), timedelta(hours=1)
LEVELS = """
SELECT price FROM changes WHERE side = $side AND received_time <= $at GROUP BY price
HAVING arg_max(remaining, "offset") > 0 ORDER BY price
"""


def test_the_made_book_is_that_of_all_its_changes(tmp_path: Path) -> None:
    write_book(str(tmp_path), count=5000, first_at=START_AT, span=HOUR)
    changes = DeltaTable(str(tmp_path / "book_changes")).to_pyarrow_table()
    assert changes.num_rows == 5002
    at = START_AT + timedelta(minutes=41)
    book = book_at(str(tmp_path), VENUE, SYMBOL, at)
    for side, levels in (("bid", book.bids), ("ask", book.asks)):
        rows = duckdb.execute(LEVELS, {"side": side, "at": at}).fetchall()
        assert sorted(price for price, _ in levels) == [price for (price,) in rows]
        assert len(levels) > 200


def test_a_waves_best_prices_move(tmp_path: Path) -> None:
    write_book(str(tmp_path), count=5000, first_at=START_AT, span=HOUR, mid=WAVE)
    bids = DeltaTable(str(tmp_path / "book_changes")).to_pyarrow_table()["top_bid"].to_pylist()
    assert max(bids) - min(bids) > 500


def test_there_are_as_many_settings_as_are_asked_for() -> None:
    assert [len(list_variants(list_settings(count))) for count in (27, 1000)] == [27, 1000]
