"""The real archives are read as their README describes them, to the row."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from include.settings import Settings
from spark_jobs.load_history import stage
from spark_jobs.sinks import locate_table

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def staged(spark: SparkSession, settings: Settings, shared_data: Path) -> Any:
    def rows(name: str) -> Any:
        source = shared_data / "bars" / name
        stage(spark, settings, source, symbol="BTC-USD", run_id="r", now=NOW)
        return spark.read.format("delta").load(locate_table(settings, "history_staging"))

    return rows


def test_three_months_of_bitfinex_bars(staged: Any) -> None:
    rows = staged("bitfinex_btcusd_1m_2018-02-01_2018-04-30.csv.gz")
    assert rows.count() == 127_888  # 272 minutes are missing
    assert rows.where("traded").count() == 127_888
    span = rows.agg(F.min("minute").cast("long"), F.max("minute").cast("long")).first()
    assert tuple(span) == (1_517_443_200, 1_525_132_740)  # 2018-02-01 00:00, 2018-04-30 23:59
    first = rows.orderBy("minute").first()
    assert (first.open, first.high, first.low, first.close) == (
        Decimal(10268),
        Decimal(10280),
        Decimal(10258),
        Decimal(10264),
    )


def test_the_nan_edition_without_a_header(staged: Any) -> None:
    rows = staged("kaggle_bitstampUSD_1-min_nan_edition_2012-01-06_first310.csv")
    assert rows.count() == 310
    assert rows.where("NOT traded").count() == 306


def test_the_2017_edition_repeats_rows_where_nothing_was_traded(staged: Any) -> None:
    rows = staged("kaggle_bitstampUSD_1-min_2011-12-31_to_2012-01-31.csv.gz")
    assert rows.count() == 45_608
    assert rows.where("NOT traded").count() == 45_211
