"""The messages of Gemini's current service to one connection: streams by name, times in ns.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7. Pure but for the market.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal

from include.market.numerals import parse_whole
from include.market.venue_settings import Venues
from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.json_fields import Fields

_NONCE_WITHIN_S = 30
_MARKET = ("depth", "depth@100ms", "trade", "bookTicker")
_NS_PER_MS, _MAX_LEVELS = 1_000_000, 5000
_NOT_SIGNED = (401, -1002, "Authentication required")


def refusal_of(headers: Mapping[str, str], venues: Venues, now_s: float) -> Fields | None:
    """Why a signed upgrade is refused; none for a valid one, or one that is not signed."""
    key = headers.get("X-GEMINI-APIKEY")
    if key is None:
        return None
    payload, nonce = headers.get("X-GEMINI-PAYLOAD", ""), headers.get("X-GEMINI-NONCE", "")
    secret = venues.gemini.secret.reveal().encode()
    expected = hmac.new(secret, payload.encode(), hashlib.sha384).hexdigest()
    signature = headers.get("X-GEMINI-SIGNATURE", "")
    if not key or key != venues.gemini.key.reveal() or not hmac.compare_digest(expected, signature):
        return {"result": "error", "reason": "InvalidSignature", "message": "InvalidSignature"}
    nonce_s = parse_whole(nonce)
    fresh = nonce_s is not None and abs(nonce_s - now_s) <= _NONCE_WITHIN_S
    if not fresh or base64.b64encode(nonce.encode()).decode() != payload:
        message = f"Nonce '{nonce}' is not within 30 seconds of server time '{int(now_s)}''"
        return {"result": "error", "reason": "InvalidNonce", "message": message}
    return None


class CurrentService:
    """Books by `U`/`u`, conflated; trades; best prices. `snapshot` is that of the URL."""

    def __init__(self, market: GeminiMarket, *, snapshot: int, signed: bool) -> None:
        self._market, self._snapshot, self._signed = market, snapshot, signed
        self._streams: dict[str, int] = {}

    def opening_messages(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def heartbeat(self) -> Iterator[str]:
        """This service has no heartbeat of its own."""
        yield from ()

    def answer(self, text: str) -> Iterator[str]:
        """Answer a request by its id; subscriptions to depth are followed by the book."""
        try:
            request = json.loads(text)
            request_id, method = request.get("id"), str(request["method"]).lower()
        except (ValueError, KeyError, AttributeError):
            yield _failure(None, 400, -1013, "Invalid request")
            return
        params = request.get("params") or []
        if method in {"subscribe", "unsubscribe"}:
            if not isinstance(params, list):
                yield _failure(request_id, 400, -1013, "params is no list of streams")
                return
            yield from self._subscribe(request_id, [str(stream) for stream in params], method)
            return
        results: Fields = {
            "list_subscriptions": sorted(self._streams),
            "ping": {},
            "time": self._market.clock.now_ms(),
            "conninfo": [],
        }
        if method in results:
            yield _json({"id": request_id, "status": 200, "result": results[method]})
        elif method == "depth":
            limit = params.get("limit", 100) if isinstance(params, dict) else 100
            if not isinstance(limit, int) or not 1 <= limit <= _MAX_LEVELS:
                yield _failure(request_id, 400, -1013, f"Invalid limit {limit}")
                return
            book = {"lastUpdateId": self._market.event_id, **self._levels(limit, "bids", "asks")}
            yield _json({"id": request_id, "status": 200, "result": book})
        else:
            yield _failure(request_id, 400, -1020, f"Unsupported method {method}")

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
        public_streams = {f"{self._market.symbol}@{kind}" for kind in _MARKET}
        if unknown_streams := [stream for stream in names if stream not in public_streams]:
            yield _failure(request_id, 400, -1013, f"Invalid stream {unknown_streams[0]}")
            return
        yield _json({"id": request_id, "status": 200, "result": None})
        for name in names:
            if method == "unsubscribe":
                self._streams.pop(name, None)
                continue
            self._streams[name] = self._market.event_id
            if "@depth" in name and self._snapshot:
                yield self._depth(self._market.event_id, self._market.event_id, None)

    def updates(self, batch: list[MarketUpdate]) -> Iterator[str]:
        """The messages of a batch: one change of the book, and each trade."""
        for name, since in list(self._streams.items()):
            new_updates = [update for update in batch if update[0] > since]
            if not new_updates:
                continue
            self._streams[name] = new_updates[-1][0]
            kind = name.partition("@")[2]
            if kind == "trade":
                yield from self._trades(new_updates)
            elif kind == "bookTicker":
                yield self._best(new_updates[-1][0])
            else:
                yield self._depth(new_updates[0][0], new_updates[-1][0], new_updates)

    def _trades(self, new_updates: list[MarketUpdate]) -> Iterator[str]:
        for event_id, now_ms, events in new_updates:
            for event in events:
                if event.get("makerSide") in {"bid", "ask"}:  # of the continuous book
                    yield _json(
                        {
                            "E": now_ms * _NS_PER_MS,
                            "s": self._market.symbol,
                            "t": event_id,
                            "p": event["price"],
                            "q": event["amount"],
                            "m": event["makerSide"] == "bid",
                        }
                    )

    def _best(self, event_id: int) -> str:
        levels = self._levels(1, "b", "a")
        (bid, bids), (ask, asks) = levels["b"][0], levels["a"][0]
        return _json(
            {
                "u": event_id,
                "E": self._now_ns(),
                "s": self._market.symbol,
                "b": bid,
                "B": bids,
                "a": ask,
                "A": asks,
                "c": f"{self._market.book.last}",
                "C": "0.01",
            }
        )

    def _depth(self, first_id: int, last_id: int, new_updates: list[MarketUpdate] | None) -> str:
        if new_updates is not None:
            changes: dict[str, dict[object, object]] = {"bid": {}, "ask": {}}
            for event in (
                event
                for _, _, events in new_updates
                for event in events
                if event["type"] == "change"
            ):
                changes[str(event["side"])][event["price"]] = event["remaining"]
            bids, asks = (list(map(list, changes[side].items())) for side in ("bid", "ask"))
            return self._update(first_id, last_id, bids, asks)
        levels = self._levels(self._snapshot, "b", "a")
        return self._update(first_id, last_id, levels["b"], levels["a"])

    def _update(self, first_id: int, last_id: int, bids: object, asks: object) -> str:
        return _json(
            {
                "e": "depthUpdate",
                "E": self._now_ns(),
                "s": self._market.symbol,
                "U": first_id,
                "u": last_id,
                "b": bids,
                "a": asks,
            }
        )

    def _levels(self, depth: int, bids: str, asks: str) -> dict[str, list[list[str]]]:
        def side(levels: dict[Decimal, Decimal], *, best_last: bool) -> list[list[str]]:
            ranked = sorted(levels.items(), reverse=best_last)
            return [[f"{p:f}", f"{q:f}"] for p, q in (ranked if depth < 0 else ranked[:depth])]

        sides = self._market.book.sides
        return {bids: side(sides["bid"], best_last=True), asks: side(sides["ask"], best_last=False)}

    def _now_ns(self) -> int:
        return self._market.clock.now_us() * 1000


def _failure(request_id: object, status: int, code: int, message: str) -> str:
    return _json({"id": request_id, "status": status, "error": {"code": code, "msg": message}})


def _json(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
