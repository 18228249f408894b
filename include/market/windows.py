"""When a liquidity window closes: per venue and symbol, by that venue's own times. Pure.

The first message of a symbol whose venue time is at or beyond a window's end (and `delay`) closes
it. A symbol that is silent is closed by its connection: by a heartbeat or another symbol, a second
of venue time later, since those travel by other partitions. A time that is seconds ahead of its
receipt closes only what is over at its receipt (`clock_time`); one too far ahead is not believed:
it adds nothing and closes nothing. What comes after its window was closed is late: it is not added
here, and its window is summed again from the lake.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from include.market.numerals import SIGNAL_STEP, WIDE, round_half_up
from include.market.signals import PublishedSignal
from include.market.time import SECOND_US, clock_time, is_believable

SILENCE_US = SECOND_US
Key = tuple[str, str]  # venue, symbol


class BookFlow(NamedTuple):
    """What one message of market.book adds to its window: price x remaining a side.

    `venue_time` (null: a snapshot) and `received_time` in µs. `bid` and `ask` are null where no
    change is of that side. Messages with the same `event_id` are one; null is never repeated.
    """

    venue: str
    symbol: str
    conn: str
    venue_time: int | None
    received_time: int
    event_id: str | None
    bid: Decimal | None
    ask: Decimal | None


class Liquidity(msgspec.Struct, frozen=True):
    """What one window's changes are worth a side, in quote units; null where none came."""

    venue: str
    symbol: str
    window_start: int
    window_end: int
    bid: Decimal | None
    ask: Decimal | None

    @property
    def ratio(self) -> Decimal | None:
        """Ask over bid, divided as double; null unless both are above zero."""
        if not self.bid or not self.ask:
            return None
        return round_half_up(Decimal(repr(float(self.ask) / float(self.bid))), SIGNAL_STEP)

    def signals(self) -> list[PublishedSignal]:
        """The signals of the window, in the order in which they are sent."""
        values = (("bid", self.bid), ("ask", self.ask), ("price_volume", self.ratio))
        span = self.window_start, self.window_end
        return [
            PublishedSignal(self.venue, self.symbol, kind, value, *span)
            for kind, value in values
            if value is not None
        ]


class OpenWindow(msgspec.Struct):
    """The sums so far, and the ids of the messages in them."""

    bid: Decimal | None = None
    ask: Decimal | None = None
    event_ids: set[str] = msgspec.field(default_factory=set)

    def add(self, flow: BookFlow) -> None:
        """Add a message, unless it is in the sums already."""
        if flow.event_id is not None:
            if flow.event_id in self.event_ids:
                return
            self.event_ids.add(flow.event_id)
        if flow.bid is not None:
            self.bid = WIDE.add(self.bid or Decimal(0), flow.bid)
        if flow.ask is not None:
            self.ask = WIDE.add(self.ask or Decimal(0), flow.ask)


class BookWindows(msgspec.Struct):
    """One symbol: its connection, the end of its newest closed window (µs), its open windows."""

    conn: str
    closed_until: int = 0
    open: dict[int, OpenWindow] = msgspec.field(default_factory=dict)


class WindowState(msgspec.Struct):
    """All that `Windows` remembers, by `venue|symbol` and by `venue|connection` (newest time)."""

    books: dict[str, BookWindows] = msgspec.field(default_factory=dict)
    clocks: dict[str, int] = msgspec.field(default_factory=dict)


class Windows:
    """Takes the messages of books, each symbol's in the order of its topic; gives closed windows.

    `late` are the windows, by venue, symbol and start, that were closed when a change came.
    """

    def __init__(
        self,
        *,
        window_s: int,
        delay_s: float = 0.0,
        memory: WindowState | None = None,
        closed_until: Mapping[Key, int] | None = None,
    ) -> None:
        """Go on from `memory`, or begin after the windows that are closed already (end, µs)."""
        self._length = window_s * SECOND_US
        self._delay = int(delay_s * SECOND_US)
        self.state = memory or WindowState()
        self._closed_before = dict(closed_until or {})
        self.late: set[tuple[str, str, int]] = set()

    def take(self, flow: BookFlow) -> list[Liquidity]:
        """The windows of its symbol that this message closes, oldest first; often none."""
        at = flow.venue_time
        book = self._book(flow)
        if at is None or not is_believable(at, flow.received_time):
            return []
        now_us, clock = clock_time(at, flow.received_time), f"{flow.venue}|{flow.conn}"
        self.state.clocks[clock] = max(self.state.clocks.get(clock, 0), now_us)
        if flow.bid is not None or flow.ask is not None:
            start = at - at % self._length
            if start + self._length <= book.closed_until:
                self.late.add((flow.venue, flow.symbol, start))
            else:
                book.open.setdefault(start, OpenWindow()).add(flow)
        return self._close(flow.venue, flow.symbol, book, now_us - self._delay)

    def refuse_window(self, flow: BookFlow) -> None:
        """Take the window of this message as closed: what came before it in it is gone."""
        if flow.venue_time is not None:
            end = flow.venue_time - flow.venue_time % self._length + self._length
            book = self._book(flow)
            book.closed_until = max(book.closed_until, end)

    def knows(self, flow: BookFlow) -> bool:
        """Whether a message of its symbol came before, or a window of it is closed."""
        key = (flow.venue, flow.symbol)
        return "|".join(key) in self.state.books or key in self._closed_before

    def close_silent(self) -> list[Liquidity]:
        """The windows of symbols that are silent while their connection is not, oldest first."""
        closed = []
        for name, book in self.state.books.items():
            venue, _, symbol = name.partition("|")
            now = self.state.clocks.get(f"{venue}|{book.conn}")
            if now is not None and book.open:
                closed += self._close(venue, symbol, book, now - self._delay - SILENCE_US)
        return sorted(closed, key=sending_order)

    def next_closings(self) -> list[tuple[str, int]]:
        """`venue|symbol` and the venue's time (µs) at which its oldest open window closes."""
        return [
            (name, min(book.open) + self._length + self._delay)
            for name, book in self.state.books.items()
            if book.open
        ]

    def _book(self, flow: BookFlow) -> BookWindows:
        name = f"{flow.venue}|{flow.symbol}"
        book = self.state.books.get(name)
        if book is None:
            until = self._closed_before.get((flow.venue, flow.symbol), 0)
            book = self.state.books[name] = BookWindows(flow.conn, until)
        elif book.conn != flow.conn:
            book.conn = flow.conn
            self._forget_clocks()
        return book

    def _forget_clocks(self) -> None:
        """Forget the times of connections that carry no symbol any more."""
        current = {f"{name.partition('|')[0]}|{b.conn}" for name, b in self.state.books.items()}
        clocks = self.state.clocks
        self.state.clocks = {name: at for name, at in clocks.items() if name in current}

    def _close(self, venue: str, symbol: str, book: BookWindows, now_us: int) -> list[Liquidity]:
        until = now_us - now_us % self._length
        if until <= book.closed_until:
            return []
        book.closed_until = until
        starts = sorted(start for start in book.open if start + self._length <= until)
        return [
            Liquidity(venue, symbol, start, start + self._length, sums.bid, sums.ask)
            for start in starts
            for sums in [book.open.pop(start)]
        ]


def sending_order(window: Liquidity) -> tuple[int, str, str]:
    """The order in which signals are sent: by time, then venue and symbol."""
    return window.window_start, window.venue, window.symbol
