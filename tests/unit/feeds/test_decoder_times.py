"""Times too far from the receipt are rejected by name in every decoder, the rest is taken."""

from datetime import UTC, datetime

import pytest

from include.errors import RejectedFrame
from include.market.events import Frame, Message
from include.market.time import TimeBound
from include.market.venue_settings import Venues
from include.settings import load
from include.settings.env import Secret
from streaming.feeds.decoding import RejectedParts
from streaming.feeds.registry import stream_specs
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from streaming.feeds.venues.suppliers import list_suppliers
from tests.support.venue_frames import (
    AT_MS,
    AT_US,
    binance_trade,
    current_depth,
    current_trade,
    decode,
    deribit_array,
    deribit_book,
    deribit_trade,
    text,
    v1_trade,
    v1_update,
    v2_trade,
)

WRONG_MS = {
    "zero": 0,
    "seconds": AT_MS // 1000,
    "a minute too far ahead": AT_MS + 360_000,
    "2099": 4_070_908_800_000,
    "before the year 1": -62_135_596_800_001,
    "year 57858": 1_763_640_000_000_000_000,
}


@pytest.mark.parametrize("ms", WRONG_MS.values(), ids=WRONG_MS)
def test_a_trade_at_an_impossible_time_is_rejected_by_every_decoder(ms: int) -> None:
    frames = [
        (BinanceDecoder(symbols=("BTC-USDT",), conn="c"), binance_trade(5, ms=ms)),
        (BinanceDecoder(symbols=("BTC-USDT",), conn="c"), binance_trade(5, T=ms)),
        (
            DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c"),
            deribit_array(deribit_trade(5, ms=ms)),
        ),
        (GeminiV2Decoder(symbols=("BTC-USD",), conn="c"), v2_trade(5, ms=ms)),
        (GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c"), current_trade(5, ns=ms)),
    ]
    for decoder, data in frames:
        with pytest.raises(RejectedFrame) as rejected:
            decode(decoder, data)
        assert rejected.value.reason == "time_out_of_range", decoder


@pytest.mark.parametrize("ms", WRONG_MS.values(), ids=WRONG_MS)
def test_a_book_at_an_impossible_time_keeps_its_levels_and_loses_the_time(ms: int) -> None:
    change = {"type": "change", "side": "bid", "price": "99", "remaining": "1", "delta": "1"}
    frames = [
        (
            DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c"),
            deribit_book("snapshot", 1, bids=[["new", 100.0, 1.0]], ms=ms),
        ),
        (GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c"), current_depth(1, 2, bid="9", ns=ms)),
        (
            GeminiV1Decoder(symbol="BTC-USD", conn="c"),
            v1_update(change, seq=0, event_id=1, ms=ms),
        ),
    ]
    for decoder, data in frames:
        found = decode(decoder, data)
        (book,) = found.messages
        assert book.venue_time is None and book.events, decoder
        assert {one.reason for one in found.rejected} == {"time_out_of_range"}


def test_a_trade_of_v1_at_an_impossible_time_leaves_the_frame() -> None:
    found = decode(GeminiV1Decoder(symbol="BTC-USD", conn="c"), v1_trade(5, seq=0, ms=0))
    assert [message.kind for message in found.messages] == ["book"] and found.rejected


def test_microseconds_where_milliseconds_are_due_are_no_time() -> None:
    current = GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c")
    with pytest.raises(RejectedFrame, match="time_out_of_range"):
        decode(current, current_trade(5, ns=AT_US))
    with pytest.raises(RejectedFrame, match="time_out_of_range"):
        decode(GeminiV2Decoder(symbols=("BTC-USD",), conn="c"), v2_trade(5, ms=AT_US))


def test_a_time_is_bound_by_the_receipt_of_its_own_frame() -> None:
    recorded_us = int(datetime(2018, 4, 24, tzinfo=UTC).timestamp()) * 1_000_000
    one = BinanceDecoder(symbols=("BTC-USDT",), conn="c")
    data = binance_trade(5, ms=recorded_us // 1000)
    assert len(one.decode(Frame(data, recorded_us + 1_000_000)).messages) == 1
    with pytest.raises(RejectedFrame, match="time_out_of_range"):
        BinanceDecoder(symbols=("BTC-USDT",), conn="c").decode(Frame(binance_trade(5), recorded_us))


@pytest.mark.parametrize("venue", ["gemini", "binance", "deribit"])
def test_the_bound_is_a_setting_of_the_venue(venue: str) -> None:
    names = {
        f"TICKHOUSE_VENUES_{venue.upper()}_AHEAD_S": "7",
        f"TICKHOUSE_VENUES_{venue.upper()}_BEHIND_S": "8",
        "TICKHOUSE_VENUES_GEMINI_SERVICE": "v2",
    }
    settings = load(names)
    assert settings.venues.of(venue).time_bound == TimeBound(ahead_s=7, behind_s=8)
    (spec,) = stream_specs(venue, venues=settings.venues, symbols=("BTC-USD",))
    frames = {
        "gemini": lambda ms: v2_trade(5, ms=ms),
        "binance": lambda ms: binance_trade(5, ms=ms, s="BTCUSD"),
        "deribit": lambda ms: deribit_array(deribit_trade(5, ms=ms, instrument_name="BTC_USD")),
    }
    for seconds, is_taken in ((7, True), (8, False), (-8, True), (-9, False)):
        decoder, data = spec.decoder("c", {}), frames[venue](AT_MS + seconds * 1000)
        try:
            messages: tuple[Message, ...] = decode(decoder, data).messages
        except RejectedFrame:
            messages = ()
        assert bool(messages) == is_taken, seconds


def test_in_the_flow_of_trades_the_time_is_bound_too() -> None:
    one = BinanceDecoder(symbols=("BTC-USDT",), conn="c", last_ids={"BTC-USDT": 4})
    with pytest.raises(RejectedFrame, match="time_out_of_range"):
        decode(one, binance_trade(5, T=0))
    found = decode(one, binance_trade(5, E=0))
    assert found.messages[0].venue_time is None and found.messages[0].seq == (5, 5)
    assert [rejected.reason for rejected in found.rejected] == ["time_out_of_range"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_supplier_with_an_impossible_time_still_has_a_price(time: str) -> None:
    (coinbase,) = [
        one
        for one in list_suppliers(Venues(cryptocompare_key=Secret("k")))[0]
        if one.venue == "coinbase"
    ]
    parts = RejectedParts(TimeBound())
    body = text({"price": "100.00", "time": time})
    quote = coinbase.quote(Frame(body, AT_US), symbol="BTC-USD", conn="c", parts=parts)
    assert quote.venue_time is None and quote.events
    assert [one.reason for one in parts.rejected] == ["time_out_of_range"]
