"""The processes of a venue's feed: one, or several among which its symbols are split. Pure."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"(.+?)(?:-(\d{1,3}))?")
_SHARE = re.compile(r"(\d{1,3})/(\d{1,3})")


@dataclass(frozen=True)
class FeedShard:
    """One of `count` processes of a venue's feed, by its number from 1 on.

    The first is named as the venue is, so that a feed of one process has no other name; it is the
    name of its files, of its connections and, behind `feed-`, of its process.
    """

    venue: str
    number: int = 1
    count: int = 1

    @property
    def name(self) -> str:
        """`VENUE`, or `VENUE-2` and so on."""
        return self.venue if self.number == 1 else f"{self.venue}-{self.number}"

    @property
    def program(self) -> str:
        """The name of its process."""
        return f"feed-{self.name}"

    @property
    def arguments(self) -> list[str]:
        """What its command line has behind `python -m streaming.feeds`."""
        share = ["--shard", f"{self.number}/{self.count}"] if self.count > 1 else []
        return [self.venue, *share]

    def choose(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        """Its symbols: they go to the shards in turn, in their order, each symbol to one.

        A symbol behind the last moves no other, and the busiest are apart if they come first.
        """
        return tuple(dict.fromkeys(symbols))[self.number - 1 :: self.count]


def list_shards(venue: str, count: int) -> list[FeedShard]:
    """Every shard of a venue's feed."""
    return [FeedShard(venue, number, count) for number in range(1, count + 1)]


def parse_shard(venue: str, share: str) -> FeedShard:
    """The shard that `NUMBER/COUNT` names; of an empty text the only one.

    Raises:
        ValueError: it is no such text, or the number is not one of 1 to COUNT.
    """
    if not share:
        return FeedShard(venue)
    match = _SHARE.fullmatch(share)
    shard = FeedShard(venue, *map(int, match.groups())) if match else None
    if shard is None or not 1 <= shard.number <= shard.count:
        raise ValueError(f"{share!r} is no NUMBER/COUNT such as 2/3")
    return shard


def split_feed_name(name: str) -> tuple[str, int]:
    """The venue and the number of the shard of this name."""
    match = _NAME.fullmatch(name)
    return (match[1], int(match[2] or 1)) if match else (name, 1)
