"""Gemini's auctions and block trades, by the examples of its documents (market data v1 and v2)."""

import json
from decimal import Decimal

import pytest

from include.errors import RejectedFrame
from include.market.auction import Auction
from include.market.events import Frame, LedgerEntry, Message, Trade
from include.market.time import DAY_US
from include.market.wire import Topic, choose_topic
from streaming.feeds.decoding import DecodedFrame
from streaming.feeds.venues.gemini.refill import refill
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder

D = Decimal
OPEN = {
    "auction_open_ms": 1486591200000,
    "auction_time_ms": 1486674000000,
    "first_indicative_ms": 1486673400000,
    "last_cancel_time_ms": 1486673985000,
    "type": "auction_open",
}
INDICATIVE = {
    "type": "auction_indicative",
    "eid": 2248762586,
    "result": "success",
    "time_ms": 1510865640000,
    "highest_bid_price": "7730.69",
    "lowest_ask_price": "7730.7",
    "collar_price": "7730.695",
    "indicative_price": "7750",
    "indicative_quantity": "45.43325086",
}
RESULT = {
    "type": "auction_result",
    "eid": 2248795680,
    "result": "success",
    "time_ms": 1510866000000,
    "highest_bid_price": "7769",
    "lowest_ask_price": "7769.01",
    "collar_price": "7769.005",
    "auction_price": "7763.23",
    "auction_quantity": "55.95",
}
FAILURE = {
    "type": "auction_result",
    "eid": 2248795680,
    "result": "failure",
    "time_ms": 1510866000000,
    "collar_price": "7769.005",
    "auction_price": "0",
    "auction_quantity": "0",
}
AUCTION_TRADE = {
    "type": "trade",
    "tid": 2248795680,
    "price": "7763.23",
    "amount": "55.95",
    "makerSide": "auction",
}
BLOCK = {"type": "block_trade", "tid": 2248700000, "price": "7700.5", "amount": "100"}
CHANGE = {"type": "change", "side": "bid", "price": "7700", "remaining": "2", "reason": "place"}
SUCCESS = Auction(
    phase="result",
    published_at=1510866000000000,
    venue_event_id=2248795680,
    result="success",
    price=D("7763.23"),
    quantity=D("55.95"),
    highest_bid=D(7769),
    lowest_ask=D("7769.01"),
    collar_price=D("7769.005"),
)


def v1(ids: dict[str, int] | None = None) -> GeminiV1Decoder:
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="c", last_ids=ids)
    decode(decoder, update(0, CHANGE | {"reason": "initial"}))
    return decoder


def v2() -> GeminiV2Decoder:
    return GeminiV2Decoder(symbols=("BTC-USD",), conn="c")


def update(seq: int, *events: object, event_id: int = 2248795680) -> dict[str, object]:
    return {
        "type": "update",
        "eventId": event_id,
        "timestampms": 1510866000095,
        "socket_sequence": seq,
        "events": events,
    }


def decode(
    decoder: GeminiV1Decoder | GeminiV2Decoder, fields: object, received_time: int = 5
) -> DecodedFrame:
    return decoder.decode(Frame(json.dumps(fields).encode(), received_time))


def of_kind(decoded: DecodedFrame, kind: str) -> Message:
    (message,) = (message for message in decoded.messages if message.kind == kind)
    return message


def test_an_announced_auction_has_its_times_and_no_price() -> None:
    found = of_kind(decode(v1(), update(1, OPEN)), "auction")
    assert choose_topic(found) == Topic.AUCTIONS and found.top is None
    assert found.events == (
        Auction(
            phase="open",
            published_at=1486591200000000,
            auction_at=1486674000000000,
            first_indicative_at=1486673400000000,
            last_cancel_at=1486673985000000,
        ),
    )


def test_an_indicative_price_is_an_auctions_event_and_no_trade() -> None:
    decoded = decode(v1(), update(1, INDICATIVE))
    assert [message.kind for message in decoded.messages] == ["book", "auction"]
    (event,) = of_kind(decoded, "auction").events
    assert isinstance(event, Auction)
    assert (event.phase, event.result, event.venue_event_id) == (
        "indicative",
        "success",
        2248762586,
    )
    assert (event.price, event.quantity) == (D(7750), D("45.43325086"))
    assert (event.highest_bid, event.lowest_ask) == (D("7730.69"), D("7730.7"))


def test_an_auctions_result_comes_with_its_trade_which_has_no_side() -> None:
    decoded = decode(v1(), update(1, AUCTION_TRADE, RESULT))
    assert of_kind(decoded, "auction").events == (SUCCESS,)
    (trade,) = of_kind(decoded, "trade").events
    assert trade == Trade(
        "2248795680", D("7763.23"), D("55.95"), None, 1510866000095000, condition="auction"
    )


def test_a_failed_auction_has_no_price() -> None:
    (event,) = of_kind(decode(v1(), update(1, FAILURE)), "auction").events
    assert isinstance(event, Auction)
    assert (event.result, event.price, event.quantity) == ("failure", None, D(0))


def test_a_block_trade_keeps_its_late_id_out_of_the_trades_numbers() -> None:
    ids = {"BTC-USD": 2248790000}
    decoder = v1(ids)
    for seq, number in enumerate((2248700000, 2248700001), start=1):
        decoded = decode(decoder, update(seq, BLOCK | {"tid": number}))
        (trade,) = of_kind(decoded, "trade").events
        assert trade == Trade(
            str(number),
            D("7700.5"),
            D(100),
            None,
            1510866000095000,
            block_trade_id=str(number),
            condition="block",
        )
        assert ids["BTC-USD"] == 2248790000
    assert [m.kind for m in decode(decoder, update(3, BLOCK)).messages] == ["book"]
    assert decoder.ignored == {"repeated": 1}
    entries = decode(decoder, update(4, AUCTION_TRADE)).messages
    assert not any(isinstance(event, LedgerEntry) for one in entries for event in one.events)


def test_a_block_trade_without_an_id_has_that_of_its_event() -> None:
    nameless = {name: value for name, value in BLOCK.items() if name != "tid"}
    (trade,) = of_kind(decode(v1(), update(1, nameless, event_id=77)), "trade").events
    assert isinstance(trade, Trade) and trade.trade_id == "77"


@pytest.mark.parametrize(
    "wrong",
    [
        RESULT | {"auction_price": "-1"},
        INDICATIVE | {"time_ms": "x"},
        OPEN | {"auction_open_ms": 5},
    ],
)
def test_a_wrong_auction_is_rejected_and_the_book_kept(wrong: object) -> None:
    decoder = v1()
    decoded = decode(decoder, update(1, CHANGE | {"price": "7701"}, wrong))
    assert [message.kind for message in decoded.messages] == ["book"]
    assert len(decoded.rejected) == 1 and len(decoded.messages[0].events) == 1
    assert not decode(decoder, update(2, CHANGE)).resync


def test_an_auction_announced_for_beyond_a_day_has_no_such_time() -> None:
    received = 1486591200000000
    ahead = OPEN | {"auction_time_ms": (received + 2 * DAY_US) // 1000}
    decoded = decode(v1(), update(1, ahead) | {"timestampms": received // 1000}, received)
    (event,) = of_kind(decoded, "auction").events
    assert isinstance(event, Auction)
    assert (event.auction_at, event.last_cancel_at) == (None, 1486673985000000)
    assert [rejection.reason for rejection in decoded.rejected] == ["time_out_of_range"]


def test_v2_names_the_symbol_and_its_snapshot_brings_the_last_auction_oldest_first() -> None:
    named = {"symbol": "BTCUSD"}
    older = {"type": "auction_indicative", "time_ms": 1510865985000} | {
        name: RESULT[name] for name in ("result", "auction_price", "auction_quantity")
    }
    snapshot = {
        "type": "l2_updates",
        "symbol": "BTCUSD",
        "changes": [["buy", "7700", "1"]],
        "trades": [],
        "auction_events": [RESULT | named, older | named],
    }
    one = v2()
    events = of_kind(decode(one, snapshot), "auction").events
    assert [event.phase for event in events if isinstance(event, Auction)] == [
        "indicative",
        "result",
    ]
    assert events[1] == SUCCESS
    (alone,) = decode(one, OPEN | named).messages
    assert (alone.kind, alone.symbol) == ("auction", "BTC-USD")
    with pytest.raises(RejectedFrame) as rejected:
        decode(one, {"type": "auction_open", "symbol": "BTCUSD"})
    assert not rejected.value.needs_snapshot


@pytest.mark.parametrize(("side", "condition"), [("auction", "auction"), ("block", "block")])
def test_v2_and_rest_name_the_condition_as_the_side(side: str, condition: str) -> None:
    fields = {"type": "trade", "symbol": "BTCUSD", "event_id": 9, "timestamp": 1510866000095}
    (message,) = decode(v2(), fields | {"price": "5", "quantity": "1", "side": side}).messages
    past = {"tid": 9, "timestampms": 1510866000095, "price": "5", "amount": "1", "type": side}
    healing = refill("")
    (frame,) = healing.frames(json.dumps([past]).encode(), "BTC-USD")
    decoded = healing.decoder("BTC-USD", "h").decode(Frame(frame, 5))
    for trades in (message, of_kind(decoded, "trade")):
        (trade,) = trades.events
        assert isinstance(trade, Trade)
        assert (trade.side, trade.condition, trade.trade_id) == (None, condition, "9")
