"""`python -m streaming.simulator`: simulated venues, or a tape, on one local port."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import click
from aiohttp import web

from include.log import event
from include.process import run_process
from include.settings import Settings
from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_rest import BinanceRest
from streaming.simulator.binance_signing import Signing
from streaming.simulator.binance_sockets import BinanceSockets
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.binance_ws_api import BinanceWsApi
from streaming.simulator.clock import Clock
from streaming.simulator.deribit_server import DeribitServer
from streaming.simulator.faults.live import Faults, from_file
from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_auctions import Auctions
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.gemini_pairs import PAIRS
from streaming.simulator.gemini_public_answers import GeminiPublic
from streaming.simulator.gemini_rest import GeminiRouter
from streaming.simulator.gemini_signing import GeminiSigning
from streaming.simulator.gemini_sockets import GeminiSockets
from streaming.simulator.kaggle import Kaggle
from streaming.simulator.order_book import OrderBook
from streaming.simulator.price_path import PricePath, make_paths
from streaming.simulator.supplier_calls import add_suppliers
from streaming.simulator.tape_player import TapePlayer
from streaming.simulator.unknown_paths import refuse_unknown_path

_MAX_REQUEST_BYTES = 20_000_000
log = logging.getLogger("tickhouse.simulator")


def make_application(settings: Settings, *, clock: Clock | None = None) -> web.Application:
    """Make the server of the tape, or of the simulated market.

    Raises:
        SettingsError: the tape is absent, or the script of faults invalid.
    """
    clock = clock or Clock()
    faults = Faults(clock)
    if settings.simulator.faults:
        faults.load(from_file(Path(settings.simulator.faults)))
    app = web.Application(
        client_max_size=_MAX_REQUEST_BYTES, middlewares=[faults.apply_faults, refuse_unknown_path]
    )
    faults.add_to(app)
    app.router.add_get("/healthz", _answer_health)
    price_paths = make_paths(settings.simulator.seed)
    Kaggle(price_paths["BTC-USD"], settings.simulator, clock).add_to(app)
    if settings.simulator.tape:
        player = TapePlayer(Path(settings.simulator.tape), speed=settings.simulator.speed)
        app.router.add_get(f"/v1/marketdata/{player.symbol}", player.websocket)
        return app
    add_suppliers(app, price_paths["BTC-USD"], clock)
    DeribitServer(price_paths["BTC-USD"], settings, clock=clock, faults=faults).add_to(app)
    _add_gemini(app, settings, price_paths, clock, faults)
    in_tether = {symbol: path for symbol, path in price_paths.items() if symbol.endswith("-USDT")}
    _add_binance(app, settings, BinanceVenue(in_tether, clock), faults)
    return app


def _add_binance(
    app: web.Application, settings: Settings, venue: BinanceVenue, faults: Faults
) -> None:
    signing = Signing(settings.simulator.binance_key, settings.simulator.binance_secret)
    binance_rest = BinanceRest(venue, BinanceAccount(venue), signing)
    binance_rest.add_to(app)
    BinanceSockets(venue, faults).add_to(app)
    BinanceWsApi(binance_rest, faults).add_to(app)


def _add_gemini(
    app: web.Application,
    settings: Settings,
    price_paths: dict[str, PricePath],
    clock: Clock,
    faults: Faults,
) -> None:
    venues = settings.venues
    venue = {symbol: _make_pair(symbol, price_paths, settings, clock) for symbol in PAIRS}
    account = GeminiAccount(*(public.market for public in venue.values()))
    signing = GeminiSigning(venues.gemini.key, venues.gemini.secret)
    sockets = GeminiSockets(venue, account, signing, venues, faults)
    router = GeminiRouter(venue, account, signing)
    sockets.add_to(app)
    router.add_to(app)

    async def root(request: web.Request) -> web.StreamResponse:
        """Serve the current service (a websocket), or the exchange's page."""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await sockets.current(request)
        return await router.web_page(request)

    async def run_market(_app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(public.market.run()) for public in venue.values()]
        yield
        for task in tasks:
            task.cancel()

    app.router.add_get("/", root)
    app.cleanup_ctx.append(run_market)


def _make_pair(
    symbol: str, price_paths: dict[str, PricePath], settings: Settings, clock: Clock
) -> GeminiPublic:
    pair, speed = PAIRS[symbol], settings.simulator.speed
    path = price_paths[f"{pair.base}-{pair.quote}"]
    seed = settings.simulator.seed + list(PAIRS).index(symbol)
    book, schedule = OrderBook(path, seed=seed, unit=pair.unit), Auctions(path, seed)
    market = GeminiMarket(pair.symbol, book, speed=speed, clock=clock, schedule=schedule)
    return GeminiPublic(market, path)


async def _answer_health(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


@click.command()
@click.option("--faults", default="", help="YAML script of faults, instead of that of the settings")
def main(faults: str) -> None:
    """Serve simulated venues until SIGTERM."""

    def serve(settings: Settings, _: threading.Event) -> None:  # aiohttp stops at the same signals
        if faults:
            settings = replace(settings, simulator=replace(settings.simulator, faults=faults))
        app = make_application(settings)
        host, port = settings.ports.host, settings.ports.simulator
        log.info(event("simulator serves", port=port, tape=settings.simulator.tape))
        web.run_app(app, host=host, port=port, print=None, access_log=None, shutdown_timeout=1.0)

    run_process("simulator", serve)


if __name__ == "__main__":
    main()
