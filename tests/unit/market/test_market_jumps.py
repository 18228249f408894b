"""Price jumps beside an implementation in pandas, and what must not change them."""

import math
import random
from decimal import Decimal

import msgspec
import numpy as np
import pandas as pd
import pytest

from include.market.jumps import Jumps, PriceSeries
from include.market.prices import SupplierPrice
from include.market.signals import PublishedSignal
from include.market.time import MINUTE_US, SECOND_US

FIRST = 29_000_000  # a minute, counted from 1970
HALF_LIFE, VOLATILITIES = 20.0, 3.5


def make() -> Jumps:
    return Jumps(volatilities=VOLATILITIES, half_life_minutes=HALF_LIFE)


def make_prices(seed: int, *, minutes: int = 600, gaps: bool = False) -> list[SupplierPrice]:
    """Some prices a minute, with moves of many sizes."""
    rng, price, prices = random.Random(seed), 100.0, []
    for minute in range(FIRST, FIRST + minutes):
        if gaps and rng.random() < 0.3:
            continue
        for second in sorted(rng.sample(range(55), rng.randint(1, 4))):
            price *= math.exp(rng.gauss(0, 0.001) * (8 if rng.random() < 0.02 else 1))
            at_us = minute * MINUTE_US + second * SECOND_US
            prices.append(SupplierPrice("gemini", "BTC-USD", at_us, Decimal(f"{price:.2f}")))
    return prices


def find(jumps: Jumps, prices: list[SupplierPrice], *, each: int = 7) -> list[PublishedSignal]:
    """What comes of the prices, so many at a time, and then of one that is long after."""
    found = []
    last = prices[-1]._replace(at_us=prices[-1].at_us + 5 * MINUTE_US)
    for begin in range(0, len(prices), each):
        for price in prices[begin : begin + each]:
            jumps.take(price)
        found += jumps.advance()
    jumps.take(last)
    return found + jumps.advance()


def find_with_pandas(prices: list[SupplierPrice]) -> dict[int, float]:
    """Minutes that jump, with the size: closes, log returns, `ewm` of their squares, shifted.

    Over gaps a return is spread, and `ewm` gets a row for every minute, empty where none is due.
    """
    times = pd.to_datetime([price.at_us for price in prices], unit="us")
    closes = pd.Series([float(price.price) for price in prices], times).resample("1min").last()
    known = closes.dropna()
    minutes = known.index.to_series().diff().dt.total_seconds() / 60
    returns = np.log(known).diff() / np.sqrt(minutes)
    squares = (returns**2).reindex(closes.index)
    variance = squares.ewm(halflife=HALF_LIFE, ignore_na=False).mean().shift(1)
    sizes = returns / np.sqrt(variance.reindex(known.index))
    counts = returns.notna().cumsum().shift(1)
    jumped = sizes[(sizes.abs() > VOLATILITIES) & (counts >= 30)]
    return {int(at.timestamp()) // 60: size for at, size in jumped.items()}


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_jumps_are_those_of_pandas(seed: int, *, gaps: bool) -> None:
    prices = make_prices(seed, gaps=gaps)
    found = {one.window_start // MINUTE_US: float(one.value) for one in find(make(), prices)}
    expected = find_with_pandas(prices)
    assert found.keys() == expected.keys() and len(found) >= 2
    assert found == pytest.approx(expected, rel=1e-9)
    assert {one.window_end - one.window_start for one in find(make(), prices)} == {MINUTE_US}


def test_batches_and_a_restart_change_nothing() -> None:
    prices = make_prices(3, gaps=True)
    whole = find(make(), prices, each=len(prices))
    assert whole == find(make(), prices, each=1) and len(whole) > 2
    first, second = prices[:700], prices[700:]
    before = make()
    found = []
    for price in first:
        before.take(price)
        found += before.advance()
    kept = msgspec.json.decode(msgspec.json.encode(before.series), type=dict[str, PriceSeries])
    after = Jumps(volatilities=VOLATILITIES, half_life_minutes=HALF_LIFE, by_series=kept)
    assert found + find(after, second) == whole


def test_series_do_not_touch_each_other_and_order_within_a_minute_does_not_matter() -> None:
    prices = make_prices(1)
    others = [price._replace(supplier="binance", price=Decimal(5)) for price in prices]
    mixed = sorted([*prices, *others], key=lambda price: (price.at_us // MINUTE_US, price.price))
    assert find(make(), mixed, each=len(mixed)) == find(make(), prices, each=len(prices))


def test_a_price_that_never_moved_and_a_young_series_have_no_jump() -> None:
    still = [
        SupplierPrice("gemini", "BTC-USD", minute * MINUTE_US, Decimal(100))
        for minute in range(FIRST, FIRST + 90)
    ]
    doubled = still[-1]._replace(at_us=still[-1].at_us + MINUTE_US, price=Decimal(200))
    assert find(make(), [*still, doubled]) == []
    young = make_prices(2, minutes=20)
    leap = young[-1]._replace(at_us=young[-1].at_us + MINUTE_US, price=Decimal(500))
    assert find(make(), [*young, leap]) == []


def test_a_minute_counts_five_seconds_after_its_end_with_what_came_until_then() -> None:
    jumps, minute_us = make(), (FIRST + 60) * MINUTE_US

    def take(seconds: float, price: int) -> list[PublishedSignal]:
        at_us = minute_us + int(seconds * SECOND_US)
        jumps.take(SupplierPrice("gemini", "BTC-USD", at_us, Decimal(price)))
        return jumps.advance()

    for minute in range(60):
        take((minute - 60) * 60.0, 100 + minute % 2)
    assert take(10, 100) == take(64.999_999, 100) == []
    assert take(59, 200) == []  # by another topic, that is read later
    (jump,) = take(65, 100)
    assert (jump.window_start, jump.window_end) == (minute_us, minute_us + MINUTE_US)
    assert jump.value > 50  # of returns of one per cent, it is one of 69 per cent


def test_without_a_bound_nothing_is_a_jump() -> None:
    assert find(Jumps(volatilities=0, half_life_minutes=HALF_LIFE), make_prices(3)) == []


def test_a_late_price_of_a_counted_minute_changes_nothing() -> None:
    prices = make_prices(4)
    jumps, expected = make(), find(make(), prices, each=1)
    found = []
    for price in prices:
        jumps.take(price)
        found += jumps.advance()
        if price.at_us >= prices[0].at_us + 4 * MINUTE_US:
            jumps.take(price._replace(at_us=price.at_us - 3 * MINUTE_US, price=Decimal(1)))
    last = prices[-1]._replace(at_us=prices[-1].at_us + 5 * MINUTE_US)
    jumps.take(last)
    assert found + jumps.advance() == expected


@pytest.mark.parametrize("flat_minutes", [0, 200, 8_000])
def test_a_move_after_weeks_at_one_price_is_a_jump_of_a_size_that_a_column_holds(
    flat_minutes: int,
) -> None:
    closes = [100 + minute % 2 for minute in range(60)] + [101] * flat_minutes + [120]
    prices = [
        SupplierPrice("gemini", "BTC-USD", (FIRST + minute) * MINUTE_US, Decimal(close))
        for minute, close in enumerate(closes)
    ]
    (jump,) = find(make(), prices)
    assert 0 < jump.value <= 1_000_000
    assert (jump.value == 1_000_000) == (flat_minutes == 8_000)


@pytest.mark.parametrize(
    ("price", "size"),
    [
        ("100.03", None),  # 3 bps: 3 times the lowest volatility
        ("100.05", pytest.approx(5, rel=1e-3)),
        ("110", pytest.approx(953.1, rel=1e-3)),
    ],
)
@pytest.mark.parametrize("first", ["100", "100.01"])
def test_a_price_that_hardly_moved_is_judged_by_the_lowest_volatility(
    first: str, price: str, size: float | None
) -> None:
    closes = [first, *["100"] * 2_000, price]
    prices = [
        SupplierPrice("gemini", "USDT-USD", (FIRST + minute) * MINUTE_US, Decimal(close))
        for minute, close in enumerate(closes)
    ]
    jumps = Jumps(volatilities=VOLATILITIES, half_life_minutes=HALF_LIFE, lowest_volatility=1e-4)
    found = [float(jump.value) for jump in find(jumps, prices)]
    assert found == ([] if size is None else [size])
