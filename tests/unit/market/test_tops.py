"""Which amounts of a top are sane, and what its top and levels measure."""

from decimal import Decimal as D

import msgspec
import pytest

from include.market.events import Message, Top
from include.market.measures import imbalance_of, mid_price
from include.market.tops import decode_top, is_sane, is_sane_top
from include.market.wire import encode

TOP = Top(D(100), D(3), D(102), D(1))


@pytest.mark.parametrize(
    ("amount", "sane"),
    [
        ("0", True),
        ("-0.00000001", False),
        ("999999999999.99999999", True),
        ("1000000000000", False),
        ("NaN", False),
        ("Infinity", False),
        ("-Infinity", False),
    ],
)
def test_a_sane_amount_is_one_that_the_tables_hold(amount: str, sane: bool) -> None:
    assert is_sane(D(amount)) is sane
    for name in ("bid", "bid_quantity", "ask", "ask_quantity"):
        assert is_sane_top(msgspec.structs.replace(TOP, **{name: D(amount)})) is sane


def test_a_top_is_read_without_the_changes_beside_it() -> None:
    message = Message("gemini", "BTC-USD", "book", "c", (1, 1), 7, 8, (), TOP)
    read = decode_top(encode(message))
    assert (read.venue, read.symbol, read.kind, read.conn) == ("gemini", "BTC-USD", "book", "c")
    assert (read.venue_time, read.received_time, read.top) == (7, 8, TOP)


@pytest.mark.parametrize(
    ("top", "imbalance"),
    [
        (TOP, "0.5"),
        (Top(D(100), D(1), D(102), D(0)), "1"),
        (Top(D(100), D(0), D(102), D("0.00000001")), "-1"),
        (Top(D(100), D(1), D(102), D(2)), "-0.333333333333"),
        (Top(D(100), D(0), D(102), D(0)), None),
        (Top(D(100), D(-1), D(102), D(3)), None),
        (Top(D(100), D(3), D(102), D(-1)), None),
        (Top(D(102), D(3), D(102), D(1)), None),  # locked: bid and ask are one
        (Top(D(103), D(3), D(102), D(1)), None),
    ],
)
def test_the_imbalance_is_of_a_book_that_holds(top: Top, imbalance: str | None) -> None:
    assert imbalance_of(top) == (None if imbalance is None else D(imbalance))


def test_the_mid_price_is_halfway() -> None:
    assert mid_price(Top(D("100.01"), D(1), D("100.04"), D(9))) == D("100.025")
