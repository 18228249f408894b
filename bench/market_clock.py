"""A clock of market time that runs many times as fast as the wall's, shared through a file.

It runs from one moment of the market to another and then stands, until it is set again: the market
waits for those who follow it.
"""

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.atomic_files import write_file
from include.clock import now_us


@dataclass(frozen=True)
class MarketClock:
    """Market time from `from_us` on, `speed` times as fast as the wall clock since `wall_us`.

    All in microseconds since the epoch; it stands at `until_us`.
    """

    from_us: int
    until_us: int
    wall_us: int
    speed: float

    @classmethod
    def start(cls, from_us: int, until_us: int, *, within_s: float) -> "MarketClock":
        """A clock that starts now and takes so many seconds."""
        return cls(from_us, until_us, now_us(), (until_us - from_us) / (within_s * 1e6))

    def now_us(self) -> int:
        """The market time now."""
        passed_us = int((now_us() - self.wall_us) * self.speed)
        return min(self.from_us + passed_us, self.until_us)

    def wall_us_at(self, market_us: int) -> int:
        """When the clock showed this market time."""
        return self.wall_us + int((market_us - self.from_us) / self.speed)


def share_clock(folder: Path, clock: MarketClock) -> None:
    """Set the clock that processes of this world follow."""
    write_file(_locate_clock(folder), json.dumps(asdict(clock)))


def shared_now(folder: Path) -> datetime:
    """The market time now by the clock of this world."""
    clock = MarketClock(**json.loads(_locate_clock(folder).read_text()))
    return datetime.fromtimestamp(clock.now_us() / 1e6, UTC)


def wait_until(clock: MarketClock, market_us: int) -> None:
    """Wait until the clock shows this market time."""
    time.sleep(max(0.0, (clock.wall_us_at(market_us) - now_us()) / 1e6))


def _locate_clock(folder: Path) -> Path:
    return folder / "market_clock.json"
