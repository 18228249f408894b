"""Archives become minute bars: no trade and no data apart, bad rows named, landing repeatable."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from include.errors import HistoryError
from include.settings import Settings
from spark_jobs.load_history import land, stage
from spark_jobs.sinks import locate_table

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIX = "Timestamp,Open,High,Low,Close,Volume"
EIGHT = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price"
SILENT = (None, None, None, None, Decimal(0), False)


def bar(open_: str, high: str, low: str, close: str, volume: str) -> tuple[Any, ...]:
    return (*map(Decimal, (open_, high, low, close, volume)), True)


@pytest.fixture
def archive(tmp_path: Path) -> Any:
    def written(*lines: str) -> str:
        file = tmp_path / "bars.csv"
        file.write_text("".join(f"{line}\n" for line in lines))
        return str(file)

    return written


def staged(spark: SparkSession, settings: Settings, source: str, **more: Any) -> int:
    return stage(spark, settings, Path(source), symbol="BTC-USD", run_id="r1", now=NOW, **more)


def bars(spark: SparkSession, settings: Settings, table: str = "history_staging") -> dict[int, Any]:
    rows = spark.read.format("delta").load(locate_table(settings, table)).collect()
    return {
        int(row.minute.timestamp()): (
            row.open,
            row.high,
            row.low,
            row.close,
            row.base_volume,
            row.traded,
        )
        for row in rows
    }


def test_zero_volume_is_no_trade_and_an_absent_minute_stays_absent(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    silent = "120.0,4.75,4.75,4.75,4.75,0.0"
    source = archive(SIX, "60.0,4.5,5,4,4.75,1.25", silent, "", "240,1,1,1,1,1")
    assert staged(spark, settings, source) == 3
    assert bars(spark, settings) == {
        60: bar("4.5", "5", "4", "4.75", "1.25"),
        120: SILENT,
        240: bar("1", "1", "1", "1", "1"),
    }


def test_nan_minutes_are_no_trade_and_a_repeated_row_is_a_trade(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    nan = ",NaN" * 7
    source = archive(EIGHT, f"60{nan}", "120,2,2,2,2,3,6,2", "180,2,2,2,2,3,6,2", f"240{nan}")
    staged(spark, settings, source)
    traded = bar("2", "2", "2", "2", "3")
    assert bars(spark, settings) == {60: SILENT, 120: traded, 180: traded, 240: SILENT}


def test_a_repeated_row_of_the_2017_edition_is_no_trade(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    source = archive(EIGHT, "60,2,2,2,2,3,6,2", "120,2,2,2,2,3,6,2", "180,2,2,2,2,4,8,2")
    staged(spark, settings, source)
    assert bars(spark, settings) == {
        60: bar("2", "2", "2", "2", "3"),
        120: SILENT,
        180: bar("2", "2", "2", "2", "4"),
    }


def test_bitfinex_bars_are_read_close_first_and_cut_at_until(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    day = 1_517_443_200
    source = archive(f"{day}000,10268,10264,10280,10258,26.8", f"{day + 60}000,1,1,1,1,1")
    until = datetime.fromtimestamp(day + 60, UTC)
    assert staged(spark, settings, source, bounds=(None, until)) == 1
    assert bars(spark, settings) == {day: bar("10268", "10280", "10258", "10264", "26.8")}


def test_a_span_begins_with_a_minute_whose_silence_hangs_on_the_one_before(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    source = archive(EIGHT, "60,2,2,2,2,3,6,2", "120,2,2,2,2,3,6,2", "180,2,2,2,2,4,8,2")
    assert staged(spark, settings, source, bounds=(datetime.fromtimestamp(120, UTC), None)) == 2
    assert bars(spark, settings) == {120: SILENT, 180: bar("2", "2", "2", "2", "4")}


def test_the_weighted_price_is_kept_where_the_archive_has_one(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    """Null: not traded, not there, no number, not between low and high."""
    prices = ("2.5", "2.0000000001", "NaN", "", "much", "3.1", "1.9", "inf")
    lines = [f"{60 + 60 * n},2,3,2,3,4,{8 + n},{price}" for n, price in enumerate(prices)]
    staged(spark, settings, archive(EIGHT, *lines, "6000" + ",NaN" * 7))
    assert land(spark, settings, run_id="r1") == 9
    rows = spark.read.format("delta").load(locate_table(settings, "history_minutes")).collect()
    weighted = {int(row.minute.timestamp()): row.vwap for row in rows}
    expected = dict.fromkeys(range(60, 541, 60)) | {6000: None, 60: 2.5, 120: 2.0000000001}
    assert weighted == {key: expected[key] for key in weighted} and len(weighted) == 9
    staged(spark, settings, archive(SIX, "60,2,3,2,3,4"))
    assert land(spark, settings, run_id="r1") == 1
    (row,) = [r for r in bars_with_vwap(spark, settings) if r.minute.timestamp() == 60]
    assert row.vwap is None, "of an edition without the column"


def bars_with_vwap(spark: SparkSession, settings: Settings) -> list[Any]:
    return spark.read.format("delta").load(locate_table(settings, "history_minutes")).collect()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("120,1,1,1", "wrong number of columns"),
        ("soon,1,1,1,1,1", "unreadable time"),
        ("120000000000000,1,1,1,1,1", "time in another unit"),
        ("121,1,1,1,1,1", "not the start of a minute"),
        ("4102444800,1,1,1,1,1", "in the future"),
        ("120,1,1,one,1,1", "unreadable number"),
        ("120,NaN,1,1,1,1", "unreadable number"),
        ("120,1,1,0,1,1", "price not above zero"),
        ("120,1,1,1,1,-1", "negative volume"),
        ("120,1,2,1,3,1", "open, high, low, close clash"),
        ("60,9,9,9,9,9", "another row has this minute: 60,1,1,1,1,1"),
    ],
)
def test_a_bad_row_fails_the_file_and_is_named(
    spark: SparkSession, settings: Settings, archive: Any, line: str, reason: str
) -> None:
    with pytest.raises(HistoryError) as caught:
        staged(spark, settings, archive(SIX, "60,1,1,1,1,1", line, "180,1,1,1,1,1"))
    first = str(caught.value).splitlines()[0]
    assert first.startswith("1 rows of bars.csv cannot be used")
    assert f"'{line}'" in first
    assert reason in first


def test_an_exact_copy_of_a_row_is_one_row(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    assert staged(spark, settings, archive(SIX, "60,1,1,1,1,1", "60,1,1,1,1,1")) == 1


def test_a_bad_file_leaves_the_last_good_table_in_place_and_landing_twice_changes_nothing(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    good = archive(SIX, "60,1,1,1,1,1", "120,2,2,2,2,2")
    for _ in range(2):
        staged(spark, settings, good)
        assert land(spark, settings, run_id="r1") == 2
    before = bars(spark, settings, "history_minutes")
    assert before == {60: bar("1", "1", "1", "1", "1"), 120: bar("2", "2", "2", "2", "2")}
    with pytest.raises(HistoryError, match="cannot be used"):
        staged(spark, settings, archive(SIX, "60,7,7,7,7,7", "180,-3,3,3,3,3"))
    with pytest.raises(HistoryError, match="staged"):
        land(spark, settings, run_id="r1")
    assert bars(spark, settings, "history_minutes") == before


def test_a_newer_edition_corrects_minutes_and_adds_new_ones(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    staged(spark, settings, archive(SIX, "60,1,1,1,1,1", "120,2,2,2,2,2"))
    land(spark, settings, run_id="r1")
    staged(spark, settings, archive(SIX, "120,3,3,3,3,3", "180,4,4,4,4,4"))
    land(spark, settings, run_id="r1")
    assert bars(spark, settings, "history_minutes") == {
        60: bar("1", "1", "1", "1", "1"),
        120: bar("3", "3", "3", "3", "3"),
        180: bar("4", "4", "4", "4", "4"),
    }


def test_nothing_lands_that_another_run_staged(
    spark: SparkSession, settings: Settings, archive: Any
) -> None:
    staged(spark, settings, archive(SIX, "60,1,1,1,1,1"))
    with pytest.raises(HistoryError, match="r2"):
        land(spark, settings, run_id="r2")
