"""Recorded Binance streams: trades add up to the venue's minute bars, tops are its books'."""

import bisect
import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.market.book import Book
from include.market.events import BookChange, BookSide, Top, Trade
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.binance.decoder import BinanceDecoder

TAPE = "ws/binance_spot/btc_eth_dot_aggtrade_depth_kline_2021-04-04_part1"
REST = "ws/binance_spot/btc_eth_dot_2021-04-04.rest_depth.txt.gz"
SYMBOLS = ("BTC-USDT", "ETH-USDT", "DOT-USDT")


def trades_of(path: Path, symbols: tuple[str, ...]) -> tuple[dict[str, list[Trade]], Counter[str]]:
    decoder = BinanceDecoder(symbols=symbols, conn="tape")
    found: dict[str, list[Trade]] = {symbol: [] for symbol in symbols}
    for frame in read_tape(path):
        for message in decoder.decode(frame).messages:
            assert message.kind in {"trade", "book"}, message
            found[message.symbol] += [e for e in message.events if isinstance(e, Trade)]
    return found, decoder.ignored


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_aggregate_trades_add_up_to_the_venues_minute_bar(shared_data: Path, symbol: str) -> None:
    trades, ignored = trades_of(shared_data / TAPE, SYMBOLS)
    assert sum(map(len, trades.values())) == 1086
    assert ignored == {"kline": 62}
    bars = [
        payload["data"]["k"]
        for payload in (json.loads(frame.data) for frame in read_tape(shared_data / TAPE))
        if payload["stream"] == f"{symbol.replace('-', '').lower()}@kline_1m"
    ]
    ends = {trade.last_trade_id for trade in trades[symbol]}
    whole = [bar for bar in bars if bar["L"] in ends]  # others end inside an aggregate
    first, last = whole[0], whole[-1]
    between = [
        trade
        for trade in trades[symbol]
        if (trade.first_trade_id or 0) > first["L"] and (trade.last_trade_id or 0) <= last["L"]
    ]
    bought = [trade for trade in between if trade.side == "buy"]

    def grown(field: str) -> Decimal:
        return Decimal(last[field]) - Decimal(first[field])

    assert len(between) > 40 and first["t"] == last["t"]
    assert sum(trade.quantity for trade in between) == grown("v")
    assert sum(trade.price * trade.quantity for trade in between) == grown("q")
    assert sum(trade.quantity for trade in bought) == grown("V")
    assert sum(t.last_trade_id - t.first_trade_id + 1 for t in between) == grown("n")  # type: ignore[operator]


def changes_of(depth: dict[str, Any]) -> list[BookChange]:
    sides: tuple[tuple[BookSide, str], ...] = (("bid", "b"), ("ask", "a"))
    return [
        BookChange(side=side, price=Decimal(price), remaining=Decimal(quantity))
        for side, name in sides
        for price, quantity in depth[name]
    ]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_book_made_of_changes_is_the_venues_rest_snapshot(shared_data: Path, symbol: str) -> None:
    """Our book, fed with the venue's changes, beside the snapshot that REST gave meanwhile."""
    spelling = symbol.replace("-", "")
    with gzip.open(
        shared_data / "ws/binance_spot/btc_eth_dot_2021-04-04.rest_depth.txt.gz"
    ) as file:
        (line,) = (one for one in file.read().decode().splitlines() if f"={spelling}&" in one)
    snapshot = json.loads(line.partition(": ")[2])
    snapshot_changes = changes_of({"b": snapshot["bids"], "a": snapshot["asks"]})
    snapshot_levels = {(one.side, one.price): one.remaining for one in snapshot_changes}
    ends = {side: [price for of, price in snapshot_levels if of == side] for side in ("bid", "ask")}
    depths = [
        payload["data"]
        for payload in (json.loads(frame.data) for frame in read_tape(shared_data / TAPE))
        if payload["stream"].startswith(f"{spelling.lower()}@depth")
    ]
    last = snapshot["lastUpdateId"]
    before = [one for depth in depths if depth["u"] <= last for one in changes_of(depth)]
    levels_before = {(one.side, one.price): one.remaining for one in before}
    # What changed in the message that spans the snapshot may have changed before it or after.
    spans = [
        one for depth in depths if depth["U"] <= last < depth["u"] for one in changes_of(depth)
    ]
    unsure = {(one.side, one.price) for one in spans}
    seen = {
        (side, price): quantity
        for (side, price), quantity in levels_before.items()
        if min(ends[side]) <= price <= max(ends[side]) and (side, price) not in unsure
    }
    assert len(seen) > 10
    assert {level: snapshot_levels.get(level, Decimal(0)) for level in seen} == seen

    book, later = Book(), [depth for depth in depths if depth["u"] > last]
    book.reset(snapshot_changes)
    assert later[0]["U"] <= last + 1 <= later[0]["u"]
    for number, depth in enumerate(later):
        assert number == 0 or depth["U"] == later[number - 1]["u"] + 1
        for change in changes_of(depth):
            book.apply(change)
        top = book.top()
        assert top is not None and top.bid < top.ask
    assert len(later) > 100


def test_an_hour_of_the_unwrapped_trade_stream_has_no_hole(shared_data: Path) -> None:
    path = shared_data / "ws/binance_spot/btcusdt_trade_2018-06-06_hour1"
    trades, ignored = trades_of(path, ("BTC-USDT",))
    ids = [int(trade.trade_id) for trade in trades["BTC-USDT"]]
    assert ids == list(range(48858119, 48858119 + 13382)) and not ignored


def test_every_frame_of_2024_is_decoded_or_of_a_kind_not_carried(shared_data: Path) -> None:
    path = shared_data / "ws/binance_spot/btcusdt_trade_bookticker_depth_2024-08-09"
    decoder = BinanceDecoder(symbols=("BTC-USDT",), conn="tape")
    message_kinds, kinds = Counter[str](), Counter[str]()
    for frame in read_tape(path):
        raw = json.loads(frame.data, parse_float=Decimal)
        kinds[raw["stream"].split("@")[1]] += 1
        for message in decoder.decode(frame).messages:
            message_kinds[message.kind] += 1
            if message.kind == "book" and not message.venue_time:
                best = [Decimal(raw["data"][name]) for name in "bBaA"]
                assert message.top == Top(*best) and message.seq == (raw["data"]["u"],) * 2
    assert kinds == {"trade": 10147, "bookTicker": 45134, "depth": 3044}
    assert message_kinds == {"trade": 10147, "book": 45134 + 3044} and not decoder.ignored


def test_each_top_is_the_best_of_the_depth_message_that_ends_with_it(shared_data: Path) -> None:
    """The venue's book changes up to an id, which our decoder is not given, as the oracle."""
    path = shared_data / "ws/binance_spot/btcusdt_trade_bookticker_depth_2024-08-09"
    decoder, depths = BinanceDecoder(symbols=("BTC-USDT",), conn="tape"), []
    tops: dict[tuple[int, int] | None, Top | None] = {}
    for frame in read_tape(path):
        if b"depthUpdate" in frame.data:
            depths.append(json.loads(frame.data)["data"])
            continue
        tops |= {one.seq: one.top for one in decoder.decode(frame).messages if one.kind == "book"}
    ids, agreed = sorted(seq[0] for seq in tops if seq), 0
    for depth in depths:
        last = ids[max(0, bisect.bisect_right(ids, depth["u"]) - 1)]
        if not depth["U"] <= last <= depth["u"]:
            continue  # the best prices did not change within this message
        top = tops[last, last]
        bids, asks = ({Decimal(p): Decimal(q) for p, q in depth[side]} for side in "ba")
        assert top and {top.bid, top.ask} & {*bids, *asks}
        assert bids.get(top.bid, top.bid_quantity) == top.bid_quantity
        assert asks.get(top.ask, top.ask_quantity) == top.ask_quantity
        assert all(price <= top.bid for price, quantity in bids.items() if quantity)
        assert all(price >= top.ask for price, quantity in asks.items() if quantity)
        agreed += 1
    assert (agreed, len(depths)) == (2842, 3044)
