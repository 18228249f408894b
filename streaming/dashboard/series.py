"""What one venue reports of one symbol, second by second of market time: bounded, in memory."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from streaming.dashboard.minute_flows import MinuteFlows

T = TypeVar("T")
_SLACK = 1.25
SIDES = ("bid", "ask")


class SecondValues(Generic[T]):
    """The last value of each second since the epoch; of the newest `keep_s` seconds at least."""

    def __init__(self, keep_s: int) -> None:
        self._keep_s = keep_s
        self._values: dict[int, T] = {}

    def put(self, second: int, newest: T) -> None:
        """Set the value of a second; it replaces an earlier one of the same second."""
        self._values[second] = newest
        if len(self._values) > self._keep_s * _SLACK:
            for old in sorted(self._values)[: -self._keep_s]:
                del self._values[old]

    def select(self, first_s: int, last_s: int) -> list[tuple[int, T]]:
        """The (second, value) pairs from `first_s` to `last_s`, both included, in order."""
        return sorted((s, value) for s, value in self._values.items() if first_s <= s <= last_s)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class BestPrices:
    """The best bid and ask of an order book."""

    bid: float
    ask: float


@dataclass(frozen=True)
class ContractValues:
    """What a ticker has of a contract; null where the venue does not give it.

    `open_interest` is in base units, `funding_8h` a share of the position.
    """

    mark: float | None
    index: float | None
    open_interest: float | None
    funding_8h: float | None


@dataclass(frozen=True)
class AuctionPrice:
    """What an auction gave (`is_result`), or would give if it were held now."""

    price: float
    quantity: float
    is_result: bool


@dataclass
class MarketSeries:
    """Prices, best bids and asks, measures and trades of one symbol at one venue.

    A `…_seen_s` is when the last one was reported, in seconds of the wall clock; 0 means never.
    Mid prices, imbalances and jumps (at the end of their minute, in times of the volatility) are
    the stream's; a top of None is an invalid book.
    `sums` are the liquidity of a window by side, whose ratio is the signal.
    """

    keep_s: int
    price: float | None = None
    price_seen_s: float = 0.0
    trade_seen_s: float = 0.0
    book_seen_s: float = 0.0
    measure_seen_s: float = 0.0
    signal_seen_s: float = 0.0
    contract_seen_s: float = 0.0
    auction_seen_s: float = 0.0

    def __post_init__(self) -> None:
        self.prices: SecondValues[float] = SecondValues(self.keep_s)
        self.tops: SecondValues[BestPrices | None] = SecondValues(self.keep_s)
        self.mids: SecondValues[float] = SecondValues(self.keep_s)
        self.imbalances: SecondValues[float] = SecondValues(self.keep_s)
        self.ratios: SecondValues[float] = SecondValues(self.keep_s)
        self.sums: dict[str, SecondValues[float]] = {
            side: SecondValues(self.keep_s) for side in SIDES
        }
        self.jumps: SecondValues[float] = SecondValues(self.keep_s)
        self.contracts: SecondValues[ContractValues] = SecondValues(self.keep_s)
        self.auctions: SecondValues[AuctionPrice] = SecondValues(self.keep_s)
        self.minutes = MinuteFlows(self.keep_s // 60 + 1)
