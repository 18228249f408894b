"""Reasons from outside the rule not to order: a halt, open gaps, clocks apart, lag, a breaker.

Only here does the trader look at the wall clock, and only to hold back. A tape's times lie in the
past by nature, so skew and lag are off in a tape's world.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import msgspec

from include.bus import Record, TopicPartition
from include.clock import now_us
from include.errors import Transient, WireError
from include.log import event
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.market.feed_entries import is_of_supplier
from include.market.number_ranges import subtract_span
from include.market.venues import BETWEEN_CONNECTIONS, CLOSES_HOLE, SNAPSHOT, VENUES
from include.market.wire import Topic
from include.trading.inputs import Signal
from include.trading.reasons import Reason
from streaming.trader.config import TraderConfig

log = logging.getLogger("tickhouse.trader")


class HaltSwitch:
    """Halts the trader by hand: a file, or a reason in the journal."""

    def __init__(self, halt_file: Path) -> None:
        """No order is made while `halt_file` exists."""
        self._halt_file = halt_file

    def veto(self, journal_halt: str | None) -> Reason | None:
        """`halted` while there is a reason in the journal, or the file."""
        return Reason.HALTED if journal_halt or self._halt_file.exists() else None


class Gaps:
    """The open holes of one symbol's feed, from its ledger.

    A hole of trade ids is open until it is healed or given up as lost; any other (a break in a
    book) until a fresh snapshot, which a new connection brings too.
    """

    def __init__(self, *, venue: str, symbol: str, is_recorded: bool = False) -> None:
        """With `is_recorded` holes of trades are left alone: nobody can be asked for them."""
        self._venue, self._symbol, self._is_recorded = venue, symbol, is_recorded
        self._trade_holes: set[tuple[int, int]] = set()
        self._is_book_broken = False

    def veto(self) -> Reason | None:
        """`gap_open` while a hole is."""
        return Reason.GAP_OPEN if self._is_book_broken or self._trade_holes else None

    def take(self, message: Message) -> None:
        """Take a ledger message of any symbol in."""
        if (message.venue, message.symbol) != (self._venue, self._symbol):
            return
        if is_of_supplier(message.conn):  # it has no book
            return
        for entry in message.events:
            if isinstance(entry, LedgerEntry):
                self._take_entry(entry)

    def _take_entry(self, entry: LedgerEntry) -> None:
        first, last = entry.first_seq, entry.last_seq
        if entry.entry == "connect" or (entry.entry, entry.cause) == ("recovered", SNAPSHOT):
            self._is_book_broken = False
        elif entry.entry in CLOSES_HOLE and first is not None and last is not None:
            self._trade_holes = {
                part for hole in self._trade_holes for part in subtract_span(hole, (first, last))
            }
        elif entry.entry == "gap":
            if self._is_healed_by_rest(entry.cause) and first is not None and last is not None:
                if last >= first and not self._is_recorded:
                    self._trade_holes.add((first, last))
            else:
                self._is_book_broken = True

    def _is_healed_by_rest(self, cause: str) -> bool:
        venue = VENUES.get(self._venue)
        return venue.heals(cause) if venue else cause == BETWEEN_CONNECTIONS


class _Times(msgspec.Struct, frozen=True):
    """When the venue sent a book message and when the feed got it (µs)."""

    venue_time: int | None
    received_time: int


_times: msgspec.json.Decoder[_Times] = msgspec.json.Decoder(_Times)


class ClockSkew:
    """How far the venue's clock and ours are apart, by the newest book message with a time."""

    def __init__(self, max_skew_us: int) -> None:
        """`max_skew_us` of 0: not checked."""
        self._max_skew_us, self._skew_us = max_skew_us, 0

    def veto(self) -> Reason | None:
        """`clock_skew` while the clocks are too far apart."""
        return Reason.CLOCK_SKEW if 0 < self._max_skew_us < self._skew_us else None

    def take(self, book_message: bytes) -> None:
        """Take the value of a record of market.book in.

        Raises:
            msgspec.MsgspecError: it is no such message.
        """
        if self._max_skew_us:
            times = _times.decode(book_message)
            if times.venue_time is not None:
                self._skew_us = abs(times.received_time - times.venue_time)


class Lag:
    """How old a signal may be by the wall clock."""

    def __init__(self, max_lag_us: int, *, now_us: Callable[[], int]) -> None:
        """`max_lag_us` of 0: not checked."""
        self._max_lag_us, self._now_us = max_lag_us, now_us

    def veto(self, signal: Signal) -> Reason | None:
        """`stream_lag` for a signal whose window ended too long ago."""
        lag_us = self._now_us() - signal.timestamp if self._max_lag_us else 0
        return Reason.STREAM_LAG if lag_us > self._max_lag_us else None


class Vetoes:
    """Halt switch, gaps, clock skew and lag of one trader."""

    def __init__(self, config: TraderConfig, *, now_us: Callable[[], int] = now_us) -> None:
        """`now_us` is the wall clock."""
        self._key = f"{config.venue}|{config.symbol}".encode()
        self._halt = HaltSwitch(config.halt_file)
        self._gaps = Gaps(venue=config.venue, symbol=config.symbol, is_recorded=config.is_recorded)
        self._skew = ClockSkew(config.max_skew_us)
        self._lag = Lag(config.max_lag_us, now_us=now_us)

    def take(self, record: Record) -> None:
        """Take a record of market.book or market.ledger in; others and junk are passed over."""
        if record.key != self._key:
            return
        try:
            if record.topic == Topic.LEDGER:
                self._gaps.take(wire.decode(record.value))
            elif record.topic == Topic.BOOK:
                self._skew.take(record.value)
        except (WireError, msgspec.MsgspecError, UnicodeDecodeError):
            return  # what cannot be read is the follower's to count and quarantine's to keep

    def reasons(self, signal: Signal, *, journal_halt: str | None = None) -> tuple[Reason, ...]:
        """The reasons not to order on this signal."""
        vetoes = (
            self._halt.veto(journal_halt),
            self._gaps.veto(),
            self._skew.veto(),
            self._lag.veto(signal),
        )
        return tuple(reason for reason in vetoes if reason)


class Breaker:
    """Counts failures of a broker in a row; open from the n-th on, for `cool_down_s` seconds.

    Then one try is let through: its success closes the breaker, its failure opens it again.
    """

    def __init__(
        self, *, failures: int, cool_down_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        """Closed. `clock` gives seconds that never go back."""
        self._max_failures, self._cool_down_s, self._clock = failures, cool_down_s, clock
        self._in_a_row, self._open_until_s = 0, 0.0

    @property
    def open_s(self) -> float:
        """Seconds until the next try; zero: go ahead."""
        return max(0.0, self._open_until_s - self._clock())

    def veto(self) -> Reason | None:
        """`breaker_open` while the venue is left alone."""
        return Reason.BREAKER_OPEN if self.open_s else None

    def count_failure(self, cause: Exception | str) -> None:
        """Count a failure; the n-th in a row opens the breaker."""
        self._in_a_row += 1
        if self._in_a_row >= self._max_failures:
            self._open_until_s = self._clock() + self._cool_down_s
            log.warning(
                event(
                    "breaker opens",
                    failures=self._in_a_row,
                    cause=cause,
                    cool_down_s=self._cool_down_s,
                )
            )

    def count_success(self) -> None:
        """Close the breaker and start counting again."""
        if self._in_a_row >= self._max_failures:
            log.info(event("breaker closes", failures=self._in_a_row))
        self._in_a_row, self._open_until_s = 0, 0.0

    @contextmanager
    def count_failures(self) -> Iterator[None]:
        """Count a transient fault of what is done inside, and raise it on."""
        try:
            yield
        except Transient as error:
            self.count_failure(error)
            raise


def exclude_ledger(offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """The offsets to go on from: the ledger is read from its beginning at every start."""
    return {
        partition: offset for partition, offset in offsets.items() if partition[0] != Topic.LEDGER
    }
