"""The simulated price suppliers' lists of markets and their order books.

Source: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com.
"""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from aiohttp import web

from streaming.simulator.clock import Clock
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import CENT

PriceAt = Callable[[str, int], Decimal]
PAIRS = {"BTCUSD": "BTC-USD", "BTCEUR": "BTC-EUR"}
_MAX_LEVELS = 20
_NAMES = {"BTC": "Bitcoin", "USD": "U.S. dollar", "EUR": "Euro"}
_KRAKEN = {"BTC": "XXBT", "USD": "ZUSD", "EUR": "ZEUR"}


def add_markets(app: web.Application, price_functions: Mapping[str, PriceAt], clock: Clock) -> None:
    """Serve the lists and books of Coinbase, Bitstamp and Kraken, by their `price_functions`."""
    get = app.router.add_get
    get("/products", _serve_fixed([_coinbase_product(pair) for pair in PAIRS]))
    get("/currencies", _serve_fixed([_coinbase_currency(name) for name in _NAMES]))
    get("/products/{pair}", _serve_product)
    get("/products/{pair}/book", _serve_book(price_functions["coinbase"], clock, _coinbase_book))
    for name in ("markets", "trading-pairs-info"):
        get(f"/api/v2/{name}/", _serve_fixed([_bitstamp_market(pair) for pair in PAIRS]))
    get(
        "/api/v2/order_book/{pair}/",
        _serve_book(price_functions["bitstamp"], clock, _bitstamp_book),
    )
    assets = {_KRAKEN[name]: _kraken_asset(name) for name in _NAMES}
    get("/0/public/Assets", _serve_fixed({"error": [], "result": assets}))
    pairs = {_kraken_name(pair): _kraken_pair(pair) for pair in PAIRS}
    get("/0/public/AssetPairs", _serve_fixed({"error": [], "result": pairs}))
    get("/0/public/Depth", _serve_book(price_functions["kraken"], clock, _kraken_book))


def _serve_fixed(document: object) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(_request: web.Request) -> web.Response:
        return web.json_response(document)

    return serve


async def _serve_product(request: web.Request) -> web.Response:
    pair = request.match_info["pair"].replace("-", "")
    if pair not in PAIRS:
        return web.json_response({"message": "NotFound"}, status=404)
    return web.json_response(_coinbase_product(pair))


def _serve_book(
    price_at: PriceAt, clock: Clock, make: Callable[[web.Request, PriceAt, int], web.Response]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        return make(request, price_at, int(clock.now_s()))

    return serve


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


def _coinbase_book(request: web.Request, price_at: PriceAt, now_s: int) -> web.Response:
    pair = request.match_info["pair"].replace("-", "")
    if pair not in PAIRS:
        return web.json_response({"message": "NotFound"}, status=404)
    sides = _make_levels(price_at(pair, now_s))
    best_only = request.query.get("level", "1") == "1"
    bids, asks = ([[*row, 1] for row in side][: 1 if best_only else None] for side in sides)
    return web.json_response({"bids": bids, "asks": asks, "sequence": now_s, "auction_mode": False})


def _bitstamp_book(request: web.Request, price_at: PriceAt, now_s: int) -> web.Response:
    pair = request.match_info["pair"].upper()
    if pair not in PAIRS:
        return web.json_response({"status": "error", "reason": "Invalid pair"}, status=404)
    bids, asks = _make_levels(price_at(pair, now_s))
    times = {"timestamp": f"{now_s}", "microtimestamp": f"{now_s}000000"}
    return web.json_response({**times, "bids": bids, "asks": asks})


def _kraken_book(request: web.Request, price_at: PriceAt, now_s: int) -> web.Response:
    pair = request.query.get("pair", "").replace("XXBTZ", "XBT").replace("XBT", "BTC")
    if pair not in PAIRS:
        return web.json_response({"error": ["EQuery:Unknown asset pair"]})
    bids, asks = ([[*row, now_s] for row in side] for side in _make_levels(price_at(pair, now_s)))
    return web.json_response(
        {"error": [], "result": {_kraken_name(pair): {"bids": bids, "asks": asks}}}
    )


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


def _kraken_name(pair: str) -> str:
    base, quote = PAIRS[pair].split("-")
    return _KRAKEN[base] + _KRAKEN[quote]


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
