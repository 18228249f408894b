"""The feed ledger's messages: connect, disconnect, stale, recovered. Pure.

A gap is reported by the decoder that sees it.
"""

from include.market.events import LedgerEntry, Message


def ledger_message(
    entry: str, cause: str, *, venue: str, symbol: str, conn: str, at_us: int, detail: str = ""
) -> Message:
    """Make the message of one fact about a feed, at `at_us` µs since the epoch."""
    return Message(
        venue=venue,
        symbol=symbol,
        kind="ledger",
        conn=conn,
        seq=None,
        venue_time=None,
        received_time=at_us,
        events=(LedgerEntry(entry, cause, detail=detail or None),),
    )
