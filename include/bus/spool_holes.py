"""What lacks among the messages of a spool, by the numbers of the messages around each hole.

There are two causes. A part of the spool was damaged; or the process was killed while the broker
was away, with messages in memory that were sent before the first one of the spool and never
acknowledged. The newest numbers of the spool would hide both from the next connection.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from include.bus.spool import Spool
from include.errors import WireError
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.market.feed_entries import make_ledger_message
from include.market.numbering import frame_range, trade_range
from include.market.venues import NOT_ACKNOWLEDGED, SPOOL_DAMAGED

RECEIVED = "received from {first} to {last} us"
DETAILS = {
    SPOOL_DAMAGED: "messages waited in a spool that was damaged",
    NOT_ACKNOWLEDGED: "messages were sent before the first of the spool, and are not in Kafka",
}
_Scope = tuple[str, str]  # symbol, and the connection whose frames count; of trades none


class _Last(NamedTuple):
    """The last number of a scope, how many holes lay before it, and its message's receipt (µs)."""

    number: int
    hole_count: int
    received_us: int | None = None


class _HoleFinder:
    """Goes through a spool's messages in order; knows where others may be missing."""

    def __init__(
        self,
        trade_ids: Mapping[str, int],
        frame_numbers: Mapping[_Scope, tuple[int, int]],
        *,
        now_us: int,
    ) -> None:
        self._last = {(symbol, ""): _Last(number, 0) for symbol, number in trade_ids.items()}
        self._last |= {
            scope: _Last(number, 0, at_us) for scope, (number, at_us) in frame_numbers.items()
        }
        self._now_us = now_us
        self.hole_count = 0

    def examine(self, message: Message) -> Iterator[Message]:
        """The entry of what lacks before a message, if something does."""
        trades = trade_range(message)
        numbers = trades or frame_range(message)
        if numbers is None:
            return
        scope = message.symbol, "" if trades else message.conn
        last = self._last.get(scope)
        self._last[scope] = _Last(numbers[-1], self.hole_count, message.received_time)
        is_behind_hole = last is not None and last.hole_count < self.hole_count
        if last is not None and is_behind_hole and numbers[0] > last.number + 1:
            yield self._make_entry(message, last, numbers[0])

    def _make_entry(self, message: Message, last: _Last, number: int) -> Message:
        """The entry by which healing asks for the numbers between."""
        end_us = message.received_time
        first_us = end_us if last.received_us is None else last.received_us
        is_behind_kafka = last.hole_count == 0 and self.hole_count == 1
        cause = NOT_ACKNOWLEDGED if is_behind_kafka else SPOOL_DAMAGED
        kind = "trade" if message.kind == "trade" else "book"
        detail = f"{DETAILS[cause]}, {RECEIVED.format(first=first_us, last=end_us)}"
        entry = LedgerEntry("dropped", cause.format(kind=kind), last.number + 1, number - 1, detail)
        return make_ledger_message(
            entry, venue=message.venue, symbol=message.symbol, conn=message.conn, at_us=self._now_us
        )


def describe_holes(
    spool: Spool,
    trade_ids: Mapping[str, int],
    frame_numbers: Mapping[_Scope, tuple[int, int]],
    *,
    now_us: int,
) -> Iterator[Message]:
    """A `dropped` entry for what lacks before a message of a spool.

    `trade_ids` are the last ones that Kafka has, by symbol; `frame_numbers` its last one by symbol
    and connection, with the time of receipt (µs). What lies behind the last message of a symbol
    shows when the next connection begins.
    """
    finder = _HoleFinder(trade_ids, frame_numbers, now_us=now_us)
    hole_places = [0, *spool.hole_places]  # in any case behind what Kafka has
    for index, record in enumerate(spool):
        finder.hole_count += hole_places.count(index)
        try:
            message = wire.decode(record.value)
        except WireError:
            continue
        yield from finder.examine(message)
