"""Two feeds of one venue would cut each other's spool: the second is refused by name."""

import asyncio

import pytest

from include.errors import PlatformError
from include.local.lock import exclusive_lock
from include.market.feed_shards import FeedShard
from include.settings import Settings
from streaming.feeds.__main__ import follow_alone


@pytest.mark.parametrize("venue", ["binance", "quotes"])
def test_a_second_feed_of_a_venue_is_refused(settings: Settings, venue: str) -> None:
    folder = settings.home / "feeds"
    spool = folder / f"{venue}.spool"
    with (
        exclusive_lock(folder / f"{venue}.lock", name="the feed"),
        pytest.raises(PlatformError, match=rf"the feed of {venue} is running already \(pid \d+\)"),
    ):
        asyncio.run(
            follow_alone(FeedShard(venue), settings, (), tape_folder=None, stop=asyncio.Event())
        )
    assert not spool.exists()
