"""The supervised connection over a fake network: what is told, in order, whatever happens."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from include.errors import Unreachable
from include.market.events import LedgerEntry, Message, Reject
from include.setting_groups import Venues
from streaming.feeds.registry import links
from streaming.feeds.supervisor import MAX_REJECT_BYTES, Feed, backoff
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


async def told_by(
    scripts: list[list[bytes | None] | str], *, alive: bool = True
) -> tuple[list[Message], Feed]:
    stop, told = asyncio.Event(), list[Message]()
    network = FakeNetwork(scripts, stop)
    network.alive = alive
    loop, ids = asyncio.get_running_loop(), iter(f"c{n}" for n in range(99))
    (link,) = links("gemini", venues=Venues())
    feed = Feed(
        link=link, connect=network.connect, publish=told.append,
        now_us=lambda: int(loop.time() * 1e6), conn_id=lambda: next(ids),
        rng=random.Random(1), stale_s=0.05,
    )  # fmt: skip
    await asyncio.wait_for(feed.run(stop), 20)
    return told, feed


def summary(told: list[Message]) -> list[str]:
    lines = []
    for message in told:
        (*_, event) = message.events or (None,)
        if isinstance(event, LedgerEntry):
            lines.append(f"{message.conn} {event.entry} {event.cause}")
        elif isinstance(event, Reject):
            lines.append(f"{message.conn} reject {event.reason}")
        else:
            assert message.seq is not None
            lines.append(f"{message.conn} {message.kind} {message.seq[0]}")
    return lines


async def test_a_broken_connection_is_told_and_made_again() -> None:
    told, _ = await told_by([[SNAPSHOT, beat(1)], "refused", [SNAPSHOT]])
    assert summary(told) == [
        "c0 connect start", "c0 book 0", "c0 heartbeat 1", "c0 disconnect closed 1006",
        "c2 connect closed 1006", "c2 book 0", "c2 disconnect closed 1006",
    ]  # fmt: skip


async def test_a_gap_makes_a_new_connection_and_junk_does_not() -> None:
    told, feed = await told_by([[SNAPSHOT, b"junk", beat(1), beat(3), beat(4)], [SNAPSHOT]])
    assert summary(told) == [
        "c0 connect start", "c0 book 0", "c0 reject not_json", "c0 heartbeat 1",
        "c0 gap missing", "c0 heartbeat 3", "c0 disconnect resync",
        "c1 connect resync", "c1 book 0", "c1 disconnect closed 1006",
    ]  # fmt: skip
    assert feed.counts["rejects"] == 1 and feed.counts["gaps"] == 1


async def test_silence_is_stale_and_a_frame_recovers_it() -> None:
    told, _ = await told_by([[SNAPSHOT, None, beat(1)]])
    assert summary(told) == [
        "c0 connect start", "c0 book 0", "c0 stale silent", "c0 recovered frame",
        "c0 heartbeat 1", "c0 disconnect closed 1006",
    ]  # fmt: skip


async def test_silence_without_an_answered_ping_ends_the_connection() -> None:
    told, _ = await told_by([[SNAPSHOT, None, beat(1)]], alive=False)
    assert summary(told)[2:] == ["c0 stale silent", "c0 disconnect silent"]


async def test_a_frame_too_large_to_keep_is_cut_and_says_so() -> None:
    told, _ = await told_by([[b"x" * (MAX_REJECT_BYTES + 1)]])
    reject = told[1].events[0]
    assert isinstance(reject, Reject) and f"of {MAX_REJECT_BYTES + 1} bytes" in reject.detail


async def test_a_message_that_kafka_refuses_ends_the_feed() -> None:
    stop = asyncio.Event()
    (link,) = links("gemini", venues=Venues())

    def publish(message: Message) -> None:
        if message.kind == "book":
            raise Unreachable("Kafka")

    feed = Feed(
        link=link, connect=FakeNetwork([[SNAPSHOT]], stop).connect, publish=publish,
        now_us=lambda: 0, conn_id=lambda: "c", rng=random.Random(1), stale_s=9,
    )  # fmt: skip
    try:
        await asyncio.wait_for(feed.run(stop), 5)
    except Unreachable as error:
        assert str(error) == "Kafka"
    else:
        raise AssertionError("the feed went on without Kafka")


def test_the_wait_doubles_up_to_half_a_minute() -> None:
    rng = random.Random(3)
    waits = [backoff(n, rng) for n in range(30)]
    assert all(0.125 * 2**n <= wait <= 0.25 * 2**n for n, wait in enumerate(waits[:6]))
    assert all(15 <= wait <= 30 for wait in waits[8:])
