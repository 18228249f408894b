"""A venue that asks to wait is left alone by every process of a world, and asked again after it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from include.market.time import SECOND_US
from include.rate_limiter import RateLimiter
from streaming.feeds.fetch import Reply
from streaming.feeds.venue_pauses import ObedientFetch
from tests.support.virtual_time import in_virtual_time

DEPTH = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT"
TRADES = "https://api.binance.com/api/v3/aggTrades?symbol=BTCUSDT"
OTHER = "https://api.gemini.com/v1/trades/btcusd"
T0 = 1_760_000_000 * SECOND_US


class Venue:
    """Answers with these replies, the last one for ever, and counts who asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), list[str]()

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Reply:
        self.asked.append(url)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def test_a_refusal_of_a_depth_page_holds_the_healer_too(tmp_path: Path) -> None:
    clock = [T0]
    feed, healer = Venue(Reply(429, b"", "120")), Venue(Reply(200, b"[]"))
    fetches = [ObedientFetch(venue, tmp_path, now_us=lambda: clock[0]) for venue in (feed, healer)]

    async def story() -> None:
        assert (await fetches[0](DEPTH, {})).status == 429
        clock[0] += 20 * SECOND_US
        held = await fetches[1](TRADES, {})
        assert held.status == 429 and held.wait_s(now_s=0, otherwise=9) == 100
        assert healer.asked == []
        assert (await fetches[1](OTHER, {})).status == 200  # another venue
        clock[0] += 101 * SECOND_US
        assert (await fetches[1](TRADES, {})).status == 200

    asyncio.run(story())


@pytest.mark.parametrize(
    ("reply", "wait_s"),
    [
        (Reply(429, b""), 60),
        (Reply(418, b"", "99999999999"), 3600),
        (Reply(429, b"", "0"), 1),
        (Reply(503, b"", "soon"), 30),
    ],
)
def test_how_long_a_venue_is_left_alone(tmp_path: Path, reply: Reply, wait_s: int) -> None:
    clock, venue = [T0], Venue(reply)
    fetch = ObedientFetch(venue, tmp_path, now_us=lambda: clock[0])
    asyncio.run(_ask(fetch))
    clock[0] += wait_s * SECOND_US - 1000
    asyncio.run(_ask(fetch))
    assert len(venue.asked) == 1
    clock[0] += 1000
    asyncio.run(_ask(fetch))
    assert len(venue.asked) == 2


async def _ask(fetch: ObedientFetch) -> Reply:
    return await fetch(DEPTH, {})


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b'{"crc32":1,"state":{}}', None])
def test_a_damaged_file_or_one_of_a_wrong_clock_holds_nobody(
    tmp_path: Path, content: bytes | None
) -> None:
    clock, venue = [T0 + 10**12], Venue(Reply(429, b"", "60"), Reply(200, b""))
    fetch = ObedientFetch(venue, tmp_path, now_us=lambda: clock[0])
    asyncio.run(_ask(fetch))
    if content is not None:
        (tmp_path / "venue_pauses.json").write_bytes(content)
    else:
        clock[0] = T0  # the clock was a week ahead
    assert asyncio.run(_ask(fetch)).status == 200


def test_pages_keep_the_pace_that_is_set(tmp_path: Path) -> None:
    venue, at = Venue(Reply(200, b"")), list[float]()

    async def story() -> None:
        loop, limiter = asyncio.get_running_loop(), RateLimiter(1, within_s=5.0)
        fetch = ObedientFetch(venue, tmp_path, now_us=lambda: T0, limiter=limiter)
        begin = loop.time()
        for _ in range(3):
            await _ask(fetch)
            at.append(round(loop.time() - begin))

    in_virtual_time(story())
    assert at == [0, 5, 10]
