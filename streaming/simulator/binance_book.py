"""The simulated Binance book of a second: levels around the price path. Pure."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

from streaming.simulator.matching import Levels
from streaming.simulator.price_path import CENT, PricePath

DEPTH = 500
_LOOK_AHEAD_S, _IMBALANCE_GAIN = (
    5,
    1500.0,
)  # how far ahead, and how strongly, the best quantities predict the price
_LOT = Decimal("0.00001")


def best(path: PricePath, second: int) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    """Best bid and ask of a second, each price and quantity: two cents apart.

    The side with the larger quantity is the one the price will move away from, with noise, as in a
    real book: the imbalance predicts something of the next seconds.
    """
    price, later_price = path.tick_at(second)[0], path.tick_at(second + _LOOK_AHEAD_S)[0]
    mid = Decimal(str(price)).quantize(CENT, ROUND_HALF_EVEN)
    hashed = (second * 2_654_435_761 + int(mid * 100)) % 1_000_003
    imbalance = math.tanh(
        (later_price - price) / price * _IMBALANCE_GAIN + (hashed % 997 / 997 - 0.5) * 3
    )
    size = 0.2 + 3 * (hashed % 1009) / 1009
    sizes = (Decimal(str(size * (1 + signum * 0.95 * imbalance))) for signum in (1, -1))
    bid, ask = (exact.quantize(_LOT, ROUND_HALF_EVEN) + _LOT for exact in sizes)
    return (mid - CENT, bid), (mid + CENT, ask)


def make_levels(path: PricePath, second: int, *, depth: int = DEPTH) -> tuple[Levels, Levels]:
    """Bids and asks, best first; the best are those of `@bookTicker`.

    The others lie on a grid that stays while the price moves, each with a quantity that stays for
    half a minute or more: from one second to the next few of them change, as in a real book.
    """
    (bid, bid_quantity), (ask, ask_quantity) = best(path, second)
    step = Decimal(1).scaleb(max(bid.adjusted() - 4, -8))
    first_bid, first_ask = math.ceil(bid / step) - 1, math.floor(ask / step) + 1
    bids = range(first_bid, first_bid - depth + 1, -1)
    asks = range(first_ask, first_ask + depth - 1)
    return (
        [(bid, bid_quantity), *((n * step, _quantity_of(n, second)) for n in bids)],
        [(ask, ask_quantity), *((n * step, _quantity_of(n, second)) for n in asks)],
    )


def _quantity_of(level: int, second: int) -> Decimal:
    """The quantity of a level of the grid; every level changes at a pace of its own."""
    lasts_s = 30 + level * 2654435761 % 61
    hashed = (level + second // lasts_s * 7919) * 2654435761 % 99_991
    return Decimal(hashed + 1).scaleb(-5)
