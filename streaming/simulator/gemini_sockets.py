"""The simulated Gemini's websockets: v1, v2, order events and the current service."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler

from include.market.numerals import parse_whole
from include.market.venue_settings import Venues
from streaming.simulator.faults.live import Faults
from streaming.simulator.faults.socket import FaultySocket
from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_current_service import CurrentService, refusal_of
from streaming.simulator.gemini_dialects import Dialect, MultiDialect, V1Dialect
from streaming.simulator.gemini_market import STEPS_PER_S, GeminiMarket, MarketUpdate
from streaming.simulator.gemini_order_events import OrderEvents
from streaming.simulator.gemini_parameters import GeminiError, read_symbol
from streaming.simulator.gemini_public_answers import GeminiVenue
from streaming.simulator.gemini_signing import GeminiSigning
from streaming.simulator.gemini_v2_dialect import V2Dialect

HEARTBEAT_S = 5.0


@dataclass
class GeminiSession:
    """One connection, and the queue of updates for it."""

    socket: FaultySocket
    dialect: Dialect
    queue: "asyncio.Queue[MarketUpdate | bytes]" = field(default_factory=asyncio.Queue)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, make: Callable[[], Iterable[str]]) -> None:
        """Send the messages of `make`, with no other in between."""
        async with self.turn:
            for text in make():
                await self.socket.send_str(text)

    async def follow(self, *, pause_s: float) -> None:
        """Send the market's updates as they come, and a heartbeat every five seconds."""
        loop, pending = asyncio.get_running_loop(), list[MarketUpdate]()
        heartbeat_due = loop.time() + HEARTBEAT_S
        while not self.socket.closed:
            await asyncio.sleep(pause_s)
            try:
                update = await _next_item(self.queue, max(0.0, heartbeat_due - loop.time()))
            except TimeoutError:
                heartbeat_due = loop.time() + HEARTBEAT_S
                await self.send(self.dialect.heartbeat)
                continue
            if isinstance(update, bytes):
                await self.socket.send_frame(update, WSMsgType.TEXT)
                continue
            pending.append(update)
            while pause_s and not self.queue.empty():
                next_update = self.queue.get_nowait()
                pending += [next_update] if isinstance(next_update, tuple) else []
            if not self.socket.withholds_data:
                batch, pending = pending, []
                await self.send(lambda: self.dialect.updates(batch))  # noqa: B023 (called at once)


@dataclass(frozen=True)
class GeminiSockets:
    """Serves each service as its clients know it."""

    venue: GeminiVenue
    account: GeminiAccount
    signing: GeminiSigning
    venues: Venues
    faults: Faults

    @property
    def markets(self) -> dict[str, GeminiMarket]:
        """The markets by symbol."""
        return {symbol: public.market for symbol, public in self.venue.items()}

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths, with or without a slash at their end."""
        for path, make in SOCKETS.items():
            app.router.add_get(path, self._endpoint(make))
            app.router.add_get(f"{path}/", self._endpoint(make))
        app.router.add_post("/faults/gemini", self.inject)

    async def current(self, request: web.Request) -> web.StreamResponse:
        """Serve streams by name; a signed upgrade is checked."""
        return await self._serve(request, _make_current, pause_s=1 / STEPS_PER_S)

    async def inject(self, request: web.Request) -> web.Response:
        """Send the body as it is to every Gemini socket, unnumbered: a fault for tests."""
        body = await request.read()
        listeners = {queue for market in self.markets.values() for queue in market.listeners}
        for queue in listeners:
            queue.put_nowait(body)
        return web.json_response({"sockets": len(listeners)})

    def _endpoint(self, make_dialect: "MakeDialect") -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, make_dialect)

        return serve

    async def _serve(
        self, request: web.Request, make_dialect: "MakeDialect", *, pause_s: float = 0.0
    ) -> web.StreamResponse:
        socket = self.faults.socket("gemini")
        try:
            if not socket.can_prepare(request):
                raise GeminiError(400, "Bad Request", "This endpoint is a websocket")
            dialect = make_dialect(self, request)
        except GeminiError as refused:
            return web.json_response(refused.body(), status=refused.status)
        await socket.prepare(request)
        session = GeminiSession(socket, dialect)
        of_orders = isinstance(dialect, OrderEvents)
        listened = [market.listeners for market in self.markets.values()]
        for listeners in [self.account.listeners] if of_orders else listened:
            listeners.add(session.queue)
        sender = asyncio.ensure_future(session.follow(pause_s=pause_s))
        try:
            await session.send(dialect.opening_messages)
            async for message in socket:
                text = str(message.data)
                await session.send(lambda: dialect.answer(text))  # noqa: B023 (called at once)
        finally:
            for listeners in (self.account.listeners, *listened):
                listeners.discard(session.queue)
            sender.cancel()
        return socket


MakeDialect = Callable[[GeminiSockets, web.Request], Dialect]


def _make_v1(sockets: GeminiSockets, request: web.Request) -> Dialect:
    (symbol,) = _read_symbols([request.match_info["symbol"]])
    return V1Dialect(sockets.markets[symbol], request.query)


def _make_multi(sockets: GeminiSockets, request: web.Request) -> Dialect:
    symbols = dict.fromkeys(_read_symbols(request.query.get("symbols", "").split(",")))
    return MultiDialect([sockets.markets[symbol] for symbol in symbols], request.query)


def _make_v2(sockets: GeminiSockets, _request: web.Request) -> Dialect:
    return V2Dialect(sockets.venue)


def _make_order_events(sockets: GeminiSockets, request: web.Request) -> Dialect:
    sockets.signing.read_payload(request.headers, request.path)
    key = request.headers["X-GEMINI-APIKEY"]
    return OrderEvents(sockets.account, request.query, key)


def _make_current(sockets: GeminiSockets, request: web.Request) -> Dialect:
    now_s = sockets.account.clock.now_s()
    refusal = refusal_of(request.headers, sockets.venues, now_s)
    if refusal is not None:
        raise GeminiError(401, refusal["reason"], refusal["message"])
    text = request.query.get("snapshot", "0")
    depth = -1 if text == "-1" else parse_whole(text)
    if depth is None:
        raise GeminiError(400, "Bad Request", f"Supplied value '{text}' is not a valid snapshot")
    signed = "X-GEMINI-APIKEY" in request.headers
    return CurrentService(sockets.markets, snapshot=depth, signed=signed)


def _read_symbols(names: list[str]) -> list[str]:
    try:
        return list(map(read_symbol, names))
    except ValueError as error:
        raise GeminiError(400, "InvalidSymbol", str(error)) from None


SOCKETS: dict[str, MakeDialect] = {
    "/v1/marketdata/{symbol}": _make_v1,
    "/v1/multimarketdata": _make_multi,
    "/v1/order/events": _make_order_events,
    "/v2/marketdata": _make_v2,
}


async def _next_item(
    queue: "asyncio.Queue[MarketUpdate | bytes]", wait_s: float
) -> MarketUpdate | bytes:
    if not queue.empty():
        return queue.get_nowait()
    return await asyncio.wait_for(queue.get(), wait_s)
