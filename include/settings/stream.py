"""The settings of the stream: Spark, its triggers, windows, averages and jumps."""

from dataclasses import dataclass

from include.setting_fields import BASIS_POINTS, COUNT, POSITIVE, NumberRange, setting
from include.setting_kinds import (
    Amount,
    Days,
    FloatMinutes,
    FloatRatio,
    FloatSeconds,
    Megabytes,
    Memory,
    PageUrl,
    SparkMaster,
    Text,
    WholeHours,
    WholeSeconds,
    YesOrNo,
)


@dataclass(frozen=True)
class StreamSettings:
    """The Spark Structured Streaming job."""

    master: SparkMaster = setting(
        "local[6]", "Spark master; real-time mode keeps a task slot per partition of market.book"
    )
    batch_master: SparkMaster = setting(
        "", "master of the other Spark jobs; empty: the stream's if that is local, else local[2]"
    )
    cores: Amount = setting(0, "most cores of a cluster that the stream takes; 0: all of them")
    executor_memory: Memory = setting("1g", "heap of an executor on a cluster")
    shuffle_partitions: Amount = setting(2, "tasks of a shuffle of the stream", COUNT)
    spark_conf: Text = setting(
        "", "further options of Spark, which win: key=value, several separated by semicolons"
    )
    shared_disk: YesOrNo = setting(
        "", "`yes`: all machines of the cluster have the lake's path on one shared disk"
    )
    public_url: PageUrl = setting(
        "", "base URL at which people open the Spark UI; empty: host and port"
    )
    driver_memory: Memory = setting("2g", "heap of the Spark driver")
    java_options: Text = setting("", "further options of the driver's JVM")
    lake: Text = setting("", "path or s3a:// URI of the lake alone; empty: in TICKHOUSE_STORE")
    trigger_s: FloatSeconds = setting(1.0, "minimum seconds between two micro-batches of `land`")
    signals_trigger_s: FloatSeconds = setting(
        5.0, "seconds between two of `signals` while no window is about to end"
    )
    measures_checkpoint_s: WholeSeconds = setting(
        60, "seconds between two checkpoints of `measures` (Spark's real-time mode)", COUNT
    )
    checkpoint_mb: Megabytes = setting(
        1000,
        "a query's checkpoint larger than so many MB when the stream starts keeps fewer batches, "
        "2 or more; 0: no bound",
    )
    max_offsets: Amount = setting(200_000, "most Kafka offsets a micro-batch takes", COUNT)
    keep_hours: WholeHours = setting(
        48,
        "hours for which compacted files stay, for readers and time travel; 48 or more",
        NumberRange(lowest=48),
    )
    small_files: Amount = setting(
        64, "most small files of a table that the hourly compaction leaves as they are"
    )
    served_days: Days = setting(
        90,
        "days for which Postgres keeps its rows of the market and decisions (2 or more)",
        NumberRange(lowest=2),
    )
    minutes_s: FloatSeconds = setting(
        10.0, "seconds between two refreshes of trade_minutes", POSITIVE
    )
    window_s: WholeSeconds = setting(
        60, "length of a liquidity window in seconds of event time", COUNT
    )
    averages_trigger_s: FloatSeconds = setting(5.0, "minimum seconds between two of `averages`")
    average_s: WholeSeconds = setting(
        60, "window of the moving average across suppliers, in seconds", COUNT
    )
    average_stale_s: WholeSeconds = setting(
        60, "a supplier's price older than so many seconds is no part of the average"
    )
    average_every_s: WholeSeconds = setting(
        10, "seconds between two values of the moving average", COUNT
    )
    jump_volatilities: FloatRatio = setting(
        6.0, "a minute's move beyond so many times the running volatility is a jump; 0: none is"
    )
    jump_lowest_bps: FloatRatio = setting(
        1.0,
        "the lowest running volatility that a move is judged by, in basis points a minute",
        BASIS_POINTS,
    )
    jump_half_life_minutes: FloatMinutes = setting(
        60.0, "minutes after which a move counts half in that volatility", POSITIVE
    )
    close_after_s: FloatSeconds = setting(
        0.0, "how many seconds after its end, by the venue's own times, a window is closed"
    )
