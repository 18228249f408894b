"""The simulated Binance streams agree with its own book and trades, ids without a hole."""

from decimal import Decimal

from streaming.simulator.binance_book import make_levels
from streaming.simulator.binance_streams import EACH_SECOND, PER_TRADE, book_id
from streaming.simulator.binance_trades import number_at
from streaming.simulator.price_path import PricePath

SECOND = 1_700_000_040  # a minute's first: 28,333,334 x 60


def path() -> PricePath:
    return PricePath(seed=7, stream=1, level=70_000.0)


def test_depth_changes_make_the_next_books_and_their_ids_meet() -> None:
    price_path, last = path(), book_id(SECOND)
    book = [dict(side) for side in make_levels(price_path, SECOND)]
    for since, second in [(SECOND, SECOND + 1), (SECOND + 1, SECOND + 2), (SECOND + 2, SECOND + 9)]:
        (update,) = EACH_SECOND["depth"](price_path, "BTCUSDT", since, second)
        assert (update["U"], last) == (last + 1, book_id(since))
        for side, changes in zip(book, (update["b"], update["a"]), strict=True):
            assert isinstance(changes, list)
            for price, quantity in changes:
                side[Decimal(price)] = Decimal(quantity)
        last = book_id(second)
        assert update["u"] == last
        sides = [{p: q for p, q in side.items() if q} for side in book]
        assert sides == [dict(side) for side in make_levels(price_path, second)]


def test_a_closed_candle_is_the_sum_of_its_minutes_trades() -> None:
    price_path, numbers = path(), range(number_at(SECOND * 1000), number_at((SECOND + 60) * 1000))
    trades = [PER_TRADE["trade"](price_path, "BTCUSDT", number) for number in numbers]
    assert len(trades) == 120 and trades[0]["T"] == SECOND * 1000
    (kline,) = EACH_SECOND["kline_1m"](price_path, "BTCUSDT", SECOND + 59, SECOND + 60)
    candle = kline["k"]
    assert isinstance(candle, dict) and candle["x"] is True and candle["n"] == 120
    assert (candle["f"], candle["L"]) == (trades[0]["t"], trades[-1]["t"])
    assert Decimal(candle["v"]) == sum(Decimal(str(trade["q"])) for trade in trades)
    prices = [Decimal(str(trade["p"])) for trade in trades]
    ends = (candle["o"], candle["h"], candle["l"], candle["c"])
    assert [Decimal(trade) for trade in ends] == [prices[0], max(prices), min(prices), prices[-1]]


def test_a_candle_in_the_making_says_so_and_follows_the_closed_one() -> None:
    klines = EACH_SECOND["kline_1m"](path(), "BTCUSDT", SECOND + 58, SECOND + 61)
    closed = [kline["k"]["x"] for kline in klines if isinstance(kline["k"], dict)]
    assert closed == [True, False]


def test_best_quantities_vary_and_lean_towards_the_next_seconds_on_the_tick() -> None:
    price_path, agreed, strong = path(), 0, 0
    for second in range(SECOND, SECOND + 2000):
        book_ticker = PER_TRADE["bookTicker"](price_path, "BTCUSDT", number_at(second * 1000))
        bid, bid_quantity, ask, ask_quantity = (Decimal(str(book_ticker[name])) for name in "bBaA")
        assert ask - bid == Decimal("0.02") and bid % Decimal("0.01") == 0
        assert bid_quantity > 0 and ask_quantity > 0
        bids, asks = make_levels(price_path, second)
        assert (bids[0], asks[0]) == ((bid, bid_quantity), (ask, ask_quantity))
        imbalance = (bid_quantity - ask_quantity) / (bid_quantity + ask_quantity)
        if abs(imbalance) > Decimal("0.5"):
            strong += 1
            agreed += (imbalance > 0) == (
                price_path.tick_at(second + 5)[0] > price_path.tick_at(second)[0]
            )
    assert 200 < strong < 1500
    assert 0.55 < agreed / strong < 0.95
