"""Both decoders by hand-written frames, and against mutated ones: messages or a refusal."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import RejectedFrame
from include.market import wire
from include.market.events import BookChange, Frame, LedgerEntry, Message, Ticker, Top, Trade
from streaming.feeds.decoding import Decoder
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder

D = Decimal
SNAPSHOT = (
    b'{"type":"update","eventId":7,"socket_sequence":0,"events":['
    b'{"type":"change","reason":"initial","price":"99.5","delta":"2","remaining":"2","side":"bid"},'
    b'{"type":"change","reason":"initial","price":"100","delta":"3","remaining":"3","side":"ask"}]}'
)
TRADE = (
    b'{"type":"update","eventId":9,"timestamp":1524546884,"timestampms":1524546884590,'
    b'"socket_sequence":1,"events":[{"type":"trade","tid":9,"price":"100","amount":"1.25",'
    b'"makerSide":"ask"},{"type":"change","side":"ask","price":"100","remaining":"1.75",'
    b'"delta":"-1.25","reason":"trade"}]}'
)
AGG_TRADE = (
    b'{"e":"aggTrade","E":1617566591315,"s":"BTCUSDT","a":665,"p":"58001.03","q":"0.086205",'
    b'"f":745,"l":747,"T":1617566591314,"m":true,"M":true}'
)
BOOK_TICKER = b'{"u":400,"s":"BTCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}'
TICKER = (
    b'{"e":"24hrTicker","E":1653812650349,"s":"ETHUSDT","p":"28.23","P":"1.600","w":"1781.1",'
    b'"x":"1764.61","c":"1792.84","Q":"0.5572","b":"1792.83","B":"1.6274","a":"1792.85",'
    b'"A":"20.2911","o":"1764.61","h":"1808.98","l":"1748.94","v":"471703.5311",'
    b'"q":"840180761.518361","O":1653726250344,"C":1653812650344,"F":1,"L":9,"n":552479}'
)


def gemini() -> GeminiV1Decoder:
    return GeminiV1Decoder(symbol="BTC-USD", conn="c")


def binance() -> BinanceDecoder:
    return BinanceDecoder(symbols=("BTC-USDT", "ETH-USDT"), conn="c")


def frame(data: bytes) -> Frame:
    return Frame(data=data, received_time=5)


def combined(stream: str, payload: bytes) -> bytes:
    return b'{"stream":"%s","data":%s}' % (stream.encode(), payload)


def heartbeat(seq: int) -> bytes:
    return b'{"type":"heartbeat","socket_sequence":%d}' % seq


def test_a_gemini_trade_frame_is_a_book_message_and_a_trade_message() -> None:
    decoder = gemini()
    (first,) = decoder.decode(frame(SNAPSHOT)).messages
    assert (first.seq, first.venue_time, len(first.events)) == ((0, 0), None, 2)
    assert first.top == Top(D("99.5"), D(2), D(100), D(3))
    book, trade = decoder.decode(frame(TRADE)).messages
    assert book == Message(
        venue="gemini",
        symbol="BTC-USD",
        kind="book",
        conn="c",
        seq=(1, 1),
        venue_time=1524546884590000,
        received_time=5,
        events=(BookChange("ask", D(100), D("1.75"), D("-1.25"), "trade", 9),),
        top=Top(D("99.5"), D(2), D(100), D("1.75")),
    )
    assert trade.kind == "trade" and trade.seq == (1, 1) and trade.top is None
    assert trade.events == (Trade("9", D(100), D("1.25"), "buy", 1524546884590000),)


@pytest.mark.parametrize(("maker", "side"), [("bid", "sell"), ("ask", "buy"), ("auction", None)])
def test_the_aggressor_is_the_other_side_of_the_maker(maker: str, side: str | None) -> None:
    decoder = gemini()
    decoder.decode(frame(SNAPSHOT))
    data = TRADE.replace(b'"makerSide":"ask"', b'"makerSide":"%s"' % maker.encode())
    trade = decoder.decode(frame(data)).messages[1].events[0]
    assert isinstance(trade, Trade) and trade.side == side


def test_a_heartbeat_keeps_the_sequence_and_carries_the_top() -> None:
    decoder = gemini()
    decoder.decode(frame(SNAPSHOT))
    (beat,) = decoder.decode(frame(heartbeat(1))).messages
    assert (beat.kind, beat.seq, beat.events) == ("heartbeat", (1, 1), ())
    assert beat.top is not None


def test_a_heartbeat_before_the_snapshot_hides_no_gap_between_connections() -> None:
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="b", last_ids={"BTC-USD": 9})
    decoder.decode(frame(heartbeat(0)))
    snapshot = SNAPSHOT.replace(b'"eventId":7', b'"eventId":50')
    first = decoder.decode(frame(snapshot.replace(b'sequence":0', b'sequence":1'))).messages[0]
    assert first.events == (LedgerEntry("gap", "between_connections", 10, 50),)
    later = decoder.decode(frame(heartbeat(2))).messages
    assert [message.kind for message in later] == ["heartbeat"]


def test_trades_made_between_two_connections_may_be_missing() -> None:
    ids: dict[str, int] = {}
    first, second = (
        GeminiV1Decoder(symbol="BTC-USD", conn=conn, last_ids=ids) for conn in ("a", "b")
    )
    for data in (SNAPSHOT, TRADE):
        messages = first.decode(frame(data)).messages
    assert ids["BTC-USD"] == 9 and len(messages) == 2
    decoded = second.decode(frame(SNAPSHOT.replace(b'"eventId":7', b'"eventId":50')))
    assert decoded.messages[0].events == (LedgerEntry("gap", "between_connections", 10, 50),)
    assert decoded.messages[1].top is not None and not decoded.resync
    replayed = GeminiV1Decoder(symbol="BTC-USD", conn="c", last_ids=ids).decode(frame(SNAPSHOT))
    assert [message.kind for message in replayed.messages] == ["book"]  # a tape from its start


def test_no_trade_lacks_up_to_the_last_event_of_the_connection_before() -> None:
    """Its changes of the book have ids of the same kind, so that it shows how far it came."""
    ids = {"BTC-USD": 9}
    before = GeminiV1Decoder(symbol="BTC-USD", conn="a", last_ids=ids)
    before.decode(frame(SNAPSHOT.replace(b'"eventId":7', b'"eventId":50')))
    for event_id, expected in (
        (50, ()),
        (60, (LedgerEntry("gap", "between_connections", 51, 60),)),
    ):
        after = GeminiV1Decoder(symbol="BTC-USD", conn="b", last_ids=dict(ids))
        snapshot = SNAPSHOT.replace(b'"eventId":7', b'"eventId":%d' % event_id)
        entries = [m.events for m in after.decode(frame(snapshot)).messages if m.kind == "ledger"]
        assert tuple(one for events in entries for one in events) == expected


def test_events_of_unknown_kinds_are_counted_and_the_frame_still_decoded() -> None:
    decoder = gemini()
    decoder.decode(frame(SNAPSHOT))
    data = TRADE.replace(b'"type":"trade"', b'"type":"news"')
    (book,) = decoder.decode(frame(data)).messages
    assert len(book.events) == 1 and decoder.ignored == {"news": 1}
    (odd,) = decoder.decode(frame(b'{"type":"news","socket_sequence":2}')).messages
    assert (odd.kind, odd.seq, odd.events) == ("book", (2, 2), ())


@pytest.mark.parametrize(
    ("seq", "entry"),
    [
        (3, LedgerEntry("gap", "missing", 1, 2)),
        (0, LedgerEntry("gap", "out_of_order", None, None, "0 where 1 was due")),
    ],
)
def test_a_hole_or_a_step_back_ends_the_book(seq: int, entry: LedgerEntry) -> None:
    decoder = gemini()
    decoder.decode(frame(SNAPSHOT))
    decoded = decoder.decode(frame(heartbeat(seq)))
    assert decoded.resync and decoded.messages[0].events == (entry,)
    assert decoded.messages[1].top is None
    assert not decoder.decode(frame(heartbeat(seq + 1))).resync


def test_a_hole_left_by_a_refused_frame_says_so() -> None:
    decoder = gemini()
    decoder.decode(frame(SNAPSHOT))
    with pytest.raises(RejectedFrame):
        decoder.decode(frame(TRADE.replace(b'"1.75"', b"true")))
    gap = decoder.decode(frame(heartbeat(2))).messages[0]
    assert gap.events == (LedgerEntry("gap", "rejected", 1, 1),)


@pytest.mark.parametrize("framed", [AGG_TRADE, combined("btcusdt@aggTrade", AGG_TRADE)])
def test_an_aggregate_trade_is_decoded_with_its_ids(framed: bytes) -> None:
    (message,) = binance().decode(frame(framed)).messages
    assert (message.symbol, message.seq, message.venue_time) == (
        "BTC-USDT",
        (665, 665),
        1617566591315000,
    )
    trade = Trade("665", D("58001.03"), D("0.086205"), "sell", 1617566591314000, 745, 747)
    assert message.events == (trade,)


def test_a_trade_id_gap_is_reported_per_symbol_and_across_connections() -> None:
    first = binance()
    first.decode(frame(AGG_TRADE))
    first.decode(frame(AGG_TRADE.replace(b"BTCUSDT", b"ETHUSDT")))
    second = BinanceDecoder(symbols=("BTC-USDT",), conn="d", last_ids=first.last_ids)
    decoded = second.decode(frame(AGG_TRADE.replace(b'"a":665', b'"a":669')))
    gap, trade = decoded.messages
    assert gap.events == (LedgerEntry("gap", "missing", 666, 668),) and not decoded.resync
    assert (gap.kind, gap.symbol, trade.kind) == ("ledger", "BTC-USDT", "trade")


def test_what_two_connections_both_carry_is_decoded_once() -> None:
    ids: dict[str, int] = {}
    old, new = (
        BinanceDecoder(symbols=("BTC-USDT",), conn=conn, last_ids=ids) for conn in ("a", "b")
    )
    messages = []
    for decoder, number in [(old, 1), (old, 2), (new, 2), (old, 3), (new, 3), (new, 4), (old, 4)]:
        data = AGG_TRADE.replace(b'"a":665', b'"a":%d' % number)
        messages += decoder.decode(frame(data)).messages
    assert [(one.kind, one.seq) for one in messages] == [("trade", (n, n)) for n in (1, 2, 3, 4)]
    assert old.ignored["repeated"] + new.ignored["repeated"] == 3


@pytest.mark.parametrize("framed", [BOOK_TICKER, combined("btcusdt@bookTicker", BOOK_TICKER)])
def test_a_book_ticker_is_a_book_message_of_its_top_alone(framed: bytes) -> None:
    decoder = binance()
    (message,) = decoder.decode(frame(framed)).messages
    assert (message.kind, message.seq, message.venue_time, message.events) == (
        "book",
        (400, 400),
        None,
        (),
    )
    assert message.top == Top(D("25.35"), D("31.21"), D("25.36"), D("40.66"))
    assert decoder.decode(frame(framed)).messages == () and decoder.ignored == {"repeated": 1}
    crossed = framed.replace(b"25.36", b"25.35").replace(b":400", b":401")
    assert decoder.decode(frame(crossed)).messages[0].top is None


def test_a_ticker_is_decoded_without_a_sequence() -> None:
    (message,) = binance().decode(frame(TICKER)).messages
    assert message.seq is None and message.events == (
        Ticker(
            last=D("1792.84"),
            open=D("1764.61"),
            high=D("1808.98"),
            low=D("1748.94"),
            bid=D("1792.83"),
            bid_quantity=D("1.6274"),
            ask=D("1792.85"),
            ask_quantity=D("20.2911"),
            base_volume=D("471703.5311"),
            quote_volume=D("840180761.518361"),
            trade_count=552479,
            change=D("28.23"),
            change_percent=D("1.600"),
            average=D("1781.1"),
            previous_close=D("1764.61"),
            last_quantity=D("0.5572"),
            first_trade_id=1,
            last_trade_id=9,
            window_start=1653726250344000,
            window_end=1653812650344000,
        ),
    )


def test_a_ticker_of_a_day_without_trades_has_no_trade_ids_and_a_fall_is_negative() -> None:
    data = TICKER.replace(b'"F":1,"L":9', b'"F":-1,"L":-1').replace(b'"28.23"', b'"-28.23"')
    (message,) = binance().decode(frame(data)).messages
    (event,) = message.events
    assert isinstance(event, Ticker) and event.change == D("-28.23")
    assert (event.first_trade_id, event.last_trade_id) == (None, None)


def test_replies_are_counted_and_a_shutdown_asks_for_a_new_connection() -> None:
    decoder = binance()
    assert decoder.decode(frame(b'{"result":null,"id":1}')).messages == ()
    ending = b'{"e":"serverShutdown","E":1770123456789}'
    for data in (ending, combined("!serverShutdown", ending)):
        assert decoder.decode(frame(data)).renew
    assert decoder.ignored == {"reply": 1, "serverShutdown": 2}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xfe{", "not_utf8"),
        (b"hello", "not_json"),
        (b"[" * 100_000, "wrong_type"),
        (b"[1,2]", "wrong_type"),
        (b"{}", "wrong_type"),
        (b'{"type":' + b"[" * 100_000, None),
    ],
)
def test_junk_is_refused_with_its_reason_by_both(data: bytes, reason: str | None) -> None:
    for decoder in (gemini(), binance()):
        with pytest.raises(RejectedFrame) as refused:
            decoder.decode(frame(data))
        assert reason in {None, refused.value.reason}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"58001.03"', b'"NaN"', "out_of_range"),
        (b'"58001.03"', b'"-1"', "out_of_range"),
        (b'"58001.03"', b'"1e40"', "out_of_range"),
        (b'"58001.03"', b'"58001.123456789"', "too_fine"),
        (b'"0.086205"', b'"0.00000000001"', "too_fine"),
        (b'"58001.03"', b'"1234567890123"', "out_of_range"),
        (b'"58001.03"', b"{}", "wrong_type"),
        (b'"a":665', b'"a":"665"', "wrong_type"),
        (b"BTCUSDT", b"DOGEUSDT", "unknown_symbol"),
    ],
)
def test_a_wrong_value_is_refused(old: bytes, new: bytes, reason: str) -> None:
    with pytest.raises(RejectedFrame) as refused:
        binance().decode(frame(AGG_TRADE.replace(old, new)))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        (b'"58001.03"', b'"58001.123456789"', "column price: 58001.123456789"),
        (b'"0.086205"', b'"1E-11"', "column quantity: 1E-11"),
        (b'"58001.03"', b'"1234567890123"', "column price: 1234567890123"),
    ],
)
def test_a_number_that_does_not_fit_is_named_with_its_column(
    old: bytes, new: bytes, detail: str
) -> None:
    with pytest.raises(RejectedFrame) as refused:
        binance().decode(frame(AGG_TRADE.replace(old, new)))
    assert refused.value.detail == detail


def test_a_value_as_fine_as_its_column_is_kept_whole() -> None:
    data = AGG_TRADE.replace(b'"58001.03"', b'"58001.12345678000"')
    (message,) = binance().decode(frame(data.replace(b"0.086205", b"0.0000000001"))).messages
    (trade,) = message.events
    assert isinstance(trade, Trade)
    assert (trade.price, trade.quantity) == (D("58001.12345678"), D("0.0000000001"))


def test_a_venue_error_is_refused_as_such() -> None:
    for data in (b'{"code":2,"msg":"Invalid request"}', b'{"error":{"code":2},"id":1}'):
        with pytest.raises(RejectedFrame, match="venue_error"):
            binance().decode(frame(data))


def mutated(data: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, new in cuts:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + length :]
    return data


CUTS = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 40), st.binary(max_size=6)),
    min_size=1,
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def survives(decoder: Decoder, data: bytes) -> None:
    try:
        decoded = decoder.decode(frame(data))
    except RejectedFrame as refused:
        assert refused.reason.isidentifier()
        return
    for message in decoded.messages:
        assert wire.decode(wire.encode(message)) == message


@given(st.sampled_from([SNAPSHOT, TRADE, heartbeat(0), AGG_TRADE, TICKER, BOOK_TICKER]), CUTS)
def test_mutated_bytes_never_crash_a_decoder(
    data: bytes, cuts: list[tuple[int, int, bytes]]
) -> None:
    survives(gemini(), mutated(data, cuts))
    survives(binance(), mutated(data, cuts))
    survives(binance(), combined("x", mutated(data, cuts)))


@given(st.sampled_from([SNAPSHOT, TRADE, AGG_TRADE, TICKER, BOOK_TICKER]), st.data())
def test_fields_of_any_type_never_crash_a_decoder(data: bytes, draw: st.DataObject) -> None:
    tree = json.loads(data)
    spot = draw.draw(st.sampled_from([tree, *tree.get("events", [])]))
    spot[draw.draw(st.sampled_from(sorted(spot)))] = draw.draw(JSON)
    changed = json.dumps(tree).encode(errors="replace")
    survives(gemini(), changed)
    survives(binance(), changed)
    survives(binance(), combined("x", changed))
