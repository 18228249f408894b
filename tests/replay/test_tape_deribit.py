"""Recorded Deribit options: every frame accounted for, our book against the venue's own ticker."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from include.market.events import Message, Ticker
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.deribit.decoder import DeribitDecoder

TAPES = ["options_book_ticker_2021-04-17", "options_book_ticker_2021-07-22"]


@pytest.mark.parametrize(("name", "books", "same"), [(TAPES[0], 56, 40), (TAPES[1], 46, 12)])
def test_the_book_agrees_with_the_venues_ticker_of_the_same_moment(
    shared_data: Path, name: str, books: int, same: int
) -> None:
    frames = list(read_tape(shared_data / "ws/deribit" / name))
    raw = [json.loads(frame.data, parse_float=Decimal) for frame in frames]
    names = {one["params"]["data"]["instrument_name"] for one in raw if "params" in one}
    decoder = DeribitDecoder(instruments={one: one for one in names}, conn="tape")
    message_kinds, compared = Counter[str](), 0
    last: dict[str, Message] = {}
    for frame, one in zip(frames, raw, strict=True):
        params = one.get("params", {"channel": "", "data": {}})
        for message in decoder.decode(frame).messages:
            message_kinds[message.kind] += 1
            if message.kind == "book":
                last[message.symbol] = message
        ticker = params["data"] if params["channel"].startswith("ticker") else {}
        book = last.get(ticker.get("instrument_name", ""))
        if not ticker or book is None:
            continue
        best = [ticker[f"best_{side}"] for side in ("bid_price", "ask_price")]
        if 0 in best:
            assert book.top is None
            compared += 1
        elif book.venue_time == ticker["timestamp"] * 1000:
            assert book.top is not None and best == [book.top.bid, book.top.ask]
            compared += 1
    tickers = [one["params"]["data"] for one in raw if "stats" in str(one.get("params"))]
    assert (message_kinds["book"], message_kinds["ledger"], compared) == (books, 0, same)
    assert message_kinds["ticker"] == len(tickers)
    assert message_kinds["book"] + len(tickers) + decoder.ignored["reply"] == len(frames)


@pytest.mark.parametrize("name", TAPES)
def test_each_ticker_of_an_option_has_the_venues_own_numbers(shared_data: Path, name: str) -> None:
    frames = list(read_tape(shared_data / "ws/deribit" / name))
    raw = [json.loads(frame.data, parse_float=Decimal) for frame in frames]
    names = {one["params"]["data"]["instrument_name"] for one in raw if "params" in one}
    decoder, count = DeribitDecoder(instruments={one: one for one in names}, conn="tape"), 0
    for frame, one in zip(frames, raw, strict=True):
        messages = decoder.decode(frame).messages
        if not one.get("params", {}).get("channel", "").startswith("ticker"):
            continue
        (event,), data = messages[0].events, one["params"]["data"]
        assert isinstance(event, Ticker)
        for field, key in (
            ("last", "last_price"),
            ("mark_price", "mark_price"),
            ("index_price", "index_price"),
            ("open_interest", "open_interest"),
            ("underlying_price", "underlying_price"),
            ("mark_volatility", "mark_iv"),
            ("bid_volatility", "bid_iv"),
            ("ask_volatility", "ask_iv"),
        ):
            assert getattr(event, field) == data[key], field
        assert {name: getattr(event, name) for name in data["greeks"]} == data["greeks"]
        count += 1
    assert count > 80
