"""A book at a moment: its levels in order, its top, its spread, cut to a depth; and volatility."""

import math
from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from include.market.events import Top
from include.market.levels import BookAt, Level, decode_levels, encode_levels, sort_levels
from include.market.time import MINUTE_US
from include.market.volatility import DayOfPrices

AT = datetime(2026, 4, 20, tzinfo=UTC)


def levels(*prices: int) -> tuple[Level, ...]:
    return tuple((D(price), D(index)) for index, price in enumerate(prices, start=1))


def book(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> BookAt:
    return BookAt("gemini", "BTC-USD", AT, "c", AT, AT, 0, 7, bids, asks)


def test_levels_are_sorted_best_first_and_none_is_empty() -> None:
    bids, asks = sort_levels(
        [
            ("ask", D(103), D(1)),
            ("bid", D(99), D(2)),
            ("ask", D(102), D(3)),
            ("bid", D(100), D(4)),
            ("bid", D(101), D(0)),
            ("ask", D(101), D(0)),
        ]
    )
    assert bids == ((D(100), D(4)), (D(99), D(2)))
    assert asks == ((D(102), D(3)), (D(103), D(1)))


@pytest.mark.parametrize(
    ("bids", "asks", "spread"),
    [
        (levels(100, 99), levels(102, 103), D(2)),
        (levels(100), levels(101), D(1)),
        (levels(101), levels(101), None),  # locked
        (levels(102), levels(101), None),  # crossed
        ((), levels(101), None),
        (levels(100), (), None),
        ((), (), None),
    ],
)
def test_the_top_is_of_both_sides_that_do_not_meet(
    bids: tuple[Level, ...], asks: tuple[Level, ...], spread: D | None
) -> None:
    one = book(bids, asks)
    assert one.spread == spread
    expected = None if spread is None else Top(bids[0][0], D(1), asks[0][0], D(1))
    assert one.top() == expected


def test_a_book_is_cut_to_a_depth_a_side() -> None:
    one = book(levels(100, 99, 98), levels(102))
    assert one.cut(2) == book(levels(100, 99), levels(102))
    assert one.cut(9) == one


def test_levels_are_the_same_there_and_back_with_numbers_as_text() -> None:
    text = encode_levels(levels(100, 99))
    assert text == '[["100","1"],["99","2"]]'
    assert tuple(decode_levels(text)) == levels(100, 99)


def prices(*known: tuple[int, float]) -> DayOfPrices:
    return DayOfPrices((minute * MINUTE_US, price) for minute, price in known)


def test_the_volatility_is_known_after_an_hour_of_prices() -> None:
    rising = [(minute, math.exp(minute * 0.001)) for minute in range(61)]
    assert prices(*rising[:60]).volatility() is None
    assert prices(*rising).volatility() == pytest.approx(0.005)
    flat = [(minute, 100.0) for minute in range(61)]
    assert prices(*flat).volatility() is None  # nothing changed: it is unknown


def test_a_minute_that_is_known_or_before_it_is_left_out() -> None:
    rising = [(minute, math.exp(minute * 0.001)) for minute in range(61)]
    again = [*rising, (60, 5.0), (30, 7.0), (0, 9.0)]
    assert prices(*again).volatility() == pytest.approx(0.005)


def test_the_last_price_is_carried_for_an_hour_and_no_longer() -> None:
    """Sampled every five minutes back from the newest: one step of 1 among zeros, or none."""
    first = [(minute, 1.0) for minute in range(61)]
    carried = prices(*first, (121, math.e)).volatility()
    assert carried == pytest.approx(math.sqrt(1 / 24))
    gap = prices(*first, *((minute, math.e) for minute in range(126, 187)))
    assert gap.volatility() is None  # what lies across the gap is left out, and all else is flat


def test_a_day_is_remembered_and_nothing_before_it() -> None:
    jump = [(0, math.e), *((minute, 1.0) for minute in range(1, 1441))]
    assert prices(*jump).volatility() == pytest.approx(math.sqrt(1 / 288))
    assert prices(*jump, (1441, 1.0)).volatility() is None
