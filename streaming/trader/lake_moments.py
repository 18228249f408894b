"""A span of a world's Delta tables as the trader's moments, with the forecast in force at each.

Signals come from `signals`, tops from `book_changes` in the order of their offsets, forecasts from
`forecasts`. Where the running trader decided on a signal, the forecast it had is in force; else
the one trained last of those whose last minute was over at the signal.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from include.errors import QueryError, WireError
from include.lake.reading import connect
from include.market.events import BookChange, Side, Top
from include.market.measures import told_imbalance
from include.market.wire import TopicPartition
from include.settings import Settings
from include.trading.inputs import MINUTE_US, Forecast, Place, SeenForecast, SeenTop, Signal, read
from include.trading.rules import RULES
from streaming.trader.market import BOOK, SIGNALS, Market
from streaming.trader.parameters import rule_of
from streaming.trader.pulse import UNTIMED
from streaming.trader.rehearsal import Moment, depth_of

TABLES = ("signals", "book_changes", "forecasts", "decisions")
CHUNK = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_SECOND_US = 1_000_000
_SIGNALS = """
SELECT value, "timestamp", window_start FROM signals
WHERE venue = $venue AND symbol = $symbol AND type = 'price_volume'
  AND window_start >= $first AND window_start < $last ORDER BY window_start
"""
_TOPS = """
SELECT DISTINCT "partition", "offset", {time} AS told, top_bid, top_bid_quantity, top_ask,
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
        """No minute yet."""
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
        trader = settings.trader
        self._link = connect(settings.lake, TABLES)
        self._there = {row[0] for row in self._link.execute("SHOW TABLES").fetchall()}
        if lacking := {"signals", "book_changes"} - self._there:
            raise QueryError(f"the lake has no {' and no '.join(sorted(lacking))} yet")
        self._about = {"venue": trader.venue, "symbol": trader.symbol}
        self._span = {"first": first, "last": last}
        self._settings = settings
        self._forecasts = self._read_forecasts()
        self._decided = self._read_decided()

    def moments(self) -> Iterator[Moment]:
        """The moments of the settings' rule, oldest first."""
        kind = RULES[rule_of(self._settings)].signal_type
        return self._leans() if kind == "imbalance" else self._windows()

    def in_force(self, signal: Signal) -> tuple[Forecast | None, str | None]:
        """The forecast of a signal, or null and why there was none."""
        if told := self._decided.get(signal.window_start):
            found = self._forecasts.get(told.forecast_id or "")
            return found, told.fault
        known = [
            one
            for one in self._forecasts.values()
            if one.trained_until + MINUTE_US <= signal.timestamp
        ]
        return max(known, key=lambda one: (one.trained_until, one.forecast_id), default=None), None

    def _windows(self) -> Iterator[Moment]:
        """Each window's signal with the top it ended with, by the running trader's own follower."""
        book_read = False
        market = Market(
            venue=self._about["venue"],
            symbol=self._about["symbol"],
            ends=lambda: {TopicPartition(BOOK, 0): 0 if book_read else 1},
            depth=depth_of(self._settings),
        )
        for number, (value, end, start) in enumerate(self._rows(_SIGNALS)):
            signal = Signal(
                self._about["venue"],
                self._about["symbol"],
                "price_volume",
                value,
                _micros(end),
                _micros(start),
            )
            market.follow(signal, Place(SIGNALS, 0, number))
        for at, top, place, changes in self._books():
            market.see(at, top, place, changes=changes)
            while found := market.next({}):
                yield Moment(*found)
        book_read = True
        while found := market.next({}):
            yield Moment(*found)

    def _leans(self) -> Iterator[Moment]:
        """The first imbalance of every pulse, measured anew: the lake keeps no measures."""
        pulse = int(self._settings.trader.pulse_s * _SECOND_US)
        first, last = _micros(self._span["first"]), _micros(self._span["last"])
        newest = -1
        untimed = self._about["venue"] in UNTIMED
        for seen in self._tops("coalesce(venue_time, received_time)" if untimed else "venue_time"):
            value = told_imbalance(seen.top) if seen.top else None
            start = seen.venue_time - seen.venue_time % pulse
            if value is None or start <= newest:
                continue
            newest = start
            if first <= start < last and seen.place:
                signal = Signal(
                    self._about["venue"],
                    self._about["symbol"],
                    "imbalance",
                    value,
                    seen.venue_time,
                    start,
                )
                yield Moment(signal, seen.place, seen)

    def _books(self) -> Iterator[tuple[int | None, Top | None, Place, list[BookChange]]]:
        """Book messages in the order of their offsets; with changes only where levels count."""
        if self._settings.trader.slippage_bps <= 0:
            for seen in self._tops("venue_time"):
                assert seen.place is not None
                yield seen.venue_time, seen.top, seen.place, []
            return
        for (partition, offset), rows in groupby(self._rows(_CHANGES), key=lambda row: row[:2]):
            whole = list(rows)
            at, numbers = whole[0][2], whole[0][3:7]
            yield (
                None if at is None else _micros(at),
                None if None in numbers else Top(*numbers),
                Place(BOOK, partition, offset),
                [
                    BookChange(side, price, left, reason=reason)
                    for *_, side, price, left, reason in whole
                    if side is not None
                ],
            )

    def _tops(self, time: str) -> Iterator[SeenTop]:
        for partition, offset, at, *numbers in self._rows(_TOPS.format(time=time)):
            top = None if any(one is None for one in numbers) else Top(*numbers)
            yield SeenTop(_micros(at), top, Place(BOOK, partition, offset))

    def _read_forecasts(self) -> dict[str, LakeForecast]:
        found: dict[str, LakeForecast] = {}
        if "forecasts" in self._there:
            for number, ds, side, until in self._rows(_FORECASTS):
                one = found.setdefault(number, LakeForecast(number, _micros(until)))
                one.sides[_micros(ds)] = side
        return found

    def _read_decided(self) -> dict[int, SeenForecast]:
        if "decisions" not in self._there:
            return {}
        rows = self._rows(_DECIDED, rule=rule_of(self._settings))
        try:
            return {_micros(start): read(inputs).forecast for start, inputs in rows}
        except WireError as error:
            raise QueryError(f"decisions of the lake: {error}") from error

    def _rows(self, statement: str, **more: str) -> Iterator[tuple[Any, ...]]:
        named = self._about | self._span | more
        values = {name: value for name, value in named.items() if f"${name}" in statement}
        cursor = self._link.execute(statement, values)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _US
