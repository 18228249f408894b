"""A simulated venue, the unmodified feed, virtual time: what the tests of faults share."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from include.market.events import LedgerEntry, Message
from include.settings import load
from streaming.feeds.registry import stream_specs
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.supervisor import Feed
from streaming.feeds.transport import connect
from streaming.simulator.__main__ import make_application
from streaming.simulator.clock import Clock
from tests.support.virtual_time import now_us

SERVICES = ("binance", "deribit", "gemini v1", "gemini v2", "gemini current")
KEYS = {
    "TICKHOUSE_VENUES_DERIBIT_KEY": "k",
    "TICKHOUSE_VENUES_DERIBIT_SECRET": "for-tests-only",
}
STALE_S = 30.0
SYMBOL = {"binance": "BTC-USDT", "deribit": "BTC-PERPETUAL", "gemini": "BTC-USD"}


@dataclass
class World:
    """What one feed published, and where its venue is."""

    base: str
    venue: str
    messages: list[Message] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)

    def entries(self, *kinds: str) -> list[LedgerEntry]:
        events = [event for message in self.messages for event in message.events]
        entries = [event for event in events if isinstance(event, LedgerEntry)]
        return [entry for entry in entries if not kinds or entry.entry in kinds]

    def causes(self, kind: str) -> list[str]:
        return [one.cause for one in self.entries(kind)]

    def story(self) -> list[str]:
        """Connects and disconnects in order, as `conn entry cause`."""
        return [
            f"{message.conn} {one.entry} {one.cause}"
            for message in self.messages
            for one in message.events
            if isinstance(one, LedgerEntry) and one.entry in {"connect", "disconnect"}
        ]

    def of(self, kind: str) -> list[Message]:
        return [one for one in self.messages if one.kind == kind]

    def trade_ids(self) -> list[int]:
        return [int(e.trade_id) for m in self.of("trade") for e in m.events]  # type: ignore[union-attr]

    def holes(self) -> set[int]:
        """Every trade number that a gap row names."""
        return {
            number
            for gap in self.entries("gap")
            if gap.first_seq is not None and gap.last_seq is not None
            for number in range(gap.first_seq, gap.last_seq + 1)
        }

    async def post(self, *faults: dict[str, Any]) -> None:
        async with ClientSession() as session:
            reply = await session.post(f"{self.base}/faults", json={"faults": list(faults)})
            assert reply.status == 200, await reply.text()

    async def get(self, path: str) -> Any:
        async with ClientSession() as session, session.get(self.base + path) as reply:
            return await reply.json(content_type=None)

    async def struck(self) -> list[int]:
        return [one["struck"] for one in (await self.get("/faults"))["faults"]]


def spec_of(service: str, base: str, **more: str) -> StreamSpec:
    venue, _, version = service.partition(" ")
    ws = base.replace("http", "ws")
    names = {
        f"TICKHOUSE_VENUES_{name}_WS_URL": ws
        for name in ("BINANCE", "DERIBIT", "GEMINI", "GEMINI_CURRENT")
    }
    names["TICKHOUSE_VENUES_BINANCE_REST_URL"] = base
    if version:
        names["TICKHOUSE_VENUES_GEMINI_SERVICE"] = version
    venues = load({**names, **KEYS, **more}).venues
    (spec,) = stream_specs(venue, venues=venues, symbols=(SYMBOL[venue],))
    return spec


@asynccontextmanager
async def world(
    service: str,
    *faults: dict[str, Any],
    script: str = "",
    life_s: float | None = None,
    tmp: Any = None,
    **more: str,
) -> AsyncIterator[World]:
    """A feed of a service under these faults, running; stopped at the end."""
    settings = {**KEYS, **more}
    if faults or script:
        path = tmp / "faults.yaml"
        path.write_text(script or yaml.safe_dump({"faults": list(faults)}))
        settings["TICKHOUSE_SIMULATOR_FAULTS"] = str(path)
    app = make_application(load(settings), clock=Clock(now_us))
    async with TestServer(app) as server:
        base = str(server.make_url("")).rstrip("/")
        found, stop = World(base, service.split(maxsplit=1)[0]), asyncio.Event()
        numbers = iter(range(999))
        spec = spec_of(service, base, **more)
        spec = replace(spec, life_s=life_s) if life_s else spec
        feed = Feed(
            spec=spec,
            connect=connect,
            publish=found.messages.append,
            now_us=now_us,
            conn_id=lambda: f"c{next(numbers)}",
            rng=random.Random(1),
            stale_s=STALE_S,
            last_ids=found.ids,
        )
        task = asyncio.ensure_future(feed.run(stop))
        try:
            yield found
        finally:
            stop.set()
            await asyncio.wait_for(task, 60)
