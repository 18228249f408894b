"""The numbers that a message carries, as its venue counts them."""

from dataclasses import replace
from decimal import Decimal as D

import pytest

from include.market.events import BookChange, Event, LedgerEntry, Message, Trade
from include.market.numbering import frame_range, trade_range
from include.market.venues import BINANCE, VENUES, TradeNumbers

CHANGE = BookChange("bid", D(1), D(1))


def trade(number: int) -> Trade:
    return Trade(str(number), D(1), D(1), "buy", 0)


def message(venue: str, *events: Event, kind: str = "trade") -> Message:
    return Message(venue, "BTC-USD", kind, "c", (5, 9), 0, 0, events)


def test_where_ids_rise_with_holes_the_range_is_that_of_the_ids() -> None:
    assert trade_range(message("gemini", trade(70))) == (70, 70)
    assert trade_range(message("gemini", trade(70), trade(75), trade(90))) == (70, 90)


def test_what_is_no_trade_has_no_part_in_the_range() -> None:
    entry = LedgerEntry("gap", "missing", 1, 2)
    assert trade_range(message("gemini", entry, trade(70), trade(71), CHANGE)) == (70, 71)
    assert trade_range(message("gemini", entry, CHANGE)) is None
    assert trade_range(message("gemini", CHANGE)) is None
    assert trade_range(message("binance", entry)) is None
    assert trade_range(message("gemini")) is None


def test_where_messages_count_the_trades_the_range_is_the_messages() -> None:
    assert trade_range(message("binance", trade(70))) == (5, 9)
    assert trade_range(message("deribit", trade(70), trade(71))) == (5, 9)


def test_a_venue_that_numbers_nothing_or_that_nobody_knows_has_no_range(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(VENUES, "plain", replace(BINANCE, trades=TradeNumbers.UNNUMBERED))
    assert trade_range(message("plain", trade(70))) is None
    assert trade_range(message("nobody", trade(70), trade(71))) is None
    assert frame_range(message("nobody", CHANGE, kind="book")) is None


@pytest.mark.parametrize(
    ("venue", "kind", "expected"),
    [
        ("gemini", "book", (5, 9)),
        ("gemini", "heartbeat", (5, 9)),
        ("gemini", "trade", None),  # the book message of its frame has the number
        ("gemini", "ledger", None),
        ("deribit", "book", None),  # a chain, seen by the decoder
        ("binance", "book", None),
    ],
)
def test_frames_are_counted_where_the_venue_numbers_those_of_a_connection(
    venue: str, kind: str, expected: tuple[int, int] | None
) -> None:
    assert frame_range(message(venue, CHANGE, kind=kind)) == expected
