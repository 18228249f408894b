"""What a panel computes from: a symbol, the last minutes or a span of the past, the state."""

from dataclasses import dataclass

from include.market.time import SECOND_US
from include.serving.account_states import AccountState, find_account_states
from include.serving.annotations import Annotation
from include.settings import Settings
from include.settings.groups import TraderSettings
from streaming.dashboard.freshness import Freshness, judge_freshness
from streaming.dashboard.series import MarketSeries
from streaming.dashboard.state import DashboardState
from streaming.dashboard.trader_activity import TraderActivity

_POINTS_SHOWN = 1800
_AHEAD = 6
_POLLS = 4
_MINUTE_S = 60


@dataclass(frozen=True)
class PanelContext:
    """A symbol over the minutes before the market clock; `now_s` is the wall clock.

    `symbols` are all that were chosen, this one first; `account_name` is the account that was
    chosen, if one was.
    """

    settings: Settings
    state: DashboardState
    symbol: str
    minutes: int
    now_s: float
    symbols: tuple[str, ...] = ()
    account_name: str = ""

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
    def bar_s(self) -> int:
        """Seconds that one bar stands for."""
        return _MINUTE_S

    @property
    def first_bar(self) -> int:
        """The minute (since the epoch) of the first bar: one that is on the axis whole."""
        return self.first_s // _MINUTE_S + 1

    @property
    def is_past(self) -> bool:
        """Whether it is a span that was chosen, and not the present."""
        return False

    @property
    def stale_s(self) -> float:
        """The age at which a panel turns grey."""
        return self.settings.dashboard.stale_s

    @property
    def currency(self) -> str:
        """The quote currency of the symbol."""
        return self.symbol.partition("-")[2]

    @property
    def account(self) -> TraderSettings:
        """The chosen account; else the one that trades the symbol: the first of several or none."""
        by_name = self.settings.trader_accounts()
        if self.account_name in by_name:
            return by_name[self.account_name].trader
        accounts = [of.trader for of in by_name.values()]
        return next((trader for trader in accounts if trader.symbol == self.symbol), accounts[0])

    @property
    def activity(self) -> TraderActivity:
        """What that account did."""
        return self.state.activity_of(self.account.account)

    @property
    def account_states(self) -> list[AccountState]:
        """Which accounts are halted or suspended, the first account first."""
        return find_account_states(
            self.state.postgres.account_rows, self.settings.trader_accounts()
        )

    def venues(self, symbol: str = "") -> dict[str, MarketSeries]:
        """The series of each venue for a symbol, and of no other currency; by default its own."""
        chosen = symbol or self.symbol
        return {
            venue: series
            for (venue, of_venue), series in sorted(self.state.series.items())
            if of_venue == chosen
        }

    def main_venue(self, symbol: str = "") -> tuple[str, MarketSeries] | None:
        """The trader's venue if it has the symbol, else the first one with a book, else any."""
        venues = self.venues(symbol)
        trader_venue = self.account.venue
        order = sorted(venues, key=lambda v: (v != trader_venue, not venues[v].book_seen_s))
        return (order[0], venues[order[0]]) if order else None

    def annotations(self) -> tuple[Annotation, ...]:
        """What people wrote at moments of this symbol on the time axis, oldest first."""
        return tuple(
            note
            for note in self.state.postgres.annotations
            if note.symbol == self.symbol and self.first_s <= note.at_s <= self.end_s
        )

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
        frame_seen_s = self.state.venue_seen_s(venue)
        if not seen_s or self.freshness(frame_seen_s) != "live":
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
class PastContext(PanelContext):
    """A symbol over a span of the past: nothing in it ages, and a point stands for a step."""

    step: int = _MINUTE_S

    @property
    def end_s(self) -> int:
        """The end of the span: there is no room for what is still to come."""
        return self.last_s

    @property
    def step_s(self) -> int:
        """Seconds that one point or bar stands for."""
        return self.step

    @property
    def bar_s(self) -> int:
        """Seconds that one bar stands for."""
        return self.step

    @property
    def first_bar(self) -> int:
        """The minute of the bar in which the span begins."""
        return self.first_s // self.step * self.step // _MINUTE_S

    @property
    def is_past(self) -> bool:
        """It is."""
        return True

    def freshness(self, seen_s: float, *, limit_s: float | None = None) -> Freshness:
        """Past, if there was anything in the span."""
        return "past" if seen_s else "none"

    def venue_freshness(
        self, venue: str, seen_s: float, *, limit_s: float | None = None
    ) -> Freshness:
        """Past, if there was anything of the venue in the span."""
        return self.freshness(seen_s)

    def age_s(self, seen_s: float) -> float:
        """Nothing ages."""
        return 0.0
