"""Liquidity windows without Spark, worked by hand: what closes them, and what is late."""

import random
from decimal import Decimal as D

import msgspec

from include.market.events import BookChange, Message
from include.market.liquidity import book_flow
from include.market.windows import Liquidity, Windows, WindowState

S = 1_000_000
RECEIPT = 4_000_000_000 * S  # far above all venue times: a recorded market
BID, ASK = ("bid", "100", "2"), ("ask", "101", "4")


def book(
    at_s: float | None,
    *levels: tuple[str, str, str],
    event: int = 0,
    kind: str = "book",
    symbol: str = "BTC-USD",
    venue: str = "gemini",
    conn: str = "c",
    received_s: float | None = None,
) -> Message:
    changes = tuple(
        BookChange(side, D(price), D(left), venue_event_id=event)  # type: ignore[arg-type]
        for side, price, left in levels
    )
    at = None if at_s is None else int(at_s * S)
    received = RECEIPT if received_s is None else int(received_s * S)
    return Message(venue, symbol, kind, conn, (event, event), at, received, changes)


def take(windows: Windows, *messages: Message) -> list[Liquidity]:
    closed = []
    for message in messages:
        closed += [*windows.take(book_flow(message)), *windows.close_silent()]
    return closed


def run(*messages: Message, delay_s: float = 0) -> list[Liquidity]:
    return take(Windows(window_s=60, delay_s=delay_s), *messages)


def test_the_first_message_at_or_after_its_end_closes_a_window() -> None:
    first = [book(0, BID, event=1), book(59.9, ASK, event=2)]
    assert run(*first, book(59.999, BID, event=3)) == []
    (window,) = run(*first, book(60, ASK, event=4))
    assert window == Liquidity("gemini", "BTC-USD", 0, 60 * S, D(200), D(404))
    assert window.ratio == D("2.020000000000")
    assert [(signal.type, signal.value) for signal in window.signals()] == [
        ("bid", D(200)),
        ("ask", D(404)),
        ("price_volume", D("2.020000000000")),
    ]


def test_a_delay_keeps_windows_open_for_so_long() -> None:
    first = [book(0, BID, event=1), book(65, ASK, event=2), book(59, ASK, event=3)]
    assert run(*first, book(69.9, BID, event=4), delay_s=10) == []
    (window,) = run(*first, book(70, BID, event=4), delay_s=10)
    assert (window.bid, window.ask) == (D(200), D(404))


def test_a_venue_whose_clock_is_ahead_closes_no_window_of_another() -> None:
    windows = Windows(window_s=60)
    ahead = [book(10 * n + 10, BID, event=n, venue="deribit", conn="d") for n in range(13)]
    usual = [book(10 * n, ASK, event=n) for n in range(13)]
    closed = take(windows, *(one for pair in zip(ahead, usual, strict=True) for one in pair))
    assert [(one.venue, one.window_start // S, one.bid, one.ask) for one in closed] == [
        ("deribit", 0, D(1000), None),  # from 10 to 50
        ("gemini", 0, None, D(2424)),
        ("deribit", 60, D(1200), None),
        ("gemini", 60, None, D(2424)),
    ]
    assert not windows.late


def test_heartbeats_and_other_symbols_of_its_connection_close_a_silent_minute() -> None:
    silent = [book(1, BID, event=1), book(2, BID, event=2, symbol="ETH-USD", conn="other")]
    (window,) = run(*silent, book(60, event=3, kind="heartbeat"))
    assert (window.venue, window.symbol) == ("gemini", "BTC-USD")
    (window,) = run(*silent, book(61, BID, event=3, symbol="LTC-USD"))
    assert (window.venue, window.symbol) == ("gemini", "BTC-USD")
    assert run(*silent, book(60.9, BID, event=3, symbol="LTC-USD")) == []
    assert run(*silent, book(99, BID, event=3, symbol="LTC-USD", conn="third")) == []


def test_a_time_far_ahead_of_its_receipt_stops_nothing() -> None:
    for ahead_s in (61, 3600, 86_400, 2_500_000_000):
        windows = Windows(window_s=60)
        messages = [book(n, BID, event=n, received_s=n) for n in range(300)]
        odd = book(100 + ahead_s, ("bid", "1", "1"), event=900, received_s=100)
        closed = take(windows, *messages[:100], odd, *messages[100:])
        assert [one.bid for one in closed] == [D(12_000)] * 4, ahead_s
        assert not windows.late


def test_a_time_less_than_a_minute_ahead_of_its_receipt_closes_nothing_early() -> None:
    """Its change is in the window that it names; no other change of the book is late."""
    for ahead_s in (2.5, 10, 50, 60):
        windows = Windows(window_s=60)
        messages = [book(n, BID, event=n, received_s=n + 0.1) for n in range(300)]
        odd = book(95 + ahead_s, ASK, event=900, received_s=95)
        closed: list[Liquidity] = []
        for number, message in enumerate([*messages[:96], odd, *messages[96:]]):
            newly = take(windows, message)
            assert [one.window_end // S for one in newly] in ([], [number - (number > 96)])
            closed += newly
        assert [one.bid for one in closed] == [D(12_000)] * 4, ahead_s
        assert [one.ask for one in closed].count(D(404)) == 1
        assert not windows.late


def test_a_venue_whose_clock_is_ahead_for_good_has_its_windows_closed_with_all_changes() -> None:
    for ahead_s, count in ((1, 6), (10, 6), (45, 5)):
        windows = Windows(window_s=60)
        messages = [book(n, BID, event=n, received_s=n - ahead_s + 0.2) for n in range(400)]
        closed = []
        for message in messages:
            for one in take(windows, message):
                assert one.window_end <= message.received_time + 2 * S
                closed.append(one)
        assert [one.bid for one in closed] == [D(12_000)] * count
        assert not windows.late


def test_an_odd_time_does_not_close_another_symbol_of_its_connection() -> None:
    windows = Windows(window_s=60)
    silent = book(30, BID, event=1, received_s=30)
    odd = book(85, BID, event=2, symbol="ETH-USD", received_s=35)
    assert take(windows, silent, odd) == []
    (window,) = take(windows, book(61, BID, event=3, symbol="ETH-USD", received_s=61))
    assert window.symbol == "BTC-USD"
    assert not windows.late


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


def test_what_comes_after_its_window_closed_is_late_and_noted() -> None:
    windows = Windows(window_s=60)
    closed = take(
        windows,
        book(0, BID, ASK, event=1),
        book(70, BID, event=2),
        book(59, BID, ASK, event=3),
        book(131, ASK, event=4),
    )
    assert [(one.window_start, one.bid, one.ask) for one in closed] == [
        (0, D(200), D(404)),
        (60 * S, D(200), None),
    ]
    assert windows.late == {("gemini", "BTC-USD", 0)}


def test_a_window_of_one_side_or_of_nothing_left_has_no_ratio() -> None:
    windows = run(
        book(0, BID, event=1), book(60, BID, ("ask", "101", "0"), event=2), book(140, ASK, event=3)
    )
    assert [one.ratio for one in windows] == [None, None]
    assert [(signal.type, signal.value) for signal in windows[0].signals()] == [("bid", D(200))]


def test_a_ratio_is_divided_as_double_and_given_with_twelve_decimals() -> None:
    (window,) = run(book(0, ("bid", "3", "1"), ("ask", "1", "1"), event=1), book(70, ASK, event=2))
    assert window.ratio == D("0.333333333333")


def test_a_new_state_begins_after_the_windows_that_are_closed() -> None:
    windows = Windows(window_s=60, closed_until={("gemini", "BTC-USD"): 120 * S})
    closed = take(windows, book(70, BID, event=1), book(125, ASK, event=2), book(180, BID, event=3))
    assert [(one.window_start // S, one.bid, one.ask) for one in closed] == [(120, None, D(404))]
    assert windows.late == {("gemini", "BTC-USD", 60 * S)}


def test_a_window_that_retention_has_cut_is_refused() -> None:
    windows = Windows(window_s=60)
    windows.refuse_window(book_flow(book(30, BID, event=1)))
    closed = take(windows, book(30, BID, event=1), book(61, ASK, event=2), book(120, BID, event=3))
    assert [one.window_start // S for one in closed] == [60]


def test_messages_of_one_event_are_one_whatever_their_number() -> None:
    """The venue's own number of the event counts; without one, that of the message."""
    change = BookChange("bid", D(100), D(2), venue_event_id=7)
    bare = BookChange("bid", D(100), D(1))
    flows = [
        book_flow(Message("gemini", "BTC-USD", "book", "c", seq, S, RECEIPT, (one,)))
        for seq, one in [
            ((1, 1), change),
            ((2, 2), change),
            ((3, 4), bare),
            ((2, 4), bare),
            ((4, 5), bare),
            (None, bare),
            (None, bare),
        ]
    ]
    assert [flow.event_id for flow in flows] == ["7", "7", "4", "4", "5", None, None]
    windows = Windows(window_s=60)
    for flow in flows:
        windows.take(flow)
    (window,) = take(windows, book(60, ASK, event=99))
    assert window.bid == D(600)


def test_a_symbol_is_known_by_a_message_or_by_a_closed_window() -> None:
    windows = Windows(window_s=60, closed_until={("gemini", "BTC-USD"): 60 * S})
    here, other = (book_flow(book(70, BID, symbol=name)) for name in ("BTC-USD", "ETH-USD"))
    assert windows.knows(here) and not windows.knows(other)
    windows.take(other)
    assert windows.knows(other)


def test_the_oldest_open_window_of_each_symbol_says_when_it_closes() -> None:
    windows = Windows(window_s=60, delay_s=10)
    assert windows.next_closings() == []
    take(windows, book(65, BID, event=1), book(10, BID, event=2), book(61, BID, symbol="ETH-USD"))
    take(windows, book(62, event=3, kind="heartbeat", symbol="LTC-USD"))
    assert windows.next_closings() == [("gemini|BTC-USD", 70 * S), ("gemini|ETH-USD", 130 * S)]


def test_the_clock_of_a_connection_that_carries_nothing_more_is_forgotten() -> None:
    windows = Windows(window_s=60)
    both = ("BTC-USD", "ETH-USD")
    take(windows, *(book(at, BID, symbol=name) for at, name in enumerate(both, start=1)))
    take(windows, book(5, BID, symbol="BTC-USD", conn="d"))
    assert windows.state.clocks == {"gemini|c": 2 * S, "gemini|d": 5 * S}
    take(windows, book(7, BID, symbol="ETH-USD", conn="d"))
    assert windows.state.clocks == {"gemini|d": 7 * S}


def test_a_restored_state_goes_on_as_if_nothing_had_happened() -> None:
    chance = random.Random(5)
    messages = [
        book(
            n / 3 + chance.random(),
            chance.choice([BID, ASK]),
            event=n - chance.choice([0, 0, 1]),
            symbol=chance.choice(["BTC-USD", "ETH-USD"]),
        )
        for n in range(900)
    ]
    whole = Windows(window_s=60)
    expected = take(whole, *messages)
    for cut in (1, 100, 450, 899):
        before = Windows(window_s=60)
        closed = take(before, *messages[:cut])
        kept = msgspec.json.encode(before.state)
        after = Windows(window_s=60, memory=msgspec.json.decode(kept, type=WindowState))
        assert [*closed, *take(after, *messages[cut:])] == expected
