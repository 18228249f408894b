"""`python -m streaming.simulator`: simulated venues, or a tape, on one local port."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click
from aiohttp import web

from include.errors import TickhouseError
from include.log import event, start_logging
from include.settings import Settings, from_environment
from streaming.simulator import history
from streaming.simulator.binance_market import BinanceMarket
from streaming.simulator.deribit_server import DeribitServer
from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.order_book import OrderBook
from streaming.simulator.price_path import PricePath, paths
from streaming.simulator.rest_faults import CONTROL, RestFaults
from streaming.simulator.suppliers import add_suppliers
from streaming.simulator.tape_player import TapePlayer

_DETAILS = {
    "symbol": "BTCUSD", "base_currency": "BTC", "quote_currency": "USD", "tick_size": 1e-08,
    "quote_increment": 0.01, "min_order_size": "0.00001", "status": "open",
    "wrap_enabled": False, "product_type": "spot", "contract_type": "vanilla",
    "contract_price_currency": "USD",
}  # fmt: skip
_MOST_FAULT_BYTES = 20_000_000
_PRIVATE = ("order/new", "order/status", "order/cancel", "orders", "mytrades", "balances")


def application(settings: Settings) -> web.Application:
    """Make the server of the tape, or of the simulated market."""
    faults = RestFaults()
    app = web.Application(client_max_size=_MOST_FAULT_BYTES, middlewares=[faults.before])
    app.router.add_get("/healthz", _healthy)
    app.router.add_post(CONTROL, faults.set)
    found = paths(settings.simulator.seed)
    _add_history(app, found["BTC-USD"], settings.simulator.history_days)
    if settings.simulator.tape:
        player = TapePlayer(Path(settings.simulator.tape), speed=settings.simulator.speed)
        app.router.add_get(f"/v1/marketdata/{player.symbol}", player.websocket)
        return app
    add_suppliers(app, found["BTC-USD"])
    DeribitServer(found["BTC-USD"], settings).add_to(app)
    _add_gemini(app, settings, found.pop("BTC-USD"))
    binance = BinanceMarket(found)
    for path in ("/ws", "/ws/{stream}", "/stream"):
        app.router.add_get(path, binance.websocket)
    app.router.add_get("/api/v3/aggTrades", binance.agg_trades)
    app.router.add_get("/api/v3/klines", binance.klines)
    return app


def _add_gemini(app: web.Application, settings: Settings, path: PricePath) -> None:
    seed, speed = settings.simulator.seed, settings.simulator.speed
    market = GeminiMarket("btcusd", OrderBook(path, seed=seed), speed=speed)
    account = GeminiAccount(
        market, key=settings.venues.gemini_key, secret=settings.venues.gemini_secret
    )

    async def inject(request: web.Request) -> web.Response:
        """Send the body as it is to every Gemini socket, unnumbered: a fault for tests."""
        body = await request.read()
        for queue in market.listeners:
            queue.put_nowait(body)
        return web.json_response({"sockets": len(market.listeners)})

    async def public(request: web.Request) -> web.Response:
        return web.json_response(_public(market, request))

    async def moving(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.ensure_future(market.run())
        yield
        task.cancel()

    app.cleanup_ctx.append(moving)
    app.router.add_get("/v1/marketdata/{symbol:(?i:btcusd)}", market.websocket)
    app.router.add_post("/faults/gemini", inject)
    app.router.add_get("/v1/symbols", public)
    for name in ("symbols/details", "pubticker", "book", "trades"):
        app.router.add_get(f"/v1/{name}/{{symbol:(?i:btcusd)}}", public)
    for name in _PRIVATE:
        app.router.add_post(f"/v1/{name}", account.serve)


def _public(market: GeminiMarket, request: web.Request) -> object:
    name, query = request.path.removeprefix("/v1/"), request.query
    if name == "symbols":
        return [market.symbol]
    if name.startswith("symbols/details"):
        return _DETAILS
    now_ms = time.time_ns() // 1_000_000
    if name.startswith("pubticker"):
        bid, ask = market.top()
        volume = {"BTC": "1000.0", "USD": f"{1000 * bid}", "timestamp": now_ms}
        return {"bid": f"{bid}", "ask": f"{ask}", "last": f"{market.book.last}", "volume": volume}
    if name.startswith("trades"):
        most, since = min(int(query.get("limit_trades", 50)), 500), query.get("since_tid")
        if since is None:
            return market.trades[::-1][:most]
        return [one for one in market.trades if int(str(one["tid"])) > int(since)][:most][::-1]
    limits = {"bids": query.get("limit_bids", "50"), "asks": query.get("limit_asks", "50")}
    return {
        side: [
            {"price": f"{price}", "amount": f"{amount}", "timestamp": str(now_ms // 1000)}
            for price, amount in sorted(levels.items(), reverse=side == "bids")
        ][: int(limits[side]) or None]
        for side, levels in zip(limits, market.book.sides.values(), strict=True)
    }


def _add_history(app: web.Application, path: PricePath, days: int) -> None:
    editions = {
        "btcusd_1-min_data.csv": history.current_edition,
        "bitstampUSD_1-min_data.csv": history.nan_edition,
    }

    async def serve(request: web.Request) -> web.StreamResponse:
        wanted = min(int(request.query.get("days", days)), 1200)
        lines = editions[request.match_info["file"]](path, days=wanted, now_s=int(time.time()))
        response = web.StreamResponse(headers={"Content-Type": "text/csv"})
        await response.prepare(request)
        while (part := await asyncio.to_thread(_take, lines)) is not None:
            await response.write(part.encode())
        await response.write_eof()
        return response

    names = "|".join(name.replace(".", r"\.") for name in editions)
    app.router.add_get(f"/kaggle/{{file:{names}}}", serve)


def _take(lines: Iterator[str]) -> str | None:
    return next(lines, None)


async def _healthy(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


@click.command()
def main() -> None:
    """Serve simulated venues until SIGTERM."""
    log = start_logging("simulator")
    try:
        settings = from_environment()
        app = application(settings)
    except TickhouseError as error:
        log.error(event("simulator ends", error=error))
        sys.exit(1)
    log.info(event("simulator serves", port=settings.ports.simulator, tape=settings.simulator.tape))
    host, port = settings.ports.host, settings.ports.simulator
    web.run_app(app, host=host, port=port, print=None, access_log=None, shutdown_timeout=1.0)


if __name__ == "__main__":
    main()
