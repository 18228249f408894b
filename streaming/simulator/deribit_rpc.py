"""Deribit's public methods over JSON-RPC: answers, error codes and log-in, checked for real. Pure.

Source: docs.deribit.com, methods and error codes (to 2026-02-24).
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from streaming.simulator import deribit_market as market
from streaming.simulator.candles import make_candles
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.limits import Pool
from streaming.simulator.price_path import PricePath

Fields = dict[str, Any]
TOKEN_LIFE_S = 900
TOO_MANY = 10028
_MIN_HEARTBEAT_S = 10
_CLOCKS_APART_MS = 60_000
_CURRENCY = {
    "currency": "BTC",
    "currency_long": "Bitcoin",
    "coin_type": "BITCOIN",
    "fee_precision": 4,
    "min_confirmations": 1,
    "withdrawal_fee": 0.0001,
}
_VERSION = {"version": "1.2.26"}


class Credits:
    """The cost of requests: 500 of 50,000 credits each, 3,000 of 30,000 where they subscribe.

    Both pools get 10,000 a second. Source: docs.deribit.com, "Rate limits".
    """

    def __init__(self) -> None:
        self._ordinary = Pool(50_000, per_s=10_000)
        self._subscribing = Pool(30_000, per_s=10_000)

    def pay(self, method: str, now_ms: int) -> None:
        """Pay for a request.

        Raises:
            DeribitError: there are too few credits left.
        """
        subscribes = method.endswith("/subscribe")
        pool, cost = (self._subscribing, 3000) if subscribes else (self._ordinary, 500)
        if not pool.take(cost, now_ms / 1000):
            raise DeribitError(TOO_MANY, "too_many_requests")


@dataclass
class Rpc:
    """One connection's requests; each call takes the present time as `now_ms`.

    `fresh` are channels subscribed to since the last notification: they begin with a snapshot.
    """

    path: PricePath
    key: str
    secret: str
    account: DeribitAccount
    credits: Credits
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
            DeribitError: Deribit's error.
        """
        self.credits.pay(method, now_ms)
        calls: dict[str, Callable[[Fields, int], object]] = {
            "public/auth": self._auth,
            "public/set_heartbeat": self._heartbeat,
            "public/test": self._test,
            "public/subscribe": self._subscribe,
            "public/unsubscribe": self._unsubscribe,
            "private/subscribe": self._subscribe,
            "public/get_time": lambda _params, now: now,
            "public/hello": self._test,
            "public/get_last_trades_by_instrument": self._trades,
            "public/get_instruments": self._instruments,
            "public/ticker": self._ticker,
            "public/get_order_book": self._order_book,
            "public/get_last_trades_by_instrument_and_time": self._trades_between,
            "public/get_tradingview_chart_data": self._chart,
            "public/get_currencies": lambda _params, _now: [_CURRENCY],
        }
        if method.startswith("private/") and method not in calls:
            if now_ms > self.token_until_ms:
                raise DeribitError(13009, "unauthorized", reason="invalid_token")
            return self.account.answer(method, params, now_ms)
        if method not in calls:
            raise DeribitError(-32601, "Method not found")
        return calls[method](params, now_ms)

    def _auth(self, params: Fields, now_ms: int) -> Fields:
        kind = params.get("grant_type")
        if kind == "refresh_token":
            if not self._refresh_token or params.get("refresh_token") != self._refresh_token:
                raise DeribitError(13009, "invalid_token")
        elif kind == "client_credentials":
            if not self.key or params.get("client_secret") != self.secret:
                raise DeribitError(13004, "invalid_credentials")
        elif kind != "client_signature" or not self._is_signed(params):
            raise DeribitError(13004, "invalid_credentials")
        if kind != "refresh_token" and params.get("client_id") != self.key:
            raise DeribitError(13004, "invalid_credentials")
        self._tokens += 1
        self._refresh_token = f"refresh-{self._tokens}"
        self.token_until_ms = now_ms + self.expires_in_s * 1000
        return {
            "access_token": f"access-{self._tokens}",
            "refresh_token": self._refresh_token,
            "expires_in": self.expires_in_s,
            "scope": "connection mainaccount",
            "token_type": "bearer",
        }

    def sign_in(self, header: str, target: str, now_ms: int) -> None:
        """Check an HTTP request's signed `Authorization`; what is not signed stays public.

        Raises:
            DeribitError: the signature is wrong.
        """
        kind, _, credentials = header.partition(" ")
        if kind != "deri-hmac-sha256":
            return
        fields = dict(pair.partition("=")[::2] for pair in credentials.split(","))
        text = f"{fields.get('ts')}\n{fields.get('nonce')}\nGET\n{target}\n\n"
        expected = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        known_key = bool(self.key) and fields.get("id") == self.key
        if not known_key or not hmac.compare_digest(expected, fields.get("sig", "")):
            raise DeribitError(13004, "invalid_credentials")
        if abs(int(fields.get("ts", "0")) - now_ms) > _CLOCKS_APART_MS:
            raise DeribitError(13004, "invalid_credentials", reason="timestamp")
        self.token_until_ms = now_ms + _CLOCKS_APART_MS  # this request alone

    def _is_signed(self, params: Fields) -> bool:
        text = "\n".join(str(params.get(name, "")) for name in ("timestamp", "nonce", "data"))
        expected = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, str(params.get("signature", "")))

    def _heartbeat(self, params: Fields, _now_ms: int) -> str:
        interval = params.get("interval")
        if not isinstance(interval, int) or interval < _MIN_HEARTBEAT_S:
            raise DeribitError(-32602, "Invalid params", reason="value too small", param="interval")
        self.heartbeat_s = float(interval)
        return "ok"

    def _test(self, params: Fields, _now_ms: int) -> Fields:
        self.tested = True
        if params.get("expected_result") == "exception":
            raise DeribitError(-32603, "Internal error")
        return _VERSION

    def _subscribe(self, params: Fields, now_ms: int) -> list[str]:
        channels = params.get("channels")
        if not isinstance(channels, list):
            reason = {"reason": "value must be a list", "param": "channels"}
            raise DeribitError(-32602, "Invalid params", **reason)
        if any(channel.endswith(".raw") for channel in channels) and now_ms > self.token_until_ms:
            raise DeribitError(13778, "raw_subscriptions_not_available_for_unauthorized")
        for channel in channels:
            kind, _, topic = str(channel).partition(".")
            exists = (
                kind in {"book", "trades", "ticker"} and topic.split(".")[0] == market.INSTRUMENT
            )
            if exists and channel not in self.channels:
                self.channels.append(channel)
                self.fresh.add(channel)
        return self.channels

    def _unsubscribe(self, params: Fields, _now_ms: int) -> list[str]:
        removed = [channel for channel in params.get("channels", []) if channel in self.channels]
        self.channels = [channel for channel in self.channels if channel not in removed]
        return removed

    def _trades(self, params: Fields, now_ms: int) -> Fields:
        self._check_instrument(params)
        newest = market.number_at(now_ms) - 1
        count = min(int(params.get("count", 10)), 1000)
        start = int(params.get("start_seq", newest - count + 1))
        end = min(int(params.get("end_seq", newest)), newest)
        numbers = range(start, min(end, start + count - 1) + 1)
        trades = [market.make_trade(self.path, number) for number in numbers]
        return {"trades": trades, "has_more": start + count <= end}

    def _trades_between(self, params: Fields, now_ms: int) -> Fields:
        self._check_instrument(params)
        start = market.number_at(int(params.get("start_timestamp", 0)))
        end = market.number_at(min(int(params.get("end_timestamp", now_ms)), now_ms) + 1) - 1
        seq_range = {"start_seq": start, "end_seq": end, "count": params.get("count", 10)}
        return self._trades(params | seq_range, now_ms)

    def _chart(self, params: Fields, now_ms: int) -> Fields:
        self._check_instrument(params)
        frame_s = 86_400 if params.get("resolution") == "1D" else int(params["resolution"]) * 60
        start, end = int(params["start_timestamp"]), int(params["end_timestamp"])
        rows = make_candles(self.path, frame_s=frame_s, now_s=now_ms // 1000)[::-1]
        candles_within = [candle for candle in rows if start <= candle[0] <= end]
        names = ("ticks", "open", "high", "low", "close", "volume")
        columns = {
            name: [candle[index] for candle in candles_within] for index, name in enumerate(names)
        }
        return {
            **columns,
            "cost": columns["volume"],
            "status": "ok" if candles_within else "no_data",
        }

    def _instruments(self, params: Fields, _now_ms: int) -> list[Fields]:
        if params.get("currency", "BTC") not in {"BTC", "any"}:
            return []
        return [
            {
                "instrument_name": market.INSTRUMENT,
                "kind": "future",
                "state": "open",
                "base_currency": "BTC",
                "quote_currency": "USD",
                "settlement_period": "perpetual",
                "tick_size": 0.5,
                "contract_size": 10.0,
                "counter_currency": "USD",
                "settlement_currency": "BTC",
                "instrument_type": "reversed",
                "maker_commission": 0.0,
                "taker_commission": 0.0005,
                "creation_timestamp": 0,
                "expiration_timestamp": 32503708800000,
                "min_trade_amount": 10.0,
                "is_active": True,
            }
        ]

    def _ticker(self, params: Fields, now_ms: int) -> Fields:
        self._check_instrument(params)
        return market.make_ticker(self.path, market.step_at(now_ms))

    def _order_book(self, params: Fields, now_ms: int) -> Fields:
        self._check_instrument(params)
        step = market.step_at(now_ms)
        return self._ticker(params, now_ms) | market.grouped_book(
            self.path, step, int(params.get("depth", 5))
        )

    def _check_instrument(self, params: Fields) -> None:
        if params.get("instrument_name") != market.INSTRUMENT:
            raise DeribitError(10020, "invalid_or_unsupported_instrument")
