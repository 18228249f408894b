"""Polled price suppliers: what to ask each for a symbol, and the price in its answer. Pure.

Sources: docs.cdp.coinbase.com/exchange, bitstamp.net/api, docs.kraken.com, docs.gemini.com
(`/v2/ticker` has a stale close, so `/v1/pubticker`), min-api.cryptocompare.com (keyless calls are
refused since 2026-05-21). Several report their errors with HTTP 200: those are no prices.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Message, Quote, Ticker
from include.market.symbols import concatenate, require_pair
from include.market.time import SECOND_US, USUAL_BOUND
from include.market.venue_settings import Venues
from streaming.feeds.decoding import PRICE_STEP, RejectedParts, parse, require_positive
from streaming.feeds.venues.polled_tickers import read_gemini_ticker

PriceAndTime = tuple[Decimal, int | None]
ReadTicker = Callable[[Frame, str, RejectedParts], Ticker]
_BASE_AT_KRAKEN = {"BTC": "XBT", "DOGE": "XDG"}


@dataclass(frozen=True)
class Supplier:
    """One supplier. `per_minute` is its own limit; `path` asks for a symbol; `read` finds it.

    `read_ticker` is there where an answer has volumes beside the price.
    """

    venue: str
    url: str
    per_minute: float
    path: Callable[[str], str]
    read: Callable[[bytes, str], PriceAndTime]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_ticker: ReadTicker | None = None

    def quote(
        self, frame: Frame, *, symbol: str, conn: str, parts: RejectedParts | None = None
    ) -> Message:
        """Turn the body of an HTTP 200 into a `quote` message in the symbol's quote currency.

        A time too far from that of receipt is null and goes to `parts`: the price stands.

        Raises:
            RejectedFrame: the body is an error, or holds no price.
        """
        _reject_error(frame.data)
        price, time = self.read(frame.data, symbol)
        require_positive(price, PRICE_STEP)
        if time is not None:
            parts = RejectedParts(USUAL_BOUND) if parts is None else parts
            time = parts.time_or_null(time, frame)
        return Message(
            venue=self.venue,
            symbol=symbol,
            kind="quote",
            conn=conn,
            seq=None,
            venue_time=time,
            received_time=frame.received_time,
            events=(Quote(price, symbol.partition("-")[2]),),
        )

    def ticker(self, frame: Frame, quote: Message, parts: RejectedParts) -> Message | None:
        """The `ticker` message of a body that gave this quote; null where it has no volumes.

        Raises:
            RejectedFrame: the rest of the body is no ticker.
        """
        if self.read_ticker is None:
            return None
        event = self.read_ticker(frame, quote.symbol, parts)
        return msgspec.structs.replace(quote, kind="ticker", events=(event,))


def list_suppliers(venues: Venues) -> tuple[tuple[Supplier, ...], dict[str, str]]:
    """The suppliers that can be asked, and those left out with why."""
    keyless = (
        Supplier(
            "coinbase",
            venues.coinbase_rest_url,
            600,
            lambda symbol: f"/products/{require_pair(symbol)}/ticker",
            _coinbase,
        ),
        Supplier(
            "bitstamp",
            venues.bitstamp_rest_url,
            800,
            lambda symbol: f"/api/v2/ticker/{concatenate(symbol).lower()}/",
            _bitstamp,
        ),
        Supplier(
            "kraken",
            venues.kraken_rest_url,
            60,
            lambda symbol: f"/0/public/Ticker?pair={_kraken_symbol(symbol)}",
            _kraken,
        ),
        Supplier(
            "gemini",
            venues.gemini.rest_url,
            120,
            lambda symbol: f"/v1/pubticker/{concatenate(symbol).lower()}",
            _gemini,
            read_ticker=read_gemini_ticker,
        ),
    )
    key = venues.cryptocompare_key.reveal()
    if not key:
        return keyless, {"cryptocompare": "it answers nothing without a key, and none is set"}
    cryptocompare = Supplier(
        "cryptocompare",
        venues.cryptocompare_rest_url,
        60,
        lambda symbol: "/data/price?fsym={}&tsyms={}".format(*require_pair(symbol).split("-")),
        _cryptocompare,
        {"Authorization": f"Apikey {key}"},
    )
    return (*keyless, cryptocompare), {}


class _ErrorFields(msgspec.Struct, frozen=True):
    """The ways in which suppliers report that there is no price."""

    error: list[str] | str = ""
    message: str = ""
    Response: str = ""
    Err: dict[str, msgspec.Raw] | None = None
    status: str = ""
    reason: msgspec.Raw = msgspec.Raw()


_error_fields = msgspec.json.Decoder(_ErrorFields)


def _reject_error(data: bytes) -> None:
    fields = parse(_error_fields.decode, data)
    failed = fields.Response == "Error" or fields.status == "error"
    if isinstance(fields.error, str):
        failed |= bool(fields.error)
    else:
        failed |= any(not error.startswith("W") for error in fields.error)  # Kraken's warnings
    if failed or fields.message or fields.Err or bytes(fields.reason):
        raise RejectedFrame("venue_error", data[:300].decode(errors="replace"))


class _CoinbaseTicker(msgspec.Struct, frozen=True):
    price: Decimal
    time: datetime | None = None


class _BitstampTicker(msgspec.Struct, frozen=True):
    last: Decimal
    timestamp: str | int | None = None


class _KrakenPair(msgspec.Struct, frozen=True):
    c: tuple[Decimal, Decimal]


class _KrakenReply(msgspec.Struct, frozen=True):
    result: dict[str, _KrakenPair]


class _GeminiTicker(msgspec.Struct, frozen=True):
    last: Decimal


_coinbase_ticker = msgspec.json.Decoder(_CoinbaseTicker)
_bitstamp_ticker = msgspec.json.Decoder(_BitstampTicker)
_kraken_reply = msgspec.json.Decoder(_KrakenReply)
_gemini_ticker = msgspec.json.Decoder(_GeminiTicker)
_prices = msgspec.json.Decoder(dict[str, Decimal])


def _coinbase(data: bytes, _symbol: str) -> PriceAndTime:
    ticker = parse(_coinbase_ticker.decode, data)
    return ticker.price, None if ticker.time is None else round(ticker.time.timestamp() * SECOND_US)


def _bitstamp(data: bytes, _symbol: str) -> PriceAndTime:
    ticker = parse(_bitstamp_ticker.decode, data)
    seconds = str(ticker.timestamp)
    dated = seconds.isascii() and seconds.isdecimal() and len(seconds) == len("1763700000")
    return ticker.last, int(seconds) * SECOND_US if dated else None


def _kraken(data: bytes, _symbol: str) -> PriceAndTime:
    """Take the single answer: Kraken answers under a name that was not asked (`XXBTZUSD`)."""
    pairs = parse(_kraken_reply.decode, data).result
    if len(pairs) != 1:
        raise RejectedFrame("wrong_type", f"{len(pairs)} pairs where one was asked")
    (pair,) = pairs.values()
    return pair.c[0], None


def _gemini(data: bytes, _symbol: str) -> PriceAndTime:
    return parse(_gemini_ticker.decode, data).last, None


def _cryptocompare(data: bytes, symbol: str) -> PriceAndTime:
    """Read `{"USD": 73826.5}`; a currency it does not know is left out of the answer."""
    prices, currency = parse(_prices.decode, data), symbol.partition("-")[2]
    if currency not in prices:
        raise RejectedFrame("wrong_type", f"no {currency} among {', '.join(prices) or 'nothing'}")
    return prices[currency], None


def _kraken_symbol(symbol: str) -> str:
    base, quote = require_pair(symbol).split("-")
    return _BASE_AT_KRAKEN.get(base, base) + quote
