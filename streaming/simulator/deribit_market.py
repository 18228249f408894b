"""The simulated Deribit market: one perpetual's trades, book and ticker, by the price path. Pure.

Everything follows from the time alone, so that REST, any connection and a restart agree: one
trade a second, a book of twenty levels a side that changes each tenth of a second.
"""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from include.market.time import DAY_MS, HOUR_MS
from streaming.simulator.deribit_trades import last_day
from streaming.simulator.json_fields import Fields
from streaming.simulator.price_path import FIRST_S, PricePath

INSTRUMENT = "BTC-PERPETUAL"
LEVELS, STEPS_PER_S = 20, 10
_TICK = Decimal("0.5")
_FIRST_ID, _ID_STEP = 1_000_000, 7
OPEN_INTEREST = 1_000_000_000.0
_MINUTE_MS = 60_000
_LIQUIDATED = ("T", "T", "T", "T", "M", "MT")  # the taker's order, the maker's, both
_LIQUIDATION_ODDS = 360

AmountsByPrice = dict[float, float]


def number_at(ms: int) -> int:
    """The number of the first trade at or after a time in ms."""
    return max(0, -(-ms // 1000) - FIRST_S)


def trade(path: PricePath, number: int) -> Fields:
    """Trade `number`, in the form of stream and REST; amounts are USD in steps of ten."""
    second = FIRST_S + number
    mid, quantity, side, _ = path.tick_at(second)
    price = float(_round_to_tick(mid) + (_TICK if side > 0 else 0))
    amount = float(10 * max(1, round(quantity * mid / 10)))
    liquidated = _liquidated_sides(number)
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
        **({"liquidation": liquidated} if liquidated else {}),
    }


def _liquidated_sides(number: int) -> str:
    """Whose order is a liquidation, in about one trade of a minute: mostly the taker's."""
    drawn = number * 2654435761 % 2**32 * _LIQUIDATION_ODDS >> 32
    return _LIQUIDATED[drawn] if drawn < len(_LIQUIDATED) else ""


def step_at(ms: int) -> int:
    """The number of the book's state at a time in ms."""
    return ms * STEPS_PER_S // 1000


def change_id(step: int) -> int:
    """The id of a book state: rises, but not by one."""
    return _FIRST_ID + step * _ID_STEP


def make_levels(path: PricePath, step: int) -> tuple[AmountsByPrice, AmountsByPrice]:
    """Bids and asks of a book state, best first: price to amount in USD."""
    best = _round_to_tick(path.tick_at(step // STEPS_PER_S)[0])
    sides: tuple[AmountsByPrice, AmountsByPrice] = ({}, {})
    for side, signum in ((0, -1), (1, 1)):
        for rank in range(LEVELS):
            price = best + _TICK * side + signum * _TICK * rank
            fixed = int(price * 2) * 2654435761 + side
            moving = step if fixed % LEVELS == step % LEVELS else step // 50
            sides[side][float(price)] = float(10 * (1 + (fixed + moving * 40503) % 9973))
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


def change(path: PricePath, step_before: int, step: int) -> Fields:
    """What changed between two book states."""
    sides = zip(make_levels(path, step_before), make_levels(path, step), strict=True)
    bids, asks = (_difference(side_before, side_after) for side_before, side_after in sides)
    return {
        "type": "change",
        "timestamp": step * 1000 // STEPS_PER_S,
        "prev_change_id": change_id(step_before),
        "instrument_name": INSTRUMENT,
        "change_id": change_id(step),
        "bids": bids,
        "asks": asks,
    }


def grouped_book(path: PricePath, step: int, depth: int, group: Decimal = _TICK) -> Fields:
    """The best levels in the form of the grouped channel: prices in steps of `group` USD."""
    bids, asks = make_levels(path, step)
    return {
        "timestamp": step * 1000 // STEPS_PER_S,
        "instrument_name": INSTRUMENT,
        "change_id": change_id(step),
        "bids": _group_levels(bids, group, ROUND_FLOOR)[:depth],
        "asks": _group_levels(asks, group, ROUND_CEILING)[:depth],
    }


def _group_levels(
    levels_of_side: AmountsByPrice, group: Decimal, rounding: str
) -> list[list[float]]:
    if group == _TICK:
        return [list(level) for level in levels_of_side.items()]
    amounts: dict[float, float] = {}
    for price, amount in levels_of_side.items():
        steps = (Decimal(str(price)) / group).to_integral_value(rounding)
        edge = float(steps * group)
        amounts[edge] = amounts.get(edge, 0.0) + amount
    return [list(level) for level in amounts.items()]


def quote(path: PricePath, step: int) -> Fields:
    """The best bid and ask."""
    (bid, bid_amount), (ask, ask_amount) = (
        next(iter(side.items())) for side in make_levels(path, step)
    )
    return {
        "timestamp": step * 1000 // STEPS_PER_S,
        "instrument_name": INSTRUMENT,
        "best_bid_price": bid,
        "best_bid_amount": bid_amount,
        "best_ask_price": ask,
        "best_ask_amount": ask_amount,
    }


def index_price(path: PricePath, ms: int) -> float:
    """The index at a time in ms; the mark price is the same."""
    return path.tick_at(ms // 1000)[0]


def last_price(path: PricePath, ms: int) -> float:
    """The price of the last trade before a time in ms."""
    return float(trade(path, number_at(ms // 1000 * 1000) - 1)["price"])


def hourly_interest(hour: int) -> float:
    """The funding of an hour since the epoch, as a share: positive where longs pay shorts."""
    return round(math.sin(hour * math.tau / 36) * 1.25e-5, 10)


def funding_8h(ms: int) -> float:
    """The funding of the eight hours until a time in ms."""
    hour = ms // HOUR_MS
    return round(sum(hourly_interest(hour - age) for age in range(8)), 10)


def make_ticker(path: PricePath, step: int) -> Fields:
    """The ticker: its bid and ask are the book's, its statistics those of the trades."""
    ms = step * 1000 // STEPS_PER_S
    index, day = index_price(path, ms), last_day(path, ms // _MINUTE_MS)
    best = quote(path, step)
    return {
        **best,
        "state": "open",
        "stats": {
            "high": day.high,
            "low": day.low,
            "price_change": round((day.close / day.open - 1) * 100, 4) if day.open else None,
            "volume": round(day.volume, 8),
            "volume_usd": day.cost,
            "volume_notional": day.cost,
        },
        "index_price": index,
        "last_price": last_price(path, ms),
        "settlement_price": index_price(path, ms // DAY_MS * DAY_MS + 8 * HOUR_MS - DAY_MS),
        "min_price": float(_round_to_tick(index * 0.985)),
        "max_price": float(_round_to_tick(index * 1.015)),
        "open_interest": OPEN_INTEREST,
        "mark_price": index,
        "interest_value": funding_8h(ms),
        "estimated_delivery_price": index,
        "current_funding": hourly_interest(ms // HOUR_MS),
        "funding_8h": funding_8h(ms),
    }


def _difference(levels_before: AmountsByPrice, levels_after: AmountsByPrice) -> list[list[Any]]:
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
