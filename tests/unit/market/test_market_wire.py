"""Messages and symbols, there and back; what is no message is refused by name."""

import base64
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import SettingsError, WireError
from include.market import wire
from include.market.events import BookChange, Message, Top, Trade
from include.market.symbols import (
    CONCATENATED,
    INSTRUMENTS,
    QUOTES,
    concatenate,
    kind_of,
    require_symbol,
    split_pair,
)

MONEY = st.decimals(min_value=0, max_value=10**9, places=8)
TIMES = st.integers(0, 2**53)
TRADES = st.builds(
    Trade,
    trade_id=st.text(max_size=9),
    price=MONEY,
    quantity=MONEY,
    side=st.sampled_from(["buy", "sell", None]),
    traded_at=TIMES,
    first_trade_id=st.none() | TIMES,
    last_trade_id=st.none() | TIMES,
)
CHANGES = st.builds(
    BookChange,
    side=st.sampled_from(["bid", "ask"]),
    price=MONEY,
    remaining=MONEY,
    delta=st.none() | MONEY,
    reason=st.none() | st.text(max_size=9),
)
MESSAGES = st.builds(
    Message,
    venue=st.text(min_size=1, max_size=8),
    symbol=st.just("BTC-USD"),
    kind=st.sampled_from(sorted(wire.TOPIC_OF_KIND)),
    conn=st.text(max_size=8),
    seq=st.none() | st.tuples(TIMES, TIMES),
    venue_time=st.none() | TIMES,
    received_time=TIMES,
    events=st.lists(TRADES | CHANGES, max_size=4).map(tuple),
    top=st.none() | st.builds(Top, bid=MONEY, bid_quantity=MONEY, ask=MONEY, ask_quantity=MONEY),
)


@given(MESSAGES)
def test_a_message_is_the_same_there_and_back(message: Message) -> None:
    assert wire.decode(wire.encode(message)) == message


def test_decimals_travel_as_strings_and_times_as_microseconds() -> None:
    change = BookChange(side="bid", price=Decimal("9225.25"), remaining=Decimal("0.10"))
    message = Message(
        venue="gemini",
        symbol="BTC-USD",
        kind="book",
        conn="c",
        seq=(1, 2),
        venue_time=5,
        received_time=6,
        events=(change,),
    )
    text = json.loads(wire.encode(message))
    assert (text["events"][0]["price"], text["events"][0]["remaining"]) == ("9225.25", "0.10")
    assert (text["v"], text["seq"], text["venue_time"], text["received_time"]) == (1, [1, 2], 5, 6)
    assert (wire.choose_topic(message), wire.encode_key(message)) == (
        "market.book",
        b"gemini|BTC-USD",
    )


@given(st.binary(max_size=200))
def test_junk_is_refused_and_never_crashes(value: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode(value)


def test_another_version_is_refused_by_its_number() -> None:
    message = Message(
        venue="a",
        symbol="B-C",
        kind="book",
        conn="c",
        seq=None,
        venue_time=None,
        received_time=1,
        events=(),
        v=2,
    )
    with pytest.raises(WireError, match="version 2"):
        wire.decode(wire.encode(message))


def test_an_unknown_kind_has_no_topic() -> None:
    message = Message(
        venue="a",
        symbol="B-C",
        kind="gossip",
        conn="c",
        seq=None,
        venue_time=None,
        received_time=1,
        events=(),
    )
    with pytest.raises(WireError, match="gossip"):
        wire.choose_topic(message)


def test_a_rejected_frame_keeps_its_bytes() -> None:
    message = wire.reject_message(
        b"\xff{", venue="gemini", conn="c", received_time=1, reason="not_utf8", detail="x" * 900
    )
    assert wire.choose_topic(message) == "market.rejects"
    (reject,) = wire.decode(wire.encode(message)).events
    assert base64.b64decode(reject.payload) == b"\xff{"  # type: ignore[union-attr]
    assert len(reject.detail) == 500  # type: ignore[union-attr]


@given(st.from_regex(r"[A-Z0-9]{2,6}", fullmatch=True), st.sampled_from(QUOTES))
def test_a_spelling_leads_back_to_a_symbol_of_the_same_spelling(base: str, quote: str) -> None:
    symbol = f"{base}-{quote}"
    assert CONCATENATED.symbols_by_spelling((symbol,))[concatenate(symbol)] == symbol
    assert concatenate(split_pair(concatenate(symbol).lower())) == concatenate(symbol)


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [
        ("BTCGUSD", "BTC-GUSD"),
        ("btcfdusd", "BTC-FDUSD"),
        ("BTCUSD", "BTC-USD"),
        ("USDTUSD", "USDT-USD"),
    ],
)
def test_the_longest_quote_currency_that_ends_a_spelling_is_its_quote(
    spelling: str, symbol: str
) -> None:
    assert split_pair(spelling) == symbol


@pytest.mark.parametrize(
    "text", ["", "BTCUSD", "btc-usd", "BTC-", "-USD", "A-B-C", "BTC-USD-X", "BTC-27MAR26-C"]
)
def test_what_is_no_symbol_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match="BASE-QUOTE"):
        require_symbol(text)


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        ("BTC-USD", "spot"),
        ("1000SHIB-USDT", "spot"),
        ("BTC-PERPETUAL", "perpetual"),
        ("BTC_USDC-PERPETUAL", "perpetual"),
        ("BTC-GUSDPERP", "perpetual"),
        ("BTC-27MAR26", "future"),
        ("SOL_USDC-3APR26", "future"),
        ("BTC-27MAR26-100000-C", "option"),
        ("XRP_USDC-27MAR26-0d625-P", "option"),
        ("BTC-FS-27MAR26_PERP", "combination"),
    ],
)
def test_the_kind_of_a_symbol_follows_from_its_form(symbol: str, kind: str) -> None:
    assert kind_of(symbol) == kind
    assert require_symbol(symbol) == symbol
    if kind != "spot":
        assert INSTRUMENTS.from_venue(INSTRUMENTS.to_venue(symbol)) == symbol


@pytest.mark.parametrize("symbol", ["BTC-27MAR26-100000-C", "BTC-FS-27MAR26_PERP"])
def test_a_contract_is_no_pair(symbol: str) -> None:
    with pytest.raises(SettingsError, match="BASE-QUOTE"):
        concatenate(symbol)


def test_a_spelling_with_no_known_quote_currency_is_named() -> None:
    with pytest.raises(SettingsError, match="BTCXYZ"):
        split_pair("BTCXYZ")
