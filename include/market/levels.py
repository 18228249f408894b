"""A book at a moment: its levels, best first, and what is measured of them. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import msgspec

from include.market.events import BookSide, Top

Level = tuple[Decimal, Decimal]  # price, and the quantity there in base units
SideAndLevel = tuple[BookSide, Decimal, Decimal]
BookLevels = Mapping[tuple[BookSide, Decimal], Decimal]  # quantity by side and price
BidsAndAsks = tuple[tuple[Level, ...], tuple[Level, ...]]

_levels: msgspec.json.Decoder[list[Level]] = msgspec.json.Decoder(list[Level])
_encoder = msgspec.json.Encoder(decimal_format="string")


@dataclass(frozen=True)
class BookAt:
    """The book of a symbol at a moment, as the feed had received it by then.

    `bids` and `asks` are (price in quote per base, quantity in base units), best first.
    `snapshot_at` is when its last snapshot came, `received_at` when its last message did, on
    connection `conn`; `offset` is that of the last one that changed it, in `partition` of
    market.book.
    """

    venue: str
    symbol: str
    at: datetime
    conn: str
    snapshot_at: datetime
    received_at: datetime
    partition: int
    offset: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def top(self) -> Top | None:
        """Best bid and ask; null if a side is empty or the book is crossed."""
        if not self.bids or not self.asks or self.bids[0][0] >= self.asks[0][0]:
            return None
        return Top(*self.bids[0], *self.asks[0])

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, in quote per base; null without a top."""
        top = self.top()
        return None if top is None else top.ask - top.bid

    def cut(self, depth: int) -> "BookAt":
        """The same book with so many levels a side at most."""
        return replace(self, bids=self.bids[:depth], asks=self.asks[:depth])


def sort_levels(
    of_both_sides: Iterable[SideAndLevel],
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Bids and asks, best first, of levels of either side; a quantity of zero is no level."""
    sides: dict[BookSide, list[Level]] = {"bid": [], "ask": []}
    for side, price, remaining in of_both_sides:
        if remaining > 0:
            sides[side].append((price, remaining))
    return tuple(sorted(sides["bid"], reverse=True)), tuple(sorted(sides["ask"]))


def encode_levels(side_levels: Iterable[Level]) -> str:
    """The levels of a side as JSON, numbers as text."""
    return _encoder.encode(list(side_levels)).decode()


def decode_levels(text: str) -> list[Level]:
    """The levels of a side from JSON."""
    return _levels.decode(text)
