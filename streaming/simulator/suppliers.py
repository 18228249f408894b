"""The simulated price suppliers: five REST tickers around one reference price, each with a bias.

Paths and reply shapes are those of Coinbase, Bitstamp, Kraken, Gemini and CryptoCompare; limits
per minute too, with 429 and Retry-After beyond them.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from aiohttp import web

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import CENT, PricePath
from streaming.simulator.supplier_parameters import (
    read_cryptocompare_query,
    read_kraken_pairs,
    read_pair,
)

EUR_PER_USD = Decimal("0.92")
_PAIRS = {"BTCUSD": Decimal(1), "BTCEUR": EUR_PER_USD}


@dataclass
class SimulatedSupplier:
    """One supplier: its bias as a share of the reference, its delay, and its limit a minute."""

    path: PricePath
    bias: Decimal
    delay_s: int
    per_minute: int
    request_times: deque[float] = field(default_factory=deque)

    def price(self, pair: str, now_s: int) -> Decimal:
        """The price of a pair at a second, in cents."""
        second = now_s - self.delay_s
        noise = Decimal((second * 7919) % 5 - 2) * CENT
        mid = Decimal(str(self.path.tick_at(second)[0])) * (1 + self.bias) + noise
        return (mid * self.rate(pair)).quantize(CENT, ROUND_HALF_EVEN)

    def rate(self, pair: str) -> Decimal:
        """What a dollar is worth in the pair's second currency."""
        return _PAIRS[pair]

    def wait_s(self, now_s: float) -> int:
        """Seconds that a request above the limit has to wait, 0 below it."""
        while self.request_times and self.request_times[0] <= now_s - 60:
            self.request_times.popleft()
        if len(self.request_times) < self.per_minute:
            self.request_times.append(now_s)
            return 0
        return int(self.request_times[0] + 60 - now_s) + 1


def kraken_name(pair: str) -> str:
    """Kraken's key of a pair, such as `XXBTZUSD`."""
    return f"XXBTZ{pair[3:]}"


def quote_coinbase(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The ticker."""
    price = supplier.price(read_pair(request), now_s)
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return web.json_response(
        {
            "ask": f"{price + CENT}",
            "bid": f"{price - CENT}",
            "volume": "1000.0",
            "trade_id": now_s,
            "price": f"{price}",
            "size": "0.01",
            "time": at,
        }
    )


def quote_bitstamp(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The ticker."""
    return web.json_response(summarize_bitstamp(supplier, read_pair(request), now_s))


def summarize_bitstamp(
    supplier: SimulatedSupplier, pair: str, now_s: int, *, span_s: int = DAY_S
) -> Fields:
    """A pair's prices now and at the begin of a span."""
    price, before = supplier.price(pair, now_s), supplier.price(pair, now_s - span_s)
    return {
        "timestamp": f"{now_s}",
        "open": f"{before}",
        "high": f"{max(price, before)}",
        "low": f"{min(price, before)}",
        "last": f"{price}",
        "volume": "1000.0",
        "vwap": f"{price}",
        "bid": f"{price - CENT}",
        "ask": f"{price + CENT}",
        "side": "0",
        "open_24": f"{supplier.price(pair, now_s - DAY_S)}",
        "percent_change_24": "0.00",
        "market_type": "SPOT",
    }


def quote_kraken(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The tickers of the pairs asked for, or of all."""
    result = {
        kraken_name(pair): _kraken_ticker(supplier.price(pair, now_s))
        for pair in read_kraken_pairs(request)
    }
    return web.json_response({"error": [], "result": result})


def _kraken_ticker(price: Decimal) -> Fields:
    return {
        "a": [f"{price + CENT}", "1", "1.000"],
        "b": [f"{price - CENT}", "1", "1.000"],
        "c": [f"{price}", "0.01000000"],
        "v": ["100.0", "1000.0"],
        "p": [f"{price}", f"{price}"],
        "t": [100, 1000],
        "l": [f"{price}", f"{price}"],
        "h": [f"{price}", f"{price}"],
        "o": f"{price}",
    }


def quote_gemini(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The ticker."""
    pair = request.match_info["pair"].upper()
    price = supplier.price(pair, now_s)
    volume = {"BTC": "100.0", pair[3:]: f"{price * 100}", "timestamp": now_s * 1000}
    return web.json_response(
        {"bid": f"{price - CENT}", "ask": f"{price + CENT}", "last": f"{price}", "volume": volume}
    )


def quote_cryptocompare(
    request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> web.Response:
    """The ticker."""
    query = read_cryptocompare_query(request, "fsym", "tsyms")
    prices = price_in_currencies(supplier, query["fsym"], query["tsyms"], now_s)
    if not prices:
        message = f"There is no data for any of the toSymbols {query['tsyms']} ."
        return web.json_response({"Response": "Error", "Message": message, "Type": 1, "Data": {}})
    return web.json_response(prices)


def price_in_currencies(
    supplier: SimulatedSupplier, base: str, currencies: str, now_s: int
) -> dict[str, float]:
    """The price of one in each of the currencies, which commas separate, that it has."""
    return {
        currency: float(supplier.price(base + currency, now_s))
        for currency in currencies.split(",")
        if base + currency in _PAIRS
    }
