"""What the simulated Binance answers: a row for each address; router and tests are made of them.

Source: binance/binance-spot-api-docs, rest-api.md and web-socket-api.md (2026-07-17): names,
weights, parameters.
"""

from streaming.simulator import binance_answers as public
from streaming.simulator import binance_call_parameters as c
from streaming.simulator import binance_info as info
from streaming.simulator import binance_parameters as p
from streaming.simulator.binance_call import Call
from streaming.simulator.binance_parameters import Param
from streaming.simulator.binance_signed_calls import SIGNED

_V3 = "/api/v3"
PUBLIC = (
    Call("GET", f"{_V3}/ping", "ping", 1, (), public.ping, legacy="/api/v1/ping"),
    Call("GET", f"{_V3}/time", "time", 1, (), public.server_time, legacy="/api/v1/time"),
    Call(
        "GET",
        f"{_V3}/exchangeInfo",
        "exchangeInfo",
        20,
        c.INFO,
        info.exchange_info,
        legacy="/api/v1/exchangeInfo",
    ),
    Call(
        "GET",
        f"{_V3}/depth",
        "depth",
        c.weigh_depth,
        (c.SYMBOL, c.limit_to(5000), c.STATUS),
        public.depth,
        legacy="/api/v1/depth",
    ),
    Call(
        "GET",
        f"{_V3}/trades",
        "trades.recent",
        25,
        (c.SYMBOL, c.limit_to()),
        public.recent_trades,
        legacy="/api/v1/trades",
    ),
    Call(
        "GET",
        f"{_V3}/historicalTrades",
        "trades.historical",
        25,
        (c.SYMBOL, c.limit_to(), c.FROM_ID),
        public.historical_trades,
        legacy="/api/v1/historicalTrades",
    ),
    Call(
        "GET",
        f"{_V3}/aggTrades",
        "trades.aggregate",
        4,
        (c.SYMBOL, c.FROM_ID, *c.TIMES, c.limit_to()),
        public.aggregate_trades,
        legacy="/api/v1/aggTrades",
    ),
    Call("GET", f"{_V3}/klines", "klines", 2, c.KLINE, public.make_klines, legacy="/api/v1/klines"),
    Call("GET", f"{_V3}/uiKlines", "uiKlines", 2, c.KLINE, public.make_klines),
    Call("GET", f"{_V3}/avgPrice", "avgPrice", 2, (c.SYMBOL,), public.average_price),
    Call(
        "GET",
        f"{_V3}/executionRules",
        "executionRules",
        c.weigh_rules,
        c.SYMBOL_CHOICE,
        info.execution_rules,
    ),
    Call("GET", f"{_V3}/referencePrice", "referencePrice", 2, (c.SYMBOL,), public.reference_price),
    Call(
        "GET",
        f"{_V3}/referencePrice/calculation",
        "referencePrice.calculation",
        2,
        (c.SYMBOL, c.STATUS),
        public.reference_calculation,
    ),
    Call(
        "GET",
        f"{_V3}/historicalBlockTrades",
        "blockTrades.historical",
        25,
        (c.SYMBOL, c.BLOCK_ID, c.limit_to()),
        public.nothing,
    ),
    Call("GET", "/sapi/v1/system/status", "", 1, (), public.system_status),
    Call("GET", "/sapi/v1/margin/allPairs", "", 1, c.MARGIN_PAIRS, public.nothing),
    Call("GET", "/sapi/v1/margin/isolated/allPairs", "", 10, c.MARGIN_PAIRS, public.nothing),
    Call(
        "GET",
        f"{_V3}/ticker/24hr",
        "ticker.24hr",
        c.weigh_by_symbols(2, 40, 80),
        (*c.SYMBOL_CHOICE, c.TICKER_TYPE),
        public.ticker_24hr,
        legacy="/api/v1/ticker/24hr",
    ),
    Call(
        "GET",
        f"{_V3}/ticker/tradingDay",
        "ticker.tradingDay",
        c.weigh_windows,
        (*c.SYMBOL_CHOICE, c.ZONE, c.TICKER_TYPE),
        public.trading_day,
    ),
    Call(
        "GET",
        f"{_V3}/ticker",
        "ticker",
        c.weigh_windows,
        (*c.SYMBOL_CHOICE, Param("windowSize", p.read_window, "4h"), c.TICKER_TYPE),
        public.ticker_window,
    ),
    Call(
        "GET",
        f"{_V3}/ticker/price",
        "ticker.price",
        c.weigh_by_symbols(2, 4, 4),
        c.SYMBOL_CHOICE,
        public.ticker_price,
    ),
    Call(
        "GET",
        f"{_V3}/ticker/bookTicker",
        "ticker.book",
        c.weigh_by_symbols(2, 4, 4),
        c.SYMBOL_CHOICE,
        public.ticker_book,
    ),
    *(
        call
        for market in ("/fapi/v1", "/dapi/v1")
        for call in (
            Call("GET", f"{market}/ping", "", 1, (), public.ping),
            Call("GET", f"{market}/time", "", 1, (), public.server_time),
            Call("GET", f"{market}/exchangeInfo", "", 1, (), info.empty_info),
        )
    ),
)
CALLS = PUBLIC + SIGNED
