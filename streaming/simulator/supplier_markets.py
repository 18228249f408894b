"""The simulated price suppliers' lists of markets and their order books.

Source: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com.
"""

from decimal import Decimal

from aiohttp import web

from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import CENT
from streaming.simulator.supplier_parameters import (
    PAIRS,
    SupplierError,
    read_kraken_pairs,
    read_number,
    read_pair,
    refuse_coinbase,
    refuse_kraken,
)
from streaming.simulator.suppliers import SimulatedSupplier, kraken_name

_MAX_LEVELS, _BY_ORDER = 20, 3
_NAMES = {"BTC": "Bitcoin", "USD": "U.S. dollar", "EUR": "Euro"}
_KRAKEN = {"BTC": "XXBT", "USD": "ZUSD", "EUR": "ZEUR"}


def list_coinbase_products(
    _request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> list[Fields]:
    """The products."""
    return [_coinbase_product(pair) for pair in PAIRS]


def show_coinbase_product(
    request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> Fields:
    """One product."""
    return _coinbase_product(read_pair(request))


def list_coinbase_currencies(
    _request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> list[Fields]:
    """The currencies."""
    return [_coinbase_currency(name) for name in _NAMES]


def show_coinbase_currency(
    request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> Fields:
    """One currency."""
    name = request.match_info["currency"]
    if name not in _NAMES:
        raise SupplierError(404, {"message": "NotFound"})
    return _coinbase_currency(name)


def list_bitstamp_markets(
    _request: web.Request, _supplier: SimulatedSupplier, _now_s: int
) -> list[Fields]:
    """The markets."""
    return [_bitstamp_market(pair) for pair in PAIRS]


def list_kraken_assets(request: web.Request, _supplier: SimulatedSupplier, _now_s: int) -> Fields:
    """The assets by name: all, or those asked for."""
    by_spelling = {spelling: name for name in _NAMES for spelling in (name, _KRAKEN[name])}
    by_spelling["XBT"] = "BTC"
    spellings = request.query.get("asset", "")
    chosen = spellings.split(",") if spellings else _NAMES
    if not {*chosen} <= {*by_spelling}:
        raise SupplierError(200, {"error": ["EQuery:Unknown asset"]})
    names = [by_spelling[spelling] for spelling in chosen]
    return {"error": [], "result": {_KRAKEN[name]: _kraken_asset(name) for name in names}}


def list_kraken_pairs(request: web.Request, _supplier: SimulatedSupplier, _now_s: int) -> Fields:
    """The pairs by name: all, or those asked for."""
    pairs = read_kraken_pairs(request)
    return {"error": [], "result": {kraken_name(pair): _kraken_pair(pair) for pair in pairs}}


def _make_levels(mid: Decimal) -> tuple[list[list[str]], list[list[str]]]:
    """Bids and asks around a ticker's price; the best are the ticker's."""
    bids, asks = (
        [
            [f"{mid + sign * CENT * (1 + rank * 5)}", f"{Decimal(rank + 1) / 10:.8f}"]
            for rank in range(_MAX_LEVELS)
        ]
        for sign in (-1, 1)
    )
    return bids, asks


def list_coinbase_levels(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The book."""
    pair = read_pair(request)
    sides = _make_levels(supplier.price(pair, now_s))
    level = read_number(request, "level", 1, (1, 2, _BY_ORDER), refuse_coinbase)
    bids, asks = (
        [[*row, f"{side}-{n}" if level == _BY_ORDER else 1] for n, row in enumerate(rows)]
        for side, rows in zip(("bid", "ask"), sides, strict=True)
    )
    row_limit = 1 if level == 1 else None
    times = {"sequence": now_s, "auction_mode": False}
    return {"bids": bids[:row_limit], "asks": asks[:row_limit], **times}


def list_bitstamp_levels(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The book."""
    pair = read_pair(request)
    bids, asks = _make_levels(supplier.price(pair, now_s))
    times = {"timestamp": f"{now_s}", "microtimestamp": f"{now_s}000000"}
    return {**times, "bids": bids, "asks": asks}


def list_kraken_levels(request: web.Request, supplier: SimulatedSupplier, now_s: int) -> Fields:
    """The book."""
    pair = read_pair(request)
    count = read_number(request, "count", 100, range(1, 501), refuse_kraken)
    bids, asks = (
        [[*row, now_s] for row in side] for side in _make_levels(supplier.price(pair, now_s))
    )
    levels = {"bids": bids[:count], "asks": asks[:count]}
    return {"error": [], "result": {kraken_name(pair): levels}}


def _coinbase_product(pair: str) -> Fields:
    base, quote = PAIRS[pair].split("-")
    flags = dict.fromkeys(("post_only", "limit_only", "cancel_only", "trading_disabled"), False)
    return {
        "id": PAIRS[pair],
        "base_currency": base,
        "quote_currency": quote,
        "base_increment": "0.00000001",
        "quote_increment": "0.01",
        "min_market_funds": "1",
        "display_name": f"{base}-{quote}",
        "status": "online",
        "status_message": "",
        "auction_mode": False,
        **flags,
    }


def _coinbase_currency(name: str) -> Fields:
    step = "0.00000001" if name == "BTC" else "0.01"
    details = {"type": "crypto" if name == "BTC" else "fiat"}
    head = {"id": name, "name": _NAMES[name], "min_size": step, "max_precision": step}
    return {**head, "status": "online", "message": "", "details": details}


def _bitstamp_market(pair: str) -> Fields:
    base, quote = PAIRS[pair].split("-")
    return {
        "name": f"{base}/{quote}",
        "url_symbol": pair.lower(),
        "market_symbol": pair.lower(),
        "base_currency": base,
        "counter_currency": quote,
        "base_decimals": 8,
        "counter_decimals": 2,
        "minimum_order": f"10.0 {quote}",
        "minimum_order_value": "10.00",
        "trading": "Enabled",
        "instant_order_counter_decimals": 2,
        "instant_and_market_orders": "Enabled",
        "description": f"{_NAMES[base]} / {_NAMES[quote]}",
        "market_type": "SPOT",
    }


def _kraken_asset(name: str) -> Fields:
    decimals = 10 if name == "BTC" else 4
    spelling = "XBT" if name == "BTC" else name
    head = {"aclass": "currency", "altname": spelling, "decimals": decimals}
    return {**head, "display_decimals": decimals // 2, "status": "enabled"}


def _kraken_pair(pair: str) -> Fields:
    base, quote = PAIRS[pair].split("-")
    return {
        "altname": f"XBT{quote}",
        "wsname": f"XBT/{quote}",
        "aclass_base": "currency",
        "base": _KRAKEN[base],
        "aclass_quote": "currency",
        "quote": _KRAKEN[quote],
        "pair_decimals": 2,
        "cost_decimals": 5,
        "lot_decimals": 8,
        "lot_multiplier": 1,
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "fee_volume_currency": "ZUSD",
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.01",
        "status": "online",
    }
