"""The simulated suppliers' tickers, in the shapes of each.

Prices are of this second, volumes those of the trades in the span.
"""

from datetime import UTC, datetime

from aiohttp import web

from include.market.time import DAY_S
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import CENT
from streaming.simulator.supplier_history import summarize_span
from streaming.simulator.supplier_parameters import (
    read_cryptocompare_query,
    read_kraken_pairs,
    read_pair,
)
from streaming.simulator.suppliers import RATES, SimulatedSupplier, kraken_name


def quote_coinbase(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The ticker."""
    pair = read_pair(request)
    price, volume = supplier.price(pair, now_s), summarize_span(supplier, pair, now_s, DAY_S).volume
    at = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return web.json_response(
        {
            "ask": f"{price + CENT}",
            "bid": f"{price - CENT}",
            "volume": f"{volume:.8f}",
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
    """A pair's best prices now, and what was traded in a span until now."""
    price, span = supplier.price(pair, now_s), summarize_span(supplier, pair, now_s, span_s)
    day_before = supplier.price(pair, now_s - DAY_S)
    return {
        "timestamp": f"{now_s}",
        "open": span.open,
        "high": span.high,
        "low": span.low,
        "last": f"{price}",
        "volume": f"{span.volume:.8f}",
        "vwap": span.mean_price,
        "bid": f"{price - CENT}",
        "ask": f"{price + CENT}",
        "side": "0",
        "open_24": f"{day_before}",
        "percent_change_24": f"{100 * (price / day_before - 1):.2f}",
        "market_type": "SPOT",
    }


def quote_kraken(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The tickers of the pairs asked for, or of all."""
    result = {
        kraken_name(pair): _kraken_ticker(supplier, pair, now_s)
        for pair in read_kraken_pairs(request)
    }
    return web.json_response({"error": [], "result": result})


def _kraken_ticker(supplier: SimulatedSupplier, pair: str, now_s: int) -> Fields:
    """Best prices, the last trade, and what was traded today and in 24 hours."""
    price = supplier.price(pair, now_s)
    spans = [summarize_span(supplier, pair, now_s, s) for s in (now_s % DAY_S + 1, DAY_S)]
    return {
        "a": [f"{price + CENT}", "1", "1.000"],
        "b": [f"{price - CENT}", "1", "1.000"],
        "c": [f"{price}", "0.01000000"],
        "v": [f"{span.volume:.8f}" for span in spans],
        "p": [span.mean_price for span in spans],
        "t": [span.trade_count for span in spans],
        "l": [span.low for span in spans],
        "h": [span.high for span in spans],
        "o": spans[0].open,
    }


def quote_gemini(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> web.Response:
    """The ticker."""
    pair = request.match_info["pair"].upper()
    price, day = supplier.price(pair, now_s), summarize_span(supplier, pair, now_s, DAY_S)
    quote_volume = day.volume * float(day.mean_price)
    volume: Fields = {pair[:3]: f"{day.volume:.8f}", pair[3:]: f"{quote_volume:.2f}"}
    volume["timestamp"] = now_s * 1000
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
        if base + currency in RATES
    }
