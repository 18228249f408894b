"""A feed's memory over a long run: as much after 200,000 frames as after the first 60,000.

A server of the test's own sends every kind of Binance frame (and some junk and holes) as fast as
the feed takes them, in portions; between two, all is in a real broker and the feed's memory read.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from include.bus import ensure_topics, offset_ranges
from include.market import wire
from tests.conftest import make_environment
from tests.support.services import eventually, running

PORTION, PORTIONS, WARM = 10_000, 20, 6
MAX_GROWTH = 6 * 2**20  # bytes in the 140,000 frames after the first 60,000: 45 a frame
AGG = (
    '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":%d,"s":"BTCUSDT","a":%d,'
    '"p":"%d.03000000","q":"0.08620500","f":%d,"l":%d,"T":%d,"m":true,"M":true}}'
)
BEST = (
    '{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"%d.35000000",'
    '"B":"31.21000000","a":"%d.36000000","A":"40.66000000"}}'
)
HOLE_EVERY, JUNK_EVERY = 5_000, 1_000


def frames(first: int) -> Iterator[str]:
    """A portion: trades and best prices in turns, each five-thousandth a hole, some junk."""
    for number in range(first, first + PORTION):
        at, price = 1_700_000_000_000 + number, 50_000 + number % 9_973
        if number % JUNK_EVERY == 0:
            yield "{" * (number % 7 + 1)
        elif number % 2:
            trade = number // 2 + number // HOLE_EVERY
            yield AGG % (at, trade, price, trade, trade, at)
        else:
            yield BEST % (number, price, price)


@pytest.mark.timeout(300)
async def test_memory_is_flat_over_two_hundred_thousand_frames(
    kafka_broker: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(ensure_topics, kafka_broker)
    connected: asyncio.Queue[web.WebSocketResponse] = asyncio.Queue()
    done = asyncio.Event()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        json.loads(await socket.receive_str())  # what it subscribes to
        await connected.put(socket)
        await done.wait()
        return socket

    app = web.Application()
    app.router.add_get("/stream", serve)
    async with TestServer(app) as server:
        url = str(server.make_url("")).replace("http", "ws").rstrip("/")
        env = make_environment(
            tmp_path / "var", KAFKA_BOOTSTRAP=kafka_broker, VENUES_BINANCE_WS_URL=url
        )
        command = [sys.executable, "-m", "streaming.feeds", "binance", "--symbols", "BTC-USDT"]
        with running(command, log=tmp_path / "feed.log", env=env) as feed:
            socket = await asyncio.wait_for(connected.get(), 30)
            held = [await played(socket, n, kafka_broker, feed.pid) for n in range(PORTIONS)]
            done.set()
    growth = held[-1] - min(held[WARM - 1 : WARM + 2])
    print("MB held after each portion:", [round(one / 2**20, 1) for one in held])
    print(f"{growth / (PORTIONS - WARM) / PORTION:.1f} bytes a frame after the first {WARM}")
    assert growth < MAX_GROWTH


async def played(socket: web.WebSocketResponse, n: int, broker: str, pid: int) -> int:
    """Bytes the feed holds once portion `n` is in Kafka, each frame a message there."""
    before = await asyncio.to_thread(messages, broker)
    for text in frames(n * PORTION):
        await socket.send_str(text)
    await asyncio.to_thread(
        eventually,
        lambda: messages(broker) >= before + PORTION,
        timeout_s=60,
        what="all are published",
    )
    return int(psutil.Process(pid).memory_info().rss)


def messages(broker: str) -> int:
    """How many messages trades, books and refusals have."""
    topics = [wire.TOPIC_OF_KIND[kind] for kind in ("trade", "book", "reject")]
    return sum(end for _, end in offset_ranges(broker, topics).values())
