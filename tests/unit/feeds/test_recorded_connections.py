"""Where a connection begins on a tape, by each venue's own frames."""

import json

import pytest

from include.market.events import Frame
from include.settings import load
from streaming.feeds.recorded_connections import numbered_connections
from streaming.feeds.registry import stream_specs


def numbers(venue: str, texts: list[str], *, service: str = "v1") -> list[int]:
    settings = load({"TICKHOUSE_VENUES_GEMINI_SERVICE": service})
    symbol = {"deribit": "BTC-PERPETUAL", "binance": "BTC-USDT"}.get(venue, "BTC-USD")
    (spec, *_) = stream_specs(venue, venues=settings.venues, symbols=(symbol,))
    frames = [Frame(text.encode(), number) for number, text in enumerate(texts)]
    return [number for number, _ in numbered_connections(frames, spec.name_start)]


def v1(sequence: int, **more: object) -> str:
    return json.dumps({"type": "update", "socket_sequence": sequence, "events": []} | more)


def test_gemini_v1_begins_at_number_zero_wherever_the_tape_was_cut() -> None:
    assert numbers("gemini", [v1(0), v1(1), v1(10), v1(0), v1(1)]) == [0, 0, 0, 1, 1]
    assert numbers("gemini", [v1(7), v1(8), v1(0), v1(0), v1(1)]) == [0, 0, 1, 2, 2]
    assert numbers("gemini", [v1(0), v1(100, eventId=0), "junk"]) == [0, 0, 0]
    compact = v1(0).replace(" ", "")
    assert numbers("gemini", [compact, v1(3), compact]) == [0, 0, 1]


def test_gemini_v2_begins_with_the_snapshots_of_its_symbols() -> None:
    def updates(symbol: str, *, snapshot: bool) -> str:
        frame = {"type": "l2_updates", "symbol": symbol, "changes": [["buy", "1", "2"]]}
        return json.dumps(frame | ({"trades": []} if snapshot else {}))

    first = [updates("BTCUSD", snapshot=True), updates("ETHUSD", snapshot=True)]
    texts = [*first, updates("BTCUSD", snapshot=False), *first, "junk"]
    assert numbers("gemini", texts, service="v2") == [0, 0, 0, 1, 1, 1]


def test_gemini_s_current_service_begins_with_a_reply() -> None:
    reply, trade = '{"id":"1","status":200}', '{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}'
    texts = [reply, trade, trade, reply, trade]
    assert numbers("gemini", texts, service="current") == [0, 0, 0, 1, 1]


def test_deribit_begins_with_the_replies_to_its_opening_requests() -> None:
    def reply(number: int) -> str:
        return json.dumps({"jsonrpc": "2.0", "id": number, "result": "ok"})

    beat = '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}'
    texts = [reply(2), reply(3), beat, reply(5), reply(6), reply(2), reply(3), beat]
    assert numbers("deribit", texts) == [0, 0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", ['{"e":"aggTrade"}', "junk", ""])
def test_binance_has_no_beginning_of_its_own(text: str) -> None:
    assert numbers("binance", [text, text, text]) == [0, 0, 0]
