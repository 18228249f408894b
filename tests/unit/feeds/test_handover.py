"""One process of a feed follows another: no trade twice, none missing, no hole in the ledger.

The unmodified feeds and the simulated venues, in virtual time.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from include.errors import PlatformError
from include.local.feed_files import FeedFiles
from include.market.events import Frame, Message, Trade
from include.market.feed_shards import FeedShard
from include.settings import load
from streaming.feeds import turn as turn_module
from streaming.feeds.handover import hand_over, take_handover
from streaming.feeds.supervisor import Feed
from streaming.feeds.transport import connect
from streaming.feeds.turn import Turn, WaitingFrames
from streaming.simulator.__main__ import make_application
from streaming.simulator.clock import Clock
from tests.support.feed_world import KEYS, SERVICES, STALE_S, World, spec_of
from tests.support.virtual_time import in_virtual_time, now_us


@dataclass
class Venue:
    """A simulated venue, and what the processes of its feed publish, in order."""

    service: str
    base: str
    published: World = field(init=False)

    def __post_init__(self) -> None:
        self.published = World(self.base, self.service.split(maxsplit=1)[0])

    def follow(self, name: str, turn: Turn, messages: list[Message] | None = None) -> "Process":
        numbers = iter(range(999))
        feed = Feed(
            spec=spec_of(self.service, self.base),
            connect=connect,
            publish=(self.published.messages if messages is None else messages).append,
            now_us=now_us,
            conn_id=lambda: f"{name}{next(numbers)}",
            rng=random.Random(1),
            stale_s=STALE_S,
            turn=turn,
        )
        return Process(feed)


class Process:
    """A feed that runs until it is ended."""

    def __init__(self, feed: Feed) -> None:
        self.feed, self._stop = feed, asyncio.Event()
        self._task = asyncio.ensure_future(feed.run(self._stop))

    async def end(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self._task, 60)


@asynccontextmanager
async def venue(service: str) -> AsyncIterator[Venue]:
    app = make_application(load(KEYS), clock=Clock(now_us))
    async with TestServer(app) as server:
        yield Venue(service, str(server.make_url("")).rstrip("/"))


def trade_ids(messages: list[Message]) -> list[str]:
    return [one.trade_id for m in messages for one in m.events if isinstance(one, Trade)]


async def replace(service: str, *, is_continued: bool) -> tuple[World, list[Message]]:
    """A process replaced by another behind an overlap; and what one that is left alone has."""
    async with venue(service) as market:
        undisturbed: list[Message] = []
        observer = market.follow("o", Turn.start_at_once(), undisturbed)
        old = market.follow("a", Turn.start_at_once())
        await asyncio.sleep(20)
        turn = Turn()
        new = market.follow("b", turn)
        await asyncio.sleep(2)
        assert new.feed.is_live, "it has data, and waits"
        await old.end()
        await asyncio.sleep(3)  # the old one has Kafka acknowledge what it sent
        assert not [one for one in market.published.messages if one.conn.startswith("b")]
        ids = old.feed.last_ids
        symbols = old.feed.spec.symbols
        shared = ids if is_continued else {s: n for s, n in ids.items() if s in symbols}
        new.feed.last_ids.update(shared)
        turn.begin(is_continued=is_continued)
        await asyncio.sleep(20)
        await new.end()
        await asyncio.sleep(1)
        await observer.end()
        return market.published, undisturbed


@pytest.mark.parametrize("service", SERVICES)
def test_a_successor_publishes_every_trade_once_and_reports_no_hole(service: str) -> None:
    published, undisturbed = in_virtual_time(replace(service, is_continued=True))
    ids, expected = trade_ids(published.messages), trade_ids(undisturbed)
    assert len(ids) > 10 and len(ids) == len(set(ids))
    begin, end = expected.index(ids[0]), expected.index(ids[-1])
    assert ids == expected[begin : end + 1]
    assert published.entries("gap", "jump", "renumbered", "stale") == []
    assert [line for line in published.story() if line[0] in "ab"] == [
        "a0 connect start",
        "a0 disconnect stop",
        "b0 connect handover",
        "b0 disconnect stop",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_a_successors_book_begins_with_its_own_snapshot(service: str) -> None:
    published, _ = in_virtual_time(replace(service, is_continued=True))
    books = [one for one in published.of("book") if one.conn.startswith("b")]
    assert books and books[-1].top is not None
    assert not [one for one in books[20:] if one.top is None]


@pytest.mark.parametrize("service", ["binance", "deribit"])
def test_behind_a_killed_process_the_hole_is_in_the_ledger(service: str) -> None:
    published, undisturbed = in_virtual_time(replace(service, is_continued=False))
    ids = trade_ids(published.messages)
    assert len(ids) == len(set(ids))
    numbers = [one.seq for one in published.of("trade")]
    seen = {n for first, last in filter(None, numbers) for n in range(first, last + 1)}
    assert published.holes() and not published.holes() & seen
    assert seen | published.holes() == set(range(min(seen), max(seen) + 1))
    assert published.causes("connect") == ["start", "start"]
    assert len(trade_ids(undisturbed)) > len(ids)


async def wait_through_cuts() -> World:
    async with venue("binance") as market:
        turn = Turn()
        new = market.follow("b", turn)
        await asyncio.sleep(5)
        await market.published.post({"fault": "close", "connection": 1, "message": 1})
        await asyncio.sleep(30)
        assert market.published.messages == []
        turn.begin(is_continued=True)
        await asyncio.sleep(5)
        await new.end()
        return market.published


def test_what_happens_to_a_waiting_connection_is_no_business_of_the_ledger() -> None:
    published = in_virtual_time(wait_through_cuts())
    assert published.entries("gap") == [] and trade_ids(published.messages)
    assert published.causes("connect") == ["handover"]


class NoDecoder:
    def decode(self, frame: Frame) -> None:
        """Finds nothing in it."""


def test_frames_wait_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_module, "MAX_WAITING_BYTES", 10)
    waiting = WaitingFrames(NoDecoder())  # type: ignore[arg-type]
    waiting.take(Frame(b"12345", 1))
    waiting.take(Frame(b"67890", 2))
    with pytest.raises(PlatformError, match="11 bytes of frames wait"):
        waiting.take(Frame(b"x", 3))


async def hand_over_two(files: FeedFiles) -> None:
    async with venue("gemini v1") as market:
        btc, other = (market.follow(name, Turn.start_at_once()) for name in "ab")
        btc.feed.last_ids.update({"BTC-USD": 7, "BTC-USD|recent 7": 9, "ETH-USD": 1})
        other.feed.last_ids.update({"ETH-USD": 5, "BTC-USD": 2})
        object.__setattr__(other.feed.spec, "symbols", ("ETH-USD",))
        hand_over(files, [btc.feed, other.feed])
        await btc.end()
        await other.end()


def test_each_connections_numbers_are_handed_over_once(tmp_path: Path) -> None:
    files = FeedFiles(tmp_path, FeedShard("gemini"))
    in_virtual_time(hand_over_two(files))
    assert take_handover(files) == {"BTC-USD": 7, "BTC-USD|recent 7": 9, "ETH-USD": 5}
    assert take_handover(files) is None, "after a kill nothing of an earlier process counts"


def test_a_damaged_handover_counts_as_none(tmp_path: Path) -> None:
    files = FeedFiles(tmp_path, FeedShard("gemini"))
    files.handover.write_text("{")
    assert take_handover(files) is None and not files.handover.exists()
