"""The simulated Gemini's websockets: v1, v2 and the current service, of one market."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from include.market.venue_settings import Venues
from streaming.simulator.faults.live import Faults
from streaming.simulator.faults.socket import FaultySocket
from streaming.simulator.gemini_current_service import CurrentService, refusal_of
from streaming.simulator.gemini_dialects import Dialect, V1Dialect, V2Dialect
from streaming.simulator.gemini_market import STEPS_PER_S, GeminiMarket, MarketUpdate

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


class GeminiSockets:
    """Serves the three services, each as its clients know it."""

    def __init__(self, market: GeminiMarket, venues: Venues, faults: Faults) -> None:
        self._market, self._venues, self._faults = market, venues, faults

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths."""
        name = f"(?i:{self._market.symbol})"
        app.router.add_get(f"/v1/marketdata/{{symbol:{name}}}", self.v1)
        app.router.add_get("/v2/marketdata", self.v2)
        app.router.add_post("/faults/gemini", self.inject)

    async def v1(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one symbol by URL: the book at once, then changes, numbered."""
        return await self._serve(request, V1Dialect(self._market, request.query))

    async def v2(self, request: web.Request) -> web.WebSocketResponse:
        """Serve what is subscribed to: whole books first, nothing numbered."""
        return await self._serve(request, V2Dialect(self._market))

    async def current(self, request: web.Request) -> web.StreamResponse:
        """Serve streams by name; a signed upgrade is checked."""
        refusal = refusal_of(request.headers, self._venues, self._market.clock.now_s())
        if refusal is not None:
            return web.json_response(refusal, status=401)
        signed = "X-GEMINI-APIKEY" in request.headers
        depth = int(request.query.get("snapshot", "0"))
        dialect = CurrentService(self._market, snapshot=depth, signed=signed)
        return await self._serve(request, dialect, pause_s=1 / STEPS_PER_S)

    async def inject(self, request: web.Request) -> web.Response:
        """Send the body as it is to every Gemini socket, unnumbered: a fault for tests."""
        body = await request.read()
        for queue in self._market.listeners:
            queue.put_nowait(body)
        return web.json_response({"sockets": len(self._market.listeners)})

    async def _serve(
        self, request: web.Request, dialect: Dialect, *, pause_s: float = 0.0
    ) -> web.WebSocketResponse:
        socket = self._faults.socket("gemini")
        await socket.prepare(request)
        session = GeminiSession(socket, dialect)
        self._market.listeners.add(session.queue)
        sender = asyncio.ensure_future(session.follow(pause_s=pause_s))
        try:
            await session.send(dialect.opening_messages)
            async for message in socket:
                text = str(message.data)
                await session.send(lambda: dialect.answer(text))  # noqa: B023 (called at once)
        finally:
            self._market.listeners.discard(session.queue)
            sender.cancel()
        return socket


async def _next_item(
    queue: "asyncio.Queue[MarketUpdate | bytes]", wait_s: float
) -> MarketUpdate | bytes:
    if not queue.empty():
        return queue.get_nowait()
    return await asyncio.wait_for(queue.get(), wait_s)
