"""Spans of the past, read in the background for all viewers; the newest few are remembered."""

import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from include.settings import Settings
from streaming.dashboard.choice import Choice, Span
from streaming.dashboard.sources.past import PastMarket, read_past

REMEMBERED = 8
FRESH_S = 60.0
_THREADS = 2
SpanKey = tuple[tuple[str, ...], Span]


@dataclass(frozen=True)
class _PastReading:
    """A market that is read, or was, and when it was asked for (wall clock)."""

    market: "Future[PastMarket]"
    started_s: float


class PastMarkets:
    """The market of each chosen span, read once for everybody who looks at it."""

    def __init__(
        self,
        settings: Settings,
        *,
        read_market: Callable[[Settings, tuple[str, ...], Span], PastMarket] = read_past,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives the wall clock in seconds."""
        self._settings, self._read, self._clock = settings, read_market, clock
        self._readings: OrderedDict[SpanKey, _PastReading] = OrderedDict()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="past")

    def find(self, choice: Choice) -> PastMarket | None:
        """The market of a choice's span; null while it is being read.

        One that was read a minute ago is read again: late trades change the past.

        Raises:
            Exception: what went wrong while it was read; it is read again when next asked for.
        """
        assert choice.span is not None
        chosen = (choice.symbols, choice.span)
        reading = self._readings.get(chosen)
        if reading is None or self._is_old(reading):
            reading = self._start(chosen, reading)
        self._readings.move_to_end(chosen)
        if not reading.market.done():
            return None
        if reading.market.exception():
            del self._readings[chosen]
        return reading.market.result()

    def forget(self) -> None:
        """Read every span again when it is next asked for."""
        self._readings.clear()

    def _is_old(self, reading: _PastReading) -> bool:
        return reading.market.done() and self._clock() - reading.started_s > FRESH_S

    def _start(self, chosen: SpanKey, before: _PastReading | None) -> _PastReading:
        symbols, span = chosen
        market = self._threads.submit(self._read, self._settings, symbols, span)
        if before is not None:  # what was read before is shown until it is there
            market.add_done_callback(lambda newer: self._replace(chosen, newer))
            self._readings[chosen] = _PastReading(before.market, self._clock())
        else:
            self._readings[chosen] = _PastReading(market, self._clock())
        while len(self._readings) > REMEMBERED:
            self._readings.popitem(last=False)
        return self._readings[chosen]

    def _replace(self, chosen: SpanKey, newer: "Future[PastMarket]") -> None:
        if chosen in self._readings and not newer.exception():
            self._readings[chosen] = _PastReading(newer, self._readings[chosen].started_s)
