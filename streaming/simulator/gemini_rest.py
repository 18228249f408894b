"""The simulated Gemini's public REST: symbols, prices, book, trades, candles."""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from include.market.time import DAY_S
from streaming.simulator.candles import make_candles
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.limits import Throttle
from streaming.simulator.price_path import PricePath

DETAILS = {
    "symbol": "BTCUSD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "tick_size": 1e-08,
    "quote_increment": 0.01,
    "min_order_size": "0.00001",
    "status": "open",
    "wrap_enabled": False,
    "product_type": "spot",
    "contract_type": "vanilla",
    "contract_price_currency": "USD",
}
_WEB_PAGE = (
    '<html><script id="currencyData">{"tradingPairs":[["BTCUSD",2,8,"0.00001",10,true]],'
    '"currencies":[["BTC","Bitcoin",1,8,0,8,8,false,null,"bitcoin"],'
    '["USD","US Dollar",1,2,0,2,2,true,"$",null]],"networks":[["bitcoin","BTC","Bitcoin"]]}'
    "</script></html>"
)
PER_MINUTE = 120
_MAX_TRADES, _DAY_MS, _HOURS = 500, 86_400_000, 24
_FRAMES_S = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1hr": 3600,
    "1h": 3600,
    "6hr": 21_600,
    "6h": 21_600,
    "1day": DAY_S,
    "1d": DAY_S,
}
Serve = Callable[[web.Request], Awaitable[web.Response]]
AnswerRequest = Callable[[web.Request], object]


class GeminiPublicRest:
    """Public answers about one market."""

    def __init__(self, market: GeminiMarket, path: PricePath) -> None:
        self._market, self._path = market, path
        self._limit = Throttle(per_minute=PER_MINUTE, clock=market.clock)

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths."""
        name = r"{symbol:[A-Za-z0-9]+}"
        endpoints: dict[str, AnswerRequest] = {
            "/v1/symbols": lambda _: [self._market.symbol],
            "/v1/symbols/details/all": lambda _: [DETAILS],
            f"/v1/symbols/details/{name}": lambda _: DETAILS,
            f"/v1/pubticker/{name}": self._pubticker,
            f"/v2/ticker/{name}": self._ticker,
            f"/v1/book/{name}": self._book,
            f"/v1/trades/{name}": self._trades,
            f"/v2/candles/{name}/{{frame}}": self._candles,
            "/v1/pricefeed": self._price_feed,
            f"/v1/auction/{name}": lambda _: {},
            f"/v1/auction/{name}/history": lambda _: [],
        }
        for path, answer in endpoints.items():
            app.router.add_get(path, self._endpoint(answer))

    async def web_page(self, _request: web.Request) -> web.Response:
        """Serve the exchange's page, where clients read precisions."""
        return web.Response(text=_WEB_PAGE, content_type="text/html")

    def _endpoint(self, answer: AnswerRequest) -> Serve:
        async def serve(request: web.Request) -> web.Response:
            if refusal := await self._limit.refusal():
                return refusal
            symbol = request.match_info.get("symbol", self._market.symbol)
            if symbol.lower() != self._market.symbol:
                return _refuse_request(f"Supplied value '{symbol}' is not a valid symbol.")
            try:
                return web.json_response(answer(request))
            except (KeyError, ValueError) as error:
                return _refuse_request(f"Supplied value {error} is not valid.")

        return serve

    def _pubticker(self, _request: web.Request) -> object:
        bid, ask = self._market.top()
        now_ms = self._market.clock.now_ms()
        volume = {"BTC": "1000.0", "USD": f"{1000 * bid}", "timestamp": now_ms}
        last = f"{self._market.book.last}"
        return {"bid": f"{bid}", "ask": f"{ask}", "last": last, "volume": volume}

    def _price_feed(self, _request: web.Request) -> object:
        now_s, price = int(self._market.clock.now_s()), self._market.book.last
        before = self._path.tick_at(now_s - _DAY_MS // 1000)[0]
        change = f"{float(price) / before - 1:.4f}"
        symbol = self._market.symbol.upper()
        return [{"pair": symbol, "price": f"{price}", "percentChange24h": change}]

    def _ticker(self, _request: web.Request) -> object:
        now_s, (bid, ask) = int(self._market.clock.now_s()), self._market.top()
        hours = [self._path.tick_at(now_s - 3600 * hour)[0] for hour in range(_HOURS)]
        texts = {"open": hours[-1], "high": max(hours), "low": min(hours), "close": hours[0]}
        return {
            "symbol": self._market.symbol.upper(),
            **{name: f"{value:.2f}" for name, value in texts.items()},
            "changes": [f"{hour:.2f}" for hour in hours],
            "bid": f"{bid}",
            "ask": f"{ask}",
        }

    def _book(self, request: web.Request) -> object:
        now_s, query = int(self._market.clock.now_s()), request.query
        limits = {"bids": query.get("limit_bids", "50"), "asks": query.get("limit_asks", "50")}
        return {
            side: [
                {"price": f"{price}", "amount": f"{amount}", "timestamp": str(now_s)}
                for price, amount in sorted(levels.items(), reverse=side == "bids")
            ][: int(limits[side]) or None]
            for side, levels in zip(limits, self._market.book.sides.values(), strict=True)
        }

    def _trades(self, request: web.Request) -> object:
        query, trades = request.query, self._market.trades
        limit = min(int(query.get("limit_trades", 50)), _MAX_TRADES)
        if (since := query.get("timestamp", query.get("since"))) is not None:
            since_ms = int(since) if int(since) > _DAY_MS * 1000 else int(since) * 1000
            trades = [trade for trade in trades if int(str(trade["timestampms"])) >= since_ms]
        if (since_tid := query.get("since_tid")) is not None:
            return [trade for trade in trades if int(str(trade["tid"])) > int(since_tid)][:limit][
                ::-1
            ]
        return trades[::-1][:limit]

    def _candles(self, request: web.Request) -> object:
        frame_s = _FRAMES_S[request.match_info["frame"]]
        return make_candles(self._path, frame_s=frame_s, now_s=int(self._market.clock.now_s()))


def _refuse_request(reason: str) -> web.Response:
    body = {"result": "error", "reason": "Bad Request", "message": re.sub("''", "'", reason)}
    return web.json_response(body, status=400)
