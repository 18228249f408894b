"""How one process of a feed follows another without a hole: make before break.

The successor waits with open connections for the lock of the one that publishes, and notes when all
of them have data. The other then ends: it has Kafka acknowledge what it sent, and leaves what its
connections share on the disk, by which the successor takes no trade twice and misses none. A feed
that was killed leaves nothing, and its successor starts as any feed does.
"""

import asyncio
import time
from collections.abc import Sequence

from include.errors import PlatformError, StateError
from include.local.feed_files import LIVE, FeedFiles
from include.local.lock import FileLock, read_lock_holder
from include.log import event
from include.state_files import read_checked_file, write_checked_file
from streaming.feeds.feed_publisher import log
from streaming.feeds.stopping import pause
from streaming.feeds.supervisor import Feed

WITHIN_S = 60.0
LOOK_EVERY_S = 0.05


async def wait_for_end(
    feed_files: FeedFiles, lock: FileLock, feeds: Sequence[Feed], stop: asyncio.Event
) -> bool:
    """Take the lock once the feed that holds it has ended; false if this one is stopped before.

    Raises:
        PlatformError: it did not end in time; or another successor waits already.
    """
    program = feed_files.shard.program
    deadline = time.monotonic() + WITHIN_S
    with FileLock(feed_files.successor) as waiting:
        if not waiting.take(tries=2):
            raise PlatformError(f"{program} has a successor already; stop it first")
        is_live = False
        while not stop.is_set():
            if not is_live and all(feed.is_live for feed in feeds):
                is_live = True
                waiting.write_note(LIVE)
                log.info(event("successor is live", feed=program))
            if lock.take():
                return True
            if time.monotonic() > deadline:
                cause = "has not ended" if is_live else "goes on: the venue gave this one no data"
                raise PlatformError(f"{program} {cause} within {WITHIN_S:.0f} s")
            await pause(stop, LOOK_EVERY_S)
    return False


async def end_for_successor(feed_files: FeedFiles, stop: asyncio.Event) -> None:
    """End this process once one that follows it has data."""
    while not stop.is_set():
        holder = read_lock_holder(feed_files.successor)
        if holder is not None and holder.note == LIVE:
            log.info(event("handing over", feed=feed_files.shard.program, pid=holder.pid))
            stop.set()
        await pause(stop, LOOK_EVERY_S)


def hand_over(feed_files: FeedFiles, feeds: Sequence[Feed]) -> None:
    """Leave what the connections share to the next process: all of it is on Kafka, or spooled."""
    shared = {
        key: number
        for feed in feeds
        for key, number in feed.last_ids.items()
        if key.partition("|")[0] in feed.spec.symbols
    }
    write_checked_file(feed_files.handover, shared)


def take_handover(feed_files: FeedFiles) -> dict[str, int] | None:
    """What the process before left, once; null if it was killed."""
    try:
        shared = read_checked_file(feed_files.handover, dict[str, int])
    except StateError as error:
        log.warning(event("handover damaged", error=error))
        shared = None
    feed_files.handover.unlink(missing_ok=True)
    return shared
