"""The requests of one connection to Gemini's current service, and who may make them.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7. Pure but for the market.
"""

import base64
from collections.abc import Iterator, Mapping

from include.market.numerals import parse_whole
from include.market.venue_settings import Venues
from streaming.simulator.gemini_current_streams import KINDS, SymbolStreams, levels_of, to_json
from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.json_fields import Fields, parse_json
from streaming.simulator.signatures import is_same, sign

_NONCE_WITHIN_S = 30
_MAX_LEVELS = 5000
_NOT_SIGNED = (401, -1002, "Authentication required")


def refusal_of(headers: Mapping[str, str], venues: Venues, now_s: float) -> Fields | None:
    """Why a signed upgrade is refused; none for a valid one, or one that is not signed."""
    key = headers.get("X-GEMINI-APIKEY")
    if key is None:
        return None
    payload, nonce = headers.get("X-GEMINI-PAYLOAD", ""), headers.get("X-GEMINI-NONCE", "")
    expected = sign(venues.gemini.secret.reveal(), payload, "sha384")
    signature = headers.get("X-GEMINI-SIGNATURE", "")
    if not key or key != venues.gemini.key.reveal() or not is_same(expected, signature):
        return {"result": "error", "reason": "InvalidSignature", "message": "InvalidSignature"}
    nonce_s = parse_whole(nonce)
    fresh = nonce_s is not None and abs(nonce_s - now_s) <= _NONCE_WITHIN_S
    if not fresh or base64.b64encode(nonce.encode()).decode() != payload:
        message = f"Nonce '{nonce}' is not within 30 seconds of server time '{int(now_s)}''"
        return {"result": "error", "reason": "InvalidNonce", "message": message}
    return None


class CurrentService:
    """Streams by name, of any symbol; `snapshot` is that of the URL."""

    def __init__(self, markets: Mapping[str, GeminiMarket], *, snapshot: int, signed: bool) -> None:
        self._markets, self._signed = markets, signed
        self._symbols = {
            symbol: SymbolStreams(market, snapshot) for symbol, market in markets.items()
        }
        self._clock = next(iter(markets.values())).clock

    def opening_messages(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def heartbeat(self) -> Iterator[str]:
        """This service has no heartbeat of its own."""
        yield from ()

    def answer(self, text: str) -> Iterator[str]:
        """Answer a request by its id; subscriptions to depth are followed by the book."""
        request_id = None
        try:
            request = parse_json(text)
            request_id = request.get("id")
            method = str(request["method"]).lower()
        except (ValueError, KeyError, AttributeError):
            yield _failure(request_id, 400, -1013, "Invalid request")
            return
        params = request.get("params")
        if method in {"subscribe", "unsubscribe"}:
            if not isinstance(params, list):
                yield _failure(request_id, 400, -1013, "params is no list of streams")
                return
            yield from self._subscribe(request_id, [str(stream) for stream in params], method)
            return
        streams = (name for streams in self._symbols.values() for name in streams.names())
        results: Fields = {
            "list_subscriptions": sorted(streams),
            "ping": {},
            "time": self._clock.now_ms(),
            "conninfo": [],
        }
        if method in results:
            yield to_json({"id": request_id, "status": 200, "result": results[method]})
        elif method == "depth":
            yield self._answer_depth(request_id, params if isinstance(params, dict) else {})
        else:
            yield _failure(request_id, 400, -1020, f"Unsupported method {method}")

    def _answer_depth(self, request_id: object, params: Fields) -> str:
        symbol, limit = str(params.get("symbol", "")).lower(), params.get("limit", 100)
        if symbol not in self._markets:
            return _failure(request_id, 400, -1013, f"Invalid symbol {params.get('symbol')}")
        if not isinstance(limit, int) or not 1 <= limit <= _MAX_LEVELS:
            return _failure(request_id, 400, -1013, f"Invalid limit {limit}")
        market = self._markets[symbol]
        levels = levels_of(market, limit, "bids", "asks")
        book = {"lastUpdateId": market.event_id, **levels}
        return to_json({"id": request_id, "status": 200, "result": book})

    def _subscribe(self, request_id: object, names: list[str], method: str) -> Iterator[str]:
        private_streams = [
            stream
            for stream in names
            if stream.partition("@")[2].startswith(("account", "session"))
        ]
        if private_streams:
            unsupported = (400, -1020, f"Unsupported stream {private_streams[0]}")
            yield _failure(request_id, *(unsupported if self._signed else _NOT_SIGNED))
            return
        public_streams = {f"{symbol}@{kind}" for symbol in self._symbols for kind in KINDS}
        if unknown_streams := [stream for stream in names if stream not in public_streams]:
            yield _failure(request_id, 400, -1013, f"Invalid stream {unknown_streams[0]}")
            return
        yield to_json({"id": request_id, "status": 200, "result": None})
        for name in names:
            symbol, _, kind = name.partition("@")
            if method == "unsubscribe":
                self._symbols[symbol].end(kind)
            else:
                yield from self._symbols[symbol].begin(kind)

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """The messages of a batch, symbol by symbol."""
        for symbol, streams in self._symbols.items():
            yield from streams.updates([update for update in batch if update.symbol == symbol])


def _failure(request_id: object, status: int, code: int, message: str) -> str:
    return to_json({"id": request_id, "status": status, "error": {"code": code, "msg": message}})
