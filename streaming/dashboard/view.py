"""What a panel gives, and the views that viewers share."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from include.market.time import SECOND_US
from include.serving.annotations import Annotation
from include.settings import Settings
from streaming.dashboard.choice import RANGES, Choice
from streaming.dashboard.columns import Columns
from streaming.dashboard.context import PanelContext, PastContext
from streaming.dashboard.freshness import Freshness
from streaming.dashboard.past_markets import REMEMBERED, PastMarkets
from streaming.dashboard.plots import Chart, ChartSources
from streaming.dashboard.sources.past import PastMarket
from streaming.dashboard.state import DashboardState

KEEP_S = (max(RANGES) + 5) * 60
_MINUTE_S = 60
ALWAYS_NOW = frozenset({"status", "outlook"})
"""The panels that show the present also where a span of the past is chosen."""
IF_ANY = frozenset({"contract", "auctions"})
"""The panels of what few symbols have: without it they take no room on the page."""


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
    """One refresh of one choice: the panels by name, and the ends of the time axis (ms).

    `annotations` are those of the symbol in this time, `notice` what could not be read.
    """

    panels: dict[str, Panel]
    start_ms: float
    end_ms: float
    annotations: tuple[Annotation, ...] = ()
    notice: str = ""


class Views:
    """Views of the shared state; equal choices of one refresh are computed once."""

    def __init__(
        self,
        settings: Settings,
        state: DashboardState,
        panels: Mapping[str, PanelModule],
        *,
        clock: Callable[[], float] = time.time,
        past_markets: PastMarkets | None = None,
    ) -> None:
        """`clock` gives the wall clock in seconds."""
        self.panels = panels
        self._settings, self._state, self._clock = settings, state, clock
        self._past_markets = past_markets or PastMarkets(settings)
        self._views: dict[Choice, View] = {}
        self._past_views: OrderedDict[Choice, tuple[DashboardState, View]] = OrderedDict()
        self._refresh = -1

    @property
    def now_s(self) -> int:
        """The second of the market clock; that of the wall clock while there is no market."""
        return self._state.clock_us // SECOND_US or int(self._clock())

    def symbols(self) -> list[str]:
        """Every symbol there are numbers or forecasts of, the trader's first."""
        traded = self._settings.trader.symbol
        with self._state.lock:
            symbols = {symbol for _, symbol in self._state.series} | {traded}
            symbols |= set(self._state.postgres.long)
        return sorted(symbols, key=lambda symbol: (symbol != traded, symbol))

    def show(self, choice: Choice) -> View | None:
        """What a page of this choice shows now; null while its span is being read."""
        if choice.span is None:
            return self._show_present(choice)
        market = self._past_markets.find(choice)
        if market is None:
            return None
        before = self._past_views.get(choice)
        if before is None or before[0] is not market.state:
            self._past_views[choice] = (market.state, self._compute_past(choice, market))
            while len(self._past_views) > REMEMBERED:
                self._past_views.popitem(last=False)
        view = self._past_views[choice][1]
        present = self._show_present(replace(choice, span=None))
        now = {name: panel for name, panel in present.panels.items() if name in ALWAYS_NOW}
        return replace(view, panels=view.panels | now)

    def forget_past(self) -> None:
        """Read spans of the past again when they are next shown."""
        self._past_markets.forget()

    def view(self, symbol: str, minutes: int, *, symbols: tuple[str, ...] = ()) -> View:
        """The last minutes of a symbol, beside which there may be others."""
        return self._show_present(Choice(symbols or (symbol,), minutes))

    def _show_present(self, choice: Choice) -> View:
        now_s = self._clock()
        refresh = int(now_s / self._settings.dashboard.refresh_s)
        if refresh != self._refresh:
            self._views.clear()
            self._refresh = refresh
        if choice not in self._views:
            with self._state.lock:
                context = PanelContext(
                    self._settings,
                    self._state,
                    choice.symbol,
                    choice.minutes,
                    now_s,
                    choice.symbols,
                    choice.account,
                )
                self._views[choice] = self._compute(context)
        return self._views[choice]

    def _compute_past(self, choice: Choice, market: PastMarket) -> View:
        assert choice.span is not None
        context = PastContext(
            settings=self._settings,
            state=market.state,
            symbol=choice.symbol,
            minutes=choice.span.length_s // _MINUTE_S,
            now_s=float(choice.span.end_s),
            symbols=choice.symbols,
            account_name=choice.account,
            step=choice.span.step_s,
        )
        return replace(self._compute(context, leave_out=ALWAYS_NOW), notice=market.notice)

    def _compute(self, context: PanelContext, *, leave_out: frozenset[str] = frozenset()) -> View:
        return View(
            panels={
                name: panel.compute(context)
                for name, panel in self.panels.items()
                if name not in leave_out
            },
            start_ms=context.first_s * 1000.0,
            end_ms=context.end_s * 1000.0,
            annotations=context.annotations(),
        )
