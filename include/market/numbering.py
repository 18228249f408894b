"""The numbers by which a venue counts what a message carries. Pure."""

from include.market.events import Message, Trade
from include.market.numerals import parse_whole
from include.market.venues import VENUES, BookNumbers, TradeNumbers


def trade_range(message: Message) -> tuple[int, int] | None:
    """First and last number of a message's trades, as the venue counts them; null without any."""
    venue = VENUES.get(message.venue)
    trades = message.events
    if len(trades) > 1:  # most have one event, and a list would be half of the work
        trades = tuple(event for event in trades if isinstance(event, Trade))
    if venue is None or not trades or not isinstance(trades[0], Trade):
        return None
    if venue.trades is TradeNumbers.TRADE_ID:
        first, last = trades[0], trades[-1]
        assert isinstance(last, Trade)
        ids = parse_whole(first.trade_id), parse_whole(last.trade_id)
        return None if ids[0] is None or ids[1] is None else (ids[0], ids[1])
    return message.seq if venue.trades is TradeNumbers.SEQUENCE else None


def frame_range(message: Message) -> tuple[int, int] | None:
    """First and last number of the frames of a connection; null if the venue numbers none."""
    venue = VENUES.get(message.venue)
    is_numbered = venue is not None and venue.book is BookNumbers.PER_CONNECTION
    return message.seq if is_numbered and message.kind in {"book", "heartbeat"} else None
