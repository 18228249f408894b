"""Deribit's public methods over JSON-RPC: answers, error codes and log-in, checked for real. Pure.

Source: docs.deribit.com, methods and error codes (to 2026-02-24).
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from streaming.simulator import deribit_market as market
from streaming.simulator.price_path import PricePath

Fields = dict[str, Any]
TOKEN_LIFE_S = 900
_LEAST_HEARTBEAT_S = 10
_VERSION = {"version": "1.2.26"}


class Refused(Exception):
    """An error reply: code, text, and what was wrong."""

    def __init__(self, code: int, message: str, **data: str) -> None:
        super().__init__(message)
        self.body: Fields = {"code": code, "message": message} | ({"data": data} if data else {})


@dataclass
class Rpc:
    """One connection's requests; `now_ms` of each call is its clock.

    `fresh` are channels subscribed to since the last notification: they begin with a snapshot.
    """

    path: PricePath
    key: str
    secret: str
    expires_in_s: int = TOKEN_LIFE_S
    channels: list[str] = field(default_factory=list)
    fresh: set[str] = field(default_factory=set)
    heartbeat_s: float = 0.0
    tested: bool = True
    token_until_ms: int = 0
    _refresh_token: str = ""
    _tokens: int = 0

    def answer(self, method: str, params: Fields, now_ms: int) -> object:
        """The result of a request.

        Raises:
            Refused: Deribit's error.
        """
        calls = {
            "public/auth": self._auth, "public/set_heartbeat": self._heartbeat,
            "public/test": self._test, "public/subscribe": self._subscribe,
            "public/unsubscribe": self._unsubscribe, "private/subscribe": self._subscribe,
            "public/get_time": lambda _params, now: now, "public/hello": self._test,
            "public/get_last_trades_by_instrument": self._trades,
            "public/get_instruments": self._instruments, "public/ticker": self._ticker,
            "public/get_order_book": self._order_book,
        }  # fmt: skip
        if method not in calls:
            raise Refused(-32601, "Method not found")
        return calls[method](params, now_ms)

    def _auth(self, params: Fields, now_ms: int) -> Fields:
        kind = params.get("grant_type")
        if kind == "refresh_token":
            if not self._refresh_token or params.get("refresh_token") != self._refresh_token:
                raise Refused(13009, "invalid_token")
        elif kind == "client_credentials":
            if not self.key or params.get("client_secret") != self.secret:
                raise Refused(13004, "invalid_credentials")
        elif kind != "client_signature" or not self._signed(params):
            raise Refused(13004, "invalid_credentials")
        if kind != "refresh_token" and params.get("client_id") != self.key:
            raise Refused(13004, "invalid_credentials")
        self._tokens += 1
        self._refresh_token = f"refresh-{self._tokens}"
        self.token_until_ms = now_ms + self.expires_in_s * 1000
        return {
            "access_token": f"access-{self._tokens}", "refresh_token": self._refresh_token,
            "expires_in": self.expires_in_s, "scope": "connection mainaccount",
            "token_type": "bearer",
        }  # fmt: skip

    def _signed(self, params: Fields) -> bool:
        text = "\n".join(str(params.get(name, "")) for name in ("timestamp", "nonce", "data"))
        wanted = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, str(params.get("signature", "")))

    def _heartbeat(self, params: Fields, _now_ms: int) -> str:
        interval = params.get("interval")
        if not isinstance(interval, int) or interval < _LEAST_HEARTBEAT_S:
            raise Refused(-32602, "Invalid params", reason="value too small", param="interval")
        self.heartbeat_s = float(interval)
        return "ok"

    def _test(self, params: Fields, _now_ms: int) -> Fields:
        self.tested = True
        if params.get("expected_result") == "exception":
            raise Refused(-32603, "Internal error")
        return _VERSION

    def _subscribe(self, params: Fields, now_ms: int) -> list[str]:
        asked = params.get("channels")
        if not isinstance(asked, list):
            reason = {"reason": "value must be a list", "param": "channels"}
            raise Refused(-32602, "Invalid params", **reason)
        if any(one.endswith(".raw") for one in asked) and now_ms > self.token_until_ms:
            raise Refused(13778, "raw_subscriptions_not_available_for_unauthorized")
        for one in asked:
            kind, _, rest = str(one).partition(".")
            known = kind in {"book", "trades", "ticker"} and rest.split(".")[0] == market.INSTRUMENT
            if known and one not in self.channels:
                self.channels.append(one)
                self.fresh.add(one)
        return self.channels

    def _unsubscribe(self, params: Fields, _now_ms: int) -> list[str]:
        gone = [one for one in params.get("channels", []) if one in self.channels]
        self.channels = [one for one in self.channels if one not in gone]
        return gone

    def _trades(self, params: Fields, now_ms: int) -> Fields:
        self._known(params)
        newest = market.number_at(now_ms) - 1
        count = min(int(params.get("count", 10)), 1000)
        start = int(params.get("start_seq", newest - count + 1))
        end = min(int(params.get("end_seq", newest)), newest)
        numbers = range(start, min(end, start + count - 1) + 1)
        found = [market.trade(self.path, number) for number in numbers]
        return {"trades": found, "has_more": start + count <= end}

    def _instruments(self, params: Fields, _now_ms: int) -> list[Fields]:
        if params.get("currency", "BTC") not in {"BTC", "any"}:
            return []
        return [
            {"instrument_name": market.INSTRUMENT, "kind": "future", "state": "open",
             "base_currency": "BTC", "quote_currency": "USD", "settlement_period": "perpetual",
             "tick_size": 0.5, "contract_size": 10.0, "min_trade_amount": 10.0, "is_active": True}
        ]  # fmt: skip

    def _ticker(self, params: Fields, now_ms: int) -> Fields:
        self._known(params)
        return market.ticker(self.path, market.step_at(now_ms))

    def _order_book(self, params: Fields, now_ms: int) -> Fields:
        self._known(params)
        step = market.step_at(now_ms)
        return self._ticker(params, now_ms) | market.grouped(
            self.path, step, int(params.get("depth", 5))
        )

    def _known(self, params: Fields) -> None:
        if params.get("instrument_name") != market.INSTRUMENT:
            raise Refused(10020, "invalid_or_unsupported_instrument")
