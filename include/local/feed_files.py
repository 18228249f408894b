"""Where a feed's process keeps its state, and where the other shards of its venue keep theirs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.errors import PlatformError
from include.local.lock import LockHolder, read_lock_holder
from include.market.feed_shards import FeedShard, split_feed_name

LIVE = "live"  # noted by a successor whose connections all have data
BRIDGE = "bridge"  # noted by a process that publishes while its feed is restarted


@dataclass(frozen=True)
class FeedFiles:
    """The files of one shard of a feed in the folder of all feeds."""

    folder: Path
    shard: FeedShard

    @property
    def lock(self) -> Path:
        """Held by the process that publishes; it notes the symbols that it follows."""
        return self.folder / f"{self.shard.name}.lock"

    @property
    def spool(self) -> Path:
        """The folder of messages that wait for the broker."""
        return self.folder / f"{self.shard.name}.spool"

    @property
    def last_ids(self) -> Path:
        """The last trade ids that Kafka has acknowledged."""
        return self.folder / f"{self.shard.name}.json"

    @property
    def successor(self) -> Path:
        """Held by the process that waits for the end of the one that publishes."""
        return self.folder / f"{self.shard.name}.successor"

    @property
    def handover(self) -> Path:
        """What a process that ended left to the next."""
        return self.folder / f"{self.shard.name}.handover"

    @property
    def start_lock(self) -> Path:
        """Held by the one of a venue's processes that starts at this moment."""
        return self.folder / f"{self.shard.venue}.start"

    def others(self) -> Iterator["FeedFiles"]:
        """Those of the other shards, of former ones too."""
        stems = {path.stem for path in self.folder.glob(f"{self.shard.venue}*.*")}
        for stem in sorted(stems - {self.shard.name}):
            venue, number = split_feed_name(stem)
            if venue == self.shard.venue:
                yield FeedFiles(self.folder, FeedShard(venue, number, self.shard.count))

    def refuse_shared(self, symbols: tuple[str, ...]) -> None:
        """Two processes that follow a symbol would publish each of its trades twice.

        Raises:
            PlatformError: another shard that runs follows one of these symbols.
        """
        for other in self.others():
            holder = read_lock_holder(other.lock)
            followed = holder.note.partition(" ")[0].split(",") if holder else []
            shared = sorted(set(symbols) & set(followed))
            if holder and shared:
                raise PlatformError(
                    f"{self.shard.program} may not follow {', '.join(shared)}: "
                    f"{other.shard.program} (pid {holder.pid}) does; restart that first"
                )


def describe_process(symbols: tuple[str, ...], *, is_bridge: bool) -> str:
    """What a process that publishes notes in its lock."""
    return " ".join([",".join(symbols), *([BRIDGE] if is_bridge else [])])


def is_of_bridge(holder: LockHolder) -> bool:
    """Whether the lock is held by a bridge."""
    return holder.note.endswith(f" {BRIDGE}")
