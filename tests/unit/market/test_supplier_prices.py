"""Which prices of a message count, and at what time."""

from decimal import Decimal as D

import pytest

from include.market.events import BookChange, Event, Message, Quote, Ticker, Trade
from include.market.prices import SupplierPrice, count_price, prices_of

S = 1_000_000
NOW = 1_700_000_000 * S


def message(*events: Event, venue_time: int | None = NOW - S, symbol: str = "BTC-USD") -> Message:
    return Message("kraken", symbol, "trade", "c", None, venue_time, NOW, events)


def test_each_trade_has_its_own_time_and_price() -> None:
    first = Trade("1", D("100.5"), D(1), "buy", NOW - 3 * S)
    second = Trade("2", D(101), D(1), "sell", NOW - 2 * S)
    assert list(prices_of(message(first, second))) == [
        SupplierPrice("kraken", "BTC-USD", NOW - 3 * S, D("100.5")),
        SupplierPrice("kraken", "BTC-USD", NOW - 2 * S, D(101)),
    ]


@pytest.mark.parametrize(("venue_time", "at_us"), [(NOW - S, NOW - S), (None, NOW), (0, 0)])
def test_a_ticker_counts_at_the_venues_time_else_at_that_of_receipt(
    venue_time: int | None, at_us: int
) -> None:
    prices = list(prices_of(message(Ticker(D(99), bid=D(98)), venue_time=venue_time)))
    assert prices == [SupplierPrice("kraken", "BTC-USD", at_us, D(99))]


def test_a_quotes_symbol_is_its_base_in_the_currency_of_the_price() -> None:
    prices = list(prices_of(message(Quote(D(92), "EUR"), Quote(D(99), "USD"))))
    assert prices == [
        SupplierPrice("kraken", "BTC-EUR", NOW - S, D(92)),
        SupplierPrice("kraken", "BTC-USD", NOW - S, D(99)),
    ]


def test_what_has_no_price_is_passed_over_and_the_rest_taken() -> None:
    change = BookChange("bid", D(97), D(1))
    prices = [one.price for one in prices_of(message(change, Ticker(D(99)), change))]
    assert prices == [D(99)]


@pytest.mark.parametrize(("price", "counts"), [("0", False), ("-1", False), ("0.00000001", True)])
def test_only_a_price_above_zero_counts(price: str, counts: bool) -> None:
    assert bool(list(prices_of(message(Ticker(D(price)))))) is counts


@pytest.mark.parametrize(
    ("ahead_us", "counted_at"),
    [(2 * S, NOW + 2 * S), (2 * S + 1, NOW), (60 * S, NOW), (60 * S + 1, None)],
)
def test_a_time_ahead_of_its_receipt_moves_no_clock_beyond_it(
    ahead_us: int, counted_at: int | None
) -> None:
    price = SupplierPrice("kraken", "BTC-USD", NOW + ahead_us, D(99))
    counted = count_price(price, NOW)
    assert counted == (None if counted_at is None else price._replace(at_us=counted_at))
