"""A span of a world's Delta tables as the trader's moments, with the forecast in force at each.

Signals come from `signals`, tops from `book_changes` in the order of their offsets, forecasts from
`forecasts`. Where the running trader decided on a signal, the forecast it had is in force; else
the one trained last of those whose last minute was over at the signal.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from include.errors import QueryError, WireError
from include.lake.reading import connect
from include.market.events import BookChange, Side, Top
from include.market.measures import imbalance_of
from include.market.time import MINUTE_US
from include.market.wire import Topic, TopicPartition
from include.settings import Settings
from include.trading.inputs import ForecastSides, RecordId, SeenForecast, SeenTop, Signal, read
from include.trading.reasons import Reason
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment, imbalances, windows
from streaming.trader.followers.imbalances import has_book_time

TABLES = ("signals", "book_changes", "forecasts", "decisions")
CHUNK_ROWS = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_SIGNALS = """
SELECT value, "timestamp", window_start FROM signals
WHERE venue = $venue AND symbol = $symbol AND type = 'price_volume'
  AND window_start >= $first AND window_start < $last ORDER BY window_start
"""
_TOPS = """
SELECT DISTINCT "partition", "offset", {time} AS top_time, top_bid, top_bid_quantity, top_ask,
       top_ask_quantity
FROM book_changes WHERE venue = $venue AND symbol = $symbol AND {time} IS NOT NULL
  AND {time} >= $first - INTERVAL 1 HOUR AND {time} <= $last + INTERVAL 1 HOUR
ORDER BY "partition", "offset"
"""
# With levels: from the last snapshot before the span on, since changes build on one.
_CHANGES = """
SELECT "partition", "offset", venue_time, top_bid, top_bid_quantity, top_ask, top_ask_quantity,
       side, price, remaining, reason
FROM book_changes WHERE venue = $venue AND symbol = $symbol
  AND received_time <= coalesce((
      SELECT min(received_time) FROM book_changes
      WHERE venue = $venue AND symbol = $symbol AND venue_time > $last + INTERVAL 1 HOUR
  ), 'infinity')
  AND "offset" >= coalesce((
      SELECT max("offset") FROM book_changes
      WHERE venue = $venue AND symbol = $symbol AND reason = 'initial' AND "offset" < (
          SELECT min("offset") FROM book_changes
          WHERE venue = $venue AND symbol = $symbol AND venue_time >= $first)
  ), 0)
ORDER BY "partition", "offset", event_index
"""
_FORECASTS = """
SELECT forecast_id, ds, side, trained_until FROM forecasts
WHERE ds >= $first - INTERVAL 1 HOUR AND ds < $last + INTERVAL 1 DAY AND symbol = $symbol
"""
_DECIDED = """
SELECT window_start, inputs FROM decisions
WHERE venue = $venue AND symbol = $symbol AND rule = $rule
  AND window_start >= $first AND window_start < $last
"""


class LakeForecast:
    """One forecast of the lake, as the rule asks it."""

    def __init__(self, forecast_id: str, trained_until: int) -> None:
        self.forecast_id, self.trained_until = forecast_id, trained_until
        self.sides: dict[int, Side] = {}

    def side_at(self, minute_us: int) -> Side | None:
        """The side of the minute that holds this time (µs)."""
        return self.sides.get(minute_us - minute_us % MINUTE_US)


class LakeSpan:
    """A venue's symbol between two times, as the lake has it."""

    def __init__(self, settings: Settings, *, first: datetime, last: datetime) -> None:
        """Windows that begin from `first` on and before `last`, aware UTC.

        Raises:
            QueryError: a table that is needed is not there, or the span has no signal.
        """
        self._config = TraderConfig.from_settings(settings)
        self._connection = connect(settings.lake, TABLES)
        self._tables = {row[0] for row in self._connection.execute("SHOW TABLES").fetchall()}
        if missing := {"signals", "book_changes"} - self._tables:
            raise QueryError(f"the lake has no {' and no '.join(sorted(missing))} yet")
        self._instrument = {"venue": self._config.venue, "symbol": self._config.symbol}
        self._span = {"first": first, "last": last}
        self._forecasts = self._read_forecasts()
        self._decided = self._read_decided()

    def moments(self) -> Iterator[Moment]:
        """The moments of the settings' rule, oldest first."""
        if self._config.signal_type == imbalances.SIGNAL_TYPE:
            return self._pulses()
        return self._windows()

    def in_force(self, signal: Signal) -> tuple[ForecastSides | None, Reason | None]:
        """The forecast of a signal, or null and why there was none."""
        if decided := self._decided.get(signal.window_start):
            return self._forecasts.get(decided.forecast_id or ""), decided.fault
        earlier = [
            forecast
            for forecast in self._forecasts.values()
            if forecast.trained_until + MINUTE_US <= signal.timestamp
        ]
        return max(earlier, key=lambda f: (f.trained_until, f.forecast_id), default=None), None

    def _windows(self) -> Iterator[Moment]:
        """Each window's signal with the top it ended with, by the running trader's own follower."""
        is_book_read = False
        follower = self._config.window_follower(
            lambda: {TopicPartition(Topic.BOOK, 0): 0 if is_book_read else 1}
        )
        for number, (ratio, end, start) in enumerate(self._rows(_SIGNALS)):
            signal = self._signal(
                windows.SIGNAL_TYPE, ratio, timestamp=_micros(end), window_start=_micros(start)
            )
            follower.append_signal(signal, RecordId(Topic.SIGNALS, 0, number))
        for venue_time, top, record_id, changes in self._books():
            follower.take_top(venue_time, top, record_id, changes=changes)
            while moment := follower.next({}):
                yield moment
        is_book_read = True
        while moment := follower.next({}):
            yield moment

    def _pulses(self) -> Iterator[Moment]:
        """The first imbalance of every pulse, measured anew: the lake keeps no measures."""
        first, last = _micros(self._span["first"]), _micros(self._span["last"])
        newest, pulse_us = -1, self._config.pulse_us
        is_timed = has_book_time(self._config.venue)
        time_column = "venue_time" if is_timed else "coalesce(venue_time, received_time)"
        for top in self._tops(time_column):
            imbalance = imbalance_of(top.best) if top.best else None
            start = top.venue_time - top.venue_time % pulse_us
            if imbalance is None or start <= newest:
                continue
            newest = start
            if first <= start < last and top.record_id:
                signal = self._signal(
                    imbalances.SIGNAL_TYPE,
                    imbalance,
                    timestamp=top.venue_time,
                    window_start=start,
                )
                yield Moment(signal, top.record_id, top)

    def _signal(
        self, signal_type: str, signal_value: Decimal, *, timestamp: int, window_start: int
    ) -> Signal:
        return Signal(
            venue=self._config.venue,
            symbol=self._config.symbol,
            type=signal_type,
            value=signal_value,
            timestamp=timestamp,
            window_start=window_start,
        )

    def _books(self) -> Iterator[tuple[int | None, Top | None, RecordId, list[BookChange]]]:
        """Book messages in the order of their offsets; with changes only where levels count."""
        if self._config.parameters.slippage_bps <= 0:
            for top in self._tops("venue_time"):
                assert top.record_id is not None
                yield top.venue_time, top.best, top.record_id, []
            return
        for (partition, offset), group in groupby(self._rows(_CHANGES), key=lambda row: row[:2]):
            rows = list(group)
            venue_time, numbers = rows[0][2], rows[0][3:7]
            yield (
                None if venue_time is None else _micros(venue_time),
                None if None in numbers else Top(*numbers),
                RecordId(Topic.BOOK, partition, offset),
                [
                    BookChange(side, price, remaining, reason=reason)
                    for *_, side, price, remaining, reason in rows
                    if side is not None
                ],
            )

    def _tops(self, time_column: str) -> Iterator[SeenTop]:
        for partition, offset, time, *numbers in self._rows(_TOPS.format(time=time_column)):
            best = None if None in numbers else Top(*numbers)
            yield SeenTop(_micros(time), best, RecordId(Topic.BOOK, partition, offset))

    def _read_forecasts(self) -> dict[str, LakeForecast]:
        forecasts: dict[str, LakeForecast] = {}
        if "forecasts" in self._tables:
            for forecast_id, ds, side, until in self._rows(_FORECASTS):
                forecast = forecasts.setdefault(
                    forecast_id, LakeForecast(forecast_id, _micros(until))
                )
                forecast.sides[_micros(ds)] = side
        return forecasts

    def _read_decided(self) -> dict[int, SeenForecast]:
        if "decisions" not in self._tables:
            return {}
        rows = self._rows(_DECIDED, rule=self._config.rule)
        try:
            return {_micros(start): read(inputs).forecast for start, inputs in rows}
        except WireError as error:
            raise QueryError(f"decisions of the lake: {error}") from error

    def _rows(self, statement: str, **more: str) -> Iterator[tuple[Any, ...]]:
        parameters = self._instrument | self._span | more
        named = {name: value for name, value in parameters.items() if f"${name}" in statement}
        cursor = self._connection.execute(statement, named)
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield from rows


def _micros(timestamp: datetime) -> int:
    return (timestamp - _EPOCH) // _US
