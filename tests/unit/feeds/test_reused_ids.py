"""Gemini's ids that begin again among the last ones: a later time tells trades apart."""

import json
from collections.abc import Callable

import pytest

from include.market.events import LedgerEntry, Trade
from streaming.feeds.decoding import Decoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from tests.support.venue_frames import (
    AT_US,
    current_trade,
    decode,
    text,
    v1_trade,
    v2_fields,
    v2_trade,
    v2_update,
)

IDS = (*range(1, 21), *range(1, 31))
BEGINS_AGAIN = [
    LedgerEntry("renumbered", "unconfirmed", 1, 20),
    LedgerEntry("renumbered", "begins_again", 1, 20),
]
LastIds = dict[str, int]
MakeDecoder = Callable[[LastIds], Decoder]
MakeFrame = Callable[[int, int, int], bytes]  # of an id, a place in the connection and ms
SERVICES: dict[str, tuple[MakeDecoder, MakeFrame]] = {
    "v1": (
        lambda ids: GeminiV1Decoder(symbol="BTC-USD", conn="c", last_ids=ids),
        lambda number, seq, ms: v1_trade(number, seq=seq, ms=ms),
    ),
    "v2": (
        lambda ids: GeminiV2Decoder(symbols=("BTC-USD",), conn="c", last_ids=ids),
        lambda number, _seq, ms: v2_trade(number, ms=ms),
    ),
    "current": (
        lambda ids: GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c", last_ids=ids),
        lambda number, _seq, ms: current_trade(number, ns=ms * 1_000_000),
    ),
}


@pytest.mark.parametrize("reconnects", [False, True])
@pytest.mark.parametrize("service", SERVICES)
def test_ids_that_begin_again_among_the_last_are_published_and_reported(
    service: str, *, reconnects: bool
) -> None:
    make, make_frame = SERVICES[service]
    last_ids: LastIds = {}
    decoder, seq = make(last_ids), 0
    events = []
    for count, number in enumerate(IDS):
        if reconnects and count == 20:
            decoder, seq = make(last_ids), 0
        frame = make_frame(number, seq, AT_US // 1000 - 60_000 + count * 1000)
        seq += 1
        for _ in range(1 if service == "v1" else 2):  # a repeat has the time of the first
            events += [event for m in decode(decoder, frame).messages for event in m.events]
    assert [int(event.trade_id) for event in events if isinstance(event, Trade)] == [*IDS]
    assert [event for event in events if isinstance(event, LedgerEntry)] == BEGINS_AGAIN


def test_a_snapshot_with_ids_that_began_again_has_new_trades_and_not_repeats() -> None:
    last_ids: LastIds = {}
    first = GeminiV2Decoder(symbols=("BTC-USD",), conn="c", last_ids=last_ids)
    made_ms = AT_US // 1000 - 60_000
    for number in range(1, 21):
        decode(first, v2_trade(number, ms=made_ms + number))
    snapshot = json.loads(v2_update(("buy", "99", "1"), ("sell", "101", "1")))
    numbers = [*range(30, 10, -1)]  # newest first
    snapshot["trades"] = [v2_fields(number, ms=made_ms + 1000 + number) for number in numbers]
    second = GeminiV2Decoder(symbols=("BTC-USD",), conn="d", last_ids=last_ids)
    events = [e for m in decode(second, text(snapshot)).messages for e in m.events]
    trades = [int(event.trade_id) for event in events if isinstance(event, Trade)]
    assert trades == [*range(11, 31)]
    entries = [event.entry for event in events if isinstance(event, LedgerEntry)]
    assert entries == ["renumbered", "renumbered"]
    third = GeminiV2Decoder(symbols=("BTC-USD",), conn="e", last_ids=last_ids)
    again = decode(third, text(snapshot)).messages
    assert [message.kind for message in again] == ["book"] and third.ignored["repeated"] == 20
