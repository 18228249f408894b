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

from include.settings.groups import Simulator
from streaming.simulator.binance_book import levels
from streaming.simulator.binance_rest import BinanceError, BinanceRest
from streaming.simulator.matching import Fill, Matching, Order

Fields = dict[str, Any]
FEE_SHARE = Decimal("0.001")
LEAST_NOTIONAL = Decimal(5)
_STEPS = {"price": Decimal("0.01"), "quantity": Decimal("0.00001")}
_WINDOW_MS, _AHEAD_MS = 5000, 1000


class BinanceAccount:
    """One account of one key, with 10,000 USDT, one BTC and ten ETH."""

    def __init__(self, rest: BinanceRest, settings: Simulator) -> None:
        """Know the key and the secret to check."""
        self._rest, self._clock, self._matching = rest, rest.clock, Matching()
        self._key, self._secret = settings.binance_key.reveal(), settings.binance_secret.reveal()
        self.balances = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10)}
        self._looked_s = int(self._clock.now_s())

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own paths."""
        served: list[tuple[str, str, Callable[[Fields], object], int]] = [
            ("GET", "account", self._account, 20),
            ("POST", "order", self._new, 1),
            ("DELETE", "order", self._cancel, 1),
            ("GET", "order", self._one, 4),
            ("GET", "openOrders", self._open, 6),
            ("GET", "allOrders", self._all, 20),
            ("GET", "myTrades", self._trades, 20),
            ("GET", "margin/allPairs", _none, 1),
            ("GET", "margin/isolated/allPairs", _none, 1),
            ("GET", "capital/config/getall", self._coins, 10),
        ]
        for method, name, answer, weight in served:
            endpoint = self._rest.endpoint(self._signed(answer), weight)
            base = "/sapi/v1" if "/" in name else "/api/v3"
            app.router.add_route(method, f"{base}/{name}", self._read(endpoint))

    def _read(self, endpoint: Any) -> Any:
        async def serve(request: web.Request) -> web.StreamResponse:
            request["body"] = await request.text()
            answer: web.StreamResponse = await endpoint(request)
            return answer

        return serve

    def _signed(self, answer: Callable[[Fields], object]) -> Callable[[web.Request], object]:
        def checked(request: web.Request) -> object:
            text = request.query_string + request["body"]
            if not self._key or request.headers.get("X-MBX-APIKEY") != self._key:
                raise BinanceError(401, -2015, "Invalid API-key, IP, or permissions for action.")
            what, _, signature = text.rpartition("&signature=")
            wanted = hmac.new(self._secret.encode(), what.encode(), hashlib.sha256).hexdigest()
            if not hmac.compare_digest(wanted, signature):
                raise BinanceError(400, -1022, "Signature for this request is not valid.")
            asked = dict(parse_qsl(what))
            late_ms = self._clock.now_ms() - int(asked.get("timestamp", 0))
            if not -_AHEAD_MS <= late_ms <= int(asked.get("recvWindow", _WINDOW_MS)):
                said = "Timestamp for this request is outside of the recvWindow."
                raise BinanceError(400, -1021, said)
            self._settle()
            return answer(asked)

        return checked

    def available(self, asset: str) -> Decimal:
        """What is not held by live orders."""
        return self.balances[asset] - sum(
            (
                amount
                for one in self._matching.live()
                for held, amount in [self._held(one)]
                if held == asset
            ),
            Decimal(0),
        )

    def _held(self, order: Order) -> tuple[str, Decimal]:
        base, quote = self._rest.assets[order.symbol]
        return (quote, order.left * order.price) if order.side == "buy" else (base, order.left)

    def _settle(self) -> None:
        """Fill resting orders at any second since the last look whose best price came to them."""
        now_s = int(self._clock.now_s())
        live = self._matching.live()
        for second in range(self._looked_s + 1, now_s + 1) if live else ():
            for order in live:
                bids, asks = levels(self._rest.symbols[order.symbol], second, most=1)
                before = len(order.fills)
                best = (asks if order.side == "buy" else bids)[0][0]
                self._matching.rest(order, best, second * 1000)
                self._book(order, order.fills[before:])
        self._looked_s = now_s

    def _book(self, order: Order, fills: list[Fill]) -> None:
        base, quote = self._rest.assets[order.symbol]
        for fill in fills:
            got, gave = fill.quantity, fill.quantity * fill.price
            if order.side == "buy":
                self.balances[base] += got * (1 - FEE_SHARE)
                self.balances[quote] -= gave
            else:
                self.balances[base] -= got
                self.balances[quote] += gave * (1 - FEE_SHARE)

    def _account(self, _asked: Fields) -> Fields:
        told = [
            {
                "asset": asset,
                "free": f"{self.available(asset):.8f}",
                "locked": f"{amount - self.available(asset):.8f}",
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
            "balances": told,
            "permissions": ["SPOT"],
        }

    def _coins(self, _asked: Fields) -> list[Fields]:
        return [
            {
                "coin": asset,
                "name": asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "trading": True,
                "isLegalMoney": False,
                "networkList": [],
                "free": f"{self.available(asset):.8f}",
            }
            for asset in self.balances
        ]

    def _new(self, asked: Fields) -> Fields:
        path, now_ms = self._rest.path(asked.get("symbol")), self._clock.now_ms()
        if asked.get("type") != "LIMIT":
            raise BinanceError(400, -1116, "Invalid orderType.")
        side = {"BUY": "buy", "SELL": "sell"}.get(str(asked.get("side")))
        if side is None:
            raise BinanceError(400, -1117, "Invalid side.")
        price, quantity = _money(asked, "price"), _money(asked, "quantity")
        if price * quantity < LEAST_NOTIONAL:
            raise BinanceError(400, -1013, "Filter failure: NOTIONAL")
        number = len(self._matching.orders) + 1
        client = str(asked.get("newClientOrderId") or f"sim-{number}")
        order = Order(number, asked["symbol"], side, price, quantity, now_ms, client)
        asset, held = self._held(order)
        if held > self.available(asset):
            said = "Account has insufficient balance for requested action."
            raise BinanceError(400, -2010, said)
        self._matching.add(order)
        bids, asks = levels(path, now_ms // 1000)
        self._matching.fill(order, asks if side == "buy" else bids, now_ms)
        self._book(order, order.fills)
        order.cancelled = order.left > 0 and asked.get("timeInForce") in {"IOC", "FOK"}
        return _told(order) | {
            "transactTime": now_ms,
            "fills": [
                {
                    "price": f"{one.price:.8f}",
                    "qty": f"{one.quantity:.8f}",
                    "tradeId": one.number,
                    **self._fee(order, one),
                }
                for one in order.fills
            ],
        }

    def _fee(self, order: Order, fill: Fill) -> Fields:
        base, quote = self._rest.assets[order.symbol]
        paid = fill.quantity * (1 if order.side == "buy" else fill.price) * FEE_SHARE
        asset = base if order.side == "buy" else quote
        return {"commission": f"{paid:.8f}", "commissionAsset": asset}

    def _cancel(self, asked: Fields) -> Fields:
        order = self._found(asked)
        if order is None or not order.live:
            raise BinanceError(400, -2011, "Unknown order sent.")
        order.cancelled = True
        return _told(order) | {"transactTime": self._clock.now_ms()}

    def _one(self, asked: Fields) -> Fields:
        order = self._found(asked)
        if order is None:
            raise BinanceError(400, -2013, "Order does not exist.")
        return _told(order)

    def _found(self, asked: Fields) -> Order | None:
        self._rest.path(asked.get("symbol"))
        client = asked.get("origClientOrderId")
        for order in self._matching.orders.values():
            if str(order.number) == asked.get("orderId") or (client and order.client_id == client):
                return order if order.symbol == asked["symbol"] else None
        return None

    def _open(self, asked: Fields) -> list[Fields]:
        return [_told(one) for one in self._matching.live(asked.get("symbol", ""))]

    def _all(self, asked: Fields) -> list[Fields]:
        orders = self._matching.orders.values()
        return [_told(one) for one in orders if one.symbol == asked.get("symbol")]

    def _trades(self, asked: Fields) -> list[Fields]:
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
            if order.symbol == asked.get("symbol")
            for fill in order.fills
        ]


def _none(_asked: Fields) -> list[Fields]:
    return []


def _told(order: Order) -> Fields:
    status = "NEW" if not order.fills else "PARTIALLY_FILLED" if order.left else "FILLED"
    return {
        "symbol": order.symbol,
        "orderId": order.number,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "origClientOrderId": order.client_id,
        "price": f"{order.price:.8f}",
        "origQty": f"{order.amount:.8f}",
        "executedQty": f"{order.done:.8f}",
        "cummulativeQuoteQty": f"{order.paid:.8f}",
        "status": "CANCELED" if order.cancelled else status,
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": order.side.upper(),
        "time": order.at_ms,
        "updateTime": order.fills[-1].at_ms if order.fills else order.at_ms,
        "isWorking": True,
    }


def _money(asked: Fields, name: str) -> Decimal:
    try:
        value = Decimal(asked[name])
    except KeyError:
        said = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        raise BinanceError(400, -1102, said) from None
    except InvalidOperation:
        raise BinanceError(400, -1100, f"Illegal characters found in '{name}'.") from None
    if not value.is_finite() or value <= 0 or value % _STEPS[name]:
        kept = "PRICE_FILTER" if name == "price" else "LOT_SIZE"
        raise BinanceError(400, -1013, f"Filter failure: {kept}")
    return value
