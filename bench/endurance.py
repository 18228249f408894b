"""Whether what runs for an hour runs for a month: days of the default markets, one after another.

Broker, Postgres, stream and minutes run as they do under `up`, jobs as they do under Airflow, each
a process of its own; the market's clock is scaled. A day has few messages, few batches and few
rounds of its hourly jobs, and is whole otherwise: what grows from day to day here, grows there.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from bench.default_markets import CYCLE, MARKETS, QUOTED, DefaultMarkets
from bench.endurance_world import PacedSender, World, scratch_world
from bench.kafka_trimming import follow_market_time, trim_topics
from bench.lateness import commit_delays_ms
from bench.market_clock import MarketClock, share_clock
from bench.measurement import Measurement, find_quantile
from bench.process_usage import Usage, UsageSampler, folder_size
from bench.slope import fit_line
from include.bus import ensure_topics
from include.log import PrintLine
from include.market.time import DAY_MINUTES, DAY_US
from include.quality.lake_suites import MARKET

SEED = 7
FLAT_FROM = 3  # day from which every figure should be flat
FEWEST = 3  # days that a line needs
KEEP_DAYS = 2
MESSAGES_A_DAY = 4_300_000  # of the default markets: fifty a second
TRAINED_MINUTES = DAY_MINUTES
FOLLOWERS = ("stream", "minutes")  # the only long-lived processes that write the lake
SERVERS = ("broker", "postgres")
JOBS = "bench.endurance_jobs"
ROUND_JOBS = {
    "heal": ("streaming.feeds.heal_gaps",),
    "join": (JOBS, "join"),
    "forecast": (JOBS, "forecast"),
}
SCALED_JOBS = ("join",)  # how large a file is depends on the messages of a day
# Where a day takes 45 s, two seconds of landing are an hour: the checks, which ask how old the
# newest row is, run while the clock stands and what follows it has caught up.
CHECK = (JOBS, "check")
SCALED = {
    "TICKHOUSE_STREAM_MINUTES_S": "2",
    "TICKHOUSE_STREAM_SMALL_FILES": "12",
    "TICKHOUSE_STREAM_SERVED_DAYS": str(KEEP_DAYS),
    "TICKHOUSE_FORECAST_TRAIN_DAYS": str(KEEP_DAYS),
    "TICKHOUSE_FORECAST_HORIZON_MINUTES": "10000",
    "TICKHOUSE_FORECAST_KEEP": "3",
}
Figures = Mapping[tuple[str, str], float]  # by name and unit


@dataclass(frozen=True)
class MarketPlan:
    """How many days, and what one of them holds."""

    days: int
    messages: int
    rounds: int
    day_s: float

    @property
    def trains(self) -> bool:
        """Whether the trained days have enough minutes with a trade."""
        return KEEP_DAYS * self.messages // len(CYCLE) >= TRAINED_MINUTES

    def sentence(self) -> str:
        """What a day holds."""
        night = f"{'training, ' if self.trains else ''}restating, compaction, retention, an audit"
        return (
            f"a day is {self.messages} messages of {len(MARKETS)} markets and {len(QUOTED)} quoted "
            f"pairs in {self.day_s:g} s or more; {', '.join(ROUND_JOBS)} and check run "
            f"{self.rounds} times, {night} once; Postgres, Kafka and replaced files are kept for "
            f"{KEEP_DAYS} days; no feed, trader, dashboard or Airflow runs"
        )


@dataclass(frozen=True)
class PlayedDay:
    """What was sent on a day, by which clocks, and how long its audit took."""

    payload: int
    clocks: Sequence[MarketClock]
    audit_s: float

    def sent_us(self, market_us: int) -> int:
        """When a message of this market time was sent; 0 if on another day."""
        for clock in self.clocks:
            if clock.from_us <= market_us < clock.until_us:
                return clock.wall_us_at(market_us)
        return 0


def measure(plan: MarketPlan, *, print_line: PrintLine) -> list[Measurement]:
    """Figures of a day, and their slopes from the third day on.

    Raises:
        PlatformError: a process ended, or does not follow the market.
    """
    print_line(plan.sentence())
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first_us = int((midnight - timedelta(days=plan.days + 1)).timestamp()) * 1_000_000
    retention = {"TICKHOUSE_KAFKA_RETENTION_HOURS": str(24 * (plan.days + 7))}
    figures: list[Figures] = []
    with scratch_world(SCALED | retention, print_line=print_line) as world, ExitStack() as stack:
        ensure_topics(world.settings.bootstrap, world.settings.kafka)
        follow_market_time(world.settings.bootstrap)
        usage = UsageSampler(world.name_of)
        stack.callback(usage.stop)
        share_clock(world.settings.home, MarketClock.start(first_us, first_us + 1, within_s=1))
        stack.enter_context(world.run_process("stream", JOBS, "stream"))
        stack.enter_context(world.run_process("minutes", JOBS, "minutes"))
        markets = DefaultMarkets(SEED)
        for day in range(plan.days):
            played = _play_day(world, plan, markets, first_us + day * DAY_US, day=day)
            used = usage.take()
            figures.append(_measure_day(world, played, used))
            print_line(f"day {day + 1}: {describe_day(figures[-1])}")
            for line in describe_usage(used, payload_bytes=played.payload):
                print_line(f"day {day + 1}, {line}")
        failures = len(world.failures)
    return [
        *summarize(figures),
        Measurement.of("failed jobs and checks", failures, "", digits=None),
    ]


def _play_day(
    world: World, plan: MarketPlan, markets: DefaultMarkets, from_us: int, *, day: int
) -> PlayedDay:
    """Send a day while the jobs of the night before it, and of its hours, run."""
    step_us, payload, clocks = DAY_US // plan.rounds, 0, list[MarketClock]()
    messages = markets.day(from_us, plan.messages)
    for part, of_part in groupby(messages, lambda m: (m.received_time - from_us) // step_us):
        begin_us = from_us + part * step_us
        clock = MarketClock.start(begin_us, begin_us + step_us, within_s=plan.day_s / plan.rounds)
        share_clock(world.settings.home, clock)
        clocks.append(clock)
        sender = PacedSender(world.settings.bootstrap, of_part, clock)
        if part == 0 and day > 0:
            _run_night(world, plan, from_us, night=day)
        if part > 0 or day > 0:
            for name, command in ROUND_JOBS.items():
                world.run_job(name, *command, *(_scale(plan) if name in SCALED_JOBS else ()))
        payload += sender.finish()
        world.await_followers()
        world.run_job("check", *CHECK)
    return PlayedDay(payload, clocks, world.run_audit())


def _run_night(world: World, plan: MarketPlan, midnight_us: int, *, night: int) -> None:
    if plan.trains and night >= KEEP_DAYS:
        world.run_job("train", JOBS, "train")
    span = [midnight_us - KEEP_DAYS * DAY_US, midnight_us]
    times = [datetime.fromtimestamp(at / 1e6, UTC).isoformat() for at in span]
    world.run_job("restate", "streaming.minutes", *times)
    world.run_job("compact", JOBS, "compact", *_scale(plan))
    world.run_job("prune", JOBS, "prune")
    trim_topics(world.settings.bootstrap, before_us=span[0])


def _scale(plan: MarketPlan) -> tuple[str, ...]:
    return "--day-s", str(plan.day_s), "--volume", str(plan.messages / MESSAGES_A_DAY)


def _measure_day(world: World, played: PlayedDay, usage: Mapping[str, Usage]) -> Figures:
    home = world.settings.home
    delays_ms = [
        delay
        for table in MARKET
        for delay in commit_delays_ms(
            f"{world.settings.lake}/{table}",
            since_us=played.clocks[0].wall_us,
            sent_us=played.sent_us,
        )
    ]
    written = {name: used.written for name, used in usage.items()}
    by_lake = sum(size for name, size in written.items() if name not in SERVERS)
    folders = ("lake", "checkpoints", "kafka", "postgres")
    sizes = {name: folder_size(home / name) for name in folders}
    of_home = folder_size(home)
    return {
        ("written", "MB"): sum(written.values()) / 1e6,
        ("written beside broker and Postgres", "MB"): by_lake / 1e6,
        ("write amplification", "x payload"): by_lake / played.payload,
        ("kept", "MB"): of_home.size / 1e6,
        ("files", ""): of_home.files,
        **{(f"kept in {name}", "MB"): size.size / 1e6 for name, size in sizes.items()},
        ("files in lake", ""): sizes["lake"].files,
        ("landing p50", "ms"): find_quantile(delays_ms, 0.5),
        ("landing p99", "ms"): find_quantile(delays_ms, 0.99),
        ("audit", "s"): played.audit_s,
        **usage_figures(usage),
    }


def usage_figures(usage: Mapping[str, Usage]) -> Figures:
    """What each job and process wrote and used."""
    return {
        **{(f"written by {name}", "MB"): used.written / 1e6 for name, used in usage.items()},
        **{(f"memory of {name}", "MiB"): used.memory_mib for name, used in usage.items()},
        **{(f"processor of {name}", "s"): used.processor_s for name, used in usage.items()},
    }


def describe_usage(usage: Mapping[str, Usage], *, payload_bytes: int) -> Iterator[str]:
    """A line for each job and process, who wrote most first."""
    for name, used in sorted(usage.items(), key=lambda item: item[1].written, reverse=True):
        times = used.written / payload_bytes
        yield (
            f"{name}: {used.written / 1e6:.2f} MB written, {times:.2f} x payload, "
            f"{used.processor_s:.1f} s of processor, {used.memory_mib:.0f} MiB"
        )


def describe_day(figures: Figures) -> str:
    """A day's figures on one line."""
    return ", ".join(
        f"{name} {value:.4g} {unit}".strip() for (name, unit), value in figures.items()
    )


def summarize(days: Sequence[Figures]) -> Iterator[Measurement]:
    """The median of each figure from the third day on, its slope a day and that slope's error."""
    flat = list(enumerate(days, 1))[FLAT_FROM - 1 :] or list(enumerate(days, 1))
    for name, unit in dict.fromkeys(key for _, figures in flat for key in figures):
        points = [
            (float(day), figures[name, unit]) for day, figures in flat if (name, unit) in figures
        ]
        middle = statistics.median(value for _, value in points)
        yield Measurement.of(name, middle, unit)
        if len(points) >= FEWEST:
            slope, error = fit_line(points)
            yield Measurement.of(f"{name}, slope", slope, f"{unit}/day")
            yield Measurement.of(f"{name}, slope's error", error, f"{unit}/day")
