"""Past trades of Gemini: `trades` by `since_tid`, as frames of market data v1. Pure.

Source: docs.gemini.com.
"""

import msgspec

from include.market.auction import BLOCK
from include.market.venues import GEMINI
from streaming.feeds.decoding import parse
from streaming.feeds.refill import Refill
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder

PER_MINUTE = 60
PAGE = 500
_MAKER_OF_TAKER = {"buy": "ask", "sell": "bid"}


class GeminiPastTrade(msgspec.Struct, frozen=True):
    """One trade of a page; `type` is the taker's side, `auction` or `block`."""

    tid: int
    timestampms: int
    price: str
    amount: str
    type: str


class PastTradeEventId(msgspec.Struct, frozen=True):
    """A trade's id in a frame of `_frames`, whatever the rest of it is."""

    eventId: int


_numbered = msgspec.json.Decoder(PastTradeEventId)
_page = msgspec.json.Decoder(tuple[GeminiPastTrade, ...])


def refill(rest_url: str) -> Refill:
    """How the REST at this base lists past trades."""
    return Refill(
        GEMINI,
        PER_MINUTE,
        lambda symbol, first, _last: (
            f"{rest_url}/v1/trades/{GEMINI.symbols.to_venue(symbol).lower()}"
            f"?since_tid={first - 1}&limit_trades={PAGE}"
        ),
        _make_frames,
        lambda symbol, conn: GeminiV1Decoder(symbol=symbol, conn=conn),
        lambda frame: parse(_numbered.decode, frame).eventId,
    )


def _make_frames(body: bytes, _symbol: str) -> list[bytes]:
    trades = sorted(parse(_page.decode, body), key=lambda trade: trade.tid)
    return [_make_frame(trade) for trade in trades]


def _make_frame(past_trade: GeminiPastTrade) -> bytes:
    event = {"tid": past_trade.tid, "price": past_trade.price, "amount": past_trade.amount}
    if past_trade.type == BLOCK:
        event["type"] = "block_trade"
    else:
        event["type"] = "trade"
        event["makerSide"] = _MAKER_OF_TAKER.get(past_trade.type, "auction")
    return msgspec.json.encode(
        {
            "type": "update",
            "eventId": past_trade.tid,
            "socket_sequence": 0,
            "timestampms": past_trade.timestampms,
            "events": [event],
        }
    )
