"""The simulated Binance book of a second: levels around the price path. Pure."""

from decimal import Decimal

from streaming.simulator.matching import Levels
from streaming.simulator.price_path import PricePath

DEPTH = 500
_CENT = Decimal("0.01")
_BEST = (Decimal("1.50000000"), Decimal("1.25000000"))


def levels(path: PricePath, second: int, *, most: int = DEPTH) -> tuple[Levels, Levels]:
    """Bids and asks, best first; the best are those of `@bookTicker`."""
    mid = Decimal(str(path.at(second)[0])).quantize(_CENT)
    sides: list[Levels] = []
    for best, sign in zip(_BEST, (-1, 1), strict=True):
        side = [(mid + sign * _CENT, best)]
        for rank in range(1, most):
            mixed = (int(mid * 100) + sign * rank) * 2654435761 % 99_991
            side.append((mid + sign * _CENT * (1 + rank * 3), Decimal(mixed + 1) / 100_000))
        sides.append(side)
    return sides[0], sides[1]
