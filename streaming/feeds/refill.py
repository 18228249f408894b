"""How a venue's REST lists past trades, turned into frames for the stream's own decoder. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from include.market.events import Frame, Message, Trade
from include.market.venues import TradeNumbers, Venue
from streaming.feeds.decoding import Decoder


@dataclass(frozen=True)
class Refill:
    """One venue's REST for past trades.

    `url` is the address of the page of ids from the first to the last of a symbol, `frames` the
    frames that the page's body stands for, `decoder` makes a symbol's decoder for a connection id.
    """

    venue: Venue
    per_minute: float
    url: Callable[[str, int, int], str]
    frames: Callable[[bytes, str], list[bytes]]
    decoder: Callable[[str, str], Decoder]

    @property
    def numbered(self) -> bool:
        """Whether the trades are counted by `seq`; else their ids rise with holes."""
        return self.venue.trades is TradeNumbers.SEQUENCE

    def trades(self, body: bytes, *, symbol: str, conn: str, now_us: int) -> list[Message]:
        """The `trade` messages of a page, oldest first; their `seq` is the trade ids.

        Raises:
            RejectedFrame: the page is no page, or a trade makes no sense.
        """
        trades = []
        for data in self.frames(body, symbol):
            decoded = self.decoder(symbol, conn).decode(Frame(data, now_us))
            for message in decoded.messages:
                if message.kind == "trade":
                    seq = message.seq if self.numbered else None
                    trades.append(msgspec.structs.replace(message, seq=seq))
        return trades


def trade_numbers(message: Message) -> list[int]:
    """The numbers by which a venue counts the trades of a message."""
    if message.seq is None:
        return [int(trade.trade_id) for trade in message.events if isinstance(trade, Trade)]
    return list(range(message.seq[0], message.seq[1] + 1))
