"""How a venue's REST lists past trades, turned into frames for the stream's own decoder. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Message, Trade
from include.market.venues import TradeNumbers, Venue
from streaming.feeds.decoding import Decoder


@dataclass(frozen=True)
class TradePage:
    """A page of past trades: their messages, and the numbers that stand there without a trade."""

    messages: list[Message]
    empty: list[int]

    def numbers(self) -> list[int]:
        """All numbers that the page lists, in order."""
        return sorted(
            {*self.empty, *(n for message in self.messages for n in trade_numbers(message))}
        )


@dataclass(frozen=True)
class Refill:
    """One venue's REST for past trades.

    `url` is the address of the page of ids from the first to the last of a symbol, `frames` the
    frames that the page's body stands for, `decoder` makes a symbol's decoder for a connection id.
    `number` finds a trade's number in a frame that the decoder rejects; null: there is none.
    """

    venue: Venue
    per_minute: float
    url: Callable[[str, int, int], str]
    frames: Callable[[bytes, str], list[bytes]]
    decoder: Callable[[str, str], Decoder]
    number: Callable[[bytes], int | None] = lambda _frame: None

    @property
    def numbered(self) -> bool:
        """Whether the trades are counted by `seq`; else their ids rise with holes."""
        return self.venue.trades is TradeNumbers.SEQUENCE

    def page(self, body: bytes, *, symbol: str, conn: str, now_us: int) -> TradePage:
        """The `trade` messages of a page, oldest first; their `seq` is the trade ids.

        Raises:
            RejectedFrame: the page is no page, or a trade without a number makes no sense.
        """
        messages: list[Message] = []
        empty: list[int] = []
        for data in self.frames(body, symbol):
            try:
                decoded = self.decoder(symbol, conn).decode(Frame(data, now_us)).messages
            except RejectedFrame:
                if self.number(data) is None:
                    raise
                decoded = ()
            trades = [message for message in decoded if message.kind == "trade"]
            number = None if trades else self.number(data)
            empty += [] if number is None else [number]
            for message in trades:
                seq = message.seq if self.numbered else None
                messages.append(msgspec.structs.replace(message, seq=seq))
        return TradePage(messages, empty)

    def trades(self, body: bytes, *, symbol: str, conn: str, now_us: int) -> list[Message]:
        """The messages of `page`."""
        return self.page(body, symbol=symbol, conn=conn, now_us=now_us).messages


def trade_numbers(message: Message) -> list[int]:
    """The numbers by which a venue counts the trades of a message."""
    if message.seq is None:
        return [int(trade.trade_id) for trade in message.events if isinstance(trade, Trade)]
    return list(range(message.seq[0], message.seq[1] + 1))
