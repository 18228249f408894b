"""The simulated Binance's public REST: symbols, books, tickers, trades, with the weight limit.

Source: binance/binance-spot-api-docs, rest-api.md (2026-07-17).
"""

from collections import deque
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from include.market.symbols import CONCATENATED
from streaming.simulator.binance_book import levels
from streaming.simulator.binance_streams import book_id, number_at, ticker, trade
from streaming.simulator.clock import Clock
from streaming.simulator.price_path import PricePath

MAX_WEIGHT, _MINUTE_S = 6000, 60
_BANNED_AFTER = 3  # refused requests of a minute
Fields = dict[str, Any]
Answer = Callable[[web.Request], object]
FILTERS = [
    {
        "filterType": "PRICE_FILTER",
        "minPrice": "0.01000000",
        "maxPrice": "1000000.00000000",
        "tickSize": "0.01000000",
    },
    {
        "filterType": "LOT_SIZE",
        "minQty": "0.00001000",
        "maxQty": "9000.00000000",
        "stepSize": "0.00001000",
    },
    {
        "filterType": "NOTIONAL",
        "minNotional": "5.00000000",
        "applyMinToMarket": True,
        "maxNotional": "9000000.00000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    },
]


class BinanceError(Exception):
    """An error reply: HTTP status, Binance's code, a sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class BinanceRest:
    """Public answers; `endpoint` adds the weight limit and error replies to any answer."""

    def __init__(self, paths: dict[str, PricePath], clock: Clock) -> None:
        symbols = CONCATENATED.symbols_by_spelling(paths)
        self.symbols = {spelling: paths[symbol] for spelling, symbol in symbols.items()}
        self.assets = {spelling: symbol.split("-") for spelling, symbol in symbols.items()}
        self.clock = clock
        self._used: deque[tuple[float, int]] = deque()
        self._refused = 0

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own paths."""
        endpoints: dict[str, tuple[Answer, int]] = {
            "ping": (lambda _: {}, 1),
            "time": (lambda _: {"serverTime": self.clock.now_ms()}, 1),
            "exchangeInfo": (self._info, 20),
            "depth": (self._depth, 5),
            "ticker/24hr": (self._ticker, 2),
            "ticker/bookTicker": (self._best, 2),
            "ticker/price": (self._price, 2),
            "trades": (self._trades, 25),
        }
        for name, (answer, weight) in endpoints.items():
            app.router.add_get(f"/api/v3/{name}", self.endpoint(answer, weight))

    def endpoint(
        self, answer: Answer, weight: int
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Serve an answer within the limit."""

        async def serve(request: web.Request) -> web.Response:
            used = self._use_weight(weight)
            headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
            if used > MAX_WEIGHT:
                self._refused += 1
                status = 418 if self._refused > _BANNED_AFTER else 429
                wait = str(int(self._used[0][0] + _MINUTE_S - self.clock.now_s()) + 1)
                body = {"code": -1003, "msg": "Too much request weight used."}
                headers["Retry-After"] = wait
                return web.json_response(body, status=status, headers=headers)
            self._refused = 0
            try:
                return web.json_response(answer(request), headers=headers)
            except BinanceError as error:
                error_body = {"code": error.code, "msg": str(error)}
                return web.json_response(error_body, status=error.status, headers=headers)

        return serve

    def _use_weight(self, weight: int) -> int:
        now_s = self.clock.now_s()
        while self._used and self._used[0][0] <= now_s - _MINUTE_S:
            self._used.popleft()
        used = sum(used_weight for _, used_weight in self._used) + weight
        if used <= MAX_WEIGHT:
            self._used.append((now_s, weight))
        return used

    def path(self, spelling: str | None) -> PricePath:
        """The path of a symbol.

        Raises:
            BinanceError: it is unknown.
        """
        if spelling not in self.symbols:
            raise BinanceError(400, -1121, "Invalid symbol.")
        return self.symbols[spelling]

    def _info(self, request: web.Request) -> Fields:
        spelling = request.query.get("symbol")
        self.path(spelling or next(iter(self.symbols)))
        return {
            "timezone": "UTC",
            "serverTime": self.clock.now_ms(),
            "exchangeFilters": [],
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": MAX_WEIGHT,
                }
            ],
            "symbols": [
                self._symbol(symbol) for symbol in self.symbols if spelling in {None, symbol}
            ],
        }

    def _symbol(self, spelling: str) -> Fields:
        base, quote = self.assets[spelling]
        return {
            "symbol": spelling,
            "status": "TRADING",
            "baseAsset": base,
            "baseAssetPrecision": 8,
            "quoteAsset": quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT"],
            "icebergAllowed": False,
            "ocoAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": FILTERS,
            "permissions": [],
            "permissionSets": [["SPOT"]],
        }

    def _depth(self, request: web.Request) -> Fields:
        path, second = self.path(request.query.get("symbol")), int(self.clock.now_s())
        limit = min(int(request.query.get("limit", 100)), 5000)
        bids, asks = levels(path, second)
        return {
            "lastUpdateId": book_id(second),
            "bids": [[f"{p:.8f}", f"{q:.8f}"] for p, q in bids[:limit]],
            "asks": [[f"{p:.8f}", f"{q:.8f}"] for p, q in asks[:limit]],
        }

    def _answer_each(
        self, request: web.Request, make: Callable[[str, PricePath], Fields]
    ) -> object:
        spelling = request.query.get("symbol")
        if spelling is not None:
            return make(spelling, self.path(spelling))
        return [make(name, path) for name, path in self.symbols.items()]

    def _ticker(self, request: web.Request) -> object:
        names = {
            "p": "priceChange",
            "P": "priceChangePercent",
            "w": "weightedAvgPrice",
            "x": "prevClosePrice",
            "c": "lastPrice",
            "Q": "lastQty",
            "b": "bidPrice",
            "B": "bidQty",
            "a": "askPrice",
            "A": "askQty",
            "o": "openPrice",
            "h": "highPrice",
            "l": "lowPrice",
            "v": "volume",
            "q": "quoteVolume",
            "O": "openTime",
            "C": "closeTime",
            "F": "firstId",
            "L": "lastId",
            "n": "count",
            "s": "symbol",
        }
        second = int(self.clock.now_s())
        return self._answer_each(
            request,
            lambda name, path: {
                names[k]: v for k, v in ticker(path, name, second).items() if k in names
            },
        )

    def _best(self, request: web.Request) -> object:
        def best(name: str, path: PricePath) -> Fields:
            (bid, *_), (ask, *_) = levels(path, int(self.clock.now_s()), depth=1)
            return {
                "symbol": name,
                "bidPrice": f"{bid[0]:.8f}",
                "bidQty": f"{bid[1]:.8f}",
                "askPrice": f"{ask[0]:.8f}",
                "askQty": f"{ask[1]:.8f}",
            }

        return self._answer_each(request, best)

    def _price(self, request: web.Request) -> object:
        second = int(self.clock.now_s())
        return self._answer_each(
            request, lambda name, path: {"symbol": name, "price": f"{path.tick_at(second)[0]:.8f}"}
        )

    def _trades(self, request: web.Request) -> object:
        path, end = self.path(request.query.get("symbol")), number_at(self.clock.now_ms())
        limit = min(int(request.query.get("limit", 500)), 1000)
        trades = [trade(path, number) for number in range(end - limit, end)]
        return [
            {
                "id": agg_trade["a"],
                "price": agg_trade["p"],
                "qty": agg_trade["q"],
                "time": agg_trade["T"],
                "quoteQty": f"{Decimal(str(agg_trade['p'])) * Decimal(str(agg_trade['q'])):.8f}",
                "isBuyerMaker": agg_trade["m"],
                "isBestMatch": True,
            }
            for agg_trade in trades
        ]
