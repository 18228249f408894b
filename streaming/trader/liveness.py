"""Reasons from outside the rule not to order: open gaps, clocks apart, a stream that lags.

Only here does the trader look at the wall clock, and only to hold back. A tape's times lie in the
past by nature, so a tape's world looks at gaps alone.
"""

import time
from collections.abc import Callable, Mapping

import msgspec

from include.bus import Record, TopicPartition
from include.errors import WireError
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.settings import Settings
from include.trading.inputs import Signal
from streaming.trader.market import BOOK

LEDGER = "market.ledger"
_SECOND_US = 1_000_000
_HEALED_BY_REST = {"binance", "deribit"}


class _Stamps(msgspec.Struct, frozen=True):
    """When the venue sent a book message and when the feed got it."""

    venue_time: int | None
    received_time: int


_stamps: msgspec.json.Decoder[_Stamps] = msgspec.json.Decoder(_Stamps)


class Gaps:
    """The open holes of one symbol's feed, from its ledger.

    A hole of trade ids is open until it is healed; any other (a break in a book) until the feed
    has connected again, which brings a fresh snapshot.
    """

    def __init__(self, *, venue: str, symbol: str) -> None:
        """No hole."""
        self._venue, self._symbol = venue, symbol
        self._trades: set[tuple[int, int]] = set()
        self._broken = False

    def __bool__(self) -> bool:
        return self._broken or bool(self._trades)

    def take(self, message: Message) -> None:
        """Take a ledger message of any symbol in."""
        if (message.venue, message.symbol) != (self._venue, self._symbol):
            return
        for entry in message.events:
            if isinstance(entry, LedgerEntry):
                self._take(entry)

    def _take(self, entry: LedgerEntry) -> None:
        first, last = entry.first_seq, entry.last_seq
        if entry.entry == "connect":
            self._broken = False
        elif entry.entry == "healed" and first is not None and last is not None:
            self._trades = {one for one in self._trades if one[0] < first or one[1] > last}
        elif entry.entry == "gap":
            by_rest = self._venue in _HEALED_BY_REST or entry.cause == "between_connections"
            if by_rest and first is not None and last is not None:
                if last >= first:
                    self._trades.add((first, last))
            else:
                self._broken = True


class Liveness:
    """What speaks against ordering now, as reason codes."""

    def __init__(
        self, settings: Settings, *, now_us: Callable[[], int] = lambda: time.time_ns() // 1000
    ) -> None:
        """`now_us` is the wall clock."""
        trader = settings.trader
        self._key = f"{trader.venue}|{trader.symbol}".encode()
        self.gaps = Gaps(venue=trader.venue, symbol=trader.symbol)
        recorded = bool(settings.simulator.tape)
        self._skew_us = 0 if recorded else int(trader.skew_s * _SECOND_US)
        self._lag_us = 0 if recorded else int(trader.lag_s * _SECOND_US)
        self._now_us, self._apart_us = now_us, 0

    def take(self, record: Record) -> None:
        """Take a record of market.book or market.ledger in; others and junk are passed over."""
        if record.key != self._key:
            return
        try:
            if record.topic == LEDGER:
                self.gaps.take(wire.decode(record.value))
            elif record.topic == BOOK and self._skew_us:
                stamps = _stamps.decode(record.value)
                if stamps.venue_time is not None:
                    self._apart_us = abs(stamps.received_time - stamps.venue_time)
        except (WireError, msgspec.MsgspecError, UnicodeDecodeError):
            return  # what cannot be read is the follower's to count and quarantine's to keep

    def blocks(self, signal: Signal) -> tuple[str, ...]:
        """The reasons not to order on this signal."""
        found = ["gap_open"] if self.gaps else []
        if 0 < self._skew_us < self._apart_us:
            found.append("clock_skew")
        if 0 < self._lag_us < self._now_us() - signal.timestamp:
            found.append("stream_lag")
        return tuple(found)


def without_ledger(positions: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The positions to go on from: the ledger is read from its beginning at every start."""
    return {at: offset for at, offset in positions.items() if at[0] != LEDGER}
