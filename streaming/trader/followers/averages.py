"""Moving averages across suppliers as they come from Kafka, each with the top of its second."""

from collections import deque
from collections.abc import Callable, Collection

import msgspec

from include.bus import Record
from include.market.average import AVERAGE_PRICE, SUPPLIERS
from include.market.tops import is_sane
from include.market.wire import Topic
from include.trading.inputs import RecordId, Signal
from streaming.trader.followers import is_signal_believable, record_id_of
from streaming.trader.followers.depth import Depth
from streaming.trader.followers.window_signals import WindowSignal, WindowSignals
from streaming.trader.followers.windows import EndOffsets, WindowFollower

_signal: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal, strict=True)


class AverageSignals(WindowSignals):
    """The averages in the order of their topic: each is decided when it comes."""

    def __init__(self, *, symbol: str, window_us: int, last_window: int = -1) -> None:
        """Those of windows up to the one that began at `last_window` (µs) were decided."""
        super().__init__(venue=SUPPLIERS, symbol=symbol, window_us=window_us, delay_us=0)
        self._decided_until = last_window
        self._waiting: deque[WindowSignal] = deque()

    def add(self, signal: Signal, record_id: RecordId) -> None:
        """Take an average in; of one that came twice the first counts."""
        if signal.window_start > self._decided_until:
            self._decided_until = signal.window_start
            self._waiting.append(WindowSignal(signal, record_id))

    def observe(self, venue_time: int, changed_sides: Collection[str], *, clock_us: int) -> None:
        """The book decides nothing here."""

    def head(self, *, is_book_read: Callable[[], bool]) -> WindowSignal | None:
        """The oldest average that is not decided."""
        return self._waiting[0] if self._waiting else None

    def pop(self) -> None:
        """Go on to the next average."""
        self._waiting.popleft()

    def unfinished_records(self) -> list[RecordId]:
        """The records of averages that are not decided yet."""
        return [record_id for _, record_id in self._waiting if record_id]


class AverageFollower(WindowFollower):
    """One symbol's averages and tops in the order of their topics."""

    def __init__(
        self,
        signals: AverageSignals,
        *,
        venue: str,
        symbol: str,
        end_offsets: EndOffsets,
        depth: Depth | None,
    ) -> None:
        """`end_offsets` gives how far the book of the venue reaches now."""
        book_key = f"{venue}|{symbol}".encode()
        super().__init__(signals, key=book_key, end_offsets=end_offsets, depth=depth)
        self._average_key = f"{SUPPLIERS}|{symbol}".encode()

    def take(self, record: Record) -> None:
        """Take a record of either topic in."""
        if record.topic != Topic.SIGNALS:
            super().take(record)
        elif record.key == self._average_key:
            self._take_average(record)

    def _take_average(self, record: Record) -> None:
        try:
            signal = _signal.decode(record.value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self.unreadable += 1
            return
        if signal.type != AVERAGE_PRICE or not is_sane(signal.value):
            return
        if is_signal_believable(record, signal):
            self.append_signal(signal, record_id_of(record))
