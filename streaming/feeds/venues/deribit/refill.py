"""Past trades of Deribit: `get_last_trades_by_instrument`; empty beyond 24 hours. Pure.

Source: docs.deribit.com.
"""

import msgspec

from include.market.venues import DERIBIT
from streaming.feeds.decoding import parse
from streaming.feeds.refill import Refill
from streaming.feeds.venues.deribit.decoder import DeribitDecoder

PER_MINUTE = 300
PAGE = 1000


class PastTrades(msgspec.Struct, frozen=True):
    """The content of a reply: each trade's own text, so that no number passes through a float."""

    trades: tuple[msgspec.Raw, ...]


class PastTradesReply(msgspec.Struct, frozen=True):
    """A reply."""

    result: PastTrades


class PastTradeFrame(msgspec.Struct, frozen=True):
    """A frame of `_frames`, as far as its trade's number."""

    params: "PastTradeParams"


class PastTradeParams(msgspec.Struct, frozen=True):
    """The content of such a frame."""

    data: tuple["PastTradeSequence"]


class PastTradeSequence(msgspec.Struct, frozen=True):
    """A trade's number, whatever the rest of it is."""

    trade_seq: int


_numbered = msgspec.json.Decoder(PastTradeFrame)
_reply = msgspec.json.Decoder(PastTradesReply)


def refill(rest_url: str) -> Refill:
    """How the REST at this base lists past trades."""
    return Refill(
        DERIBIT,
        PER_MINUTE,
        lambda symbol, first, last: (
            f"{rest_url}/api/v2/public/get_last_trades_by_instrument"
            f"?instrument_name={DERIBIT.symbols.to_venue(symbol)}"
            f"&start_seq={first}&end_seq={last}&count={PAGE}&sorting=asc"
        ),
        _make_frames,
        lambda symbol, conn: DeribitDecoder(
            instruments=DERIBIT.symbols.symbols_by_spelling((symbol,)), conn=conn
        ),
        lambda frame: parse(_numbered.decode, frame).params.data[0].trade_seq,
    )


def _make_frames(body: bytes, _symbol: str) -> list[bytes]:
    return [
        b'{"method":"subscription","params":{"channel":"trades.heal.100ms","data":[%s]}}'
        % bytes(trade)
        for trade in parse(_reply.decode, body).result.trades
    ]
