"""The simulated Binance account: balances; orders at once, resting, at a stop price, in lists.

Source: binance/binance-spot-api-docs, rest-api.md, "Trading" and "Account endpoints".
"""

from decimal import Decimal

from streaming.simulator import binance_order_forms as forms
from streaming.simulator import binance_orders as entry
from streaming.simulator import binance_user_events as events
from streaming.simulator.binance_book import make_levels
from streaming.simulator.binance_info import MAX_ALGO_ORDERS, MAX_ORDERS
from streaming.simulator.binance_order import NO_LIST, BinanceOrder
from streaming.simulator.binance_order_counts import check_order_count
from streaming.simulator.binance_order_list import OrderList
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.binance_tickers import average
from streaming.simulator.binance_trades import number_at, single_trade
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.matching import Levels, Matching, SimulatedFill


class BinanceAccount:
    """One account of one key, with 10,000 USDT, one BTC and ten ETH.

    `events` are those of its user data stream, in order.
    """

    def __init__(self, venue: BinanceVenue) -> None:
        self.venue, self.matching, self.clock = venue, Matching[BinanceOrder](), venue.clock
        self.balances = {"USDT": Decimal(10_000), "BTC": Decimal(1), "ETH": Decimal(10)}
        self.lists: dict[int, OrderList] = {}
        self.events: list[Fields] = []
        self._matched_until_s = int(self.clock.now_s())

    def available_balance(self, asset: str) -> Decimal:
        """The balance that live orders do not hold; those of a list hold what one of them needs."""
        amounts: dict[int, Decimal] = {}
        for order in self.matching.live():
            name, amount = self._held_by(order)
            if name == asset and not order.is_pending:
                group = -order.number if order.list_id == NO_LIST else order.list_id
                amounts[group] = max(amounts.get(group, Decimal(0)), amount)
        return self.balances[asset] - sum(amounts.values(), Decimal(0))

    def _held_by(self, spot_order: BinanceOrder) -> tuple[str, Decimal]:
        base, quote = self.venue.assets[spot_order.symbol]
        if spot_order.side == "buy":
            return quote, spot_order.remaining * spot_order.price
        return base, spot_order.remaining

    def fill_resting(self) -> None:
        """Trigger and fill what was reached at any second since the last call."""
        now_s = int(self.clock.now_s())
        for second in range(self._matched_until_s + 1, now_s + 1) if self.matching.live() else ():
            for order in [order for order in self.matching.live() if not order.is_pending]:
                if order.awaits_stop:
                    self._watch_stop(order, second)
                elif order.live:
                    self._fill_from(order, second)
        self._matched_until_s = now_s

    def _fill_from(self, spot_order: BinanceOrder, second: int) -> None:
        bids, asks = make_levels(self.venue.symbols[spot_order.symbol], second, depth=1)
        fill_count = len(spot_order.fills)
        best = (asks if spot_order.side == "buy" else bids)[0][0]
        self.matching.fill_resting(spot_order, best, second * 1000)
        self._settle_fills(spot_order, spot_order.fills[fill_count:])
        if spot_order.fills[fill_count:]:
            self._follow_list(spot_order, second * 1000)

    def _watch_stop(self, spot_order: BinanceOrder, second: int) -> None:
        if spot_order.live and spot_order.is_reached(
            self.last_price(spot_order.symbol, second * 1000)
        ):
            spot_order.awaits_stop = False
            self._follow_list(spot_order, second * 1000)
            self._enter(spot_order, second * 1000)

    def last_price(self, symbol: str, now_ms: int) -> Decimal:
        """The price of the newest trade."""
        newest = max(0, number_at(now_ms) - 1)
        return Decimal(single_trade(self.venue.symbols[symbol], newest)["price"])

    def _settle_fills(self, spot_order: BinanceOrder, new_fills: list[SimulatedFill]) -> None:
        base, quote = self.venue.assets[spot_order.symbol]
        for fill in new_fills:
            got, gave = fill.quantity, fill.quantity * fill.price
            if spot_order.side == "buy":
                self.balances[base] += got * (1 - forms.FEE_SHARE)
                self.balances[quote] -= gave
            else:
                self.balances[base] -= got
                self.balances[quote] += gave * (1 - forms.FEE_SHARE)
            self.report(spot_order, "TRADE", fill.at_ms, fill=fill)

    def fee(self, spot_order: BinanceOrder, fill: SimulatedFill) -> Fields:
        """What a fill's commission was."""
        base, quote = self.venue.assets[spot_order.symbol]
        commission = (
            fill.quantity * (1 if spot_order.side == "buy" else fill.price) * forms.FEE_SHARE
        )
        asset = base if spot_order.side == "buy" else quote
        return {"commission": f"{commission:.8f}", "commissionAsset": asset}

    def opposite(self, order_side: str, symbol: str, now_ms: int) -> Levels:
        """The levels that an order of a side would be filled from."""
        bids, asks = make_levels(self.venue.path(symbol), now_ms // 1000)
        return asks if order_side.lower() == "buy" else bids

    def draft_order(self, values: Values, number: int = 0) -> BinanceOrder:
        """The order that valid parameters make, checked but not placed.

        Raises:
            BinanceError: its refusal.
        """
        path, now_ms = self.venue.path(values["symbol"]), self.clock.now_ms()
        entry.check_form(values)
        opposite = self.opposite(values["side"], values["symbol"], now_ms)
        average_price = Decimal(str(average(path, now_ms)["price"]))
        number = number or len(self.matching.orders) + 1
        order = entry.make_order(values, opposite, average_price, number=number, at_ms=now_ms)
        live = self.matching.live(order.symbol)
        if len(live) >= MAX_ORDERS:
            raise entry.fail_filter("MAX_NUM_ORDERS")
        stop_count = sum(other.stop_price is not None for other in live)
        if order.stop_price is not None and stop_count >= MAX_ALGO_ORDERS:
            raise entry.fail_filter("MAX_NUM_ALGO_ORDERS")
        if order.client_id in {other.client_id for other in live}:
            raise entry.reject("Duplicate order sent.")
        return order

    def check_entry(self, spot_order: BinanceOrder) -> None:
        """Check an order against the book, or its stop price against the last one.

        Raises:
            BinanceError: it may not be placed now.
        """
        if spot_order.awaits_stop:
            if spot_order.is_reached(self.last_price(spot_order.symbol, self.clock.now_ms())):
                raise entry.reject("Stop price would trigger immediately.")
            return
        opposite = self.opposite(spot_order.side, spot_order.symbol, self.clock.now_ms())
        entry.check_book(spot_order, opposite)

    def check_balance(self, spot_order: BinanceOrder) -> None:
        """Check that the account has what an order needs.

        Raises:
            BinanceError: it has less.
        """
        asset, amount = self._held_by(spot_order)
        if spot_order.kind == "MARKET" and spot_order.side == "buy":
            now_ms = self.clock.now_ms()
            amount = entry.cost(
                spot_order, self.opposite(spot_order.side, spot_order.symbol, now_ms)
            )
        if amount > self.available_balance(asset):
            raise entry.reject("Account has insufficient balance for requested action.")

    def test_order(self, values: Values) -> Fields:
        """Nothing for an order that could be placed, or the commission's rates."""
        order = self.draft_order(values)
        self.check_entry(order)
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
        check_order_count(self.matching.orders.values(), self.clock.now_ms())
        order = self.draft_order(values)
        self.check_entry(order)
        self.check_balance(order)
        self.place([order])
        default = "FULL" if order.kind in {"MARKET", "LIMIT"} else "ACK"
        response_type = values.get("newOrderRespType", default)
        return forms.new_order_fields(order, response_type, order.at_ms, self.fee)

    def place(self, spot_orders: list[BinanceOrder]) -> None:
        """Add checked orders; fill what can be filled now, unless it waits for something."""
        for order in spot_orders:
            self.matching.add(order)
            self.report(order, "NEW", order.at_ms)
        for order in [order for order in spot_orders if order.is_working]:
            self._enter(order, order.at_ms)

    def _enter(self, spot_order: BinanceOrder, now_ms: int) -> None:
        """Bring an order to the book: filled now, resting, or expired."""
        levels = self.opposite(spot_order.side, spot_order.symbol, now_ms)
        if spot_order.is_market:
            spot_order.price = levels[-1][0]
        spot_order.working_ms, fill_count = now_ms, len(spot_order.fills)
        self.matching.fill(spot_order, levels, now_ms)
        self._settle_fills(spot_order, spot_order.fills[fill_count:])
        may_rest = not spot_order.is_market and spot_order.time_in_force == "GTC"
        if spot_order.remaining > 0 and not may_rest:
            reason = (
                "INSUFFICIENT_LIQUIDITY"
                if spot_order.is_market
                else "UNFILLED_IOC_QUANTITY_EXPIRED"
            )
            self.expire(spot_order, spot_order.expiry_reason or reason, now_ms)
        self._follow_list(spot_order, now_ms)

    def expire(self, spot_order: BinanceOrder, reason: str, now_ms: int) -> None:
        """End what is left of an order, not by the client's wish."""
        spot_order.expired, spot_order.expiry_reason = True, reason
        self.report(spot_order, "EXPIRED", now_ms)

    def _follow_list(self, spot_order: BinanceOrder, now_ms: int) -> None:
        """Do what the list of an order that changed asks for."""
        order_list = self.lists.get(spot_order.list_id)
        if order_list is None:
            return
        others = [other for other in order_list.orders if other is not spot_order and other.live]
        if spot_order is not order_list.working:
            is_acting = bool(spot_order.fills) or (
                spot_order.stop_price and not spot_order.awaits_stop
            )
            for other in others if is_acting or spot_order.expired else ():
                self.expire(other, "OCO_TRIGGER", now_ms)
        elif spot_order.expired:
            for other in others:
                self.expire(other, "OTO_PHASE_ONE_EXPIRED", now_ms)
        elif not spot_order.live:
            self._release_pending_orders(others, now_ms)
        if not order_list.is_live:
            self.events.append(order_list.event(now_ms))

    def _release_pending_orders(self, spot_orders: list[BinanceOrder], now_ms: int) -> None:
        for order in spot_orders:
            try:
                self.check_entry(order)
                self.check_balance(order)
            except BinanceError:
                self.expire(order, "REJECTED", now_ms)
        placed = [order for order in spot_orders if order.live]
        for order in placed:
            order.is_pending = False
            self.report(order, "NEW", now_ms)
        for order in placed:
            if order.live and order.is_working:
                self._enter(order, now_ms)

    def report(
        self,
        spot_order: BinanceOrder,
        execution: str,
        now_ms: int,
        *,
        fill: SimulatedFill | None = None,
        cancel_id: str = "",
    ) -> None:
        """Report an order's change and its assets' balances on the user data stream."""
        spot_order.changed_ms = now_ms
        fee = self.fee(spot_order, fill) if fill else None
        report = events.make_report(
            spot_order,
            execution,
            now_ms,
            number=len(self.events) + 1,
            fill=fill,
            fee=fee,
            cancel_id=cancel_id,
        )
        free = {name: self.available_balance(name) for name in self.venue.assets[spot_order.symbol]}
        balances = {name: (amount, self.balances[name] - amount) for name, amount in free.items()}
        self.events += [report, events.make_balances(balances, now_ms)]
