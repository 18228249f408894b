"""The simulated Gemini's auctions and block trades, as its feeds and REST show them."""

import asyncio
import json
from decimal import Decimal

import pytest

from include.market.auction import Auction
from include.market.events import Frame, Message, Trade
from streaming.feeds.decoding import Decoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from streaming.simulator.clock import Clock
from streaming.simulator.gemini_auctions import Auctions
from streaming.simulator.gemini_dialects import Dialect, V1Dialect
from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.gemini_public_answers import (
    GeminiPublic,
    describe_auction,
    list_auctions,
    list_trades,
)
from streaming.simulator.gemini_v2_dialect import V2Dialect
from streaming.simulator.order_book import OrderBook
from streaming.simulator.price_path import make_paths

D = Decimal
START_S = 1_790_000_400  # a whole ten minutes
PATH = make_paths(7)["BTC-USD"]


class Market:
    """A market whose seconds pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = START_S - 30
        self.market = GeminiMarket(
            "btcusd",
            OrderBook(PATH, seed=7),
            speed=1.0,
            clock=Clock(lambda: self.now_s * 1_000_000),
            schedule=Auctions(PATH, 7),
        )
        self.venue = GeminiPublic(self.market, PATH)
        self.updates: asyncio.Queue[MarketUpdate | bytes] = asyncio.Queue()
        self.market.listeners.add(self.updates)

    def messages(self, dialect: Dialect, decoder: Decoder, *, until_s: int) -> list[Message]:
        """What a feed makes of this connection's frames up to a second."""
        texts = [*dialect.opening_messages()]
        if isinstance(dialect, V2Dialect):
            wanted = [{"name": "l2", "symbols": ["BTCUSD"]}]
            texts += dialect.answer(json.dumps({"type": "subscribe", "subscriptions": wanted}))
        while self.now_s < until_s:
            self.now_s += 1
            for events in Auctions(PATH, 7).frames_at(self.now_s):
                self.market.publish(events)
            while not self.updates.empty():
                update = self.updates.get_nowait()
                assert not isinstance(update, bytes)
                texts += dialect.updates([update])
        frames = [Frame(text.encode(), self.now_s * 1_000_000) for text in texts]
        decoded = [decoder.decode(frame) for frame in frames]
        assert not any(one.rejected or one.resync for one in decoded)
        return [message for one in decoded for message in one.messages]


def auctions_of(messages: list[Message]) -> list[Auction]:
    return [e for message in messages for e in message.events if isinstance(e, Auction)]


def trades_of(messages: list[Message]) -> list[Trade]:
    return [e for message in messages for e in message.events if isinstance(e, Trade)]


def test_a_period_has_an_announcement_indicative_prices_a_result_and_a_block_trade() -> None:
    world = Market()
    messages = world.messages(
        V1Dialect(world.market, {}),
        GeminiV1Decoder(symbol="BTC-USD", conn="c"),
        until_s=START_S + 600,
    )
    events = auctions_of(messages)
    phases = [event.phase for event in events]
    assert phases == ["result", "open", *["indicative"] * 9, "result", "open"]
    opened, last = events[1], events[-2]
    assert opened.published_at == START_S * 1_000_000
    assert opened.auction_at == last.published_at == (START_S + 600) * 1_000_000
    assert opened.last_cancel_at == opened.auction_at - 15_000_000
    assert last.price == D(str(PATH.tick_at(START_S + 600)[0])) and last.result == "success"
    trades = trades_of(messages)
    assert [(trade.condition, trade.side) for trade in trades][-2:] == [
        ("block", None),
        ("auction", None),
    ]
    block, auctioned = trades[-2:]
    assert block.price == D(str(PATH.tick_at(START_S - 270)[0]))
    assert (auctioned.price, auctioned.quantity) == (last.price, last.quantity)


def test_v2_shows_the_same_prices_and_brings_the_last_auction_with_its_snapshot() -> None:
    world = Market()
    one = GeminiV2Decoder(symbols=("BTC-USD",), conn="c")
    messages = world.messages(V2Dialect({"btcusd": world.venue}), one, until_s=START_S + 660)
    (snapshot,) = (message for message in messages[:2] if message.kind == "auction")
    before = [event for event in snapshot.events if isinstance(event, Auction)]
    assert {event.phase for event in before} == {"result", "indicative"} and len(before) == 10
    assert [event.published_at for event in before] == sorted(e.published_at for e in before)
    live = auctions_of(messages)[10:]
    assert live[-1].price == D(str(PATH.tick_at(START_S + 660)[0]))
    assert {trade.condition for trade in trades_of(messages)} == {"block", "auction"}


def test_rest_tells_of_the_auctions_that_the_feed_told_of() -> None:
    world = Market()
    messages = world.messages(
        V1Dialect(world.market, {}),
        GeminiV1Decoder(symbol="BTC-USD", conn="c"),
        until_s=START_S + 660,
    )
    newest, result = list_auctions(world.venue, {"limit_auction_results": 2})
    of_feed = [event for event in auctions_of(messages) if event.phase != "open"]
    for past, event in zip((newest, result), of_feed[::-1], strict=False):
        assert past["eid"] == event.venue_event_id
        assert D(past["auction_price"]) == event.price
        assert past["timestampms"] * 1000 == event.published_at
    assert (newest["event_type"], result["event_type"]) == ("indicative", "auction")
    assert newest["auction_id"] == result["auction_id"] + 1
    (only,) = list_auctions(
        world.venue, {"include_indicative": False, "timestamp": START_S * 1000 + 1}
    )
    assert only == result
    current = describe_auction(world.venue, {})
    assert current["next_auction_ms"] == (START_S + 1200) * 1000
    assert current["last_auction_eid"] == result["eid"]
    assert current["most_recent_indicative_price"] == newest["auction_price"]
    types = {str(trade["type"]) for trade in list_trades(world.venue, {})}
    assert types == {"auction", "block"}


@pytest.mark.parametrize(("flag", "absent"), [("auctions", Auction), ("trades", Trade)])
def test_a_connection_may_leave_auctions_or_trades_out(flag: str, absent: type) -> None:
    world = Market()
    messages = world.messages(
        V1Dialect(world.market, {flag: "false"}),
        GeminiV1Decoder(symbol="BTC-USD", conn="c"),
        until_s=START_S + 600,
    )
    kinds = {type(event) for message in messages for event in message.events}
    assert absent not in kinds and kinds & {Auction, Trade}


def test_an_auction_may_fail_and_then_trades_nothing() -> None:
    failing_s = next(s for s in range(START_S, START_S + 3600, 600) if s // 600 % 6 == 0)
    (result,), _ = Auctions(PATH, 7).frames_at(failing_s)
    assert (result["result"], result["auction_price"]) == ("failure", "0")
