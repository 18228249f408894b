"""The simulated Binance account: balances, limit and market orders, at once or resting.

Source: binance/binance-spot-api-docs, rest-api.md, "Trading" and "Account endpoints".
"""

from decimal import Decimal

from streaming.simulator import binance_order_forms as forms
from streaming.simulator import binance_orders as entry
from streaming.simulator.binance_book import make_levels
from streaming.simulator.binance_info import MAX_ORDERS, ORDER_LIMITS
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_tickers import average
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.matching import Levels, Matching, SimulatedFill, SimulatedOrder

_INTERVAL_MS = {"SECOND": 1000, "DAY": 86_400_000}


class BinanceAccount:
    """One account of one key, with 10,000 USDT, one BTC and ten ETH."""

    def __init__(self, venue: BinanceVenue) -> None:
        self.venue, self.matching, self._clock = venue, Matching[SimulatedOrder](), venue.clock
        self.balances = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10)}
        self._matched_until_s = int(self._clock.now_s())

    def available_balance(self, asset: str) -> Decimal:
        """The balance that live orders do not hold."""
        amounts = (self._held_by(order) for order in self.matching.live())
        return self.balances[asset] - sum((a for name, a in amounts if name == asset), Decimal(0))

    def _held_by(self, order: SimulatedOrder) -> tuple[str, Decimal]:
        base, quote = self.venue.assets[order.symbol]
        if order.side == "buy":
            return quote, order.remaining * order.price
        return base, order.remaining

    def fill_resting(self) -> None:
        """Fill resting orders whose price was reached at any second since the last call."""
        now_s = int(self._clock.now_s())
        live = self.matching.live()
        for second in range(self._matched_until_s + 1, now_s + 1) if live else ():
            for order in live:
                bids, asks = make_levels(self.venue.symbols[order.symbol], second, depth=1)
                fill_count = len(order.fills)
                best = (asks if order.side == "buy" else bids)[0][0]
                self.matching.fill_resting(order, best, second * 1000)
                self._settle_fills(order, order.fills[fill_count:])
        self._matched_until_s = now_s

    def _settle_fills(self, order: SimulatedOrder, new_fills: list[SimulatedFill]) -> None:
        base, quote = self.venue.assets[order.symbol]
        for fill in new_fills:
            got, gave = fill.quantity, fill.quantity * fill.price
            if order.side == "buy":
                self.balances[base] += got * (1 - forms.FEE_SHARE)
                self.balances[quote] -= gave
            else:
                self.balances[base] -= got
                self.balances[quote] += gave * (1 - forms.FEE_SHARE)

    def fee(self, order: SimulatedOrder, fill: SimulatedFill) -> Fields:
        """What a fill's commission was."""
        base, quote = self.venue.assets[order.symbol]
        commission = fill.quantity * (1 if order.side == "buy" else fill.price) * forms.FEE_SHARE
        asset = base if order.side == "buy" else quote
        return {"commission": f"{commission:.8f}", "commissionAsset": asset}

    def _draft_order(self, values: Values) -> tuple[SimulatedOrder, Levels]:
        """The order that valid parameters make, checked but not placed."""
        path, now_ms = self.venue.path(values["symbol"]), self._clock.now_ms()
        entry.check_form(values)
        bids, asks = make_levels(path, now_ms // 1000)
        opposite = asks if values["side"] == "BUY" else bids
        average_price = Decimal(str(average(path, now_ms)["price"]))
        number = len(self.matching.orders) + 1
        order = entry.make_order(values, opposite, average_price, number=number, at_ms=now_ms)
        live = self.matching.live(order.symbol)
        if len(live) >= MAX_ORDERS:
            raise entry.fail_filter("MAX_NUM_ORDERS")
        if order.client_id in {other.client_id for other in live}:
            raise entry.reject("Duplicate order sent.")
        return order, opposite

    def test_order(self, values: Values) -> Fields:
        """Nothing for an order that could be placed, or the commission's rates."""
        order, opposite = self._draft_order(values)
        entry.check_book(order, opposite)
        if not values.get("computeCommissionRates"):
            return {}
        fields = forms.commission_fields(order.symbol)
        del fields["symbol"]
        return {
            name if name == "discount" else f"{name}ForOrder": rates
            for name, rates in fields.items()
        }

    def new_order(self, values: Values) -> Fields:
        """Place an order."""
        self._check_order_count()
        order, opposite = self._draft_order(values)
        entry.check_book(order, opposite)
        asset, amount = self._held_by(order)
        if order.kind == "MARKET" and order.side == "buy":
            amount = entry.cost(order, opposite)
        if amount > self.available_balance(asset):
            raise entry.reject("Account has insufficient balance for requested action.")
        self.matching.add(order)
        now_ms = order.at_ms
        self.matching.fill(order, opposite, now_ms)
        self._settle_fills(order, order.fills)
        may_rest = order.kind != "MARKET" and order.time_in_force == "GTC"
        order.expired = order.remaining > 0 and not may_rest
        default = "ACK" if order.kind == "LIMIT_MAKER" else "FULL"
        response_type = values.get("newOrderRespType", default)
        return forms.new_order_fields(order, response_type, now_ms, self.fee)

    def order_counts(self) -> list[Fields]:
        """How many orders were placed within the limits' intervals."""
        now_ms, orders = self._clock.now_ms(), self.matching.orders.values()
        return [
            {
                "rateLimitType": "ORDERS",
                "interval": interval,
                "intervalNum": count,
                "limit": limit,
                "count": sum(
                    now_ms - order.at_ms < count * _INTERVAL_MS[interval] for order in orders
                ),
            }
            for interval, count, limit in ORDER_LIMITS
        ]

    def _check_order_count(self) -> None:
        counts = zip(self.order_counts(), ORDER_LIMITS, strict=True)
        for count, (interval, interval_count, limit) in counts:
            if count["count"] == limit:
                unit = f"{interval_count} {interval}"
                message = f"Too many new orders; current limit is {limit} orders per {unit}."
                raise BinanceError(429, -1015, message)

    def find_order(self, values: Values, prefix: str = "") -> SimulatedOrder | None:
        """The order of a symbol that `orderId` or `origClientOrderId` names.

        Raises:
            BinanceError: neither is sent.
        """
        self.venue.path(values["symbol"])
        id_name = f"{prefix}OrderId" if prefix else "orderId"
        client_name = f"{prefix}OrigClientOrderId" if prefix else "origClientOrderId"
        if not {id_name, client_name} & set(values):
            message = (
                f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!"
            )
            raise BinanceError(400, -1102, message)
        orders = [
            order
            for order in self.matching.orders.values()
            if values.get(id_name, order.number) == order.number
            and values.get(client_name, order.client_id) == order.client_id
            and order.symbol == values["symbol"]
        ]
        return next((order for order in orders if order.live), orders[-1] if orders else None)

    def cancel(self, values: Values, prefix: str = "") -> Fields:
        """Cancel one live order."""
        order = self.find_order(values, prefix)
        if order is None or not order.live:
            raise BinanceError(400, -2011, "Unknown order sent.")
        only = values.get("cancelRestrictions", "")
        if only and only != f"ONLY_{forms.order_status(order)}":
            message = "Order was not canceled due to cancel restrictions."
            raise BinanceError(400, -2011, message)
        order.cancelled = True
        client_name = "cancelNewClientOrderId" if prefix else "newClientOrderId"
        client_id = values.get(client_name) or f"cancel-{order.number}"
        return forms.cancel_fields(order, client_id, self._clock.now_ms())
