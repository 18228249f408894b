"""What a viewer chose to see, what a panel gets and gives, and the views that viewers share."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from include.market.time import SECOND_US
from include.settings import Settings
from streaming.dashboard.columns import Columns
from streaming.dashboard.freshness import Freshness, judge_freshness
from streaming.dashboard.plots import Chart, ChartSources
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.state import DashboardState

RANGES = (15, 30, 60, 120)
KEEP_S = (max(RANGES) + 5) * 60
_POINTS_SHOWN = 1800
_AHEAD = 6
_POLLS = 4


@dataclass(frozen=True)
class PanelContext:
    """A symbol over the minutes before the market clock; `now_s` is the wall clock."""

    settings: Settings
    state: DashboardState
    symbol: str
    minutes: int
    now_s: float

    @property
    def last_s(self) -> int:
        """The second of the market clock."""
        return self.state.clock_us // SECOND_US

    @property
    def first_s(self) -> int:
        """The first second on the time axis."""
        return self.last_s - self.minutes * 60

    @property
    def end_s(self) -> int:
        """The second where the time axis ends: room for the forecast."""
        return self.last_s + self.minutes * 60 // _AHEAD

    @property
    def step_s(self) -> int:
        """Seconds that one point of a line stands for."""
        return max(1, self.minutes * 60 // _POINTS_SHOWN)

    @property
    def stale_s(self) -> float:
        """The age at which a panel turns grey."""
        return self.settings.dashboard.stale_s

    @property
    def currency(self) -> str:
        """The quote currency of the symbol."""
        return self.symbol.partition("-")[2]

    def venues(self) -> dict[str, MarketSeries]:
        """The series of each venue for this symbol, and of no other currency."""
        return {
            venue: series
            for (venue, symbol), series in sorted(self.state.series.items())
            if symbol == self.symbol
        }

    def main_venue(self) -> tuple[str, MarketSeries] | None:
        """The trader's venue if it has this symbol, else the first one with a book, else any."""
        venues = self.venues()
        trader_venue = self.settings.trader.venue
        order = sorted(venues, key=lambda v: (v != trader_venue, not venues[v].book_seen_s))
        return (order[0], venues[order[0]]) if order else None

    def freshness(self, seen_s: float, *, limit_s: float | None = None) -> Freshness:
        """How something last seen then stands now."""
        return judge_freshness(seen_s, self.now_s, limit_s=limit_s or self.stale_s)

    def venue_freshness(
        self, venue: str, seen_s: float, *, limit_s: float | None = None
    ) -> Freshness:
        """How something of a venue stands: live if it is not older than `dashboard.quiet_s`.

        Once the venue's feed sends no frames for `stale_s` it is stale, however young. An infinite
        `limit_s` is for what stays true while the feed lives.
        """
        feed = self.state.feeds.get(venue)
        if not seen_s or feed is None or self.freshness(feed.frame_seen_s) != "live":
            return "stale" if seen_s else "none"
        return self.freshness(seen_s, limit_s=limit_s or self.settings.dashboard.quiet_s)

    def postgres_freshness(self) -> Freshness:
        """How what comes from Postgres stands: stale once it has not answered for a while."""
        limit_s = max(self.stale_s, self.settings.dashboard.poll_s * _POLLS)
        return self.freshness(self.state.postgres.seen_s, limit_s=limit_s)

    def age_s(self, seen_s: float) -> float:
        """How long ago this moment of the wall clock was."""
        return max(0.0, self.now_s - seen_s)


@dataclass(frozen=True)
class Panel:
    """What a panel shows: the HTML of its heading, columns by source name, how fresh it is.

    `limits` are the ends of its y axis, where it sets its own.
    """

    html: str
    columns: dict[str, Columns] = field(default_factory=dict)
    freshness: Freshness = "live"
    limits: tuple[float, float] | None = None


class PanelModule(Protocol):
    """What a module of a panel provides; `compute` is pure, `figure` draws what it computes."""

    def compute(self, context: PanelContext) -> Panel:
        """What the panel shows now."""

    def figure(self, sources: ChartSources) -> Chart:
        """A new, empty figure on sources whose names are those of the panel's columns."""


@dataclass(frozen=True)
class View:
    """One refresh of one choice: the panels by name, and the ends of the time axis (ms)."""

    panels: dict[str, Panel]
    start_ms: float
    end_ms: float


class Views:
    """Views of the shared state; equal choices of one refresh are computed once."""

    def __init__(
        self,
        settings: Settings,
        state: DashboardState,
        panels: Mapping[str, PanelModule],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives the wall clock in seconds."""
        self.panels = panels
        self._settings, self._state, self._clock = settings, state, clock
        self._views: dict[tuple[str, int], View] = {}
        self._refresh = -1

    def symbols(self) -> list[str]:
        """Every symbol there are numbers or forecasts of, the trader's first."""
        traded = self._settings.trader.symbol
        with self._state.lock:
            symbols = {symbol for _, symbol in self._state.series} | {traded}
            symbols |= set(self._state.postgres.long)
        return sorted(symbols, key=lambda symbol: (symbol != traded, symbol))

    def view(self, symbol: str, minutes: int) -> View:
        """What a page of this choice shows now."""
        now_s = self._clock()
        refresh = int(now_s / self._settings.dashboard.refresh_s)
        if refresh != self._refresh:
            self._views.clear()
            self._refresh = refresh
        if (symbol, minutes) not in self._views:
            self._views[symbol, minutes] = self._compute(symbol, minutes, now_s)
        return self._views[symbol, minutes]

    def _compute(self, symbol: str, minutes: int, now_s: float) -> View:
        with self._state.lock:
            context = PanelContext(self._settings, self._state, symbol, minutes, now_s)
            return View(
                panels={name: panel.compute(context) for name, panel in self.panels.items()},
                start_ms=context.first_s * 1000.0,
                end_ms=context.end_s * 1000.0,
            )
