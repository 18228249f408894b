"""A window is decided once: on its ratio, else on the one side that it has, else as silent."""

from decimal import Decimal as D

import msgspec
import pytest

from include.bus import Record
from include.market import wire
from include.market.events import BookChange, Message, Top
from include.market.wire import Topic
from include.trading.account import Account
from include.trading.decision import decide, rederive
from include.trading.inputs import Inputs, RecordId, SeenForecast, SeenTop, Signal
from streaming.trader.followers import Moment
from streaming.trader.followers.window_signals import WindowSignals
from streaming.trader.followers.windows import WindowFollower
from tests.support.trading_parameters import PARAMETERS

S = 1_000_000
KEY = b"gemini|BTC-USD"
MINUTE = 60 * S
TOP = Top(bid=D(100), bid_quantity=D(1), ask=D(101), ask_quantity=D(1))


def book(
    offset: int, at: int, *sides: str, conn: str = "c", ahead: int = 0, reason: str = "place"
) -> Record:
    changes = tuple(
        BookChange(side=s, price=D(1), remaining=D(1), reason=reason)  # type: ignore[arg-type]
        for s in sides
    )
    message = Message("gemini", "BTC-USD", "book", conn, None, at + ahead, at, changes, TOP)
    return Record(Topic.BOOK, 0, offset, 0, KEY, wire.encode(message))


def signal(end: int, kind: str, value: str = "1.5") -> Signal:
    return Signal("gemini", "BTC-USD", kind, D(value), end, end - MINUTE)


class Followed:
    """A follower whose book's topic reaches as far as was read, but for `unread` messages."""

    def __init__(self, *, last_window: int = -1) -> None:
        signals = WindowSignals(
            venue="gemini",
            symbol="BTC-USD",
            window_us=MINUTE,
            delay_us=10 * S,
            last_window=last_window,
        )
        self.read, self.unread, self.sent = 0, 0, 0
        self.follower = WindowFollower(
            signals,
            key=KEY,
            end_offsets=lambda: {(Topic.BOOK, 0): self.read + self.unread},
            depth=None,
        )

    def books(self, *records: Record) -> None:
        for record in records:
            self.follower.take(record)
            self.read = record.offset + 1

    def signals(self, *signals: Signal) -> None:
        for one in signals:
            self.follower.append_signal(one, RecordId(Topic.SIGNALS, 0, self.sent))
            self.sent += 1

    def next(self) -> Moment | None:
        return self.follower.next({(Topic.BOOK, 0): self.read})

    def kind(self) -> str | None:
        moment = self.next()
        return moment and moment.signal.type


def test_a_bid_waits_for_the_ratio_that_the_book_says_will_come() -> None:
    followed = Followed()
    followed.books(book(0, 5 * S, "bid"), book(1, 6 * S, "ask"), book(2, 71 * S, "bid"))
    followed.signals(signal(MINUTE, "bid"))
    assert followed.next() is None
    followed.signals(signal(MINUTE, "ask"))
    assert followed.next() is None
    followed.signals(signal(MINUTE, "price_volume"))
    assert followed.kind() == "price_volume"
    assert followed.next() is None


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_window_of_one_side_is_decided_on_it_at_once(side: str) -> None:
    followed = Followed()
    followed.books(book(0, 5 * S, side), book(1, 71 * S, side))
    followed.signals(signal(MINUTE, side, "7"))
    moment = followed.next()
    assert moment is not None
    assert (moment.signal.type, moment.signal.value) == (side, D(7))
    assert followed.next() is None


def test_a_side_that_sums_to_zero_has_no_ratio_to_wait_for() -> None:
    followed = Followed()
    followed.books(book(0, 5 * S, "bid"), book(1, 6 * S, "ask"), book(2, 71 * S, "bid"))
    followed.signals(signal(MINUTE, "bid", "7"), signal(MINUTE, "ask", "0"))
    assert followed.kind() == "bid"


def test_a_window_without_a_change_is_decided_once_the_book_is_past_it() -> None:
    followed = Followed()
    followed.books(book(0, 5 * S, "bid", "ask"), book(1, 58 * S), book(2, 71 * S))
    followed.signals(signal(MINUTE, "price_volume"))
    assert followed.kind() == "price_volume"
    followed.books(book(3, 129 * S))  # the window from 60 s to 120 s: 129 s may be too early
    assert followed.next() is None
    followed.books(book(4, 130 * S))
    moment = followed.next()
    assert moment is not None
    assert moment.signal == Signal("gemini", "BTC-USD", "silent", D(0), 2 * MINUTE, MINUTE)
    assert moment.record_id is None
    assert moment.top is not None
    assert (moment.top.venue_time, moment.top.unchanged_until) == (71 * S, 2 * MINUTE)
    assert followed.next() is None


def test_a_change_that_comes_before_the_window_is_closed_keeps_it_from_being_silent() -> None:
    followed = Followed(last_window=0)
    followed.books(book(0, 59 * S), book(1, 125 * S), book(2, 119 * S, "bid"), book(3, 130 * S))
    assert followed.next() is None  # the stream will say
    followed.signals(signal(2 * MINUTE, "bid"))
    assert followed.kind() == "bid"


def test_a_snapshot_is_no_change() -> None:
    followed = Followed(last_window=0)
    followed.books(book(0, 59 * S), book(1, 90 * S, "bid", "ask", reason="initial"))
    followed.books(book(2, 130 * S))
    assert followed.kind() == "silent"


def test_a_later_window_s_signal_says_that_nothing_more_comes() -> None:
    followed = Followed(last_window=0)
    followed.books(book(0, 59 * S), book(1, 140 * S), book(2, 119 * S, "ask"), book(3, 200 * S))
    followed.signals(signal(4 * MINUTE, "price_volume"))
    followed.books(book(4, 250 * S))
    kinds = [followed.kind() for _ in range(4)]
    assert kinds == ["silent", "silent", "price_volume", None]


def test_a_top_is_unchanged_only_if_its_connection_went_on() -> None:
    followed = Followed(last_window=0)
    followed.books(book(0, 59 * S), book(1, 130 * S, conn="d"))
    moment = followed.next()
    assert moment is not None and moment.top is not None
    assert (moment.signal.type, moment.top.unchanged_until) == ("silent", None)


def test_an_hour_without_a_top_is_not_decided_minute_by_minute() -> None:
    followed = Followed(last_window=0)
    followed.books(book(0, 59 * S), book(1, 10_000 * S))
    starts = []
    while moment := followed.next():
        starts.append(moment.signal.window_start // MINUTE)
    assert starts == list(range(1, 61))
    for number, (at_s, start) in enumerate([(10_030, 166), (10_100, 167)], start=2):
        followed.books(book(number, at_s * S))
        moment = followed.next()
        assert moment is not None
        assert moment.signal.window_start // MINUTE == start


def test_a_time_far_ahead_of_its_receipt_moves_nothing() -> None:
    followed = Followed(last_window=0)
    followed.books(book(0, 59 * S), book(1, 61 * S, ahead=10**15), book(2, 62 * S))
    assert followed.next() is None
    assert followed.follower.unreadable == 1
    followed.books(book(3, 130 * S))
    moment = followed.next()
    assert moment is not None and moment.top is not None
    assert moment.top.venue_time == 62 * S


@pytest.mark.parametrize("kind", ["bid", "ask", "silent", "price_volume"])
def test_any_message_of_a_minute_may_sell_and_only_the_ratio_buys(kind: str) -> None:
    inputs = Inputs(
        rule="forecast_and_ratio",
        signal=signal(MINUTE, kind, "1"),
        forecast=SeenForecast("f", 0, "sell"),
        top=SeenTop(MINUTE - 90 * S, TOP, unchanged_until=MINUTE),
        account=Account(quote=D(0), base=D(1)),
        parameters=PARAMETERS,
    )
    sale = decide(inputs)
    assert (sale.action, sale.quantity, sale.price) == ("sell", D(1), D(100))
    assert sale.ratio == (D(1) if kind == "price_volume" else None)
    assert rederive(sale) == sale
    buying = msgspec.structs.replace(
        inputs, forecast=SeenForecast("f", 0, "buy"), account=Account(quote=D(1000))
    )
    if kind == "price_volume":
        assert decide(buying).action == "buy"
    else:
        assert (decide(buying).action, decide(buying).reasons) == ("hold", "ratio_missing")


def test_a_silent_minute_s_top_is_stale_if_nothing_came_after_it() -> None:
    inputs = Inputs(
        rule="forecast_and_ratio",
        signal=signal(MINUTE, "silent", "0"),
        forecast=SeenForecast("f", 0, "sell"),
        top=SeenTop(MINUTE - 90 * S, TOP),
        account=Account(quote=D(0), base=D(1)),
        parameters=PARAMETERS,
    )
    assert decide(inputs).reasons == "book_stale"
