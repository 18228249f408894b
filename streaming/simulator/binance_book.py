"""The simulated Binance book of a second: levels around the price path. Pure."""

import math
from decimal import Decimal

from streaming.simulator.matching import Levels
from streaming.simulator.price_path import PricePath

DEPTH = 500
_CENT = Decimal("0.01")
_LEAN_S, _LEAN = 5, 1500.0  # how far ahead, and how strongly, the best quantities tell of the price
_LOT = Decimal("0.00001")


def best(path: PricePath, second: int) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
    """Best bid and ask of a second, each price and quantity: two cents apart.

    The side that waits for more is the one the price will move away from, with noise, as in a real
    book: an imbalance says something of the seconds to come.
    """
    now, soon = path.at(second)[0], path.at(second + _LEAN_S)[0]
    mid = Decimal(str(now)).quantize(_CENT)
    mixed = (second * 2_654_435_761 + int(mid * 100)) % 1_000_003
    lean = math.tanh((soon - now) / now * _LEAN + (mixed % 997 / 997 - 0.5) * 3)
    size = 0.2 + 3 * (mixed % 1009) / 1009
    bid, ask = (Decimal(str(size * (1 + sign * 0.95 * lean))) for sign in (1, -1))
    return (mid - _CENT, bid.quantize(_LOT) + _LOT), (mid + _CENT, ask.quantize(_LOT) + _LOT)


def levels(path: PricePath, second: int, *, most: int = DEPTH) -> tuple[Levels, Levels]:
    """Bids and asks, best first; the best are those of `@bookTicker`."""
    mid = Decimal(str(path.at(second)[0])).quantize(_CENT)
    sides: list[Levels] = []
    for top, sign in zip(best(path, second), (-1, 1), strict=True):
        side = [top]
        for rank in range(1, most):
            mixed = (int(mid * 100) + sign * rank) * 2654435761 % 99_991
            side.append((mid + sign * _CENT * (1 + rank * 3), Decimal(mixed + 1) / 100_000))
        sides.append(side)
    return sides[0], sides[1]
