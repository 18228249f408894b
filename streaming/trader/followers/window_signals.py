"""Which message a window is decided on: its ratio, else its bid or ask, else that it was silent.

The stream sends up to three messages a window, and none of one in which no change came. A window
is decided once, on the best of what there is to come of it. What that is follows from the book, in
the order of its topic: of a side without a change no message comes.
"""

from collections import deque
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import NamedTuple

from include.trading.inputs import RecordId, Signal

RATIO, SIDES, SILENT = "price_volume", ("bid", "ask"), "silent"
KINDS = (RATIO, *SIDES)


class WindowSignal(NamedTuple):
    """A signal with its Kafka record; null of a silent window, which has no message."""

    signal: Signal
    record_id: RecordId | None


class WindowSignals:
    """One symbol's windows, each in its turn and once."""

    def __init__(
        self, *, venue: str, symbol: str, window_us: int, delay_us: int, last_window: int = -1
    ) -> None:
        """Go on after the window that began at `last_window` (µs); else from the first signal on.

        The stream closes a window at a book message with a time `delay_us` after its end.
        """
        self._venue, self._symbol = venue, symbol
        self._window_us, self._delay_us = window_us, delay_us
        self._next = (last_window // window_us + 1) * window_us if last_window >= 0 else None
        self._newest, self._clock = -1, 0
        self._signals: dict[int, dict[str, WindowSignal]] = {}
        self._changed: dict[int, set[str]] = {}
        self._late: deque[WindowSignal] = deque()

    def begin(self, start: int) -> None:
        """Begin with the window that begins then (µs), if none was seen so far."""
        self._next = start if self._next is None else self._next

    def add(self, signal: Signal, record_id: RecordId) -> None:
        """Take a message of market.signals in; of one that came twice the first counts."""
        start, window_signal = signal.window_start, WindowSignal(signal, record_id)
        self.begin(start)
        if start >= (self._next or 0):
            self._signals.setdefault(start, {}).setdefault(signal.type, window_signal)
            self._newest = max(self._newest, start)
        elif signal.type == RATIO:
            self._late.append(window_signal)

    def observe(self, venue_time: int, changed_sides: Collection[str], *, clock_us: int) -> None:
        """Take a book message in: its venue time (µs), the sides that it changes, its clock."""
        start = venue_time - venue_time % self._window_us
        is_open = start + self._window_us + self._delay_us > self._clock
        if changed_sides and is_open and start >= (self._next or 0):
            self._changed.setdefault(start, set()).update(changed_sides)
        self._clock = max(self._clock, clock_us)

    def head(self, *, is_book_read: Callable[[], bool]) -> WindowSignal | None:
        """What the next window is decided on; null while something better may come.

        `is_book_read`: the book was read as far as it reached when the newest signal
        came.
        """
        if self._late:
            return self._late[0]
        if self._next is None:
            return None
        by_type = self._signals.get(self._next, {})
        if not self._is_complete(self._next, by_type, is_book_read):
            return None
        best = next((by_type[kind] for kind in KINDS if kind in by_type), None)
        return best or WindowSignal(self._silence(self._next), None)

    def pop(self) -> None:
        """Go on to the window after the head."""
        if self._late:
            self._late.popleft()
        elif self._next is not None:
            self._signals.pop(self._next, None)
            self._changed.pop(self._next, None)
            self._next += self._window_us

    def skip_to(self, time_us: int) -> None:
        """Go on to the window that holds this time, or to the first before it that has a signal."""
        self._next = start = min([time_us - time_us % self._window_us, *self._signals])
        self._changed = {key: sides for key, sides in self._changed.items() if key >= start}

    def unfinished_records(self) -> list[RecordId]:
        """The records of signals that are not decided yet."""
        waiting = list(self._late)
        for by_type in self._signals.values():
            waiting += by_type.values()
        return [record_id for _, record_id in waiting if record_id]

    def _is_complete(
        self, start: int, by_type: dict[str, WindowSignal], is_book_read: Callable[[], bool]
    ) -> bool:
        if RATIO in by_type or self._newest > start:
            return True
        changed_sides = self._changed.get(start, set())
        is_closed = self._clock >= start + self._window_us + self._delay_us
        if not by_type:
            return not changed_sides and is_closed
        if len(by_type) == len(SIDES):
            return not all(signal.value > 0 for signal, _ in by_type.values())
        return changed_sides <= set(by_type) and (is_closed or is_book_read())

    def _silence(self, start: int) -> Signal:
        return Signal(self._venue, self._symbol, SILENT, Decimal(0), start + self._window_us, start)
