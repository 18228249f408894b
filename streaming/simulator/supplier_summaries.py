"""The simulated suppliers' answers for many pairs at once, of an hour, and of past spreads.

Source: bitstamp.net/api, docs.kraken.com, min-api.cryptocompare.com.
"""

from aiohttp import web

from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import CENT
from streaming.simulator.supplier_parameters import (
    PAIRS,
    read_cryptocompare_query,
    read_number,
    read_pair,
    refuse_cryptocompare,
    refuse_kraken,
)
from streaming.simulator.supplier_tickers import price_in_currencies, summarize_bitstamp
from streaming.simulator.suppliers import EUR_PER_USD, SimulatedSupplier, kraken_name

_HOUR_S, _SPREADS = 3600, 200
_TIMES = range(10**18)
_CURRENCIES = {"BTC": ("Bitcoin", "crypto", 8), "USD": ("US dollar", "fiat", 2)}
_CURRENCIES["EUR"] = ("Euro", "fiat", 2)


def list_bitstamp_tickers(
    _request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> list[Fields]:
    """The ticker of every pair."""
    return [
        summarize_bitstamp(supplier, pair, now_s) | {"pair": name.replace("-", "/")}
        for pair, name in PAIRS.items()
    ]


def quote_bitstamp_hour(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The ticker of the last hour."""
    return summarize_bitstamp(supplier, read_pair(request), now_s, span_s=_HOUR_S)


def list_bitstamp_currencies(
    _request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> list[Fields]:
    """The currencies."""
    return [
        {
            "name": name,
            "currency": currency,
            "type": kind,
            "symbol": currency,
            "decimals": decimals,
            "logo": "",
            "available_supply": None,
            "deposit": "Disabled",
            "withdrawal": "Disabled",
            "networks": [],
        }
        for currency, (name, kind, decimals) in _CURRENCIES.items()
    ]


def show_bitstamp_rate(
    _request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> dict[str, str]:
    """What a euro is worth in dollars."""
    rate = 1 / EUR_PER_USD
    return {"buy": f"{rate + CENT / 100:.4f}", "sell": f"{rate - CENT / 100:.4f}"}


def list_kraken_spreads(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """Best bid and ask of the last 200 seconds, oldest first, or since a time."""
    pair = read_pair(request)
    since_s = read_number(request, "since", 0, _TIMES, refuse_kraken)
    times = range(max(since_s, now_s - _SPREADS + 1), now_s + 1)
    prices = [(at, supplier.price(pair, at)) for at in times]
    rows = [[at, f"{price - CENT}", f"{price + CENT}"] for at, price in prices]
    return {"error": [], "result": {kraken_name(pair): rows, "last": now_s}}


def quote_cryptocompare_many(
    request: web.Request, supplier: SimulatedSupplier, now_s: int
) -> Fields:
    """The prices of several symbols in several currencies."""
    query = read_cryptocompare_query(request, "fsyms", "tsyms")
    bases, currencies = query["fsyms"], query["tsyms"]
    prices = {
        base: price_in_currencies(supplier, base, currencies, now_s) for base in bases.split(",")
    }
    listed_prices = {base: by_currency for base, by_currency in prices.items() if by_currency}
    if not listed_prices:
        raise refuse_cryptocompare(
            f"There is no data for any of the fsyms {bases} and tsyms {currencies} ."
        )
    return listed_prices
