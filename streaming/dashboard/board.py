"""The shared board: what every viewer's page shows, computed once a refresh for each choice."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from include.settings import Settings
from streaming.dashboard import account_sections, sections
from streaming.dashboard.live import Live
from streaming.dashboard.poller import Latest
from streaming.dashboard.shown import Section, Shown

RANGES = (15, 30, 60, 120)
KEEP_S = (max(RANGES) + 5) * 60
PANELS: dict[str, Callable[[Shown], Section]] = {
    "price": sections.price,
    "book": sections.book,
    "flow": sections.flow,
    "ratio": sections.ratio,
    "account": account_sections.account,
    "outlook": account_sections.outlook,
}


@dataclass(frozen=True)
class View:
    """One refresh of one choice: the panels, the tiles, the time axis (ms)."""

    panels: dict[str, Section]
    strip: str
    start: float
    end: float


class Board:
    """Computes views from the shared state; equal choices of one refresh share one view."""

    def __init__(
        self,
        settings: Settings,
        live: Live,
        latest: Latest,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives the wall clock in seconds."""
        self._settings, self._live, self._latest, self._clock = settings, live, latest, clock
        self._views: dict[tuple[str, int], View] = {}
        self._tick = -1

    def symbols(self) -> list[str]:
        """Every symbol there are numbers of, the trader's first."""
        own = self._settings.trader.symbol
        with self._live.lock:
            found = {symbol for _, symbol in self._live.series} | {own}
        return sorted(found, key=lambda symbol: (symbol != own, symbol))

    def view(self, symbol: str, minutes: int) -> View:
        """What a page of this choice shows now."""
        now = self._clock()
        tick = int(now / self._settings.dashboard.refresh_s)
        if tick != self._tick:
            self._views.clear()
            self._tick = tick
        if (symbol, minutes) not in self._views:
            self._views[symbol, minutes] = self._computed(symbol, minutes, now)
        return self._views[symbol, minutes]

    def _computed(self, symbol: str, minutes: int, now: float) -> View:
        with self._live.lock:
            shown = Shown(self._settings, self._live, self._latest, symbol, minutes, now)
            return View(
                panels={name: panel(shown) for name, panel in PANELS.items()},
                strip=account_sections.strip(shown),
                start=shown.first * 1000.0,
                end=shown.end * 1000.0,
            )
