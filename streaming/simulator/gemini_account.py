"""The simulated Gemini account: signed requests, balances with holds, orders against the book.

Source of signing, reply and error shapes: docs.gemini.com, "Private API invocation", "Orders".
"""

import base64
import hashlib
import hmac
import json
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from include.settings.env import Secret
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.limits import Throttle

Fields = dict[str, Any]
PRIVATE = (
    "order/new",
    "order/status",
    "order/cancel",
    "orders",
    "mytrades",
    "balances",
    "notionalvolume",
)
PER_MINUTE = 600
FEE_SHARE = Decimal("0.004")
LEAST = Decimal("0.00001")
_CENT = Decimal("0.01")
_AVAILABLE = ("available", "availableForWithdrawal")
_FEES = {"api_maker_fee_bps": 20, "api_taker_fee_bps": 40, "notional_30d_volume": 0}
_OPTIONS = {"immediate-or-cancel", "fill-or-kill", "maker-or-cancel"}


class Refused(Exception):
    """An error reply: HTTP status, Gemini's reason, a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class GeminiAccount:
    """One account with one plain key; limit orders of one symbol, at once or resting.

    A resting order is filled when the other side of the book comes to its price.
    """

    def __init__(self, market: GeminiMarket, *, key: Secret, secret: Secret) -> None:
        """Start with 10,000 USD."""
        self._market, self._key, self._secret = market, key, secret
        self._limit = Throttle(per_minute=PER_MINUTE, clock=market.clock)
        self._nonce = -1
        self.balances = {"BTC": Decimal(0), "USD": Decimal(10_000)}
        self.orders: list[Fields] = []
        self.trades: list[Fields] = []
        self._fills: dict[str, list[tuple[Decimal, Decimal]]] = {}
        market.watchers.append(self._watch)

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths."""
        for name in PRIVATE:
            app.router.add_post(f"/v1/{name}", self.serve)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer any private endpoint."""
        if refusal := await self._limit.refusal():
            return refusal
        calls = {
            "/v1/order/new": self._new,
            "/v1/order/status": self._status,
            "/v1/order/cancel": self._cancel,
            "/v1/orders": lambda _: [one for one in self.orders if one["is_live"]],
            "/v1/notionalvolume": lambda _: _FEES,
            "/v1/mytrades": lambda _: self.trades[::-1][:500],
            "/v1/balances": self._told,
        }
        try:
            return web.json_response(calls[request.path](self._verified(request)))
        except Refused as refused:
            body = {"result": "error", "reason": refused.reason, "message": refused.message}
            return web.json_response(body, status=refused.status)

    def _verified(self, request: web.Request) -> Fields:
        headers = request.headers
        payload = headers.get("X-GEMINI-PAYLOAD", "")
        if headers.get("X-GEMINI-APIKEY", "") != self._key.reveal() or not self._key:
            raise Refused(400, "InvalidApiKey", "The API key is not known")
        signed = hmac.new(self._secret.reveal().encode(), payload.encode(), hashlib.sha384)
        if not hmac.compare_digest(signed.hexdigest(), headers.get("X-GEMINI-SIGNATURE", "")):
            raise Refused(400, "InvalidSignature", "InvalidSignature")
        try:
            fields = json.loads(base64.b64decode(payload))
            nonce = int(fields["nonce"])
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "InvalidJson", "The payload is no JSON with a nonce") from None
        if fields.get("request") != request.path:
            raise Refused(400, "EndpointMismatch", "EndpointMismatch")
        if nonce <= self._nonce:
            text = f"Nonce '{nonce}' has not increased since your last call to the Gemini API."
            raise Refused(400, "InvalidNonce", text)
        self._nonce = nonce
        return dict(fields)

    def _new(self, asked: Fields) -> Fields:
        amount, price = self._money(asked, "amount"), self._money(asked, "price")
        side, options = str(asked.get("side")), asked.get("options") or []
        if str(asked.get("symbol")).lower() != "btcusd":
            raise Refused(400, "InvalidSymbol", f"Symbol {asked.get('symbol')!r} is not known")
        if side not in {"buy", "sell"}:
            raise Refused(400, "InvalidSide", f"Side {side!r} is neither buy nor sell")
        if asked.get("type") != "exchange limit":
            raise Refused(400, "InvalidOrderType", f"Type {asked.get('type')!r} is not supported")
        if not isinstance(options, list) or len(options) > 1:
            raise Refused(400, "OptionsMustBeArray", "options is an array of at most one")
        if not set(options) <= _OPTIONS:
            raise Refused(400, "UnsupportedOption", f"Option {options[0]!r} is not known")
        if amount < LEAST:
            raise Refused(400, "InvalidQuantity", f"amount {amount} is below {LEAST}")
        currency = "USD" if side == "buy" else "BTC"
        if _held(side, price, amount) > self.available(currency):
            raise Refused(406, "InsufficientFunds", "Failed to place order: not enough funds")
        order = self._order(asked, amount, price, options)
        self.orders.append(order)
        self._matched(order, options[0] if options else "")
        return order

    def available(self, currency: str) -> Decimal:
        """What is not held by live orders."""
        side = "buy" if currency == "USD" else "sell"
        live = [one for one in self.orders if one["is_live"] and one["side"] == side]
        held = [
            _held(side, Decimal(one["price"]), Decimal(one["remaining_amount"])) for one in live
        ]
        return self.balances[currency] - sum(held, Decimal(0))

    def _matched(self, order: Fields, option: str) -> None:
        """Take what the order may take now; its rest is cancelled where the option says so."""
        side, price = order["side"], Decimal(order["price"])
        reachable = self._reachable(side, price)
        if option == "maker-or-cancel" and reachable:
            _ended(order, "MakerOrCancelWouldTake")
        elif option == "fill-or-kill" and reachable < Decimal(order["remaining_amount"]):
            _ended(order, "FillOrKillWouldNotFill")
        elif reachable:
            self._take(order)
        if order["is_live"] and option == "immediate-or-cancel":
            _ended(order, "ImmediateOrCancelWouldPost")

    def _reachable(self, side: str, price: Decimal) -> Decimal:
        levels = self._market.book.sides["ask" if side == "buy" else "bid"]
        sign = 1 if side == "buy" else -1
        return sum((q for at, q in levels.items() if at * sign <= price * sign), Decimal(0))

    def _take(self, order: Fields) -> None:
        remaining = Decimal(order["remaining_amount"])
        price = Decimal(order["price"])
        fills, told = self._market.book.take(order["side"], limit=price, amount=remaining)
        for events, (at, quantity) in zip(told, fills, strict=True):
            self._settle(order, self._market.tell(events), at, quantity)

    def _watch(self) -> None:
        for order in [one for one in self.orders if one["is_live"]]:
            if self._reachable(order["side"], Decimal(order["price"])):
                self._take(order)

    def _cancel(self, asked: Fields) -> Fields | list[Fields]:
        """Cancel a live order; one that has ended is told as it is."""
        found = self._status(asked)
        for order in found if isinstance(found, list) else [found]:
            if order["is_live"]:
                _ended(order, "Requested")
        return found

    def _order(self, asked: Fields, amount: Decimal, price: Decimal, options: list[str]) -> Fields:
        now_us = self._market.clock.now_us()
        now_ms, number = now_us // 1000, str(now_us)
        order: Fields = {
            "order_id": number,
            "id": number,
            "symbol": "btcusd",
            "exchange": "gemini",
            "avg_execution_price": "0.00",
            "side": asked["side"],
            "type": "exchange limit",
            "timestamp": str(now_ms // 1000),
            "timestampms": now_ms,
            "is_live": True,
            "is_cancelled": False,
            "is_hidden": False,
            "was_forced": False,
            "executed_amount": "0",
            "options": options,
            "price": f"{price:f}",
            "original_amount": f"{amount:f}",
            "remaining_amount": f"{amount:f}",
        }
        if asked.get("client_order_id") is not None:
            order["client_order_id"] = str(asked["client_order_id"])
        self._fills[number] = []
        return order

    def _settle(self, order: Fields, tid: int, price: Decimal, quantity: Decimal) -> None:
        sign, fee = (1 if order["side"] == "buy" else -1), price * quantity * FEE_SHARE
        fills = self._fills[order["order_id"]]
        fills.append((price, quantity))
        done = sum((filled for _, filled in fills), Decimal(0))
        paid = sum((at * filled for at, filled in fills), Decimal(0))
        left = Decimal(order["original_amount"]) - done
        order |= {
            "executed_amount": f"{done:f}",
            "remaining_amount": f"{left:f}",
            "avg_execution_price": f"{paid / done:.2f}",
            "is_live": left > 0,
        }
        self.balances["BTC"] += sign * quantity
        self.balances["USD"] -= sign * price * quantity + fee
        self.trades.append(
            {
                "price": f"{price:f}",
                "amount": f"{quantity:f}",
                "timestamp": int(order["timestamp"]),
                "timestampms": order["timestampms"],
                "type": str(order["side"]).capitalize(),
                "aggressor": True,
                "fee_currency": "USD",
                "fee_amount": f"{fee:f}",
                "tid": tid,
                "order_id": order["order_id"],
                "exchange": "gemini",
                "is_auction_fill": False,
                "is_clearing_fill": False,
                "symbol": "BTCUSD",
                "client_order_id": order.get("client_order_id", ""),
            }
        )

    def _status(self, asked: Fields) -> Fields | list[Fields]:
        if "client_order_id" in asked:
            wanted = str(asked["client_order_id"])
            found = [one for one in self.orders if one.get("client_order_id") == wanted]
        else:
            found = [one for one in self.orders if one["order_id"] == str(asked.get("order_id"))]
        if not found:
            raise Refused(404, "OrderNotFound", "No order with that id")
        if asked.get("include_trades"):
            ids = {one["order_id"] for one in found}
            trades = [one for one in self.trades if one["order_id"] in ids]
            found = [
                one | {"trades": [t for t in trades if t["order_id"] == one["order_id"]]}
                for one in found
            ]
        return found if "client_order_id" in asked else found[0]

    def _told(self, _asked: Fields) -> list[Fields]:
        return [
            {
                "type": "exchange",
                "currency": currency,
                "amount": f"{amount:f}",
                **dict.fromkeys(_AVAILABLE, f"{self.available(currency):f}"),
            }
            for currency, amount in self.balances.items()
        ]

    def _money(self, asked: Fields, name: str) -> Decimal:
        reason = "InvalidPrice" if name == "price" else "InvalidQuantity"
        try:
            value = Decimal(str(asked[name]))
        except KeyError:
            raise Refused(400, "MissingOrderField", f"{name} is missing") from None
        except InvalidOperation:
            raise Refused(400, reason, f"{name} {asked[name]!r} is no number") from None
        step = _CENT if name == "price" else Decimal("0.00000001")
        if not value.is_finite() or value <= 0 or value % step:
            raise Refused(400, reason, f"{name} {value} is no positive multiple of {step}")
        return value


def _held(side: str, price: Decimal, amount: Decimal) -> Decimal:
    return amount * price * (1 + FEE_SHARE) if side == "buy" else amount


def _ended(order: Fields, reason: str) -> None:
    order |= {"is_live": False, "is_cancelled": True, "reason": reason}
