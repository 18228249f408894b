"""What a damaged spool has lost, by the numbers of the messages around each hole."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from include.bus.spool import Spool
from include.errors import WireError
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.market.feed_entries import make_ledger_message
from include.market.numbering import frame_range, trade_range
from include.market.venues import SPOOL_DAMAGED

DETAIL = "messages waited in a spool that was damaged, received from {first} to {last} us"
_Scope = tuple[str, str, str]  # symbol, kind, and connection where that is what counts


class _Last(NamedTuple):
    """The last number of a scope, how many holes lay before it, and its message's receipt (µs)."""

    number: int
    hole_count: int
    received_us: int | None = None


def describe_holes(
    spool: Spool, delivered_ids: Mapping[str, int], *, now_us: int
) -> Iterator[Message]:
    """A `dropped` entry for what lies in a hole between two messages of a symbol.

    `delivered_ids` are the last trade ids that Kafka has, by symbol. What lies behind the last
    message of a symbol shows when the next connection begins.
    """
    last_by_scope = {(symbol, "trade", ""): _Last(n, 0) for symbol, n in delivered_ids.items()}
    hole_count = 0
    hole_places = spool.hole_places
    for index, record in enumerate(spool if hole_places else ()):
        hole_count += hole_places.count(index)
        try:
            message = wire.decode(record.value)
        except WireError:
            continue
        trades = trade_range(message)
        numbers = trades or frame_range(message)
        if numbers is None:
            continue
        scope: _Scope = (message.symbol, message.kind, "" if trades else message.conn)
        last = last_by_scope.get(scope)
        if last is not None and last.hole_count < hole_count and numbers[0] > last.number + 1:
            yield _make_entry(message, last, numbers[0], now_us)
        last_by_scope[scope] = _Last(numbers[-1], hole_count, message.received_time)


def _make_entry(message: Message, last: _Last, number: int, now_us: int) -> Message:
    """The entry by which healing asks for the numbers between, as it does after a full spool."""
    end_us = message.received_time
    first_us = end_us if last.received_us is None else last.received_us
    detail = DETAIL.format(first=first_us, last=end_us)
    cause = SPOOL_DAMAGED.format(kind=message.kind)
    entry = LedgerEntry("dropped", cause, last.number + 1, number - 1, detail)
    return make_ledger_message(
        entry, venue=message.venue, symbol=message.symbol, conn=message.conn, at_us=now_us
    )
