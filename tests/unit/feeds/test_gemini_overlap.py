"""Gemini's current service at a new connection: a gap where one may be, none where it cannot."""

from include.market.events import LedgerEntry
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from tests.support.venue_frames import current_depth, current_trade, decode, entries_of

SYMBOL = "BTC-USD"


def connection(ids: dict[str, int], conn: str) -> GeminiCurrentDecoder:
    return GeminiCurrentDecoder(symbols=(SYMBOL,), conn=conn, last_ids=ids)


def gap_at(decoder: GeminiCurrentDecoder, trade: int) -> list[LedgerEntry]:
    return entries_of(decode(decoder, current_trade(trade)))


def test_a_connection_that_began_beside_the_one_before_misses_no_trade() -> None:
    ids = {SYMBOL: 70}
    before, after = connection(ids, "a"), connection(ids, "b")
    decode(before, current_depth(10, 10, bid="100"))
    decode(after, current_depth(12, 12, bid="100"))
    decode(before, current_depth(11, 12, bid="101"))  # it came as far as the other began
    decode(after, current_depth(13, 13, bid="102"))
    assert gap_at(after, 90) == []


def test_the_books_of_a_quiet_market_are_proof_enough() -> None:
    ids = {SYMBOL: 70}
    decode(connection(ids, "a"), current_depth(10, 10, bid="100"))
    after = connection(ids, "b")
    decode(after, current_depth(10, 10, bid="100"))
    assert gap_at(after, 90) == []


def test_a_connection_that_began_after_the_one_before_had_ended_may_miss_some() -> None:
    ids = {SYMBOL: 70}
    decode(connection(ids, "a"), current_depth(10, 10, bid="100"))
    after, third = connection(ids, "b"), connection(ids, "c")
    for number in (12, 13):
        decode(after, current_depth(number, number, bid="100"))
    decode(third, current_depth(13, 13, bid="100"))  # the second had no trade to compare yet
    assert gap_at(third, 90) == [LedgerEntry("gap", "between_connections", 71, 89)]


def test_once_a_gap_is_reported_the_next_connection_has_what_to_compare_with() -> None:
    ids = {SYMBOL: 70}
    decode(connection(ids, "a"), current_depth(10, 10, bid="100"))
    second, third = connection(ids, "b"), connection(ids, "c")
    decode(second, current_depth(12, 12, bid="100"))
    assert gap_at(second, 90) == [LedgerEntry("gap", "between_connections", 71, 89)]
    decode(second, current_depth(13, 14, bid="101"))
    decode(third, current_depth(14, 14, bid="101"))
    assert gap_at(third, 95) == []
