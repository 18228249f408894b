"""Acme's frames: `BTC/USD 7 buy 100.5 0.25 1700000000000`, a trade's number after its symbol."""

from collections import Counter
from decimal import Decimal

from include.errors import RejectedFrame
from include.market.events import Frame, LedgerEntry, Message, Trade
from streaming.feeds.decoding import DecodedFrame, to_micros
from tests.support.fourth_venue import ACME


class AcmeDecoder:
    """Decodes one connection."""

    def __init__(self, *, conn: str, last_ids: dict[str, int]) -> None:
        self.conn, self.last_ids = conn, last_ids
        self.ignored: Counter[str] = Counter()

    def decode(self, frame: Frame) -> DecodedFrame:
        words = frame.data.decode().split()
        if len(words) != 6:
            raise RejectedFrame("wrong_type", f"{len(words)} words")
        spelling, number_text, side, price, quantity, time = words
        symbol, number = ACME.symbols.from_venue(spelling), int(number_text)
        last = self.last_ids.get(symbol, number - 1)
        self.last_ids[symbol] = number
        traded_at = to_micros(int(time))
        trade = Trade(number_text, Decimal(price), Decimal(quantity), side, traded_at)  # type: ignore[arg-type]
        messages = [self._message(symbol, "trade", frame, trade, (number, number))]
        if number > last + 1:
            gap = LedgerEntry("gap", "missing", first_seq=last + 1, last_seq=number - 1)
            messages.insert(0, self._message(symbol, "ledger", frame, gap, None))
        return DecodedFrame(tuple(messages))

    def _message(
        self,
        symbol: str,
        kind: str,
        frame: Frame,
        event: Trade | LedgerEntry,
        seq: tuple[int, int] | None,
    ) -> Message:
        return Message(ACME.name, symbol, kind, self.conn, seq, None, frame.received_time, (event,))
