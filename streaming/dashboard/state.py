"""What all viewers share: the market as Kafka reports it, and snapshots of Postgres and the files.

Points lie on the market's own time; a `…_seen_s` is a wall-clock time, for ages alone.
"""

import threading
from dataclasses import dataclass, field

from include.forecast.manifest import Manifest
from include.local.status import LastAudit
from include.market.events import MAIN_ACCOUNT
from include.market.feed_states import FeedStates
from include.market.wire import TopicPartition
from include.serving.annotations import Annotation
from include.serving.connection import Row
from include.serving.stream_progress import StreamProgress
from streaming.dashboard.series import MarketSeries, SecondValues
from streaming.dashboard.trader_activity import TraderActivity


@dataclass(frozen=True)
class ForecastPoint:
    """One minute of the forecast: market time in seconds, predicted price and its bounds.

    `is_anchored`: it is put at the present, not where it was published.
    """

    second: int
    yhat: float
    lower: float
    upper: float
    is_anchored: bool = False


@dataclass(frozen=True)
class PostgresSnapshot:
    """The last answers of Postgres. `seen_s` (wall clock) is 0 until it has answered.

    `venues` have a row in `feed_health`; `account_rows` are halts and failures of the
    trader's accounts. Of each
    symbol's forecast, `short` is by the minute, `long` by the hour, `short_term` the one
    of the next minutes. `annotations` are the newest that people wrote, oldest first.
    """

    seen_s: float = 0.0
    venues: frozenset[str] = frozenset()
    account_rows: tuple[Row, ...] = ()
    short: dict[str, tuple[ForecastPoint, ...]] = field(default_factory=dict)
    long: dict[str, tuple[ForecastPoint, ...]] = field(default_factory=dict)
    short_term: dict[str, tuple[ForecastPoint, ...]] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True)
class FilesSnapshot:
    """The files of the world's folder: stream progress, last audit, quarantined rows.

    `manifests` are those of the published forecasts, by symbol.
    """

    stream: StreamProgress = field(default_factory=StreamProgress)
    audit: LastAudit | None = None
    manifests: dict[str, Manifest] = field(default_factory=dict)
    quarantined: int | None = None


@dataclass
class DashboardState:
    """Everything the panels show; hold `lock` while reading or writing what is not a snapshot.

    `clock_us` is the market clock and `clock_skew_us` how far a replayed market's time is from the
    wall clock; `offsets` are the next Kafka offsets by topic and partition; the two snapshots are
    replaced as a unit. `feeds` are the states by the feed ledger, `frames_seen_s` when the last
    frame of each venue came. `averages` are the moving averages across suppliers, by symbol,
    `accounts` what each account of the trader did, `history` the closes of archives, which are
    shown for a span of the past alone.
    """

    keep_s: int
    clock_us: int = 0
    clock_seen_s: float = 0.0
    clock_skew_us: int = 0
    unreadable: int = 0
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    series: dict[tuple[str, str], MarketSeries] = field(default_factory=dict)
    averages: dict[str, SecondValues[float]] = field(default_factory=dict)
    history: dict[str, SecondValues[float]] = field(default_factory=dict)
    feeds: FeedStates = field(default_factory=FeedStates)
    frames_seen_s: dict[str, float] = field(default_factory=dict)
    polled_seen_s: dict[str, float] = field(default_factory=dict)
    accounts: dict[str, TraderActivity] = field(default_factory=dict)
    postgres: PostgresSnapshot = field(default_factory=PostgresSnapshot)
    files: FilesSnapshot = field(default_factory=FilesSnapshot)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def activity_of(self, account_name: str = MAIN_ACCOUNT) -> TraderActivity:
        """What one of the trader's accounts did, nothing yet if there is nothing."""
        return self.accounts.setdefault(account_name, TraderActivity())

    def venue_seen_s(self, venue: str) -> float:
        """When a venue's feed, or what polls it where it has none, last brought something; or 0."""
        otherwise_s = 0.0 if self.feeds.has_feed(venue) else self.polled_seen_s.get(venue, 0.0)
        return self.frames_seen_s.get(venue, otherwise_s)

    def series_of(self, venue: str, symbol: str) -> MarketSeries:
        """The series of a venue and symbol, created if there is none."""
        return self.series.setdefault((venue, symbol), MarketSeries(self.keep_s))
