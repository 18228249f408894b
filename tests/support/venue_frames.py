"""Frames as the venues send them, made from the few values that a test is about."""

import json
from typing import Any, Literal

from include.market.events import Frame, LedgerEntry
from streaming.feeds.decoding import DecodedFrame, Decoder

AT_US = 1_760_000_000_000_000
AT_MS = AT_US // 1000


def decode(decoder: Decoder, data: bytes, *, received_us: int = AT_US) -> DecodedFrame:
    return decoder.decode(Frame(data, received_us))


def text(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def binance_trade(number: int, *, ms: int = AT_MS, **fields: Any) -> bytes:
    trade = {"e": "aggTrade", "E": ms, "s": "BTCUSDT", "a": number, "p": "1.00000000"}
    trade |= {"q": "1.00000000", "f": number, "l": number, "T": ms, "m": True}
    return text({"stream": "btcusdt@aggTrade", "data": trade | fields})


def best_prices(update: int) -> bytes:
    prices = {"b": "25.35", "B": "31.21", "a": "25.36", "A": "40.66"}
    return text({"u": update, "s": "BTCUSDT", **prices})


def deribit_trade(number: int, *, ms: int = AT_MS, **fields: Any) -> dict[str, Any]:
    trade = {"trade_seq": number, "trade_id": str(number), "timestamp": ms, "price": 100.0}
    return trade | {"instrument_name": "BTC-PERPETUAL", "direction": "buy", "amount": 10} | fields


def deribit_array(*trades: dict[str, Any]) -> bytes:
    params = {"channel": "trades.BTC-PERPETUAL.100ms", "data": list(trades)}
    return text({"method": "subscription", "params": params})


def deribit_trades(*numbers: int, ms: int = AT_MS) -> bytes:
    return deribit_array(*(deribit_trade(number, ms=ms) for number in numbers))


def deribit_picture(change_id: int, *, bid: str, ms: int = AT_MS) -> bytes:
    book = {"timestamp": ms, "instrument_name": "BTC-PERPETUAL", "change_id": change_id}
    book |= {"bids": [[float(bid), 10.0]], "asks": [[200.0, 10.0]]}
    params = {"channel": "book.BTC-PERPETUAL.none.10.100ms", "data": book}
    return text({"method": "subscription", "params": params})


def deribit_book(
    kind: Literal["snapshot", "change"],
    change_id: int,
    *,
    before: int | None = None,
    bids: Any = (),
    asks: Any = (),
    ms: int = AT_MS,
) -> bytes:
    book = {"type": kind, "timestamp": ms, "instrument_name": "BTC-PERPETUAL"}
    book |= {"change_id": change_id, "prev_change_id": before, "bids": bids, "asks": asks}
    params = {"channel": "book.BTC-PERPETUAL.100ms", "data": book}
    return text({"method": "subscription", "params": params})


def v1_update(*events: dict[str, Any], seq: int, event_id: int, ms: int | None = AT_MS) -> bytes:
    update = {"type": "update", "eventId": event_id, "socket_sequence": seq, "timestampms": ms}
    return text(update | {"events": list(events)})


def v1_trade(number: int, *, seq: int, ms: int = AT_MS) -> bytes:
    trade = {"type": "trade", "tid": number, "price": "100", "amount": "1", "makerSide": "ask"}
    return v1_update(trade, seq=seq, event_id=number, ms=ms)


def v2_trade(number: int, *, ms: int = AT_MS) -> bytes:
    return text(v2_fields(number, ms=ms))


def v2_fields(number: int, *, ms: int = AT_MS, **fields: Any) -> dict[str, Any]:
    trade = {"type": "trade", "symbol": "BTCUSD", "event_id": number, "timestamp": ms}
    return trade | {"price": "62.01", "quantity": "8.79", "side": "buy"} | fields


def v2_update(
    *levels: tuple[str, str, str], trades: tuple[int, ...] = (), ms: int = AT_MS
) -> bytes:
    update = {"type": "l2_updates", "symbol": "BTCUSD", "changes": levels}
    return text(update | {"trades": [v2_fields(number, ms=ms) for number in trades]})


def current_trade(number: int, *, ns: int = AT_US * 1000) -> bytes:
    return text({"E": ns, "s": "btcusd", "t": number, "p": "100", "q": "1", "m": True})


def current_depth(first: int, last: int, *, bid: str, ns: int = AT_US * 1000) -> bytes:
    depth = {"e": "depthUpdate", "E": ns, "s": "btcusd", "U": first, "u": last}
    return text(depth | {"b": [[bid, "1"]], "a": [["200", "1"]]})


def entries_of(decoded: DecodedFrame) -> list[LedgerEntry]:
    """The entries, which travel in messages of the kind `ledger` and nowhere else."""
    entries = []
    for message in decoded.messages:
        of_message = [event for event in message.events if isinstance(event, LedgerEntry)]
        assert (message.kind == "ledger") == bool(of_message)
        entries += of_message
    return entries
