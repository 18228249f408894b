"""Archive lines to minute bars, each with the reason why it cannot be used, if there is one."""

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.lake.columns import MONEY
from include.lake.csv_editions import Edition
from include.market.time import MINUTE_US

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "vwap", "base_volume", "traded")
WEIGHTED, ROUNDING = "weighted_price", 1e-6  # beyond low and high by more it is no price of them


OpenSpan = tuple[datetime | None, datetime | None]  # from, until; none: no bound
ALL: OpenSpan = (None, None)


def make_bars(
    lines_df: DataFrame,
    edition: Edition,
    *,
    now: datetime,
    bounds: OpenSpan = ALL,
    single: bool = True,
) -> DataFrame:
    """The bars of text lines (`value`): line, minute, prices, base_volume, traded and reason.

    A minute without a trade has null prices and volume 0, whatever the edition wrote there. A
    weighted price that is absent, no number, or not between low and high is null.
    `reason` is null for a bar that can be used, and so is its `line`. If `single`, exact copies are
    one row and other rows of the same minute have a reason; it costs a sort of everything.
    """
    typed_df = lines_df.transform(_split_fields, edition).transform(_cast_fields, edition)
    checked_df = typed_df.withColumn("reason", _find_reason(edition, now))
    is_bad = F.col("reason").isNotNull()
    since, until = bounds
    if until is not None:
        checked_df = checked_df.where(is_bad | (F.col("minute") < F.lit(until)))
    bars_df = checked_df.transform(_mark_silence, edition)
    if since is not None:  # not earlier: whether a minute is silent may hang on the one before it
        bars_df = bars_df.where(is_bad | (F.col("minute") >= F.lit(since)))
    if single:
        return bars_df.transform(_keep_first)
    return bars_df.withColumn("line", _line_if(F.col("reason")))


def _split_fields(lines_df: DataFrame, edition: Edition) -> DataFrame:
    line = F.trim(F.translate("value", "\r\ufeff", ""))
    numbered_df = lines_df.select(
        F.monotonically_increasing_id().alias("line_number"), line.alias("line")
    )
    if edition.header is not None:
        numbered_df = numbered_df.where(F.col("line") != F.lit(edition.header.lstrip("\ufeff")))
    fields = F.split("line", ",")
    named = [F.get(fields, index).alias(name) for index, name in enumerate(edition.columns)]
    return numbered_df.where(F.col("line") != "").select(
        "line_number", "line", F.size(fields).alias("width"), *named
    )


def _cast_fields(fields_df: DataFrame, edition: Edition) -> DataFrame:
    time = F.expr("try_cast(time AS decimal(30,6))")
    smallest, limit = _time_range(edition.unit_us)
    stamp = F.when(
        (time >= smallest) & (time < limit), (time * F.lit(edition.unit_us)).cast("bigint")
    )
    is_number = F.lower("open") != "nan"
    numbers = [
        F.when(is_number, F.expr(f"try_cast({name} AS {MONEY})")).alias(name)
        for name in (*PRICES, "base_volume")
    ]
    silent = ~F.greatest(*(F.lower(name) != "nan" for name in (*PRICES, "base_volume")))
    return fields_df.select(
        "line_number",
        "line",
        "width",
        time.alias("time"),
        stamp.alias("stamp"),
        F.timestamp_micros("stamp").alias("minute"),
        silent.alias("silent"),
        *numbers,
        _weighted_price(edition).alias(WEIGHTED),
    )


def _weighted_price(edition: Edition) -> Column:
    has_one = WEIGHTED in edition.columns
    return F.expr(f"try_cast({WEIGHTED} AS double)" if has_one else "CAST(NULL AS double)")


def _find_reason(edition: Edition, now: datetime) -> Column:
    has_unreadable = F.greatest(*(F.col(name).isNull() for name in (*PRICES, "base_volume")))
    lowest, highest = F.least("open", "close", "high"), F.greatest("open", "close", "low")
    return (
        F.when(F.col("width") != len(edition.columns), "wrong number of columns")
        .when(F.col("time").isNull(), "unreadable time")
        .when(F.col("stamp").isNull(), "time in another unit")
        .when(F.col("stamp") % MINUTE_US != 0, "not the start of a minute")
        .when(F.col("minute") > F.lit(now), "in the future")
        .when(~F.col("silent") & has_unreadable, "unreadable number")
        .when(F.least(*PRICES) <= 0, "price not above zero")
        .when(F.col("base_volume") < 0, "negative volume")
        .when((F.col("low") > lowest) | (F.col("high") < highest), "open, high, low, close clash")
    )


def _time_range(unit_us: int) -> tuple[int, int]:
    """The smallest time of a unit and the first that is too large (seconds may begin at 0)."""
    limit = 10**17 // unit_us
    return (0 if unit_us == 10**6 else limit // 1000), limit


def _mark_silence(checked_df: DataFrame, edition: Edition) -> DataFrame:
    """Mark the minutes without a trade and remove the prices that the archive repeats there."""
    silent = F.col("silent") | (F.col("base_volume") == 0)
    if edition.repeats_are_silence:
        in_time = Window.orderBy("minute", "line_number")
        fields = F.substring_index("line", ",", -(len(edition.columns) - 1))
        silent = silent | F.coalesce(F.lag(fields).over(in_time) == fields, F.lit(False))
    prices = [F.when(F.col("traded"), F.col(name)).alias(name) for name in PRICES]
    lowest, highest = F.col("low") * (1 - ROUNDING), F.col("high") * (1 + ROUNDING)
    is_price = F.col("traded") & F.col(WEIGHTED).between(lowest, highest)
    vwap = F.when(is_price, F.col(WEIGHTED))
    volume = F.when(F.col("traded"), F.col("base_volume")).otherwise(F.lit(0).cast(MONEY))
    marked_df = checked_df.withColumn("traded", ~F.coalesce(silent, F.lit(False)))
    return marked_df.select(
        "line_number",
        "line",
        "minute",
        *prices,
        vwap.alias("vwap"),
        volume.alias("base_volume"),
        "traded",
        "reason",
    )


def _keep_first(bars_df: DataFrame) -> DataFrame:
    """One row a minute; where rows of a minute differ, the later lines have a reason."""
    # rows without a usable minute stay apart, each under its own line
    apart = F.when(F.col("reason").isNotNull(), F.col("line_number")).otherwise(-1)
    same_minute = Window.partitionBy("minute", "apart").orderBy("line_number")
    first = F.first(F.struct(*VALUES)).over(same_minute)
    clash = F.concat(F.lit("another row has this minute: "), F.first("line").over(same_minute))
    numbered_df = bars_df.withColumn("apart", apart).select(
        "line_number",
        "line",
        "minute",
        *VALUES,
        "reason",
        F.row_number().over(same_minute).alias("number"),
        first.eqNullSafe(F.struct(*VALUES)).alias("same"),
        clash.alias("clash"),
    )
    reason = F.when(~F.col("same"), F.col("clash")).otherwise(F.col("reason"))
    return numbered_df.where((F.col("number") == 1) | ~F.col("same")).select(
        "line_number",
        _line_if(reason).alias("line"),
        "minute",
        *VALUES,
        reason.alias("reason"),
    )


def _line_if(reason: Column) -> Column:
    """The line, of rows with a reason."""
    return F.when(reason.isNotNull(), F.col("line"))
