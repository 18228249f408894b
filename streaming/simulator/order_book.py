"""The simulated order book of one symbol: moves with the price path, is traded against. Pure.

Each step gives venue-shaped events: `change` and `trade` dictionaries of text values.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from streaming.simulator.price_path import CENT, PricePath

BookEvent = dict[str, object]
LEVELS = 40
_UNIT = Decimal("0.00000001")
_SIGNS = (("bid", -1), ("ask", 1))
_CANCEL_SHARE = 0.3
_OTHER = {"buy": "ask", "sell": "bid"}


class OrderBook:
    """Price levels of both sides, with the changes that keep them around the path."""

    def __init__(self, path: PricePath, *, seed: int, unit: Decimal = _UNIT) -> None:
        self._path, self._unit = path, unit
        self._rng = np.random.Generator(np.random.Philox(seed))
        self.sides: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        self.last = Decimal(0)

    def best(self, side: str) -> Decimal:
        """Best price of a side."""
        return max(self.sides["bid"]) if side == "bid" else min(self.sides["ask"])

    def snapshot(self) -> list[BookEvent]:
        """All levels, bids then asks, each ascending by price, reason `initial`."""
        return [
            make_change(side, price, quantity, quantity, "initial")
            for side in ("bid", "ask")
            for price, quantity in sorted(self.sides[side].items())
        ]

    def move(self, second: int) -> Iterator[list[BookEvent]]:
        """Bring the book to a second of the path; the second's print is traded on the way."""
        mid, quantity, side, price = self._path.tick_at(second)
        centre = Decimal(str(mid)).quantize(CENT, ROUND_HALF_EVEN)
        self.last = self.last or centre  # before the first trade
        yield from self._recentre(centre)
        if quantity > 0:
            level = Decimal(str(price)).quantize(CENT, ROUND_HALF_EVEN)
            yield from self._print("buy" if side > 0 else "sell", level, self._units(quantity))
            yield from self._recentre(centre)

    def wiggle(self) -> list[BookEvent]:
        """Place or cancel somewhere, nearer the top more often."""
        side = "bid" if self._rng.integers(2) else "ask"
        prices = sorted(self.sides[side], reverse=side == "bid")
        rank = min(int(self._rng.exponential(6)), len(prices) - 1)
        price = prices[rank]
        if self._rng.random() < _CANCEL_SHARE and rank > 0:
            return [self._set(side, price, Decimal(0), "cancel")]
        return [self._set(side, price, self._quantity(rank), "place")]

    def take(
        self, side: str, *, limit: Decimal, amount: Decimal
    ) -> tuple[list[tuple[Decimal, Decimal]], list[list[BookEvent]]]:
        """Match an incoming order: its fills (price, quantity) and the events they make."""
        maker_side, fills, events_by_fill = (
            _OTHER[side],
            list[tuple[Decimal, Decimal]](),
            list[list[BookEvent]](),
        )
        while amount > 0 and len(self.sides[maker_side]) > 1:
            price = self.best(maker_side)
            if price > limit if side == "buy" else price < limit:
                break
            quantity = min(amount, self.sides[maker_side][price])
            amount -= quantity
            fills.append((price, quantity))
            events_by_fill.append(self._trade(maker_side, price, quantity))
        return fills, events_by_fill

    def _recentre(self, centre: Decimal) -> Iterator[list[BookEvent]]:
        for side, signum in _SIGNS:  # cancel on both sides first: the book is never crossed
            levels = self.sides[side]
            for price in [price for price in levels if (price - centre) * signum <= 0]:
                yield [self._set(side, price, Decimal(0), "cancel")]
        for side, signum in _SIGNS:
            levels = self.sides[side]
            edge = centre + signum * CENT
            if edge not in levels:
                yield [self._set(side, edge, self._quantity(0), "place")]
            ranked = sorted(levels, key=lambda price: abs(price - centre))
            for price in ranked[LEVELS:]:
                yield [self._set(side, price, Decimal(0), "cancel")]
            for rank in range(len(ranked), LEVELS):
                far = max(levels, key=lambda price: abs(price - centre))
                step = (1 + int(self._rng.integers(1, _widest_step(centre)))) * CENT
                yield [self._set(side, far + signum * step, self._quantity(rank), "place")]

    def _print(self, side: str, price: Decimal, quantity: Decimal) -> Iterator[list[BookEvent]]:
        maker_side = _OTHER[side]
        if self.sides[maker_side].get(price, Decimal(0)) < quantity:
            yield [self._set(maker_side, price, quantity + self._quantity(0), "place")]
        yield self._trade(maker_side, price, quantity)

    def _trade(self, maker: str, price: Decimal, quantity: Decimal) -> list[BookEvent]:
        self.last = price
        trade: BookEvent = {
            "type": "trade",
            "tid": 0,
            "price": f"{price:f}",
            "amount": f"{quantity:f}",
            "makerSide": maker,
        }
        return [trade, self._set(maker, price, self.sides[maker][price] - quantity, "trade")]

    def _set(self, side: str, price: Decimal, remaining: Decimal, reason: str) -> BookEvent:
        levels = self.sides[side]
        delta = remaining - levels.get(price, Decimal(0))
        if remaining > 0:
            levels[price] = remaining
        else:
            levels.pop(price, None)
        return make_change(side, price, remaining, delta, reason)

    def _quantity(self, rank: int) -> Decimal:
        return self._units(float(self._rng.uniform(0.2, 3.0)) * (1 + rank / 20))

    def _units(self, quantity: float) -> Decimal:
        return Decimal(str(quantity)).quantize(self._unit, ROUND_HALF_EVEN)


def _widest_step(price: Decimal) -> int:
    """Between two new levels, in cents: three dollars, less where the price is low."""
    return min(300, 3 + int(price / 20))


def make_change(
    side: str, price: Decimal, remaining: Decimal, delta: Decimal, reason: str
) -> BookEvent:
    """The event of a level that is `delta` more than before, and now `remaining`."""
    return {
        "type": "change",
        "side": side,
        "price": f"{price:f}",
        "remaining": _text(remaining),
        "delta": _text(delta),
        "reason": reason,
    }


def _text(amount: Decimal) -> str:
    return f"{amount:f}" if amount else "0"
