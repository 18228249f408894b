"""The simulated price suppliers as ccxt meets them: markets, ticker, book."""

from typing import Any

import ccxt.async_support as ccxt
import pytest

from tests.support.simulated_venues import simulated_venues

BAD = {
    "/products/NO-PAIR/book": "message",
    "/products/NO-PAIR": "message",
    "/api/v2/order_book/nopair/": "reason",
    "/0/public/Depth?pair=NOPAIR": "error",
    "/0/public/Depth": "error",
}


@pytest.mark.parametrize("path", BAD)
async def test_an_unknown_pair_is_refused_in_the_suppliers_words(path: str) -> None:
    async with simulated_venues() as (session, base):
        async with session.get(base + path) as reply:
            assert BAD[path] in await reply.json()


def moved(url: Any, base: str) -> Any:
    if isinstance(url, dict):
        return {name: moved(part, base) for name, part in url.items()}
    address = str(url).partition("://")[2]
    return base + ("/" + address.partition("/")[2] if "/" in address else "")


@pytest.mark.parametrize("venue", ["coinbaseexchange", "bitstamp", "kraken"])
async def test_ccxt_reads_markets_ticker_and_book(venue: str) -> None:
    async with simulated_venues() as (_, base):
        client: Any = getattr(ccxt, venue)({"enableRateLimit": False})
        client.urls["api"] = moved(client.urls["api"], base)
        try:
            markets = await client.load_markets()
            assert {"BTC/USD", "BTC/EUR"} <= set(markets)
            ticker = await client.fetch_ticker("BTC/USD")
            book = await client.fetch_order_book("BTC/USD")
            assert book["bids"][0][0] < book["asks"][0][0]
            assert abs(book["bids"][0][0] / ticker["last"] - 1) < 0.001
        finally:
            await client.close()
