"""What a connection of Gemini's current service is told: streams by name, times in ns.

Source: gemini/developer-platform `specs/asyncapi/websocket.yaml` v0.10.7. Pure but for the market.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from include.settings.venues import Venues
from streaming.simulator.gemini_market import GeminiMarket, Told

Fields = dict[str, Any]
_NONCE_WITHIN_S = 30
_MARKET = ("depth", "depth@100ms", "trade", "bookTicker")
_NS_PER_MS = 1_000_000
_NOT_SIGNED = (401, -1002, "Authentication required")


def refusal_of(headers: Mapping[str, str], venues: Venues, now_s: float) -> Fields | None:
    """Why a signed upgrade is refused; null for a good one, or one that is not signed."""
    key = headers.get("X-GEMINI-APIKEY")
    if key is None:
        return None
    payload, nonce = headers.get("X-GEMINI-PAYLOAD", ""), headers.get("X-GEMINI-NONCE", "")
    secret = venues.gemini.secret.reveal().encode()
    wanted = hmac.new(secret, payload.encode(), hashlib.sha384).hexdigest()
    signature = headers.get("X-GEMINI-SIGNATURE", "")
    if not key or key != venues.gemini.key.reveal() or not hmac.compare_digest(wanted, signature):
        return {"result": "error", "reason": "InvalidSignature", "message": "InvalidSignature"}
    timely = nonce.isdigit() and abs(int(nonce) - now_s) <= _NONCE_WITHIN_S
    if not timely or base64.b64encode(nonce.encode()).decode() != payload:
        message = f"Nonce '{nonce}' is not within 30 seconds of server time '{int(now_s)}''"
        return {"result": "error", "reason": "InvalidNonce", "message": message}
    return None


class CurrentService:
    """Books by `U`/`u`, conflated; trades; best prices. `snapshot` is that of the URL."""

    def __init__(self, market: GeminiMarket, *, snapshot: int, signed: bool) -> None:
        """Follow nothing yet."""
        self._market, self._snapshot, self._signed = market, snapshot, signed
        self._streams: dict[str, int] = {}

    def opening(self) -> Iterator[str]:
        """Nothing before a subscription."""
        yield from ()

    def beat(self) -> Iterator[str]:
        """This service has no heartbeat of its own."""
        yield from ()

    def heard(self, text: str) -> Iterator[str]:
        """Answer a request by its id; subscriptions to depth are followed by the book."""
        try:
            asked = json.loads(text)
            number, method = asked.get("id"), str(asked["method"]).lower()
        except (ValueError, KeyError, AttributeError):
            yield _failure(None, 400, -1013, "Invalid request")
            return
        params = asked.get("params") or []
        if method in {"subscribe", "unsubscribe"}:
            yield from self._subscribed(number, [str(one) for one in params], method)
            return
        results: Fields = {
            "list_subscriptions": sorted(self._streams),
            "ping": {},
            "time": self._market.clock.now_ms(),
            "conninfo": [],
        }
        if method in results:
            yield _json({"id": number, "status": 200, "result": results[method]})
        elif method == "depth":
            limit = int(params.get("limit", 100)) if isinstance(params, dict) else 100
            book = {"lastUpdateId": self._market.event_id, **self._levels(limit, "bids", "asks")}
            yield _json({"id": number, "status": 200, "result": book})
        else:
            yield _failure(number, 400, -1020, f"Unsupported method {method}")

    def _subscribed(self, number: object, names: list[str], method: str) -> Iterator[str]:
        private = [one for one in names if one.partition("@")[2].startswith(("account", "session"))]
        if private and not self._signed:
            yield _failure(number, *_NOT_SIGNED)
            return
        known = {f"{self._market.symbol}@{kind}" for kind in _MARKET}
        if wrong := [one for one in names if one not in known and one not in private]:
            yield _failure(number, 400, -1013, f"Invalid stream {wrong[0]}")
            return
        yield _json({"id": number, "status": 200, "result": None})
        for name in names:
            if method == "unsubscribe":
                self._streams.pop(name, None)
                continue
            self._streams[name] = self._market.event_id
            if "@depth" in name and self._snapshot:
                yield self._depth(self._market.event_id, self._market.event_id, None)

    def told(self, batch: list[Told]) -> Iterator[str]:
        """The batch as one change of the book, and each of its trades."""
        for name, since in list(self._streams.items()):
            new = [one for one in batch if one[0] > since]
            if not new:
                continue
            self._streams[name] = new[-1][0]
            kind = name.partition("@")[2]
            if kind == "trade":
                yield from self._trades(new)
            elif kind == "bookTicker":
                yield self._best(new[-1][0])
            else:
                yield self._depth(new[0][0], new[-1][0], new)

    def _trades(self, new: list[Told]) -> Iterator[str]:
        for event_id, now_ms, events in new:
            for one in events:
                if one["type"] == "trade":
                    yield _json(
                        {
                            "E": now_ms * _NS_PER_MS,
                            "s": self._market.symbol,
                            "t": event_id,
                            "p": one["price"],
                            "q": one["amount"],
                            "m": one["makerSide"] == "bid",
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

    def _depth(self, first: int, last: int, new: list[Told] | None) -> str:
        if new is not None:
            found: dict[str, dict[object, object]] = {"bid": {}, "ask": {}}
            for one in (one for _, _, events in new for one in events if one["type"] == "change"):
                found[str(one["side"])][one["price"]] = one["remaining"]
            bids, asks = (list(map(list, found[side].items())) for side in ("bid", "ask"))
            return self._update(first, last, bids, asks)
        levels = self._levels(self._snapshot, "b", "a")
        return self._update(first, last, levels["b"], levels["a"])

    def _update(self, first: int, last: int, bids: object, asks: object) -> str:
        return _json(
            {
                "e": "depthUpdate",
                "E": self._now_ns(),
                "s": self._market.symbol,
                "U": first,
                "u": last,
                "b": bids,
                "a": asks,
            }
        )

    def _levels(self, most: int, bids: str, asks: str) -> dict[str, list[list[str]]]:
        def side(levels: dict[Decimal, Decimal], *, best_last: bool) -> list[list[str]]:
            ranked = sorted(levels.items(), reverse=best_last)
            return [[f"{p:f}", f"{q:f}"] for p, q in (ranked if most < 0 else ranked[:most])]

        sides = self._market.book.sides
        return {bids: side(sides["bid"], best_last=True), asks: side(sides["ask"], best_last=False)}

    def _now_ns(self) -> int:
        return self._market.clock.now_us() * 1000


def _failure(number: object, status: int, code: int, message: str) -> str:
    return _json({"id": number, "status": status, "error": {"code": code, "msg": message}})


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
