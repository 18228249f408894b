"""Liquidity windows without Spark, worked by hand."""

from decimal import Decimal as D

from include.market.events import BookChange, Message
from include.market.liquidity import Liquidity, Windows

S = 1_000_000


def book(
    at_s: float | None, *levels: tuple[str, str, str], event: int, kind: str = "book"
) -> Message:
    changes = tuple(
        BookChange(side, D(price), D(left), venue_event_id=event)  # type: ignore[arg-type]
        for side, price, left in levels
    )
    at = None if at_s is None else int(at_s * S)
    return Message("gemini", "BTC-USD", kind, "c", (event, event), at, 0, changes)


def run(*messages: Message) -> list[Liquidity]:
    windows = Windows(window_s=60, watermark_s=10)
    return [one for message in messages for one in windows.take(message)]


BID, ASK = ("bid", "100", "2"), ("ask", "101", "4")


def test_a_window_closes_when_the_watermark_passes_its_end() -> None:
    first = [book(0, BID, event=1), book(59.9, ASK, event=2), book(69.9, BID, event=3)]
    assert run(*first) == []
    (window,) = run(*first, book(70, ASK, event=4))
    assert window == Liquidity(0, 60 * S, D(200), D(404))
    assert window.ratio == D("2.020000000000")


def test_repeats_snapshots_and_heartbeats_are_left_out() -> None:
    (window,) = run(
        book(None, ("bid", "1", "99"), event=0),
        book(1, BID, event=1),
        book(2, BID, event=1),
        book(3, ASK, event=2),
        book(4, event=3, kind="heartbeat"),
        book(80, BID, event=4),
    )
    assert (window.bid, window.ask) == (D(200), D(404))


def test_what_comes_after_its_window_closed_is_late() -> None:
    windows = run(
        book(0, BID, ASK, event=1),
        book(70, BID, event=2),
        book(59, BID, ASK, event=3),
        book(131, ASK, event=4),
    )
    assert [(one.window_start, one.bid, one.ask) for one in windows] == [
        (0, D(200), D(404)),
        (60 * S, D(200), None),
    ]


def test_a_window_of_one_side_or_of_nothing_left_has_no_ratio() -> None:
    windows = run(
        book(0, BID, event=1), book(60, BID, ("ask", "101", "0"), event=2), book(140, ASK, event=3)
    )
    assert [one.ratio for one in windows] == [None, None]


def test_a_ratio_is_divided_as_double_and_given_with_twelve_decimals() -> None:
    (window,) = run(book(0, ("bid", "3", "1"), ("ask", "1", "1"), event=1), book(70, ASK, event=2))
    assert window.ratio == D("0.333333333333")


def test_an_event_that_is_late_within_the_watermark_counts() -> None:
    """The window of the first minute is open until an event of 70 seconds has come."""
    (window,) = run(
        book(0, BID, event=1),
        book(69.9, BID, event=2),
        book(59.9, ASK, event=3),
        book(70, BID, event=4),
    )
    assert (window.window_start, window.bid, window.ask) == (0, D(200), D(404))
