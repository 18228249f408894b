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

from include.variables import Secret
from streaming.simulator.gemini_market import GeminiMarket

Fields = dict[str, Any]
PRIVATE = ("order/new", "order/status", "order/cancel", "orders", "mytrades", "balances")
FEE_SHARE = Decimal("0.004")
_CENT = Decimal("0.01")
_OPTIONS = {"immediate-or-cancel", "fill-or-kill", "maker-or-cancel"}


class Refused(Exception):
    """An error reply: HTTP status, Gemini's reason, a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class GeminiAccount:
    """One account with one plain key; immediate-or-cancel limit orders of one symbol."""

    def __init__(self, market: GeminiMarket, *, key: Secret, secret: Secret) -> None:
        """Start with 10,000 USD."""
        self._market, self._key, self._secret = market, key, secret
        self._nonce = -1
        self.balances = {"BTC": Decimal(0), "USD": Decimal(10_000)}
        self.orders: list[Fields] = []
        self.trades: list[Fields] = []

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths."""
        for name in PRIVATE:
            app.router.add_post(f"/v1/{name}", self.serve)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer any private endpoint."""
        calls = {
            "/v1/order/new": self._new, "/v1/order/status": self._status,
            "/v1/order/cancel": self._status, "/v1/orders": lambda _: [],
            "/v1/mytrades": lambda _: self.trades[::-1][:500], "/v1/balances": self._told,
        }  # fmt: skip
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
        side, options = asked.get("side"), asked.get("options", [])
        if str(asked.get("symbol")).lower() != "btcusd":
            raise Refused(400, "InvalidSymbol", f"Symbol {asked.get('symbol')!r} is not known")
        if side not in {"buy", "sell"}:
            raise Refused(400, "InvalidSide", f"Side {side!r} is neither buy nor sell")
        if asked.get("type") != "exchange limit":
            raise Refused(400, "InvalidOrderType", f"Type {asked.get('type')!r} is not supported")
        if options != ["immediate-or-cancel"]:
            raise Refused(400, "UnsupportedOption", "only immediate-or-cancel is simulated")
        held = amount * price * (1 + FEE_SHARE) if side == "buy" else amount
        if held > self.balances["USD" if side == "buy" else "BTC"]:
            raise Refused(406, "InsufficientFunds", "Failed to place order: not enough funds")
        fills, told = self._market.book.take(side, limit=price, amount=amount)
        tids = [self._market.tell(events) for events in told]
        order = self._order(asked, amount, price, fills)
        for tid, (at, quantity) in zip(tids, fills, strict=True):
            self._settle(order, tid, at, quantity)
        self.orders.append(order)
        return order

    def _order(
        self, asked: Fields, amount: Decimal, price: Decimal, fills: list[tuple[Decimal, Decimal]]
    ) -> Fields:
        done = sum((quantity for _, quantity in fills), Decimal(0))
        paid = sum((at * quantity for at, quantity in fills), Decimal(0))
        now_us = self._market.clock.now_us()
        now_ms, number = now_us // 1000, str(now_us)
        order: Fields = {
            "order_id": number, "id": number, "symbol": "btcusd", "exchange": "gemini",
            "avg_execution_price": f"{paid / done if done else 0:.2f}", "side": asked["side"],
            "type": "exchange limit", "timestamp": str(now_ms // 1000), "timestampms": now_ms,
            "is_live": False, "is_cancelled": done < amount, "is_hidden": False,
            "was_forced": False, "executed_amount": f"{done:f}", "options": asked["options"],
            "price": f"{price:f}", "original_amount": f"{amount:f}",
            "remaining_amount": f"{amount - done:f}",
        }  # fmt: skip
        if "client_order_id" in asked:
            order["client_order_id"] = str(asked["client_order_id"])
        if done < amount:
            order["reason"] = "ImmediateOrCancelWouldPost"
        return order

    def _settle(self, order: Fields, tid: int, price: Decimal, quantity: Decimal) -> None:
        sign, fee = (1 if order["side"] == "buy" else -1), price * quantity * FEE_SHARE
        self.balances["BTC"] += sign * quantity
        self.balances["USD"] -= sign * price * quantity + fee
        self.trades.append(
            {"price": f"{price:f}", "amount": f"{quantity:f}", "timestamp": int(order["timestamp"]),
             "timestampms": order["timestampms"], "type": str(order["side"]).capitalize(),
             "aggressor": True, "fee_currency": "USD", "fee_amount": f"{fee:f}", "tid": tid,
             "order_id": order["order_id"], "exchange": "gemini", "is_auction_fill": False,
             "is_clearing_fill": False, "symbol": "BTCUSD",
             "client_order_id": order.get("client_order_id", "")}
        )  # fmt: skip

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
        names = ("amount", "available", "availableForWithdrawal")
        return [
            {"type": "exchange", "currency": currency, **dict.fromkeys(names, f"{amount:f}")}
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
