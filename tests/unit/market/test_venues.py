"""The venues: what each heals, and how it spells symbols, there and back."""

import pytest

from include.market.venues import (
    BETWEEN_CONNECTIONS,
    BINANCE,
    DERIBIT,
    DROPPED_TRADES,
    GEMINI,
    VENUES,
)


@pytest.mark.parametrize(
    ("venue", "symbol", "spelling"),
    [
        ("gemini", "BTC-USD", "BTCUSD"),
        ("binance", "ETH-USDT", "ETHUSDT"),
        ("deribit", "BTC-USDC", "BTC_USDC"),
        ("deribit", "BTC-PERPETUAL", "BTC-PERPETUAL"),
        ("deribit", "BTC_USDC-PERPETUAL", "BTC_USDC-PERPETUAL"),
    ],
)
def test_a_symbol_is_spelled_as_the_venue_does_and_read_back(
    venue: str, symbol: str, spelling: str
) -> None:
    codec = VENUES[venue].symbols
    assert codec.to_venue(symbol) == spelling
    assert codec.from_venue(spelling) == symbol
    assert codec.symbols_by_spelling([symbol]) == {spelling: symbol}


def test_a_venue_heals_the_holes_that_its_rest_can_fill() -> None:
    assert BINANCE.heals("missing") and DERIBIT.heals("missing")
    assert GEMINI.heals(BETWEEN_CONNECTIONS) and not GEMINI.heals("missing")
    assert all(GEMINI.heals(cause) and BINANCE.heals(cause) for cause in DROPPED_TRADES)


def test_no_two_venues_share_a_port() -> None:
    ports = [venue.metrics_port for venue in VENUES.values()]
    assert len(set(ports)) == len(ports)
