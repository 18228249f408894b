"""What each venue and supplier is asked, to the letter, and what decodes its answers."""

import json
from typing import Any

import pytest

from include.errors import RejectedFrame, SettingsError
from include.market.events import Frame
from include.market.venue_settings import (
    BinanceSettings,
    DeribitSettings,
    GeminiSettings,
    Venues,
)
from include.setting_fields import Secret
from streaming.feeds import registry
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.venues import binance, deribit, gemini
from streaming.feeds.venues.deribit import session
from streaming.feeds.venues.suppliers import list_suppliers
from tests.support.venue_frames import (
    AT_MS,
    AT_US,
    binance_trade,
    current_trade,
    decode,
    deribit_trade,
    deribit_trades,
    text,
    v1_trade,
    v2_trade,
)

PAIR = ("BTC-USD", "ETH-USD")


def asked(stream: StreamSpec) -> list[Any]:
    return [json.loads(text) for text in stream.subscribe]


def test_binance_is_asked_for_three_streams_a_symbol_on_one_connection() -> None:
    (stream,) = binance.stream_specs(
        BinanceSettings(ws_url="wss://b", life_h=2), ("BTC-USDT", "ETH-USDT")
    )
    assert (stream.venue, stream.url, stream.life_s) == ("binance", "wss://b/stream", 7200)
    assert (stream.symbols, stream.tape) == (("BTC-USDT", "ETH-USDT"), "binance_spot/mixed")
    streams = [
        f"{name}@{kind}"
        for name in ("btcusdt", "ethusdt")
        for kind in ("aggTrade", "ticker", "depth@100ms")
    ]
    assert asked(stream) == [{"method": "SUBSCRIBE", "params": streams, "id": 1}]


def test_many_binance_symbols_are_asked_for_in_batches_up_to_the_venues_limit() -> None:
    symbols = tuple(f"C{number}-USDT" for number in range(341))
    (stream,) = binance.stream_specs(BinanceSettings(), symbols)  # 1,023 of 1,024 streams
    requests = asked(stream)
    assert [request["id"] for request in requests] == [1, 2, 3, 4]
    assert [len(request["params"]) for request in requests] == [256, 256, 256, 255]
    assert len({name for request in requests for name in request["params"]}) == 1023
    with pytest.raises(SettingsError, match="1026 Binance streams: at most 1024"):
        binance.stream_specs(BinanceSettings(), (*symbols, "LAST-USDT"))


def test_gemini_v1_has_a_connection_a_symbol_and_asks_nothing() -> None:
    streams = gemini.stream_specs(GeminiSettings(ws_url="wss://g", service="v1"), PAIR)
    assert [stream.url for stream in streams] == [
        "wss://g/v1/marketdata/btcusd?heartbeat=true",
        "wss://g/v1/marketdata/ethusd?heartbeat=true",
    ]
    assert [stream.symbols for stream in streams] == [("BTC-USD",), ("ETH-USD",)]
    assert [stream.tape for stream in streams] == ["gemini_v1/btcusd", "gemini_v1/ethusd"]
    assert {(stream.venue, stream.subscribe) for stream in streams} == {("gemini", ())}


def test_gemini_v2_is_asked_for_the_books_of_all_symbols() -> None:
    (stream,) = gemini.stream_specs(GeminiSettings(ws_url="wss://g", service="v2"), PAIR)
    assert (stream.venue, stream.url) == ("gemini", "wss://g/v2/marketdata")
    assert (stream.symbols, stream.tape) == (PAIR, "gemini_v2/mixed")
    subscription = {"name": "l2", "symbols": ["BTCUSD", "ETHUSD"]}
    assert asked(stream) == [{"type": "subscribe", "subscriptions": [subscription]}]


def test_the_current_gemini_is_asked_for_depth_and_trades() -> None:
    settings = GeminiSettings(current_ws_url="wss://now", service="current")
    (stream,) = gemini.stream_specs(settings, PAIR)
    assert (stream.venue, stream.url) == ("gemini", "wss://now/?snapshot=-1")
    assert (stream.symbols, stream.tape) == (PAIR, "gemini_current/mixed")
    names = ["btcusd@depth@100ms", "btcusd@trade", "ethusd@depth@100ms", "ethusd@trade"]
    assert asked(stream) == [{"id": "1", "method": "subscribe", "params": names}]


def test_deribit_is_asked_to_log_in_then_for_heartbeats_then_for_channels() -> None:
    settings = DeribitSettings(
        ws_url="wss://d",
        book="100ms",
        heartbeat_s=30,
        key=Secret("the-key"),
        secret=Secret("the-secret"),
    )
    (stream,) = deribit.stream_specs(settings, ("BTC-PERPETUAL", "BTC-USDC"))
    assert (stream.venue, stream.url) == ("deribit", "wss://d/ws/api/v2")
    assert stream.tape == "deribit/mixed"
    grant = {"grant_type": "client_credentials", "client_id": "the-key"}
    channels = [
        f"{kind}.{name}.100ms"
        for name in ("BTC-PERPETUAL", "BTC_USDC")
        for kind in ("book", "trades", "ticker")
    ]
    calls = [
        (1, "public/auth", grant | {"client_secret": "the-secret"}),
        (2, "public/set_heartbeat", {"interval": 30}),
        (3, "public/subscribe", {"channels": channels}),
    ]
    assert asked(stream) == [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, method, params in calls
    ]


def test_deribit_takes_no_heartbeat_below_ten_seconds() -> None:
    (stream,) = deribit.stream_specs(DeribitSettings(heartbeat_s=3), ("BTC-PERPETUAL",))
    heartbeat, subscription = asked(stream)
    assert heartbeat["params"] == {"interval": 10}
    assert (heartbeat["id"], subscription["id"]) == (2, 3)


def open_narrow_stream(service: str) -> StreamSpec:
    """A stream of the service that takes times of the last minute alone."""
    if service == "binance":
        specs = binance.stream_specs(BinanceSettings(behind_s=60.0), ("BTC-USDT",))
    elif service == "deribit":
        specs = deribit.stream_specs(DeribitSettings(behind_s=60.0), ("BTC-PERPETUAL",))
    else:
        settings = GeminiSettings(service=service, behind_s=60.0)
        specs = gemini.stream_specs(settings, ("BTC-USD",))
    (stream,) = specs
    return stream


TRADES = {
    "binance": binance_trade,
    "deribit": deribit_trades,
    "v1": lambda number: v1_trade(number, seq=number - 70),
    "v2": v2_trade,
    "current": current_trade,
}


@pytest.mark.parametrize("service", TRADES)
def test_a_streams_decoder_has_its_connection_the_shared_ids_and_the_bound(service: str) -> None:
    stream, ids = open_narrow_stream(service), dict[str, int]()
    decoder = stream.decoder("conn-7", ids)
    messages = decode(decoder, TRADES[service](70)).messages
    assert {message.conn for message in messages} == {"conn-7"}
    assert ids[stream.symbols[0]] == 70
    an_hour_later = AT_US + 3600 * 1_000_000
    try:
        rejected = decode(decoder, TRADES[service](71), received_us=an_hour_later).rejected
    except RejectedFrame as rejection:
        rejected = (rejection,)
    assert "time_out_of_range" in {one.reason for one in rejected}
    assert ids[stream.symbols[0]] == 70


def test_each_supplier_is_asked_by_its_own_spelling_and_limit() -> None:
    suppliers, left_out = list_suppliers(Venues(cryptocompare_key=Secret("k")))
    assert left_out == {}
    paths = {one.venue: (one.path("BTC-USD"), one.per_minute) for one in suppliers}
    assert paths == {
        "coinbase": ("/products/BTC-USD/ticker", 600),
        "bitstamp": ("/api/v2/ticker/btcusd/", 800),
        "kraken": ("/0/public/Ticker?pair=XBTUSD", 60),
        "gemini": ("/v1/pubticker/btcusd", 120),
        "cryptocompare": ("/data/price?fsym=BTC&tsyms=USD", 60),
    }
    by_name = {one.venue: one for one in suppliers}
    assert by_name["kraken"].path("DOGE-EUR").endswith("=XDGEUR")
    assert by_name["kraken"].path("ETH-EUR").endswith("=ETHEUR")
    assert by_name["cryptocompare"].headers == {"Authorization": "Apikey k"}
    assert all(not one.headers for one in suppliers if one.venue != "cryptocompare")
    venues = Venues()
    urls = (venues.coinbase_rest_url, venues.bitstamp_rest_url, venues.kraken_rest_url)
    assert tuple(by_name[name].url for name in ("coinbase", "bitstamp", "kraken")) == urls
    assert by_name["gemini"].url == venues.gemini.rest_url
    assert by_name["cryptocompare"].url == venues.cryptocompare_rest_url


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b'{"jsonrpc":"2.0","id":3}', "wrong_type", "neither notification nor reply"),
        (b'{"jsonrpc":"2.0","result":1}', "wrong_type", "neither notification nor reply"),
        (
            b'{"method":"subscription","params":{"channel":"","data":{}}}',
            "wrong_type",
            "a notification without a channel",
        ),
    ],
)
def test_a_deribit_frame_that_is_neither_is_rejected_by_name(
    data: bytes, reason: str, detail: str
) -> None:
    (stream,) = deribit.stream_specs(DeribitSettings(), ("BTC-PERPETUAL",))
    with pytest.raises(RejectedFrame) as raised:
        decode(stream.decoder("c", {}), data)
    assert (raised.value.reason, raised.value.detail) == (reason, detail)


def test_past_trades_are_asked_for_by_each_venues_own_numbers() -> None:
    asked_of = {
        "binance": ("BTC-USDT", "/api/v3/aggTrades?symbol=BTCUSDT&fromId=40&limit={}", 1000),
        "gemini": ("BTC-USD", "/v1/trades/btcusd?since_tid=39&limit_trades={}", None),
        "deribit": (
            "BTC-USDC",
            "/api/v2/public/get_last_trades_by_instrument?instrument_name=BTC_USDC"
            "&start_seq=40&end_seq=45&count={}&sorting=asc",
            None,
        ),
    }
    for venue, (symbol, path, page) in asked_of.items():
        refill = registry.refills(Venues())[venue]
        base = Venues().of(venue).rest_url
        url = refill.url(symbol, 40, 45)
        assert url.startswith(base + path.partition("{}")[0]), venue
        assert url.endswith(path.partition("{}")[2])
        if page:
            assert url.endswith("limit=6")
            assert refill.url(symbol, 40, 10**6).endswith(f"limit={page}")


def test_a_past_trade_that_makes_no_sense_is_an_empty_number_of_its_page() -> None:
    good, wrong = deribit_trade(40), deribit_trade(41, price=-1.0)
    refill = registry.refills(Venues())["deribit"]
    page = refill.page(
        text({"result": {"trades": [good, wrong]}}),
        symbol="BTC-PERPETUAL",
        conn="heal-1",
        now_us=AT_US,
    )
    assert page.empty == [41] and page.numbers() == [40, 41]
    gemini_page = [
        {"tid": n, "timestampms": AT_MS, "price": price, "amount": "1", "type": "buy"}
        for n, price in ((70, "1"), (71, "-1"))
    ]
    page = registry.refills(Venues())["gemini"].page(
        text(gemini_page), symbol="BTC-USD", conn="heal-1", now_us=AT_US
    )
    assert page.empty == [71] and page.numbers() == [70, 71]


@pytest.mark.parametrize(
    ("venue", "body", "reason", "detail"),
    [
        ("kraken", b'{"result":{}}', "wrong_type", "0 pairs where one was asked"),
        ("kraken", b'{"error":["EGeneral:x"]}', "venue_error", '{"error":["EGeneral:x"]}'),
        ("bitstamp", b'{"status":"error","last":"1"}', "venue_error", '{"status":"error"'),
        ("cryptocompare", b'{"EUR":1}', "wrong_type", "no USD among EUR"),
        ("cryptocompare", b"{}", "wrong_type", "no USD among nothing"),
    ],
)
def test_a_supplier_without_a_price_is_rejected_with_what_it_answered(
    venue: str, body: bytes, reason: str, detail: str
) -> None:
    suppliers, _ = list_suppliers(Venues(cryptocompare_key=Secret("k")))
    (supplier,) = [one for one in suppliers if one.venue == venue]
    with pytest.raises(RejectedFrame) as raised:
        supplier.quote(Frame(body, AT_US), symbol="BTC-USD", conn="c")
    assert raised.value.reason == reason and raised.value.detail.startswith(detail)


@pytest.mark.parametrize(("expires_in_s", "after_s"), [(900, 720.0), (1, 1.0)])
def test_a_log_in_is_renewed_by_its_own_request_before_it_ends(
    expires_in_s: int, after_s: float
) -> None:
    request = session.refresh("the-token", expires_in_s=expires_in_s)
    assert request.after_s == after_s
    assert json.loads(request.text) == {
        "jsonrpc": "2.0",
        "id": 4,
        "method": "public/auth",
        "params": {"grant_type": "refresh_token", "refresh_token": "the-token"},
    }
