"""The simulated Gemini account: balances with holds, orders against the book, their events.

Source of the shapes: docs.gemini.com, "Orders", "Order events".
"""

import asyncio
from decimal import Decimal
from functools import partial

from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.gemini_order_form import OrderForm, read_order
from streaming.simulator.gemini_pairs import PAIRS
from streaming.simulator.gemini_parameters import GeminiError
from streaming.simulator.json_fields import Fields, Values

FEE_SHARE = Decimal("0.004")
_NOT_OF_EVENTS = ("exchange", "id", "type", "options", "was_forced", "reason")


class GeminiAccount:
    """One account, with 10,000 dollars; limit orders of its markets' symbols, at once or resting.

    A resting order is filled when the other side of the book comes to its price; a stop-limit order
    comes to the book when the last price has reached its stop price. `listeners` get each order's
    events as updates: an event id, its time in ms, the events.
    """

    def __init__(self, *markets: GeminiMarket) -> None:
        self._markets = {market.symbol: market for market in markets}
        self.clock = markets[0].clock
        bases = [PAIRS[symbol].base for symbol in self._markets]
        self.balances = dict.fromkeys(bases, Decimal(0)) | {"USD": Decimal(10_000)}
        self.orders: list[Fields] = []
        self.trades: list[Fields] = []
        self.listeners: set[asyncio.Queue[MarketUpdate | bytes]] = set()
        self._fills: dict[str, list[tuple[Decimal, Decimal]]] = {}
        self._waiting_ids: set[str] = set()  # stop-limit orders that are not in the book yet
        self._event_id = self.clock.now_us()
        for market in markets:
            market.watchers.append(partial(self._watch, market.symbol))

    def last_price(self, currency: str) -> Decimal:
        """The price of a currency's last trade in USD."""
        prices = {PAIRS[symbol].base: market.book.last for symbol, market in self._markets.items()}
        return prices.get(currency, Decimal(1))

    def now_ms(self) -> int:
        """The venue's time in ms."""
        return self.clock.now_ms()

    def place(self, form_fields: Fields) -> Fields:
        """Place an order: what it became at once.

        Raises:
            GeminiError: the order is not one, or costs more than there is.
        """
        form = read_order(form_fields)
        currency = _held_currency(form.symbol, form.side)
        if _required_funds(form.side, form.price, form.amount) > self.available_balance(currency):
            raise GeminiError(406, "InsufficientFunds", "Failed to place order: not enough funds")
        order = self._order_fields(form)
        self.orders.append(order)
        self._publish("accepted", order)
        if form.stop_price is not None:
            self._waiting_ids.add(order["order_id"])
        self._enter(order, form.option)
        return order

    def _enter(self, order: Fields, option: str) -> None:
        """Bring an order to the book, unless it waits for its stop price."""
        if order["order_id"] in self._waiting_ids:
            stop_price, signum = Decimal(order["stop_price"]), 1 if order["side"] == "buy" else -1
            last = self._markets[order["symbol"]].book.last
            if last * signum < stop_price * signum:
                return
            self._waiting_ids.discard(order["order_id"])
        self._match(order, option)
        if order["is_live"]:
            self._publish("booked", order)

    def end(self, order: Fields, reason: str) -> None:
        """Cancel what is left of an order."""
        order |= {"is_live": False, "is_cancelled": True, "reason": reason}
        self._publish("cancelled", order, reason=reason)
        self._publish("closed", order)

    def event_of(self, kind: str, order: Fields, **details: object) -> Fields:
        """An event of an order, as the order is now."""
        now_ms = self.now_ms()
        self._event_id += 1
        fields = {name: value for name, value in order.items() if name not in _NOT_OF_EVENTS}
        behavior = {"behavior": order["options"][0]} if order["options"] else {}
        times = {"timestamp": str(now_ms // 1000), "timestampms": now_ms}
        return {
            "type": kind,
            "event_id": str(self._event_id),
            "account_name": "primary",
            **fields,
            "order_type": order["type"],
            **behavior,
            **times,
            **details,
        }

    def find(self, values: Values) -> list[Fields]:
        """The orders of an `order_id` or a `client_order_id`.

        Raises:
            GeminiError: there is none.
        """
        name = "client_order_id" if "client_order_id" in values else "order_id"
        identifier = str(values.get(name))
        if orders := [order for order in self.orders if order.get(name) == identifier]:
            return orders
        raise GeminiError(404, "OrderNotFound", f"Order {identifier} not found")

    def available_balance(self, currency: str) -> Decimal:
        """The balance that live orders do not hold."""
        held_amounts = [
            _required_funds(
                order["side"], Decimal(order["price"]), Decimal(order["remaining_amount"])
            )
            for order in self.orders
            if order["is_live"] and _held_currency(order["symbol"], order["side"]) == currency
        ]
        return self.balances[currency] - sum(held_amounts, Decimal(0))

    def _match(self, order: Fields, option: str) -> None:
        """Fill what can be filled now; cancel what remains where the option asks for it."""
        reachable = self._matchable_quantity(order)
        if option == "maker-or-cancel" and reachable:
            self.end(order, "MakerOrCancelWouldTake")
        elif option == "fill-or-kill" and reachable < Decimal(order["remaining_amount"]):
            self.end(order, "FillOrKillWouldNotFill")
        elif reachable:
            self._take(order, aggressor=True)
        if order["is_live"] and option == "immediate-or-cancel":
            self.end(order, "ImmediateOrCancelWouldPost")

    def _matchable_quantity(self, order: Fields) -> Decimal:
        side, price = order["side"], Decimal(order["price"])
        sides = self._markets[order["symbol"]].book.sides
        levels, signum = (sides["ask"], 1) if side == "buy" else (sides["bid"], -1)
        return sum(
            (q for level, q in levels.items() if level * signum <= price * signum), Decimal(0)
        )

    def _take(self, order: Fields, *, aggressor: bool) -> None:
        remaining, market = Decimal(order["remaining_amount"]), self._markets[order["symbol"]]
        price = Decimal(order["price"])
        fills, events_by_fill = market.book.take(order["side"], limit=price, amount=remaining)
        for events, (price_at, quantity) in zip(events_by_fill, fills, strict=True):
            fill = self._settle_fill(order, market.publish(events), price_at, quantity)
            fill |= {"aggressor": aggressor}
            self._publish("fill", order, fill=_fill_of(fill))
        if not order["is_live"]:
            self._publish("closed", order)

    def _watch(self, symbol: str) -> None:
        orders = [order for order in self.orders if order["symbol"] == symbol]
        for order in [order for order in orders if order["is_live"]]:
            if order["order_id"] in self._waiting_ids:
                self._enter(order, "")
            elif self._matchable_quantity(order):
                self._take(order, aggressor=False)

    def _order_fields(self, form: OrderForm) -> Fields:
        now_us = self.clock.now_us()
        now_ms, number = now_us // 1000, str(now_us)
        order: Fields = {
            "order_id": number,
            "id": number,
            "symbol": form.symbol,
            "exchange": "gemini",
            "avg_execution_price": "0.00",
            "side": form.side,
            "type": "exchange limit" if form.stop_price is None else "stop-limit",
            "timestamp": str(now_ms // 1000),
            "timestampms": now_ms,
            "is_live": True,
            "is_cancelled": False,
            "is_hidden": False,
            "was_forced": False,
            "executed_amount": "0",
            "options": [form.option] if form.option else [],
            "price": f"{form.price:f}",
            "original_amount": f"{form.amount:f}",
            "remaining_amount": f"{form.amount:f}",
        }
        if form.stop_price is not None:
            order["stop_price"] = f"{form.stop_price:f}"
        if form.client_order_id is not None:
            order["client_order_id"] = form.client_order_id
        self._fills[number] = []
        return order

    def _settle_fill(self, order: Fields, tid: int, price: Decimal, quantity: Decimal) -> Fields:
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
        pair = PAIRS[order["symbol"]]
        self.balances[pair.base] += signum * quantity
        self.balances[pair.quote] -= signum * price * quantity + fee
        now_ms = self.now_ms()
        self.trades.append(
            {
                "price": f"{price:f}",
                "amount": f"{quantity:f}",
                "timestamp": now_ms // 1000,
                "timestampms": now_ms,
                "type": str(order["side"]).capitalize(),
                "fee_currency": pair.quote,
                "fee_amount": f"{fee:f}",
                "tid": tid,
                "order_id": order["order_id"],
                "exchange": "gemini",
                "is_auction_fill": False,
                "is_clearing_fill": False,
                "symbol": pair.symbol.upper(),
                "client_order_id": order.get("client_order_id", ""),
            }
        )
        return self.trades[-1]

    def _publish(self, kind: str, order: Fields, **details: object) -> None:
        event = self.event_of(kind, order, **details)
        for queue in self.listeners:
            update = (self._event_id, int(event["timestampms"]), [event], order["symbol"])
            queue.put_nowait(MarketUpdate(*update))


def _fill_of(account_trade: Fields) -> Fields:
    return {
        "trade_id": str(account_trade["tid"]),
        "liquidity": "Taker" if account_trade["aggressor"] else "Maker",
        "price": account_trade["price"],
        "amount": account_trade["amount"],
        "fee": account_trade["fee_amount"],
        "fee_currency": account_trade["fee_currency"],
    }


def _held_currency(symbol: str, side: str) -> str:
    """The currency that an order holds."""
    return PAIRS[symbol].quote if side == "buy" else PAIRS[symbol].base


def _required_funds(side: str, price: Decimal, amount: Decimal) -> Decimal:
    return amount * price * (1 + FEE_SHARE) if side == "buy" else amount
