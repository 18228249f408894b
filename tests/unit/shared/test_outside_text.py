"""Text from outside, however odd: read, or refused by an error of the product in one sentence."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from include.bus.record_browsing import parse_filter
from include.errors import TickhouseError
from include.lake.as_of import parse_as_of
from include.lake.csv_editions import recognise
from include.market import wire
from include.market.events import Frame, Message, Trade
from include.market.feed_states import split_connection_id
from include.market.numbering import trade_range
from include.market.numerals import parse_whole
from include.market.time import USUAL_BOUND
from include.orchestration.policies import parse_time
from include.settings import list_variables, load
from include.settings.env_file import parse_env
from streaming.dashboard.choice import parse_span, parse_symbols
from streaming.dashboard.flows.requests import parse_lookup
from streaming.feeds.decoding import RejectedParts
from streaming.feeds.fetch import Reply
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from streaming.feeds.venues.polled_tickers import read_gemini_ticker
from streaming.simulator.__main__ import make_application
from tests.support.venue_frames import (
    best_prices,
    binance_trade,
    current_trade,
    decode,
    deribit_trades,
    v1_trade,
    v2_trade,
)

NOW_US = 1_760_000_000_000_000
NINES = "9" * 5000
ODD = [
    *(NINES, f"-{NINES}", f"0.{NINES}", "1e999999999", "1e-999999999", "NaN", "sNaN", "-Infinity"),
    *("²", "٣" * 20, "1_000", "0x10", "", " ", "\x00", "\ud800", "infinity", "{" * 100),
    *("9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00+23:59", "10000-01-01"),
    *("99999999999999999999", "9223372036854775808", "-1", "1.5", "a-b"),
]
NUMBERS = [name for name, (value, _) in list_variables().items() if isinstance(value, int | float)]
DECODED: list[tuple[Callable[[], object], bytes]] = [
    (lambda: BinanceDecoder(symbols=("BTC-USDT",), conn="c"), binance_trade(5)),
    (lambda: BinanceDecoder(symbols=("BTC-USDT",), conn="c"), best_prices(5)),
    (
        lambda: DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c"),
        deribit_trades(5),
    ),
    (lambda: GeminiV1Decoder(symbol="BTC-USD", conn="c"), v1_trade(5, seq=0)),
    (lambda: GeminiV2Decoder(symbols=("BTC-USD",), conn="c"), v2_trade(5)),
    (lambda: GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c"), current_trade(5)),
]


def _read_ticker(text: str) -> object:
    answer = {"last": "1", "volume": {"BTC": text, "timestamp": text}}
    frame = Frame(json.dumps(answer).encode(), NOW_US)
    return read_gemini_ticker(frame, "BTC-USD", RejectedParts(USUAL_BOUND))


def _number_of(text: str) -> object:
    trade = Trade(text, Decimal(1), Decimal(1), "buy", NOW_US)
    return trade_range(Message("gemini", "BTC-USD", "trade", "c", None, 1, 1, (trade,)))


def _decode_message(text: str) -> object:
    number = text if text.isascii() and text.isdigit() else json.dumps(text)
    return wire.decode(b'{"v":1,"received_time":%b}' % number.encode("utf-8", "replace"))


PARSERS: dict[str, Callable[[str], object]] = {
    "as of": parse_as_of,
    "a DAG's time": parse_time,
    "a whole number": parse_whole,
    "a filter": lambda text: parse_filter([text]),
    "an edition": lambda text: recognise([text, f"{text},1,1,1,1,1"]),
    "a connection": lambda text: split_connection_id(f"gemini-{text}-1"),
    "a trade's number": _number_of,
    "a message": _decode_message,
    "Spark's options": lambda text: load({"TICKHOUSE_STREAM_SPARK_CONF": text}),
    "from and to": lambda text: parse_span(text, text, now_s=1_760_000_000),
    "to alone": lambda text: parse_span("", text, now_s=1_760_000_000),
    "symbols": parse_symbols,
    "a partition": lambda text: parse_lookup({"topic": "market.trades", "partition": text}),
    "an offset": lambda text: parse_lookup({"topic": "market.trades", "offset": text}),
    "a polled ticker": _read_ticker,
    "Retry-After": lambda text: Reply(429, b"", text).wait_s(now_s=0, otherwise=1),
    "any number of ours": lambda text: [load({name: text}) for name in NUMBERS[:1]],
}


def refuses_in_words(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except TickhouseError as error:
        assert 0 < len(str(error)) < 700, "a sentence that can be read"


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("name", PARSERS)
def test_odd_text_is_read_or_refused(name: str, text: str) -> None:
    refuses_in_words(PARSERS[name], text)


@profile(max_examples=60, deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"[-+]?[0-9.eE_:TZ]{1,60}", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in PARSERS.values():
        refuses_in_words(parse, text)


@pytest.mark.parametrize("text", ODD)
def test_a_line_of_an_env_file_is_read_or_named(text: str) -> None:
    try:
        parse_env(f"TICKHOUSE_A={text}\n", prefix="TICKHOUSE_")
    except ValueError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("number", range(len(DECODED)))
def test_any_field_of_a_frame_may_be_odd(number: int, text: str) -> None:
    make, frame = DECODED[number]
    for old in {*frame.replace(b",", b" ").replace(b":", b" ").split()}:
        for new in (json.dumps(text).encode(), text.encode("utf-8", "replace")):
            try:
                decode(make(), frame.replace(old.strip(b"{}[]"), new))  # type: ignore[arg-type]
            except TickhouseError as error:
                assert str(error)


PATHS = (
    "/kaggle/{file}?days={text}",
    "/api/v1/datasets/download/mczielinski/bitcoin-historical-data?datasetVersionNumber={text}",
    "/api/v3/aggTrades?symbol=BTCUSDT&fromId={text}",
    "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={text}&limit={text}",
    "/v1/trades/btcusd?since_tid={text}&limit_trades={text}&timestamp={text}",
    "/api/v2/public/get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL&start_seq={text}",
    "/api/v2/public/get_last_trades_by_currency?currency=BTC&start_id={text}&end_id={text}",
    "/api/v2/public/get_last_settlements_by_currency?currency=BTC&continuation={text}&count={text}",
    "/products/BTC-USD/candles?granularity=60&start={text}&end={text}",
    "/products/BTC-USD/trades?after={text}&limit={text}",
    "/0/public/Trades?pair=XXBTZUSD&since={text}",
    "/api/v2/ohlc/btcusd/?step=60&limit={text}&start={text}",
)


async def test_no_address_of_the_simulator_breaks_it() -> None:
    from urllib.parse import quote

    from streaming.simulator.kaggle import CURRENT

    settings = load({"TICKHOUSE_SIMULATOR_HISTORY_DAYS": "2"})
    key = {"Authorization": "Bearer for-the-simulator"}
    texts = [text[:4400] for text in ODD if text and "\ud800" not in text]
    async with TestClient(TestServer(make_application(settings))) as client:
        for path in PATHS:
            for text in texts:
                address = path.format(file=CURRENT, text=quote(text))[:8000]
                reply = await client.get(address, headers=key, allow_redirects=False)
                assert reply.status != 500, (path, text[:40])
                if path.startswith("/kaggle"):
                    assert reply.status == 400, text[:40]
