"""The simulated Deribit market: one perpetual's trades, book and ticker, by the price path. Pure.

Everything follows from the time alone, so that REST, any connection and a restart agree: one
trade a second, a book of twenty levels a side that changes each tenth of a second.
"""

from decimal import Decimal
from typing import Any

from streaming.simulator.price_path import DAY_S, FIRST_DAY, PricePath

INSTRUMENT = "BTC-PERPETUAL"
LEVELS, STEPS_PER_S = 20, 10
_TICK = Decimal("0.5")
_ANCHOR_S = FIRST_DAY * DAY_S
_FIRST_ID, _ID_STEP = 1_000_000, 7

Fields = dict[str, Any]
Levels = dict[float, float]


def number_at(ms: int) -> int:
    """The number of the first trade at or after a time in ms."""
    return max(0, -(-ms // 1000) - _ANCHOR_S)


def make_trade(path: PricePath, number: int) -> Fields:
    """Trade `number`, in the form of stream and REST; amounts are USD in steps of ten."""
    second = _ANCHOR_S + number
    mid, quantity, side, _ = path.tick_at(second)
    price = float(_round_to_tick(mid) + (_TICK if side > 0 else 0))
    amount = float(10 * max(1, round(quantity * mid / 10)))
    return {
        "trade_seq": number,
        "trade_id": str(90_000_000 + number),
        "timestamp": second * 1000,
        "tick_direction": 1,
        "price": price,
        "mark_price": mid,
        "instrument_name": INSTRUMENT,
        "index_price": mid,
        "direction": "buy" if side > 0 else "sell",
        "amount": amount,
        "contracts": amount / 10,
    }


def step_at(ms: int) -> int:
    """The number of the book's state at a time in ms."""
    return ms * STEPS_PER_S // 1000


def change_id(step: int) -> int:
    """The id of a book state: rises, but not by one."""
    return _FIRST_ID + step * _ID_STEP


def make_levels(path: PricePath, step: int) -> tuple[Levels, Levels]:
    """Bids and asks of a book state, best first: price to amount in USD."""
    best = _round_to_tick(path.tick_at(step // STEPS_PER_S)[0])
    sides: tuple[Levels, Levels] = ({}, {})
    for side, signum in ((0, -1), (1, 1)):
        for rank in range(LEVELS):
            price = best + _TICK * side + signum * _TICK * rank
            calm = int(price * 2) * 2654435761 + side
            moving = step if calm % LEVELS == step % LEVELS else step // 50
            sides[side][float(price)] = float(10 * (1 + (calm + moving * 40503) % 9973))
    return sides


def make_snapshot(path: PricePath, step: int) -> Fields:
    """The whole book, the first message of the incremental channel."""
    bids, asks = ([["new", *level] for level in side.items()] for side in make_levels(path, step))
    head: Fields = {"type": "snapshot", "timestamp": step * 1000 // STEPS_PER_S}
    return {
        **head,
        "instrument_name": INSTRUMENT,
        "change_id": change_id(step),
        "bids": bids,
        "asks": asks,
    }


def make_change(path: PricePath, step_before: int, step: int) -> Fields:
    """What changed between two book states."""
    sides = zip(make_levels(path, step_before), make_levels(path, step), strict=True)
    bids, asks = (_find_difference(side_before, side_after) for side_before, side_after in sides)
    return {
        "type": "change",
        "timestamp": step * 1000 // STEPS_PER_S,
        "prev_change_id": change_id(step_before),
        "instrument_name": INSTRUMENT,
        "change_id": change_id(step),
        "bids": bids,
        "asks": asks,
    }


def grouped_book(path: PricePath, step: int, depth: int) -> Fields:
    """The best levels in the form of the grouped channel."""
    bids, asks = (
        [list(level) for level in list(side.items())[:depth]] for side in make_levels(path, step)
    )
    return {
        "timestamp": step * 1000 // STEPS_PER_S,
        "instrument_name": INSTRUMENT,
        "change_id": change_id(step),
        "bids": bids,
        "asks": asks,
    }


def make_ticker(path: PricePath, step: int) -> Fields:
    """The ticker: its bid and ask are the book's."""
    second = step // STEPS_PER_S
    (bid, bid_amount), (ask, ask_amount) = (
        next(iter(side.items())) for side in make_levels(path, step)
    )
    hours = [path.tick_at(second - 3600 * hour)[0] for hour in range(25)]
    last = make_trade(path, number_at(second * 1000) - 1)["price"]
    stats = {"high": max(hours), "low": min(hours), "volume": 1000.5, "price_change": 0.1}
    return {
        "timestamp": step * 1000 // STEPS_PER_S,
        "state": "open",
        "stats": stats,
        "instrument_name": INSTRUMENT,
        "last_price": last,
        "mark_price": hours[0],
        "index_price": hours[0],
        "best_bid_price": bid,
        "best_bid_amount": bid_amount,
        "best_ask_price": ask,
        "best_ask_amount": ask_amount,
        "open_interest": 1000,
    }


def _find_difference(levels_before: Levels, levels_after: Levels) -> list[list[Any]]:
    deletions: list[list[Any]] = [
        ["delete", price, 0.0] for price in levels_before if price not in levels_after
    ]
    return deletions + [
        ["change" if price in levels_before else "new", price, amount]
        for price, amount in levels_after.items()
        if levels_before.get(price) != amount
    ]


def _round_to_tick(mid: float) -> Decimal:
    return (Decimal(str(mid)) / _TICK).to_integral_value() * _TICK
