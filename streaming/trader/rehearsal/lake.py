"""A span of a world's Delta tables as the trader's moments, with the forecast in force at each.

Signals come from `signals`, tops from `book_changes` in the order of their offsets, forecasts from
`forecasts`. Where the running trader decided on a signal, the forecast it had is in force; else
the one that was published last until then.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from include.errors import QueryError, WireError
from include.forecast.publications import read_log
from include.lake.believed_times import AHEAD, RECEIPT
from include.lake.floors import describe_missing
from include.lake.reading import connect
from include.market.anchoring import last_closed_minute
from include.market.events import INITIAL, BookChange, Top
from include.market.measures import imbalance_of, mid_price
from include.market.time import clock_time, is_believable, to_epoch_us
from include.market.wire import Topic, TopicPartition
from include.settings import Settings
from include.trading.decided_prices import decided_minutes
from include.trading.inputs import ForecastSides, Inputs, RecordId, SeenTop, Signal, read
from include.trading.reasons import Reason
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment, imbalances
from streaming.trader.followers.imbalances import has_book_time
from streaming.trader.followers.window_signals import KINDS
from streaming.trader.followers.windows import BookMessage
from streaming.trader.lake_forecasts import LakeForecast, forecast_in_use, make_forecasts

DAY_BEFORE = timedelta(hours=25)  # a little more, for a price before its first minute
TABLES = ("signals", "book_changes", "forecasts", "decisions")
CHUNK_ROWS = 20_000
_SIGNALS = """
SELECT type, value, "timestamp", window_start FROM signals
WHERE venue = $signal_venue AND symbol = $symbol AND type IN ({types})
  AND window_start >= $first AND window_start < $last ORDER BY window_start
"""
# A message a row; all its rows have the same top.
_TOPS = f"""
SELECT "partition", "offset", any_value({{time}}) AS top_time, any_value({RECEIPT}),
       any_value(conn),
       list(DISTINCT side) FILTER (side IS NOT NULL AND reason IS DISTINCT FROM 'initial'),
       any_value(top_bid), any_value(top_bid_quantity), any_value(top_ask),
       any_value(top_ask_quantity)
FROM book_changes WHERE venue = $venue AND symbol = $symbol AND {{time}} IS NOT NULL
  AND {{time}} >= $first - INTERVAL 1 HOUR AND {{time}} <= $last + INTERVAL 1 HOUR
GROUP BY "partition", "offset" ORDER BY "partition", "offset"
"""
# With levels: from the last snapshot before the span on, since changes build on one.
_CHANGES = f"""
SELECT "partition", "offset", venue_time, {RECEIPT}, conn, top_bid, top_bid_quantity, top_ask,
       top_ask_quantity, side, price, remaining, reason
FROM book_changes WHERE venue = $venue AND symbol = $symbol
  AND {RECEIPT} <= coalesce((
      SELECT min({RECEIPT}) FROM book_changes
      WHERE venue = $venue AND symbol = $symbol AND venue_time > $last + INTERVAL 1 HOUR
          AND venue_time <= {RECEIPT} + {AHEAD}
  ), 'infinity')
  AND "offset" >= coalesce((
      SELECT max("offset") FROM book_changes
      WHERE venue = $venue AND symbol = $symbol AND reason = 'initial' AND "offset" < (
          SELECT min("offset") FROM book_changes
          WHERE venue = $venue AND symbol = $symbol AND venue_time >= $first)
  ), 0)
ORDER BY "partition", "offset", event_index
"""
# Published forecasts alone: the trader never sees a short-term one. The first minutes after
# training too: re-anchored, a band is as wide as it was published as far after that end.
_FORECASTS = """
SELECT * FROM forecasts
WHERE symbol = $symbol AND ds < $last + INTERVAL 25 HOUR AND NOT starts_with(forecast_id, 'short-')
  AND (ds >= $first - INTERVAL 1 HOUR OR ds <= trained_until + to_minutes($minutes_ahead))
"""
_DECIDED = """
SELECT window_start, inputs FROM decisions
WHERE venue = $venue AND symbol = $symbol AND rule = $rule AND account = $account
  AND window_start >= $first AND window_start < $last
"""
_PRICED = """
WITH priced AS (
    SELECT window_start, inputs, bid, ask, reasons FROM decisions
    WHERE venue = $venue AND symbol = $symbol AND rule = $rule AND account = $account
      AND bid > 0 AND ask > 0
      AND window_start < $first)
SELECT inputs, bid, ask, reasons FROM priced WHERE window_start >= coalesce((
    SELECT date_trunc('minute', max(window_start)) FROM priced
    WHERE window_start <= $first - INTERVAL 25 HOUR), '-infinity') ORDER BY window_start
"""


class LakeSpan:
    """A venue's symbol between two times, as the lake has it."""

    def __init__(self, settings: Settings, *, start_at: datetime, end_at: datetime) -> None:
        """Windows that begin from `start_at` on and before `end_at`, aware UTC.

        Raises:
            QueryError: a table that is needed is not there, retention has dropped rows of the span,
                or it has no signal.
        """
        needed = {"signals": start_at, "book_changes": start_at, "forecasts": start_at - DAY_BEFORE}
        if dropped := describe_missing(settings.lake, needed):
            raise QueryError(f"a span from {start_at:%Y-%m-%d %H:%M} on cannot be read: {dropped}")
        self._settings, self._config = settings, TraderConfig.from_settings(settings)
        self._connection = connect(settings.lake, TABLES)
        self._tables = {row[0] for row in self._connection.execute("SHOW TABLES").fetchall()}
        if missing := {"signals", "book_changes"} - self._tables:
            raise QueryError(f"the lake has no {' and no '.join(sorted(missing))} yet")
        self._has_decisions = "decisions" in self._tables
        self._instrument = {
            "venue": self._config.venue,
            "symbol": self._config.symbol,
            "account": self._config.account,
        }
        self._span = {"first": start_at, "last": end_at}
        self._forecasts = self._read_forecasts()
        self._publications = read_log(settings.forecasts_of(self._config.symbol))
        self._decided = self._read_decided()

    def moments(self) -> Iterator[Moment]:
        """The moments of the settings' rule, oldest first."""
        if self._config.signal_type == imbalances.SIGNAL_TYPE:
            return self._read_imbalances()
        return self._windows()

    def in_force(self, signal: Signal) -> tuple[ForecastSides | None, Reason | None]:
        """The forecast of a signal, or null and why there was none."""
        if decided := self._decided.get(signal.window_start):
            forecast_id, fault = decided.forecast.forecast_id, decided.forecast.fault
            return self._forecasts.get(forecast_id or ""), fault
        is_recorded, log = self._config.is_recorded, self._publications
        return forecast_in_use(
            self._forecasts, log, signal.timestamp, is_recorded=is_recorded
        ), None

    def recent_prices(self) -> list[tuple[int, float]]:
        """Minutes (µs) and mid prices of the day before, as a trader would remember them.

        It is those at which the running trader decided; where it made no decision by this rule up
        to the span's end, those at which it would have.
        """
        config = self._config
        decided = list(self._rows(_PRICED, rule=config.rule)) if self._has_decisions else []
        if decided or self._decided:
            venue, symbol = config.signal_venue, config.symbol
            return list(decided_minutes(decided, venue=venue, symbol=symbol))
        start = self._span["first"]
        earlier = LakeSpan(self._settings, start_at=start - DAY_BEFORE, end_at=start)
        return list(priced_minutes(earlier.moments()))

    def _windows(self) -> Iterator[Moment]:
        """Each window's signal with the top it ended with, by the running trader's own follower."""
        is_book_read = False
        follower = self._config.window_follower(
            lambda: {TopicPartition(Topic.BOOK, 0): 0 if is_book_read else 1}
        )
        signals, last = self._signals(), to_epoch_us(self._span["last"])
        for start in sorted([*(signal.window_start for signal in signals[:1]), *self._decided])[:1]:
            follower.begin(start)
        for number, signal in enumerate(signals):
            follower.append_signal(signal, RecordId(Topic.SIGNALS, 0, number))
        for message in self._books():
            follower.take_message(message)
            while (moment := follower.next({})) and moment.signal.window_start < last:
                yield moment
        is_book_read = True
        while (moment := follower.next({})) and moment.signal.window_start < last:
            yield moment

    def _signals(self) -> list[Signal]:
        """The span's signals, oldest first; of a window that was decided that which was seen.

        A row may have been restated since, with changes that came late.
        """
        signals = []
        kinds = KINDS if self._config.signal_type in KINDS else (self._config.signal_type,)
        statement = _SIGNALS.format(types=", ".join(f"'{kind}'" for kind in kinds))
        rows = self._rows(statement, signal_venue=self._config.signal_venue)
        for kind, amount, end, start in rows:
            signal = self._signal(
                kind, amount, timestamp=to_epoch_us(end), window_start=to_epoch_us(start)
            )
            decided = self._decided.get(signal.window_start)
            if decided is None:
                signals.append(signal)
            elif decided.signal.type == kind:
                signals.append(decided.signal)
        return signals

    def _read_imbalances(self) -> Iterator[Moment]:
        """The first imbalance of every interval, measured again: the lake keeps no measures."""
        first, last = to_epoch_us(self._span["first"]), to_epoch_us(self._span["last"])
        newest, sampling_us = -1, self._config.sampling_us
        is_timed = has_book_time(self._config.venue)
        time_column = "venue_time" if is_timed else f"coalesce(venue_time, {RECEIPT})"
        for message in self._messages(time_column):
            seen_at, best, received = message.venue_time, message.top, message.received_time
            imbalance = imbalance_of(best) if best else None
            if seen_at is None or imbalance is None or not is_believable(seen_at, received):
                continue
            at = clock_time(seen_at, received)
            if (start := at - at % sampling_us) <= newest:
                continue
            newest = start
            if first <= start < last:
                signal = self._signal(
                    imbalances.SIGNAL_TYPE, imbalance, timestamp=at, window_start=start
                )
                yield Moment(signal, message.record_id, SeenTop(seen_at, best, message.record_id))

    def _signal(
        self, signal_type: str, signal_value: Decimal, *, timestamp: int, window_start: int
    ) -> Signal:
        return Signal(
            venue=self._config.signal_venue,
            symbol=self._config.symbol,
            type=signal_type,
            value=signal_value,
            timestamp=timestamp,
            window_start=window_start,
        )

    def _books(self) -> Iterator[BookMessage]:
        """Book messages in the order of their offsets; with changes only where levels count."""
        if self._config.parameters.slippage_bps <= 0:
            yield from self._messages("venue_time")
            return
        for (partition, offset), group in groupby(self._rows(_CHANGES), key=lambda row: row[:2]):
            rows = list(group)
            venue_time, received_time, conn = rows[0][2:5]
            yield BookMessage(
                None if venue_time is None else to_epoch_us(venue_time),
                to_epoch_us(received_time),
                conn,
                _top_of(rows[0][5:9]),
                RecordId(Topic.BOOK, partition, offset),
                {side for *_, side, _, _, reason in rows if side and reason != INITIAL},
                [
                    BookChange(side, price, remaining, reason=reason)
                    for *_, side, price, remaining, reason in rows
                    if side is not None
                ],
            )

    def _messages(self, time_column: str) -> Iterator[BookMessage]:
        """Book messages with a time, without their changes."""
        for row in self._rows(_TOPS.format(time=time_column)):
            partition, offset, time, received_time, conn, sides, *numbers = row
            yield BookMessage(
                to_epoch_us(time),
                to_epoch_us(received_time),
                conn,
                _top_of(numbers),
                RecordId(Topic.BOOK, partition, offset),
                sides or (),
            )

    def _read_forecasts(self) -> dict[str, LakeForecast]:
        if "forecasts" not in self._tables:
            return {}
        described = self._connection.execute("DESCRIBE forecasts").fetchall()
        names = [name for name, *_ in described]
        minutes_ahead = self._config.parameters.lookahead_minutes + 1
        rows = self._rows(_FORECASTS, minutes_ahead=minutes_ahead)
        return make_forecasts(dict(zip(names, row, strict=True)) for row in rows)

    def _read_decided(self) -> dict[int, Inputs]:
        if not self._has_decisions:
            return {}
        rows = self._rows(_DECIDED, rule=self._config.rule)
        try:
            return {to_epoch_us(start): read(inputs) for start, inputs in rows}
        except WireError as error:
            raise QueryError(f"decisions of the lake: {error}") from error

    def _rows(self, statement: str, **more: Any) -> Iterator[tuple[Any, ...]]:
        parameters = self._instrument | self._span | more
        named = {name: value for name, value in parameters.items() if f"${name}" in statement}
        cursor = self._connection.execute(statement, named)
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield from rows


def priced_minutes(moments: Iterable[Moment]) -> Iterator[tuple[int, float]]:
    """Minutes (µs) and mid prices of the moments that a strategy would remember."""
    newest = -1
    for moment in moments:
        signal, best = moment.signal, moment.top.best if moment.top else None
        if signal.window_start > newest and best and min(best.bid, best.ask) > 0:
            yield last_closed_minute(signal.timestamp), float(mid_price(best))
        newest = max(newest, signal.window_start)


def _top_of(numbers: Sequence[Any]) -> Top | None:
    return None if None in numbers else Top(*numbers)
