"""Entries of the feed ledger, in messages and out; the process and the hole of one. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from include.market.events import LedgerEntry, Message
from include.market.venues import BETWEEN_CONNECTIONS, DROPPED_TRADES, VENUES

QUOTES = "quotes"  # ends the id of a connection that asks a supplier for prices
_CONNECTION_ID = re.compile(r"(.+)-(\d{1,19})-[^-]+")


class FeedEntry(NamedTuple):
    """An entry of the feed ledger.

    `at_us` is its time of receipt and `stamped_us` when Kafka took it, by the broker's clock; both
    in µs since the epoch, the second 0 where it is not known.
    """

    venue: str
    symbol: str
    conn: str
    entry: str
    cause: str
    first_seq: int | None
    last_seq: int | None
    at_us: int
    stamped_us: int = 0


def list_entries(message: Message, *, stamped_us: int = 0) -> Iterator[FeedEntry]:
    """The entries of a message of the feed ledger; `stamped_us` as in them."""
    for entry in message.events:
        if isinstance(entry, LedgerEntry):
            yield FeedEntry(
                message.venue,
                message.symbol,
                message.conn,
                entry.entry,
                entry.cause,
                entry.first_seq,
                entry.last_seq,
                message.received_time,
                stamped_us,
            )


def make_ledger_message(
    entry: LedgerEntry, *, venue: str, symbol: str, conn: str, at_us: int
) -> Message:
    """The message of an entry that no frame of the venue brought, at `at_us` µs since the epoch."""
    return Message(
        venue=venue,
        symbol=symbol,
        kind="ledger",
        conn=conn,
        seq=None,
        venue_time=None,
        received_time=at_us,
        events=(entry,),
    )


def split_connection_id(conn: str) -> tuple[str, int]:
    """The feed of a connection, and when (µs) its process started; 0 if the id has no such time."""
    parts = _CONNECTION_ID.fullmatch(conn)
    return (parts[1], int(parts[2])) if parts else ("", 0)


def is_of_supplier(conn: str) -> bool:
    """Whether prices are polled here: of Gemini too, whose feed has connections of its own."""
    return conn.endswith(f"-{QUOTES}")


def is_hole_of_trades(entry: FeedEntry) -> bool:
    """Whether an entry opens a hole of trade numbers, which REST or a person closes."""
    if entry.first_seq is None or entry.last_seq is None or entry.first_seq > entry.last_seq:
        return False
    is_dropped = entry.entry == "dropped" and entry.cause in DROPPED_TRADES
    if entry.entry != "gap" and not is_dropped:
        return False
    venue = VENUES.get(entry.venue)
    return venue.heals(entry.cause) if venue else entry.cause == BETWEEN_CONNECTIONS
