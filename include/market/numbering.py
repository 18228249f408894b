"""The numbers by which a venue counts what a message carries. Pure."""

from include.market.events import Message, Trade
from include.market.venues import VENUES, BookNumbers, TradeNumbers


def trade_range(message: Message) -> tuple[int, int] | None:
    """First and last number of a message's trades, as the venue counts them; null without any."""
    venue = VENUES.get(message.venue)
    trades = [event for event in message.events if isinstance(event, Trade)]
    if venue is None or not trades:
        return None
    if venue.trades is TradeNumbers.TRADE_ID:
        return int(trades[0].trade_id), int(trades[-1].trade_id)
    return message.seq if venue.trades is TradeNumbers.SEQUENCE else None


def frame_range(message: Message) -> tuple[int, int] | None:
    """First and last number of the frames of a connection; null if the venue numbers none."""
    venue = VENUES.get(message.venue)
    is_numbered = venue is not None and venue.book is BookNumbers.PER_CONNECTION
    return message.seq if is_numbered and message.kind in {"book", "heartbeat"} else None
