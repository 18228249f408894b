"""What a book message is worth a side, computed without Spark: the same sums, digit for digit.

What `spark_jobs/transforms/liquidity.py` does to a stream, for a tape read again. Rounding follows
Spark's decimal(20,8) x decimal(22,10).
"""

from decimal import Decimal

from include.market.events import INITIAL, BookChange, BookSide, Message
from include.market.numerals import SIGNAL_STEP, WIDE, round_half_up
from include.market.windows import BookFlow

_PRODUCT_STEP = Decimal("1e-13")


def book_flow(message: Message) -> BookFlow:
    """What a message of market.book adds to its window: nothing, for a heartbeat or a snapshot."""
    changes = [event for event in message.events if isinstance(event, BookChange)]
    is_snapshot = bool(changes) and changes[0].reason == INITIAL
    counts = message.kind == "book" and message.venue_time is not None and not is_snapshot
    return BookFlow(
        message.venue,
        message.symbol,
        message.conn,
        message.venue_time,
        message.received_time,
        _event_id(message, changes),
        _amount(changes, "bid") if counts else None,
        _amount(changes, "ask") if counts else None,
    )


def _amount(changes: list[BookChange], side: BookSide) -> Decimal | None:
    amounts = [
        round_half_up(round_half_up(change.price * change.remaining, _PRODUCT_STEP), SIGNAL_STEP)
        for change in changes
        if change.side == side
    ]
    if not amounts:
        return None
    total = Decimal(0)
    for amount in amounts:
        total = WIDE.add(total, amount)
    return total


def _event_id(message: Message, changes: list[BookChange]) -> str | None:
    if changes and changes[0].venue_event_id is not None:
        return str(changes[0].venue_event_id)
    return str(message.seq[1]) if message.seq else None
