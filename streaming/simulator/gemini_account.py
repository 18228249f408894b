"""The simulated Gemini account: signed requests, balances with holds, orders against the book.

Source of signing, reply and error shapes: docs.gemini.com, "Private API invocation", "Orders".
"""

import base64
import hashlib
import hmac
import json
from decimal import Decimal, InvalidOperation

from aiohttp import web

from include.setting_fields import Secret
from streaming.simulator.gemini_account_answers import ANSWERS, end_order
from streaming.simulator.gemini_market import GeminiMarket
from streaming.simulator.json_fields import Fields
from streaming.simulator.limits import Throttle
from streaming.simulator.price_path import CENT

PRIVATE = ("order/new", "order/status", "order/cancel", "balances", *ANSWERS)
PER_MINUTE = 600
FEE_SHARE = Decimal("0.004")
MIN_AMOUNT = Decimal("0.00001")
_AVAILABLE = ("available", "availableForWithdrawal")
_OPTIONS = {"immediate-or-cancel", "fill-or-kill", "maker-or-cancel"}


class GeminiError(Exception):
    """An error reply: HTTP status, Gemini's reason, a sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class GeminiAccount:
    """One account with one plain key; limit orders of one symbol, at once or resting.

    A resting order is filled when the other side of the book comes to its price.
    """

    def __init__(self, market: GeminiMarket, *, key: Secret, secret: Secret) -> None:
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
            "/v1/order/new": self._new_order,
            "/v1/order/status": self._order_status,
            "/v1/order/cancel": self._cancel_order,
            "/v1/balances": self._balances,
        }
        try:
            params, path = self._verify(request), request.path
            if answer := ANSWERS.get(path.removeprefix("/v1/")):
                return web.json_response(answer(self, params))
            return web.json_response(calls[path](params))
        except GeminiError as refused:
            body = {"result": "error", "reason": refused.reason, "message": refused.message}
            return web.json_response(body, status=refused.status)

    def _verify(self, request: web.Request) -> Fields:
        headers = request.headers
        payload = headers.get("X-GEMINI-PAYLOAD", "")
        if headers.get("X-GEMINI-APIKEY", "") != self._key.reveal() or not self._key:
            raise GeminiError(400, "InvalidApiKey", "The API key is not known")
        signed = hmac.new(self._secret.reveal().encode(), payload.encode(), hashlib.sha384)
        if not hmac.compare_digest(signed.hexdigest(), headers.get("X-GEMINI-SIGNATURE", "")):
            raise GeminiError(400, "InvalidSignature", "InvalidSignature")
        try:
            fields = json.loads(base64.b64decode(payload))
            nonce = int(fields["nonce"])
        except (ValueError, KeyError, TypeError):
            raise GeminiError(400, "InvalidJson", "The payload is not JSON with a nonce") from None
        if fields.get("request") != request.path:
            raise GeminiError(400, "EndpointMismatch", "EndpointMismatch")
        if nonce <= self._nonce:
            text = f"Nonce '{nonce}' has not increased since your last call to the Gemini API."
            raise GeminiError(400, "InvalidNonce", text)
        self._nonce = nonce
        return dict(fields)

    def _new_order(self, params: Fields) -> Fields:
        amount, price = self._money(params, "amount"), self._money(params, "price")
        side, options = str(params.get("side")), params.get("options") or []
        if str(params.get("symbol")).lower() != "btcusd":
            raise GeminiError(400, "InvalidSymbol", f"Symbol {params.get('symbol')!r} is not known")
        if side not in {"buy", "sell"}:
            raise GeminiError(400, "InvalidSide", f"Side {side!r} is neither buy nor sell")
        if params.get("type") != "exchange limit":
            raise GeminiError(
                400, "InvalidOrderType", f"Type {params.get('type')!r} is not supported"
            )
        if not isinstance(options, list) or len(options) > 1:
            raise GeminiError(400, "OptionsMustBeArray", "options is an array of at most one")
        if not set(options) <= _OPTIONS:
            raise GeminiError(400, "UnsupportedOption", f"Option {options[0]!r} is not known")
        if amount < MIN_AMOUNT:
            raise GeminiError(400, "InvalidQuantity", f"amount {amount} is below {MIN_AMOUNT}")
        currency = "USD" if side == "buy" else "BTC"
        if _required_funds(side, price, amount) > self.available_balance(currency):
            raise GeminiError(406, "InsufficientFunds", "Failed to place order: not enough funds")
        order = self._order_fields(params, amount, price, options)
        self.orders.append(order)
        self._match(order, options[0] if options else "")
        return order

    def available_balance(self, currency: str) -> Decimal:
        """The balance that live orders do not hold."""
        side = "buy" if currency == "USD" else "sell"
        live = [order for order in self.orders if order["is_live"] and order["side"] == side]
        held_amounts = [
            _required_funds(side, Decimal(order["price"]), Decimal(order["remaining_amount"]))
            for order in live
        ]
        return self.balances[currency] - sum(held_amounts, Decimal(0))

    def _match(self, order: Fields, option: str) -> None:
        """Fill what can be filled now; cancel what remains where the option asks for it."""
        side, price = order["side"], Decimal(order["price"])
        reachable = self._matchable_quantity(side, price)
        if option == "maker-or-cancel" and reachable:
            end_order(order, "MakerOrCancelWouldTake")
        elif option == "fill-or-kill" and reachable < Decimal(order["remaining_amount"]):
            end_order(order, "FillOrKillWouldNotFill")
        elif reachable:
            self._take(order)
        if order["is_live"] and option == "immediate-or-cancel":
            end_order(order, "ImmediateOrCancelWouldPost")

    def _matchable_quantity(self, side: str, price: Decimal) -> Decimal:
        levels = self._market.book.sides["ask" if side == "buy" else "bid"]
        signum = 1 if side == "buy" else -1
        return sum(
            (q for level, q in levels.items() if level * signum <= price * signum), Decimal(0)
        )

    def _take(self, order: Fields) -> None:
        remaining = Decimal(order["remaining_amount"])
        price = Decimal(order["price"])
        fills, events_by_fill = self._market.book.take(order["side"], limit=price, amount=remaining)
        for events, (price_at, quantity) in zip(events_by_fill, fills, strict=True):
            self._settle_fill(order, self._market.publish(events), price_at, quantity)

    def _watch(self) -> None:
        for order in [order for order in self.orders if order["is_live"]]:
            if self._matchable_quantity(order["side"], Decimal(order["price"])):
                self._take(order)

    def _cancel_order(self, params: Fields) -> Fields | list[Fields]:
        """Cancel a live order; one that has ended is returned as it is."""
        orders = self._order_status(params)
        for order in orders if isinstance(orders, list) else [orders]:
            if order["is_live"]:
                end_order(order, "Requested")
        return orders

    def _order_fields(
        self, params: Fields, amount: Decimal, price: Decimal, options: list[str]
    ) -> Fields:
        now_us = self._market.clock.now_us()
        now_ms, number = now_us // 1000, str(now_us)
        order: Fields = {
            "order_id": number,
            "id": number,
            "symbol": "btcusd",
            "exchange": "gemini",
            "avg_execution_price": "0.00",
            "side": params["side"],
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
        if params.get("client_order_id") is not None:
            order["client_order_id"] = str(params["client_order_id"])
        self._fills[number] = []
        return order

    def _settle_fill(self, order: Fields, tid: int, price: Decimal, quantity: Decimal) -> None:
        signum, fee = (1 if order["side"] == "buy" else -1), price * quantity * FEE_SHARE
        fills = self._fills[order["order_id"]]
        fills.append((price, quantity))
        filled = sum((filled for _, filled in fills), Decimal(0))
        paid = sum((at * filled for at, filled in fills), Decimal(0))
        remaining = Decimal(order["original_amount"]) - filled
        order |= {
            "executed_amount": f"{filled:f}",
            "remaining_amount": f"{remaining:f}",
            "avg_execution_price": f"{paid / filled:.2f}",
            "is_live": remaining > 0,
        }
        self.balances["BTC"] += signum * quantity
        self.balances["USD"] -= signum * price * quantity + fee
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

    def _order_status(self, params: Fields) -> Fields | list[Fields]:
        if "client_order_id" in params:
            client_id = str(params["client_order_id"])
            orders = [order for order in self.orders if order.get("client_order_id") == client_id]
        else:
            orders = [
                order for order in self.orders if order["order_id"] == str(params.get("order_id"))
            ]
        if not orders:
            raise GeminiError(404, "OrderNotFound", "No order with that id")
        if params.get("include_trades"):
            ids = {order["order_id"] for order in orders}
            trades = [order for order in self.trades if order["order_id"] in ids]
            orders = [
                order | {"trades": [t for t in trades if t["order_id"] == order["order_id"]]}
                for order in orders
            ]
        return orders if "client_order_id" in params else orders[0]

    def _balances(self, _params: Fields) -> list[Fields]:
        return [
            {
                "type": "exchange",
                "currency": currency,
                "amount": f"{amount:f}",
                **dict.fromkeys(_AVAILABLE, f"{self.available_balance(currency):f}"),
            }
            for currency, amount in self.balances.items()
        ]

    def _money(self, params: Fields, name: str) -> Decimal:
        reason = "InvalidPrice" if name == "price" else "InvalidQuantity"
        try:
            money = Decimal(str(params[name]))
        except KeyError:
            raise GeminiError(400, "MissingOrderField", f"{name} is missing") from None
        except InvalidOperation:
            raise GeminiError(400, reason, f"{name} {params[name]!r} is no number") from None
        step = CENT if name == "price" else Decimal("0.00000001")
        if not money.is_finite() or money <= 0 or money % step:
            raise GeminiError(400, reason, f"{name} {money} is no positive multiple of {step}")
        return money


def _required_funds(side: str, price: Decimal, amount: Decimal) -> Decimal:
    return amount * price * (1 + FEE_SHARE) if side == "buy" else amount
