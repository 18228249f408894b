"""The recorded Gemini v2 tape: every frame decoded, the book against an independent one."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

from streaming.feeds.tape import read_tape
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder


def test_every_frame_is_decoded_and_the_top_is_that_of_plain_dictionaries(
    shared_data: Path,
) -> None:
    frames = list(read_tape(shared_data / "ws/gemini_v2/mixed_2021-04-17"))
    raw = [json.loads(frame.data) for frame in frames]
    names = sorted({one["symbol"] for one in raw if "symbol" in one})
    symbols = tuple(f"{name[:-3]}-{name[-3:]}" for name in names)
    decoder = GeminiV2Decoder(symbols=symbols, conn="tape")
    message_kinds, trades = Counter[str](), Counter[str]()
    levels: dict[str, dict[str, dict[Decimal, Decimal]]] = {}
    for frame, one in zip(frames, raw, strict=True):
        messages = decoder.decode(frame).messages
        message_kinds.update(message.kind for message in messages)
        trades.update(m.symbol for m in messages if m.kind == "trade" for _ in m.events)
        if one["type"] != "l2_updates":
            continue
        book = levels.setdefault(one["symbol"], {"buy": {}, "sell": {}})
        for side, price, quantity in one["changes"]:
            book[side][Decimal(price)] = Decimal(quantity)
        bids, asks = ([p for p, q in book[side].items() if q] for side in ("buy", "sell"))
        top = messages[0].top
        assert top is not None and (top.bid, top.ask) == (max(bids), min(asks))
        assert top.bid_quantity == book["buy"][top.bid]
    assert message_kinds["book"] == 935 and decoder.ignored["heartbeat"] == 7
    assert len(levels) == 10
    ids = {t["event_id"] for one in raw for t in [*one.get("trades", []), one] if "event_id" in t}
    assert sum(trades.values()) == len(ids)
