"""What the simulated suppliers answer: a row for each address; router and tests are made of them.

Source: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com,
min-api.cryptocompare.com.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from aiohttp import web

from streaming.simulator import cryptocompare_candles as candles
from streaming.simulator import cryptocompare_prices as full
from streaming.simulator import supplier_markets as markets
from streaming.simulator import supplier_summaries as sums
from streaming.simulator import supplier_tickers as tickers
from streaming.simulator import supplier_trade_answers as past
from streaming.simulator.clock import Clock
from streaming.simulator.price_path import PricePath
from streaming.simulator.supplier_parameters import OVER_LIMIT, SupplierError
from streaming.simulator.suppliers import SimulatedSupplier

# by name: the bias of the price, its delay in seconds, and the tickers a minute
SUPPLIERS = {
    "coinbase": (Decimal("0.0001"), 0, 600),
    "bitstamp": (Decimal("-0.0002"), 1, 1000),
    "kraken": (Decimal("0.0003"), 0, 60),
    "cryptocompare": (Decimal(0), 5, 300),
    "gemini": (Decimal(0), 0, 120),
}


@dataclass(frozen=True)
class SupplierCall:
    """One address of a supplier; `is_limited`: it counts towards the supplier's limit."""

    supplier: str
    path: str
    answer: Callable[[web.Request, SimulatedSupplier, int], object]
    is_limited: bool = False


SUPPLIER_CALLS = (
    SupplierCall("coinbase", "/products", markets.list_coinbase_products),
    SupplierCall("coinbase", "/products/volume-summary", past.list_coinbase_volumes),
    SupplierCall("coinbase", "/products/{pair}", markets.show_coinbase_product),
    SupplierCall("coinbase", "/products/{pair}/ticker", tickers.quote_coinbase, is_limited=True),
    SupplierCall("coinbase", "/products/{pair}/book", markets.list_coinbase_levels),
    SupplierCall("coinbase", "/products/{pair}/trades", past.list_coinbase_trades),
    SupplierCall("coinbase", "/products/{pair}/candles", past.list_coinbase_candles),
    SupplierCall("coinbase", "/products/{pair}/stats", past.summarize_coinbase_day),
    SupplierCall("coinbase", "/currencies", markets.list_coinbase_currencies),
    SupplierCall("coinbase", "/currencies/{currency}", markets.show_coinbase_currency),
    SupplierCall("coinbase", "/time", past.show_coinbase_time),
    SupplierCall("bitstamp", "/api/v2/markets/", markets.list_bitstamp_markets),
    SupplierCall("bitstamp", "/api/v2/trading-pairs-info/", markets.list_bitstamp_markets),
    SupplierCall("bitstamp", "/api/v2/currencies/", sums.list_bitstamp_currencies),
    SupplierCall("bitstamp", "/api/v2/eur_usd/", sums.show_bitstamp_rate),
    SupplierCall("bitstamp", "/api/v2/ticker/", sums.list_bitstamp_tickers, is_limited=True),
    SupplierCall("bitstamp", "/api/v2/ticker_hour/{pair}/", sums.quote_bitstamp_hour),
    SupplierCall("bitstamp", "/api/v2/ticker/{pair}/", tickers.quote_bitstamp, is_limited=True),
    SupplierCall("bitstamp", "/api/v2/order_book/{pair}/", markets.list_bitstamp_levels),
    SupplierCall("bitstamp", "/api/v2/transactions/{pair}/", past.list_bitstamp_trades),
    SupplierCall("bitstamp", "/api/v2/ohlc/{pair}/", past.list_bitstamp_candles),
    SupplierCall("kraken", "/0/public/Assets", markets.list_kraken_assets),
    SupplierCall("kraken", "/0/public/AssetPairs", markets.list_kraken_pairs),
    SupplierCall("kraken", "/0/public/Ticker", tickers.quote_kraken, is_limited=True),
    SupplierCall("kraken", "/0/public/Depth", markets.list_kraken_levels),
    SupplierCall("kraken", "/0/public/Trades", past.list_kraken_trades),
    SupplierCall("kraken", "/0/public/Spread", sums.list_kraken_spreads),
    SupplierCall("kraken", "/0/public/OHLC", past.list_kraken_candles),
    SupplierCall("kraken", "/0/public/Time", past.show_kraken_time),
    SupplierCall("kraken", "/0/public/SystemStatus", past.show_kraken_state),
    SupplierCall("cryptocompare", "/data/price", tickers.quote_cryptocompare, is_limited=True),
    SupplierCall(
        "cryptocompare", "/data/pricemulti", sums.quote_cryptocompare_many, is_limited=True
    ),
    SupplierCall("cryptocompare", "/data/pricemultifull", full.quote_in_full, is_limited=True),
    SupplierCall("cryptocompare", "/data/generateAvg", full.quote_average, is_limited=True),
    SupplierCall("cryptocompare", "/data/pricehistorical", full.quote_past, is_limited=True),
    SupplierCall("cryptocompare", "/data/dayAvg", full.average_day, is_limited=True),
    *(
        SupplierCall("cryptocompare", f"/data/{version}{name}", form(candles.list_candles(*facts)))
        for version, form in (("v2/", candles.in_envelope), ("", candles.in_one_level))
        for name, facts in candles.FRAMES.items()
    ),
    SupplierCall(
        "gemini", "/v1/pubticker/{pair:(?i:btceur)}", tickers.quote_gemini, is_limited=True
    ),
)


def add_suppliers(app: web.Application, path: PricePath, simulator_clock: Clock) -> None:
    """Serve every address of the table."""
    suppliers = {name: SimulatedSupplier(path, *facts) for name, facts in SUPPLIERS.items()}
    for call in SUPPLIER_CALLS:
        serve = _endpoint(call, suppliers[call.supplier], simulator_clock)
        app.router.add_get(call.path, serve)


def _endpoint(
    call: SupplierCall, supplier: SimulatedSupplier, simulator_clock: Clock
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def serve(request: web.Request) -> web.Response:
        now_s = simulator_clock.now_s()
        if call.is_limited and (wait_s := supplier.wait_s(now_s)):
            headers = {"Retry-After": str(wait_s)}
            return web.json_response(OVER_LIMIT[call.supplier], status=429, headers=headers)
        try:
            reply = await asyncio.to_thread(call.answer, request, supplier, int(now_s))
        except SupplierError as refused:
            return web.json_response(refused.body, status=refused.status)
        return reply if isinstance(reply, web.Response) else web.json_response(reply)

    return serve
