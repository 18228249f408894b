"""Gemini v2 and the current service by hand-written frames, and mutated ones."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import RejectedFrame, SettingsError
from include.market import wire
from include.market.events import Frame, LedgerEntry, Message, Top, Trade
from include.market.venue_settings import GeminiSettings, Venues
from streaming.feeds.decoding import DecodedFrame
from streaming.feeds.registry import stream_specs
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder

D = Decimal
TRADE = (
    b'{"type":"trade","symbol":"BTCUSD","event_id":%d,"timestamp":1618677942606,'
    b'"price":"62.01","quantity":"8.79","side":"buy"}'
)
L2 = (
    b'{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","60.5","0.1"],["sell","61","2"]],'
    b'"trades":[%s,%s]}' % (TRADE % 8, TRADE % 7)
)
LATER = b'{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","60.5","0"],["buy","60","3"]]}'
DEPTH = (
    b'{"e":"depthUpdate","E":1751508438600117161,"s":"btcusd","U":10,"u":12,'
    b'"b":[["45000.5","1.25"]],"a":[["45001.00","0.75"]]}'
)
NEXT = (
    b'{"e":"depthUpdate","E":1751508438700117161,"s":"btcusd","U":%d,"u":15,'
    b'"b":[["45000.5","0"]],"a":[]}'
)
NEW_TRADE = b'{"E":1751508438600117161,"s":"btcusd","t":77,"p":"45000.50","q":"0.01","m":true}'
BEST = (
    b'{"u":17,"E":1751508438600117161,"s":"btcusd","b":"45000.50","B":"1.25","a":"45001.00",'
    b'"A":"0.75","c":"45000.50","C":"0.1"}'
)


def v2(ids: dict[str, int] | None = None) -> GeminiV2Decoder:
    return GeminiV2Decoder(symbols=("BTC-USD",), conn="c", last_ids=ids)


def current(ids: dict[str, int] | None = None) -> GeminiCurrentDecoder:
    return GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c", last_ids=ids)


def decoded(one: GeminiV2Decoder | GeminiCurrentDecoder, data: bytes) -> DecodedFrame:
    return one.decode(Frame(data, 5))


def test_the_first_v2_frame_is_the_book_and_its_trades_oldest_first() -> None:
    one = v2()
    book, trades = decoded(one, L2).messages
    assert (book.kind, book.top) == ("book", Top(D("60.5"), D("0.1"), D(61), D(2)))
    assert [t.trade_id for t in trades.events if isinstance(t, Trade)] == ["7", "8"]
    assert trades.venue_time == 1618677942606000
    (later,) = decoded(one, LATER).messages
    assert later.top == Top(D(60), D(3), D(61), D(2))


def test_v2_trades_that_were_decoded_are_not_decoded_again() -> None:
    ids: dict[str, int] = {}
    assert len(decoded(v2(ids), L2).messages) == 2
    again = v2(ids)
    assert [one.kind for one in decoded(again, L2).messages] == ["book"]
    assert again.ignored["repeated"] == 2
    (trade,) = decoded(again, TRADE % 9).messages
    assert trade.events == (Trade("9", D("62.01"), D("8.79"), "buy", 1618677942606000),)


def test_the_current_books_ids_may_follow_or_overlap_and_a_step_is_a_hole() -> None:
    for first, overlapping in ((13, 0), (12, 1)):
        one = current()
        (snapshot,) = decoded(one, DEPTH).messages
        assert snapshot.top == Top(D("45000.5"), D("1.25"), D(45001), D("0.75"))
        assert (snapshot.seq, snapshot.venue_time) == ((10, 12), 1751508438600117)
        (change,) = decoded(one, NEXT % first).messages
        assert change.top is None and one.ignored["overlapping"] == overlapping
        assert decoded(one, DEPTH).messages == ()
    one = current()
    decoded(one, DEPTH)
    broken = decoded(one, NEXT % 14)
    assert broken.resync and broken.messages[0].events == (
        LedgerEntry("gap", "missing", detail="updates 13 to 13"),
    )


@pytest.mark.parametrize("price", [b'"x"', b"null"])
def test_a_current_update_that_cannot_be_read_ends_the_book_though_the_next_overlaps_it(
    price: bytes,
) -> None:
    one = current()
    decoded(one, DEPTH)
    unreadable = (NEXT % 12).replace(b'"u":15', b'"u":14').replace(b"[]", b'[[%b,"1"]]' % price)
    with pytest.raises(RejectedFrame) as refused:
        decoded(one, unreadable)
    assert refused.value.needs_snapshot
    following = decoded(one, NEXT % 12)
    assert following.messages[0].events == (
        LedgerEntry("gap", "rejected", detail="an update after 12"),
    )
    assert following.resync and following.messages[1].top is None


def test_a_current_trade_and_the_best_prices() -> None:
    one = current()
    (trade,) = decoded(one, NEW_TRADE).messages
    assert trade.events == (Trade("77", D("45000.5"), D("0.01"), "sell", 1751508438600117),)
    assert decoded(one, NEW_TRADE).messages == () and one.ignored["repeated"] == 1
    (best,) = decoded(one, BEST).messages
    assert (best.kind, best.events) == ("book", ())
    assert best.top == Top(D("45000.5"), D("1.25"), D(45001), D("0.75"))


@pytest.mark.parametrize(
    ("one", "data", "reason"),
    [
        (v2(), b'{"result":"error","reason":"NoValidTradingPairs"}', "venue_error"),
        (v2(), TRADE.replace(b"BTCUSD", b"ETHUSD") % 1, "unknown_symbol"),
        (v2(), b'{"type":"trade"}', "wrong_type"),
        (v2(), b"{}", "wrong_type"),
        (v2(), TRADE.replace(b'"62.01"', b'"NaN"') % 1, "out_of_range"),
        (current(), b'{"id":"1","status":401,"error":{"code":-1002,"msg":"no"}}', "venue_error"),
        (current(), NEW_TRADE.replace(b"btcusd", b"ethusd"), "unknown_symbol"),
        (current(), b"{}", "wrong_type"),
        (current(), BEST.replace(b'"1.25"', b'"0.12345678901"'), "too_fine"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    one: GeminiV2Decoder | GeminiCurrentDecoder, data: bytes, reason: str
) -> None:
    with pytest.raises(RejectedFrame) as refused:
        decoded(one, data)
    assert refused.value.reason == reason


def test_replies_and_kinds_not_carried_are_counted() -> None:
    one, two = v2(), current()
    for data in (b'{"type":"heartbeat","timestamp":5}', b'{"type":"news"}'):
        assert decoded(one, data).messages == ()
    assert one.ignored == {"heartbeat": 1, "news": 1}
    decoded(two, b'{"id":"1","status":200}')
    assert two.ignored == {"reply": 1}


def test_the_service_is_chosen_by_a_setting() -> None:
    assert stream_specs("gemini", venues=Venues())[0].url.endswith(
        "/v1/marketdata/btcusd?heartbeat=true"
    )
    assert stream_specs("gemini", venues=Venues(gemini=GeminiSettings(service="v2")))[
        0
    ].url.endswith("/v2/marketdata")
    (spec,) = stream_specs("gemini", venues=Venues(gemini=GeminiSettings(service="current")))
    assert spec.url == "wss://ws.gemini.com/?snapshot=-1" and "btcusd@trade" in spec.subscribe[0]
    with pytest.raises(SettingsError, match="v3"):
        stream_specs("gemini", venues=Venues(gemini=GeminiSettings(service="v3")))


@given(
    st.sampled_from([L2, LATER, TRADE % 1, DEPTH, NEXT % 13, NEW_TRADE, BEST]),
    st.integers(0, 300),
    st.integers(0, 30),
    st.binary(max_size=6),
)
def test_mutated_frames_are_decoded_or_rejected(data: bytes, at: int, cut: int, new: bytes) -> None:
    for one in (v2(), current()):
        messages: tuple[Message, ...] = ()
        try:
            messages = decoded(one, data[:at] + new + data[at + cut :]).messages
        except RejectedFrame as refused:
            assert refused.reason.isidentifier()
        for message in messages:
            assert wire.decode(wire.encode(message)) == message
