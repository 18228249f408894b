"""How each venue's REST tells past trades, turned into frames for the stream's own decoder. Pure.

Sources: binance-spot-api-docs (`aggTrades` by `fromId`), docs.deribit.com
(`get_last_trades_by_instrument`; empty beyond 24 hours), docs.gemini.com (`trades` by `since_tid`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Message, Trade
from include.market.symbols import INSTRUMENTS, concatenate
from include.settings.venues import Venues
from streaming.feeds.decoded import Decoder, parsed
from streaming.feeds.venues.binance import BinanceDecoder
from streaming.feeds.venues.deribit import DeribitDecoder
from streaming.feeds.venues.gemini_v1 import GeminiV1Decoder

PAGE = 1000
_GEMINI_PAGE = 500
_MAKER = {"buy": "ask", "sell": "bid"}


@dataclass(frozen=True)
class Refill:
    """One venue: the address of the page of ids from `first` on, and its frames."""

    per_minute: float
    url: Callable[[str, int, int], str]
    frames: Callable[[bytes, str], list[bytes]]
    decoder: Callable[[str, str], Decoder]
    numbered: bool = True

    def trades(self, body: bytes, *, symbol: str, conn: str, now_us: int) -> list[Message]:
        """The `trade` messages of a page, oldest first; their `seq` is the trade ids.

        Raises:
            RejectedFrame: the page is no page, or a trade makes no sense.
        """
        found = []
        for data in self.frames(body, symbol):
            decoded = self.decoder(symbol, conn).decode(Frame(data, now_us))
            for message in decoded.messages:
                if message.kind == "trade":
                    seq = message.seq if self.numbered else None
                    found.append(msgspec.structs.replace(message, seq=seq))
        return found


def refills(venues: Venues) -> dict[str, Refill]:
    """Every venue whose past trades can be asked for."""
    return {
        "binance": Refill(
            300,
            lambda symbol, first, last: (
                f"{venues.binance.rest}/api/v3/aggTrades?symbol="
                f"{concatenate(symbol)}&fromId={first}&limit={min(PAGE, last - first + 1)}"
            ),
            _binance,
            lambda symbol, conn: BinanceDecoder(symbols=(symbol,), conn=conn),
        ),
        "deribit": Refill(
            300,
            lambda symbol, first, last: (
                f"{venues.deribit.rest}/api/v2/public/"
                f"get_last_trades_by_instrument?instrument_name={INSTRUMENTS.to_venue(symbol)}"
                f"&start_seq={first}&end_seq={last}&count={PAGE}&sorting=asc"
            ),
            _deribit,
            lambda symbol, conn: DeribitDecoder(
                instruments={INSTRUMENTS.to_venue(symbol): symbol}, conn=conn
            ),
        ),
        "gemini": Refill(
            60,
            lambda symbol, first, last: (
                f"{venues.gemini.rest}/v1/trades/"
                f"{concatenate(symbol).lower()}?since_tid={first - 1}&limit_trades={_GEMINI_PAGE}"
            ),
            _gemini,
            lambda symbol, conn: GeminiV1Decoder(symbol=symbol, conn=conn),
            numbered=False,
        ),
    }


def ids_of(message: Message) -> list[int]:
    """The ids by which a venue counts the trades of a message."""
    if message.seq is None:
        return [int(one.trade_id) for one in message.events if isinstance(one, Trade)]
    return list(range(message.seq[0], message.seq[1] + 1))


class _AggTrade(msgspec.Struct, frozen=True):
    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741 (the venue's name)
    T: int
    m: bool


class _DeribitPage(msgspec.Struct, frozen=True):
    trades: tuple[msgspec.Raw, ...]


class _DeribitReply(msgspec.Struct, frozen=True):
    result: _DeribitPage


class _GeminiTrade(msgspec.Struct, frozen=True):
    tid: int
    timestampms: int
    price: str
    amount: str
    type: str


_agg_trades = msgspec.json.Decoder(tuple[_AggTrade, ...])
_deribit_reply = msgspec.json.Decoder(_DeribitReply)
_gemini_trades = msgspec.json.Decoder(tuple[_GeminiTrade, ...])


def _binance(body: bytes, symbol: str) -> list[bytes]:
    name = concatenate(symbol)
    return [
        msgspec.json.encode({"e": "aggTrade", "E": one.T, "s": name, **msgspec.structs.asdict(one)})
        for one in parsed(_agg_trades.decode, body)
    ]


def _deribit(body: bytes, _symbol: str) -> list[bytes]:
    """Each trade's own text, so that no number passes through a float."""
    return [
        b'{"method":"subscription","params":{"channel":"trades.heal.100ms","data":[%s]}}'
        % bytes(one)
        for one in parsed(_deribit_reply.decode, body).result.trades
    ]


def _gemini(body: bytes, _symbol: str) -> list[bytes]:
    found = sorted(parsed(_gemini_trades.decode, body), key=lambda one: one.tid)
    frames = []
    for one in found:
        if one.type not in _MAKER:
            raise RejectedFrame("wrong_type", f"trade of type {one.type[:40]}")
        trade = {
            "type": "trade",
            "tid": one.tid,
            "price": one.price,
            "amount": one.amount,
            "makerSide": _MAKER[one.type],
        }
        update = {
            "type": "update",
            "eventId": one.tid,
            "socket_sequence": 0,
            "timestampms": one.timestampms,
            "events": [trade],
        }
        frames.append(msgspec.json.encode(update))
    return frames
