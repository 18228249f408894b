"""The simulated Binance book of a second: levels around the price path. Pure."""

import math
from decimal import Decimal

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
    mid = Decimal(str(price)).quantize(CENT)
    hashed = (second * 2_654_435_761 + int(mid * 100)) % 1_000_003
    imbalance = math.tanh(
        (later_price - price) / price * _IMBALANCE_GAIN + (hashed % 997 / 997 - 0.5) * 3
    )
    size = 0.2 + 3 * (hashed % 1009) / 1009
    bid, ask = (Decimal(str(size * (1 + signum * 0.95 * imbalance))) for signum in (1, -1))
    return (mid - CENT, bid.quantize(_LOT) + _LOT), (mid + CENT, ask.quantize(_LOT) + _LOT)


def make_levels(path: PricePath, second: int, *, depth: int = DEPTH) -> tuple[Levels, Levels]:
    """Bids and asks, best first; the best are those of `@bookTicker`."""
    mid = Decimal(str(path.tick_at(second)[0])).quantize(CENT)
    sides: list[Levels] = []
    for top, signum in zip(best(path, second), (-1, 1), strict=True):
        side = [top]
        for rank in range(1, depth):
            hashed = (int(mid * 100) + signum * rank) * 2654435761 % 99_991
            side.append((mid + signum * CENT * (1 + rank * 3), Decimal(hashed + 1) / 100_000))
        sides.append(side)
    return sides[0], sides[1]
