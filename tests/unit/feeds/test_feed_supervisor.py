"""The supervised connection over a fake network: what is published, in order, whatever happens."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from include.errors import Unreachable
from include.market.events import LedgerEntry, Message, Reject
from include.market.venue_settings import Venues
from streaming.feeds.feed_publisher import MAX_REJECT_BYTES
from streaming.feeds.registry import stream_specs
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.supervisor import BACKOFF, Feed
from streaming.feeds.transport import Socket

SNAPSHOT = b'{"type":"update","eventId":1,"socket_sequence":0,"events":[]}'


def beat(seq: int) -> bytes:
    return b'{"type":"heartbeat","socket_sequence":%d}' % seq


class FakeNetwork:
    """Each connection plays one script of frames: bytes are received, None stays silent."""

    def __init__(self, scripts: list[list[bytes | None] | str], stop: asyncio.Event) -> None:
        self.scripts, self.stop, self.alive = scripts, stop, True
        self.urls: list[str] = []

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Socket]:
        self.urls.append(url)
        if not self.scripts:
            self.stop.set()
            raise Unreachable("over")
        script = self.scripts.pop(0)
        if isinstance(script, str):
            raise Unreachable(script)
        yield FakeSocket(script, self)


class FakeSocket:
    def __init__(self, script: list[bytes | None], network: FakeNetwork) -> None:
        self.script, self.network = script, network

    async def send(self, text: str) -> None: ...

    async def receive(self) -> bytes:
        if not self.script:
            raise Unreachable("closed 1006")
        data = self.script.pop(0)
        if data is None:
            await asyncio.sleep(0.2)
            return await self.receive()
        return data

    async def probe(self) -> bool:
        return self.network.alive


async def follow(
    scripts: list[list[bytes | None] | str],
    *,
    alive: bool = True,
    spec: StreamSpec | None = None,
) -> tuple[list[Message], Feed]:
    stop, messages = asyncio.Event(), list[Message]()
    network = FakeNetwork(scripts, stop)
    network.alive = alive
    loop, ids = asyncio.get_running_loop(), iter(f"c{n}" for n in range(99))
    feed = Feed(
        spec=spec or stream_specs("gemini", venues=Venues())[0],
        connect=network.connect,
        publish=messages.append,
        now_us=lambda: int(loop.time() * 1e6),
        conn_id=lambda: next(ids),
        rng=random.Random(1),
        stale_s=0.15,
    )
    await asyncio.wait_for(feed.run(stop), 60)
    return messages, feed


def summary(messages: list[Message]) -> list[str]:
    lines = []
    for message in messages:
        (*_, event) = message.events or (None,)
        if isinstance(event, LedgerEntry):
            lines.append(f"{message.conn} {event.entry} {event.cause}")
        elif isinstance(event, Reject):
            lines.append(f"{message.conn} reject {event.reason}")
        else:
            assert message.seq is not None
            lines.append(f"{message.conn} {message.kind} {message.seq[0]}")
    return lines


async def test_a_broken_connection_is_reported_and_made_again() -> None:
    messages, _ = await follow([[SNAPSHOT, beat(1)], "refused", [SNAPSHOT]])
    assert summary(messages) == [
        "c0 connect start",
        "c0 book 0",
        "c0 heartbeat 1",
        "c0 disconnect closed 1006",
        "c1 disconnect refused: refused",
        "c2 connect refused: refused",
        "c2 book 0",
        "c2 disconnect closed 1006",
        "c3 disconnect refused: over",
    ]


async def test_a_gap_makes_a_new_connection_and_junk_does_not() -> None:
    messages, feed = await follow([[SNAPSHOT, b"junk", beat(1), beat(3), beat(4)], [SNAPSHOT]])
    assert summary(messages) == [
        "c0 connect start",
        "c0 book 0",
        "c0 reject not_json",
        "c0 heartbeat 1",
        "c0 gap missing",
        "c0 heartbeat 3",
        "c0 disconnect resync",
        "c1 connect resync",
        "c1 book 0",
        "c1 disconnect closed 1006",
        "c2 disconnect refused: over",
    ]
    assert feed.counts["rejects"] == 1 and feed.counts["gaps"] == 1


async def test_silence_is_stale_and_a_frame_recovers_it() -> None:
    messages, _ = await follow([[SNAPSHOT, None, beat(1)]])
    assert summary(messages) == [
        "c0 connect start",
        "c0 book 0",
        "c0 stale silent",
        "c0 recovered frame",
        "c0 heartbeat 1",
        "c0 disconnect closed 1006",
        "c1 disconnect refused: over",
    ]


async def test_silence_without_an_answered_ping_ends_the_connection() -> None:
    messages, _ = await follow([[SNAPSHOT, None, beat(1)]], alive=False)
    assert summary(messages)[2:4] == ["c0 stale silent", "c0 disconnect silent"]


async def test_a_silence_that_lasts_is_met_by_a_successor_and_not_by_a_cut() -> None:
    messages, _ = await follow([[SNAPSHOT, None, None, None], [SNAPSHOT, None]])
    assert summary(messages)[2:6] == [
        "c0 stale silent",
        "c1 connect silent",
        "c1 book 0",
        "c0 disconnect renewed",
    ]


async def test_a_frame_too_large_to_keep_is_cut_and_says_so() -> None:
    messages, _ = await follow([[b"x" * (MAX_REJECT_BYTES + 1)]])
    reject = messages[1].events[0]
    assert isinstance(reject, Reject) and f"of {MAX_REJECT_BYTES + 1} bytes" in reject.detail


async def test_a_message_that_kafka_refuses_ends_the_feed() -> None:
    stop = asyncio.Event()
    (spec,) = stream_specs("gemini", venues=Venues())

    def publish(message: Message) -> None:
        if message.kind == "book":
            raise Unreachable("Kafka")

    feed = Feed(
        spec=spec,
        connect=FakeNetwork([[SNAPSHOT]], stop).connect,
        publish=publish,
        now_us=lambda: 0,
        conn_id=lambda: "c",
        rng=random.Random(1),
        stale_s=9,
    )
    try:
        await asyncio.wait_for(feed.run(stop), 60)
    except Unreachable as error:
        assert str(error) == "Kafka"
    else:
        raise AssertionError("the feed went on without Kafka")


def agg_trade(number: int) -> bytes:
    return (
        b'{"e":"aggTrade","E":1617566591315,"s":"BTCUSDT","a":%d,"p":"5","q":"1","f":1,"l":1,'
        b'"T":1617566591314,"m":true,"M":true}' % number
    )


def without_silence(messages: list[Message]) -> list[str]:
    return [line for line in summary(messages) if " stale " not in line and "recovered" not in line]


def binance(life_s: float | None) -> StreamSpec:
    (spec,) = stream_specs("binance", venues=Venues(), symbols=("BTC-USDT",))
    return replace(spec, life_s=life_s)


async def test_a_successor_is_live_before_the_old_connection_ends() -> None:
    old: list[bytes | None] = [agg_trade(1), None, agg_trade(2), None, None, None]
    new: list[bytes | None] = [agg_trade(2), agg_trade(3), None, None]
    messages, feed = await follow([old, new], spec=binance(0.3))
    assert without_silence(messages)[:6] == [
        "c0 connect start",
        "c0 trade 1",
        "c0 trade 2",
        "c1 connect renew",
        "c1 trade 3",
        "c0 disconnect renewed",
    ]
    assert feed.counts["gaps"] == 0


async def test_a_shutdown_notice_opens_a_successor_at_once() -> None:
    notice = b'{"e":"serverShutdown","E":1770123456789}'
    scripts: list[list[bytes | None] | str] = [[agg_trade(1), notice, None, None]]
    messages, _ = await follow([*scripts, [agg_trade(2), None]], spec=binance(None))
    assert without_silence(messages)[:5] == [
        "c0 connect start",
        "c0 trade 1",
        "c1 connect serverShutdown",
        "c1 trade 2",
        "c0 disconnect renewed",
    ]


async def test_a_successor_that_is_refused_leaves_the_old_connection_alone() -> None:
    old: list[bytes | None] = [agg_trade(1), None, None, agg_trade(2)]
    messages, _ = await follow([old, "http 429", [agg_trade(3)]], spec=binance(0.1))
    assert without_silence(messages)[:7] == [
        "c0 connect start",
        "c0 trade 1",
        "c1 disconnect refused: http 429",
        "c0 trade 2",
        "c0 disconnect closed 1006",
        "c2 connect closed 1006",
        "c2 trade 3",
    ]


async def test_what_lies_between_two_connections_is_a_gap() -> None:
    messages, _ = await follow([[agg_trade(1)], [agg_trade(5)]], spec=binance(None))
    assert "c1 gap missing" in summary(messages)
    (gap,) = [m.events[0] for m in messages if m.kind == "ledger" and m.seq]
    assert gap == LedgerEntry("gap", "missing", 2, 4)


async def test_heartbeats_alone_are_a_quiet_market_and_not_a_dead_feed() -> None:
    script: list[bytes | None] = [SNAPSHOT, *[beat(n) for n in range(1, 2)], None, beat(2)]
    messages, _ = await follow([script])
    assert "c0 stale silent" in summary(messages)
    quiet = QuietNetwork()
    assert await quiet.entries() == ["connect", "book", "stale quiet", "recovered frame"]


class QuietNetwork:
    """Beats every 10 ms for a fifth of a second, then a book frame."""

    @asynccontextmanager
    async def connect(self, url: str) -> AsyncIterator[Socket]:
        yield self

    async def send(self, text: str) -> None: ...

    async def probe(self) -> bool:
        return True

    async def receive(self) -> bytes:
        await asyncio.sleep(0.01 if self.seq else 0)
        self.seq += 1
        if self.seq == 1:
            return SNAPSHOT
        if self.seq < 20:
            return beat(self.seq - 1)
        if self.seq == 20:
            return SNAPSHOT.replace(b'"socket_sequence":0', b'"socket_sequence":19')
        self.stop.set()
        await asyncio.sleep(9)
        return b""

    async def entries(self) -> list[str]:
        self.stop, self.seq = asyncio.Event(), 0
        messages, loop = list[Message](), asyncio.get_running_loop()
        feed = Feed(
            spec=stream_specs("gemini", venues=Venues())[0],
            connect=self.connect,
            publish=messages.append,
            now_us=lambda: int(loop.time() * 1e6),
            conn_id=lambda: "c",
            rng=random.Random(1),
            stale_s=0.1,
        )
        await asyncio.wait_for(feed.run(self.stop), 60)
        lines = [line.removeprefix("c ") for line in summary(messages) if "heartbeat" not in line]
        short = [re.sub(r" (\d+|start|stop)$", "", line) for line in lines]
        return [line for line in dict.fromkeys(short) if line != "disconnect"]


def test_the_wait_doubles_up_to_half_a_minute() -> None:
    rng = random.Random(3)
    waits = [BACKOFF.wait_s(n, rng) for n in range(30)]
    assert all(0.125 * 2**n <= wait <= 0.25 * 2**n for n, wait in enumerate(waits[:6]))
    assert all(15 <= wait <= 30 for wait in waits[8:])
