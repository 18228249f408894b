"""The simulated Binance account: signed requests, balances, limit orders at once or resting.

Source: binance/binance-spot-api-docs, rest-api.md, "Request security" and "Trading endpoints".
"""

import hashlib
import hmac
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from include.settings.groups import SimulatorSettings
from streaming.simulator.binance_book import levels
from streaming.simulator.binance_rest import BinanceError, BinanceRest
from streaming.simulator.matching import Matching, SimulatedFill, SimulatedOrder

Fields = dict[str, Any]
FEE_SHARE = Decimal("0.001")
MIN_NOTIONAL = Decimal(5)
_STEPS = {"price": Decimal("0.01"), "quantity": Decimal("0.00001")}
_WINDOW_MS, _AHEAD_MS = 5000, 1000


class BinanceAccount:
    """One account of one key, with 10,000 USDT, one BTC and ten ETH."""

    def __init__(self, public_rest: BinanceRest, rules: SimulatorSettings) -> None:
        self._rest, self._clock, self._matching = public_rest, public_rest.clock, Matching()
        self._key, self._secret = rules.binance_key.reveal(), rules.binance_secret.reveal()
        self.balances = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10)}
        self._matched_until_s = int(self._clock.now_s())

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own paths."""
        endpoints: list[tuple[str, str, Callable[[Fields], object], int]] = [
            ("GET", "account", self._account, 20),
            ("POST", "order", self._new_order, 1),
            ("DELETE", "order", self._cancel_order, 1),
            ("GET", "order", self._order_status, 4),
            ("GET", "openOrders", self._open_orders, 6),
            ("GET", "allOrders", self._all_orders, 20),
            ("GET", "myTrades", self._trades, 20),
            ("GET", "margin/allPairs", _none, 1),
            ("GET", "margin/isolated/allPairs", _none, 1),
            ("GET", "capital/config/getall", self._coins, 10),
        ]
        for method, name, answer, weight in endpoints:
            endpoint = self._rest.endpoint(self._require_signature(answer), weight)
            base = "/sapi/v1" if "/" in name else "/api/v3"
            app.router.add_route(method, f"{base}/{name}", self._merge_body(endpoint))

    def _merge_body(self, endpoint: Any) -> Any:
        async def serve(request: web.Request) -> web.StreamResponse:
            request["body"] = await request.text()
            answer: web.StreamResponse = await endpoint(request)
            return answer

        return serve

    def _require_signature(
        self, answer: Callable[[Fields], object]
    ) -> Callable[[web.Request], object]:
        def serve_signed(request: web.Request) -> object:
            text = request.query_string + request["body"]
            if not self._key or request.headers.get("X-MBX-APIKEY") != self._key:
                raise BinanceError(401, -2015, "Invalid API-key, IP, or permissions for action.")
            signed_text, _, signature = text.rpartition("&signature=")
            expected = hmac.new(
                self._secret.encode(), signed_text.encode(), hashlib.sha256
            ).hexdigest()
            if not hmac.compare_digest(expected, signature):
                raise BinanceError(400, -1022, "Signature for this request is not valid.")
            params = dict(parse_qsl(signed_text))
            late_ms = self._clock.now_ms() - int(params.get("timestamp", 0))
            if not -_AHEAD_MS <= late_ms <= int(params.get("recvWindow", _WINDOW_MS)):
                message = "Timestamp for this request is outside of the recvWindow."
                raise BinanceError(400, -1021, message)
            self._fill_resting()
            return answer(params)

        return serve_signed

    def available_balance(self, asset: str) -> Decimal:
        """The balance that live orders do not hold."""
        return self.balances[asset] - sum(
            (
                amount
                for order in self._matching.live()
                for held_asset, amount in [self._held_by(order)]
                if held_asset == asset
            ),
            Decimal(0),
        )

    def _held_by(self, order: SimulatedOrder) -> tuple[str, Decimal]:
        base, quote = self._rest.assets[order.symbol]
        return (
            (quote, order.remaining * order.price)
            if order.side == "buy"
            else (base, order.remaining)
        )

    def _fill_resting(self) -> None:
        """Fill resting orders whose price was reached at any second since the last call."""
        now_s = int(self._clock.now_s())
        live = self._matching.live()
        for second in range(self._matched_until_s + 1, now_s + 1) if live else ():
            for order in live:
                bids, asks = levels(self._rest.symbols[order.symbol], second, depth=1)
                fill_count = len(order.fills)
                best = (asks if order.side == "buy" else bids)[0][0]
                self._matching.fill_resting(order, best, second * 1000)
                self._settle_fills(order, order.fills[fill_count:])
        self._matched_until_s = now_s

    def _settle_fills(self, order: SimulatedOrder, new_fills: list[SimulatedFill]) -> None:
        base, quote = self._rest.assets[order.symbol]
        for fill in new_fills:
            got, gave = fill.quantity, fill.quantity * fill.price
            if order.side == "buy":
                self.balances[base] += got * (1 - FEE_SHARE)
                self.balances[quote] -= gave
            else:
                self.balances[base] -= got
                self.balances[quote] += gave * (1 - FEE_SHARE)

    def _account(self, _params: Fields) -> Fields:
        balances = [
            {
                "asset": asset,
                "free": f"{self.available_balance(asset):.8f}",
                "locked": f"{amount - self.available_balance(asset):.8f}",
            }
            for asset, amount in self.balances.items()
        ]
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "updateTime": self._clock.now_ms(),
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
        }

    def _coins(self, _params: Fields) -> list[Fields]:
        return [
            {
                "coin": asset,
                "name": asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "trading": True,
                "isLegalMoney": False,
                "networkList": [],
                "free": f"{self.available_balance(asset):.8f}",
            }
            for asset in self.balances
        ]

    def _new_order(self, params: Fields) -> Fields:
        path, now_ms = self._rest.path(params.get("symbol")), self._clock.now_ms()
        if params.get("type") != "LIMIT":
            raise BinanceError(400, -1116, "Invalid orderType.")
        side = {"BUY": "buy", "SELL": "sell"}.get(str(params.get("side")))
        if side is None:
            raise BinanceError(400, -1117, "Invalid side.")
        price, quantity = _money(params, "price"), _money(params, "quantity")
        if price * quantity < MIN_NOTIONAL:
            raise BinanceError(400, -1013, "Filter failure: NOTIONAL")
        number = len(self._matching.orders) + 1
        client_id = str(params.get("newClientOrderId") or f"sim-{number}")
        order = SimulatedOrder(number, params["symbol"], side, price, quantity, now_ms, client_id)
        asset, amount = self._held_by(order)
        if amount > self.available_balance(asset):
            message = "Account has insufficient balance for requested action."
            raise BinanceError(400, -2010, message)
        self._matching.add(order)
        bids, asks = levels(path, now_ms // 1000)
        self._matching.fill(order, asks if side == "buy" else bids, now_ms)
        self._settle_fills(order, order.fills)
        order.cancelled = order.remaining > 0 and params.get("timeInForce") in {"IOC", "FOK"}
        return _order_fields(order) | {
            "transactTime": now_ms,
            "fills": [
                {
                    "price": f"{fill.price:.8f}",
                    "qty": f"{fill.quantity:.8f}",
                    "tradeId": fill.number,
                    **self._fee(order, fill),
                }
                for fill in order.fills
            ],
        }

    def _fee(self, order: SimulatedOrder, fill: SimulatedFill) -> Fields:
        base, quote = self._rest.assets[order.symbol]
        commission = fill.quantity * (1 if order.side == "buy" else fill.price) * FEE_SHARE
        asset = base if order.side == "buy" else quote
        return {"commission": f"{commission:.8f}", "commissionAsset": asset}

    def _cancel_order(self, params: Fields) -> Fields:
        order = self._find_order(params)
        if order is None or not order.live:
            raise BinanceError(400, -2011, "Unknown order sent.")
        order.cancelled = True
        return _order_fields(order) | {"transactTime": self._clock.now_ms()}

    def _order_status(self, params: Fields) -> Fields:
        order = self._find_order(params)
        if order is None:
            raise BinanceError(400, -2013, "Order does not exist.")
        return _order_fields(order)

    def _find_order(self, params: Fields) -> SimulatedOrder | None:
        self._rest.path(params.get("symbol"))
        client_id = params.get("origClientOrderId")
        for order in self._matching.orders.values():
            if str(order.number) == params.get("orderId") or (
                client_id and order.client_id == client_id
            ):
                return order if order.symbol == params["symbol"] else None
        return None

    def _open_orders(self, params: Fields) -> list[Fields]:
        return [_order_fields(order) for order in self._matching.live(params.get("symbol", ""))]

    def _all_orders(self, params: Fields) -> list[Fields]:
        orders = self._matching.orders.values()
        return [_order_fields(order) for order in orders if order.symbol == params.get("symbol")]

    def _trades(self, params: Fields) -> list[Fields]:
        return [
            {
                "symbol": order.symbol,
                "id": fill.number,
                "orderId": order.number,
                "price": f"{fill.price:.8f}",
                "qty": f"{fill.quantity:.8f}",
                "quoteQty": f"{fill.price * fill.quantity:.8f}",
                "time": fill.at_ms,
                "isBuyer": order.side == "buy",
                "isMaker": fill.maker,
                "isBestMatch": True,
                **self._fee(order, fill),
            }
            for order in self._matching.orders.values()
            if order.symbol == params.get("symbol")
            for fill in order.fills
        ]


def _none(_params: Fields) -> list[Fields]:
    return []


def _order_fields(order: SimulatedOrder) -> Fields:
    status = "NEW" if not order.fills else "PARTIALLY_FILLED" if order.remaining else "FILLED"
    return {
        "symbol": order.symbol,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "origClientOrderId": order.client_id,
        "price": f"{order.price:.8f}",
        "origQty": f"{order.amount:.8f}",
        "executedQty": f"{order.filled:.8f}",
        "cummulativeQuoteQty": f"{order.paid:.8f}",
        "status": "CANCELED" if order.cancelled else status,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": order.side.upper(),
        "time": order.at_ms,
        "updateTime": order.fills[-1].at_ms if order.fills else order.at_ms,
        "isWorking": True,
    }


def _money(params: Fields, name: str) -> Decimal:
    try:
        money = Decimal(params[name])
    except KeyError:
        message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        raise BinanceError(400, -1102, message) from None
    except InvalidOperation:
        raise BinanceError(400, -1100, f"Illegal characters found in '{name}'.") from None
    if not money.is_finite() or money <= 0 or money % _STEPS[name]:
        filter_name = "PRICE_FILTER" if name == "price" else "LOT_SIZE"
        raise BinanceError(400, -1013, f"Filter failure: {filter_name}")
    return money
