"""What one choice of symbol and time range looks at, and what a panel gives back."""

from dataclasses import dataclass, field

from include.settings import Settings
from streaming.dashboard.live import Live, Series
from streaming.dashboard.panels import ages
from streaming.dashboard.panels.ages import Status
from streaming.dashboard.panels.prices import Columns
from streaming.dashboard.poller import Latest

_POINTS_SHOWN = 1800
_AHEAD = 6
_POLLS = 4


@dataclass(frozen=True)
class Section:
    """One panel: columns by source name, the HTML of its head, how it stands."""

    columns: dict[str, Columns]
    html: str
    state: Status = "live"
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Shown:
    """A symbol over the minutes before the market clock; `now` is the wall clock in seconds."""

    settings: Settings
    live: Live
    latest: Latest
    symbol: str
    minutes: int
    now: float
    last: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "last", self.live.clock_us // 1_000_000)

    @property
    def first(self) -> int:
        """The first second shown."""
        return self.last - self.minutes * 60

    @property
    def end(self) -> int:
        """The second where the axis ends: room for the forecast."""
        return self.last + self.minutes * 60 // _AHEAD

    @property
    def step_s(self) -> int:
        """Seconds that one point of a line stands for."""
        return max(1, self.minutes * 60 // _POINTS_SHOWN)

    @property
    def stale_s(self) -> float:
        """The age at which a panel turns grey."""
        return self.settings.dashboard.stale_s

    def venues(self) -> dict[str, Series]:
        """The series of each venue for this symbol, and of no other currency."""
        return {
            venue: series
            for (venue, symbol), series in sorted(self.live.series.items())
            if symbol == self.symbol
        }

    def main_venue(self) -> tuple[str, Series] | None:
        """The trader's venue if it has this symbol, else the first one with a book, else any."""
        venues = self.venues()
        own = self.settings.trader.venue
        order = sorted(venues, key=lambda name: (name != own, not venues[name].book_seen))
        return (order[0], venues[order[0]]) if order else None

    def status(self, seen: float, *, limit_s: float | None = None) -> Status:
        """How something last seen then stands now."""
        return ages.status(seen, self.now, limit_s=limit_s or self.stale_s)

    def venue_status(self, venue: str, seen: float, *, limit_s: float | None = None) -> Status:
        """How something of a venue stands: live if it is not older than `dashboard.quiet_s`.

        Once the venue's feed sends no frames for `stale_s` it is stale, however young. An infinite
        `limit_s` is for what stays true while the feed lives.
        """
        feed = self.live.feeds.get(venue)
        if not seen or feed is None or self.status(feed.frame_seen) != "live":
            return "stale" if seen else "none"
        return self.status(seen, limit_s=limit_s or self.settings.dashboard.quiet_s)

    def served_status(self) -> Status:
        """How what comes from Postgres stands: stale once it has not answered for a while."""
        limit_s = max(self.stale_s, self.settings.dashboard.poll_s * _POLLS)
        return self.status(self.latest.served.seen, limit_s=limit_s)

    def old(self, seen: float) -> float:
        """Its age in seconds."""
        return max(0.0, self.now - seen)


def currency(symbol: str) -> str:
    """The quote currency of a symbol."""
    return symbol.partition("-")[2]
