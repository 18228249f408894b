"""Archive lines to minute bars, each with the reason why it cannot be used, if there is one."""

from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from include.lake.columns import MONEY
from include.lake.kaggle import Edition
from include.market.time import MINUTE_US

PRICES = ("open", "high", "low", "close")
VALUES = (*PRICES, "base_volume", "traded")


Span = tuple[datetime | None, datetime | None]  # from, until; none: no bound
ALL: Span = (None, None)


def bars(
    lines: DataFrame,
    edition: Edition,
    *,
    now: datetime,
    span: Span = ALL,
    single: bool = True,
) -> DataFrame:
    """The bars of text lines (`value`): line, minute, prices, base_volume, traded and reason.

    A minute without a trade has null prices and volume 0, whatever the edition wrote there.
    `reason` is null for a bar that can be used, and so is its `line`. If `single`, exact copies are
    one row and other rows of the same minute have a reason; it costs a sort of everything.
    """
    read = lines.transform(_fields, edition).transform(_typed, edition)
    judged = read.withColumn("reason", _reason(edition, now))
    since, until = span
    if until is not None:
        judged = judged.where(F.col("reason").isNotNull() | (F.col("minute") < F.lit(until)))
    found = judged.transform(_silences, edition)
    if since is not None:  # not earlier: whether a minute is silent may hang on the one before it
        found = found.where(F.col("reason").isNotNull() | (F.col("minute") >= F.lit(since)))
    if single:
        return found.transform(_single)
    return found.withColumn("line", _blamed(F.col("reason")))


def _fields(lines: DataFrame, edition: Edition) -> DataFrame:
    line = F.trim(F.translate("value", "\r\ufeff", ""))
    rows = lines.select(F.monotonically_increasing_id().alias("place"), line.alias("line"))
    if edition.header is not None:
        rows = rows.where(F.col("line") != F.lit(edition.header.lstrip("\ufeff")))
    fields = F.split("line", ",")
    named = [F.get(fields, place).alias(name) for place, name in enumerate(edition.columns)]
    return rows.where(F.col("line") != "").select(
        "place", "line", F.size(fields).alias("width"), *named
    )


def _typed(rows: DataFrame, edition: Edition) -> DataFrame:
    time = F.expr("try_cast(time AS decimal(30,6))")
    smallest, largest = _magnitude(edition.unit_us)
    stamp = F.when(
        (time >= smallest) & (time < largest), (time * F.lit(edition.unit_us)).cast("bigint")
    )
    told = F.lower("open") != "nan"
    typed = [_money(name, told).alias(name) for name in (*PRICES, "base_volume")]
    silent = ~F.greatest(*(F.lower(name) != "nan" for name in (*PRICES, "base_volume")))
    return rows.select(
        "place",
        "line",
        "width",
        time.alias("time"),
        stamp.alias("stamp"),
        F.timestamp_micros("stamp").alias("minute"),
        silent.alias("silent"),
        *typed,
    )


def _money(name: str, told: Column) -> Column:
    return F.when(told, F.expr(f"try_cast({name} AS {MONEY})"))


def _reason(edition: Edition, now: datetime) -> Column:
    unread = F.greatest(*(F.col(name).isNull() for name in (*PRICES, "base_volume")))
    low_of, high_of = F.least("open", "close", "high"), F.greatest("open", "close", "low")
    return (
        F.when(F.col("width") != len(edition.columns), "wrong number of columns")
        .when(F.col("time").isNull(), "unreadable time")
        .when(F.col("stamp").isNull(), "time in another unit")
        .when(F.col("stamp") % MINUTE_US != 0, "not the start of a minute")
        .when(F.col("minute") > F.lit(now), "in the future")
        .when(~F.col("silent") & unread, "unreadable number")
        .when(F.least(*PRICES) <= 0, "price not above zero")
        .when(F.col("base_volume") < 0, "negative volume")
        .when((F.col("low") > low_of) | (F.col("high") < high_of), "open, high, low, close clash")
    )


def _magnitude(unit_us: int) -> tuple[int, int]:
    """The least and the first too large time of a unit (seconds may begin at 0)."""
    largest = 10**17 // unit_us
    return (0 if unit_us == 10**6 else largest // 1000), largest


def _silences(rows: DataFrame, edition: Edition) -> DataFrame:
    """Mark the minutes without a trade and take away the prices that stand there."""
    quiet = F.col("silent") | (F.col("base_volume") == 0)
    if edition.repeats_are_silence:
        in_time = Window.orderBy("minute", "place")
        rest = F.substring_index("line", ",", -(len(edition.columns) - 1))
        quiet = quiet | F.coalesce(F.lag(rest).over(in_time) == rest, F.lit(False))
    bare = [F.when(F.col("traded"), F.col(name)).alias(name) for name in PRICES]
    volume = F.when(F.col("traded"), F.col("base_volume")).otherwise(F.lit(0).cast(MONEY))
    marked = rows.withColumn("traded", ~F.coalesce(quiet, F.lit(False)))
    return marked.select(
        "place", "line", "minute", *bare, volume.alias("base_volume"), "traded", "reason"
    )


def _single(rows: DataFrame) -> DataFrame:
    """One row a minute; where a minute is told twice differently, the later lines are at fault."""
    # rows without a usable minute stay apart, each under its own place
    apart = F.when(F.col("reason").isNotNull(), F.col("place")).otherwise(-1)
    told = Window.partitionBy("minute", "apart").orderBy("place")
    first = F.first(F.struct(*VALUES)).over(told)
    clash = F.concat(F.lit("another row has this minute: "), F.first("line").over(told))
    numbered = rows.withColumn("apart", apart).select(
        "place",
        "line",
        "minute",
        *VALUES,
        "reason",
        F.row_number().over(told).alias("number"),
        first.eqNullSafe(F.struct(*VALUES)).alias("same"),
        clash.alias("clash"),
    )
    reason = F.when(~F.col("same"), F.col("clash")).otherwise(F.col("reason"))
    return numbered.where((F.col("number") == 1) | ~F.col("same")).select(
        "place", _blamed(reason).alias("line"), "minute", *VALUES, reason.alias("reason")
    )


def _blamed(reason: Column) -> Column:
    """The line, of rows with a reason."""
    return F.when(reason.isNotNull(), F.col("line"))
