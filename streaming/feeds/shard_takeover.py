"""What a feed's process takes over from the other shards of its venue, of former settings too.

The settings may have given symbols of another shard to this one. So it starts behind what the other
had last, and what that left on the disk is published first.
"""

from include.bus import FeedProducer
from include.local.feed_files import FeedFiles
from include.local.lock import exclusive_lock, read_lock_holder
from include.log import event
from include.settings import Settings
from streaming.feeds.feed_publisher import log
from streaming.feeds.last_trade_ids import LastTradeIds, last_ids_in_kafka, select_symbols
from streaming.feeds.outlet import Outlet


async def take_over_others(outlet: Outlet, settings: Settings, symbols: tuple[str, ...]) -> None:
    """Publish what shards that do not run left on the disk, and go on from the last ids of all.

    Raises:
        Unreachable: the broker does not take what waits.
    """
    for files in outlet.files.others():
        if files.spool.exists() and read_lock_holder(files.lock) is None:
            with exclusive_lock(files.lock, name=f"the feed of {files.shard.name}"):
                await _publish_spool(files, settings, outlet.producer)
        ids = LastTradeIds(files.last_ids).shared_numbers
        outlet.last_trade_ids.advance(select_symbols(ids, symbols))


async def _publish_spool(feed_files: FeedFiles, settings: Settings, producer: FeedProducer) -> None:
    with Outlet(feed_files, settings, producer) as former:
        if not former.has_waiting:
            return
        log.warning(event("publishing another shard's spool", feed=feed_files.shard.program))
        former.resume(last_ids_in_kafka(settings.bootstrap, venue=feed_files.shard.venue))
        await former.drain()
