"""What a venue defines of each connection that its feed keeps up."""

from collections.abc import Callable
from dataclasses import dataclass, field

from streaming.feeds.decoding import Decoder
from streaming.feeds.recorded_connections import NameStart, has_no_start


@dataclass(frozen=True)
class StreamSpec:
    """One connection to keep up.

    `tape` starts the path of its recordings. `decoder` makes one connection's decoder from its
    id and the last trade ids by symbol, which all connections share. `life_s` is when a successor
    is opened, null where the venue does not cut connections. `name_start` knows the frames that
    a connection begins with. `pages_per_minute` is how many pages of REST it asks for at most.
    """

    venue: str
    symbols: tuple[str, ...]
    url: str
    subscribe: tuple[str, ...] = field(repr=False)
    tape: str
    decoder: Callable[[str, dict[str, int]], Decoder]
    life_s: float | None = None
    name_start: NameStart = has_no_start
    pages_per_minute: int = 60
