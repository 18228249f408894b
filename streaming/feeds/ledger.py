"""The feed ledger's messages: connect, disconnect, stale, recovered. Pure.

A gap is reported by the decoder that sees it.
"""

from include.market.events import LedgerEntry, Message
from include.market.feed_entries import make_ledger_message


def ledger_message(
    entry: str, cause: str, *, venue: str, symbol: str, conn: str, at_us: int, detail: str = ""
) -> Message:
    """Make the message of one fact about a feed, at `at_us` µs since the epoch."""
    fact = LedgerEntry(entry, cause, detail=detail or None)
    return make_ledger_message(fact, venue=venue, symbol=symbol, conn=conn, at_us=at_us)
