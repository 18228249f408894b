"""The simulated Deribit account: one bitcoin of margin, one perpetual, orders in USD. Pure.

An inverse contract: profit of a position is its USD amount times (1/entry - 1/price), in bitcoin.
"""

from decimal import Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.json_fields import Values
from streaming.simulator.matching import Levels, Matching, SimulatedFill, SimulatedOrder
from streaming.simulator.price_path import PricePath

FEE_SHARE, MARGIN_SHARE = Decimal("0.0005"), Decimal("0.02")
STEPS = {"price": Decimal("0.5"), "amount": Decimal(10)}
_IMMEDIATE = ("immediate_or_cancel", "fill_or_kill")


class DeribitAccount:
    """One account; each call takes the present time in ms. `changes` are orders as they changed."""

    def __init__(self, path: PricePath) -> None:
        self.path, self.matching = path, Matching()
        self.balance = Decimal(1)
        self.position = Decimal(0)  # USD, above zero when long
        self.entry_btc = Decimal(0)  # the position's worth in bitcoin when it was opened
        self.profits: dict[int, Decimal] = {}  # in bitcoin, by the number of the fill that closed
        self.changes: list[tuple[SimulatedOrder, list[SimulatedFill]]] = []
        self._matched_until_s = 0

    def levels(self, now_ms: int) -> tuple[Levels, Levels]:
        """The book's bids and asks."""
        sides = market.make_levels(self.path, market.step_at(now_ms))
        bids, asks = (
            [(Decimal(str(p)), Decimal(str(q))) for p, q in side.items()] for side in sides
        )
        return bids, asks

    def fill_resting(self, now_ms: int) -> None:
        """Fill resting orders whose price was reached at any second since the last call."""
        live = self.matching.live()
        for second in range(self._matched_until_s + 1, now_ms // 1000 + 1) if live else ():
            bids, asks = self.levels(second * 1000)
            for order in live:
                fill_count = len(order.fills)
                best = (asks if order.side == "buy" else bids)[0][0]
                self.matching.fill_resting(order, best, second * 1000)
                if new_fills := order.fills[fill_count:]:
                    self._settle_fills(order, new_fills)
                    self.changes.append((order, new_fills))
        self._matched_until_s = now_ms // 1000

    def _settle_fills(self, order: SimulatedOrder, new_fills: list[SimulatedFill]) -> None:
        for fill in new_fills:
            sign = 1 if order.side == "buy" else -1
            self.position += sign * fill.quantity
            self.entry_btc += sign * fill.quantity / fill.price
            self.balance -= fill.quantity / fill.price * FEE_SHARE
            if not self.position:  # closed: the difference of the bitcoin amounts is the profit
                self.profits[fill.number] = self.entry_btc
                self.balance, self.entry_btc = self.balance + self.entry_btc, Decimal(0)

    def equity(self, price: Decimal) -> Decimal:
        """The account's worth in bitcoin at a price."""
        return self.balance + self.entry_btc - self.position / price

    def margin(self, price: Decimal) -> Decimal:
        """The margin that position and resting orders need, in bitcoin."""
        resting = sum((order.remaining / order.price for order in self.matching.live()), Decimal(0))
        return (abs(self.position) / price + resting) * MARGIN_SHARE

    def new_order(self, side: str, values: Values, now_ms: int) -> SimulatedOrder:
        """Place an order.

        Raises:
            DeribitError: its refusal.
        """
        if values["instrument_name"] != market.INSTRUMENT:
            raise refuse_instrument()
        bids, asks = self.levels(now_ms)
        opposite = asks if side == "buy" else bids
        kind = values.get("type", "limit")
        amount = _money(values, "amount")
        price = opposite[-1][0] if kind == "market" else _money(values, "price")
        if amount / price * MARGIN_SHARE + self.margin(price) > self.equity(price):
            raise DeribitError(10009, "not_enough_funds")
        time_in_force = values.get("time_in_force", "good_til_cancelled")
        order = SimulatedOrder(
            len(self.matching.orders) + 1,
            market.INSTRUMENT,
            side,
            price,
            amount,
            now_ms,
            values.get("label", ""),
            kind=kind,
            time_in_force=time_in_force,
        )
        self._check_post_only(order, opposite, values)
        self.matching.add(order)
        reachable = sum((q for at, q in opposite if order.reaches(at)), Decimal(0))
        if time_in_force != "fill_or_kill" or reachable >= amount:
            self.matching.fill(order, opposite, now_ms)
            self._settle_fills(order, order.fills)
        immediate = time_in_force in _IMMEDIATE or kind == "market"
        order.cancelled = order.remaining > 0 and immediate
        self.changes.append((order, list(order.fills)))
        return order

    def _check_post_only(self, order: SimulatedOrder, opposite: Levels, values: Values) -> None:
        """A post-only order that would take is priced below the best one, or rejected."""
        if not values.get("post_only") or not order.reaches(opposite[0][0]):
            return
        if values.get("reject_post_only"):
            raise DeribitError(11054, "post_only_reject")
        step = STEPS["price"] if order.side == "buy" else -STEPS["price"]
        order.price = opposite[0][0] - step

    def edit(self, order: SimulatedOrder, values: Values, now_ms: int) -> SimulatedOrder:
        """Replace what is left of a live order by another amount or price, under the same id."""
        if not order.live:
            raise DeribitError(11044, "not_open_order")
        amount = _money(values, "amount") if "amount" in values else order.amount
        price = _money(values, "price") if "price" in values else order.price
        if amount <= order.filled:
            raise refuse_param("amount", "must be above what is filled")
        bids, asks = self.levels(now_ms)
        order.amount, order.price, fill_count = amount, price, len(order.fills)
        self.matching.fill(order, asks if order.side == "buy" else bids, now_ms)
        self._settle_fills(order, order.fills[fill_count:])
        self.changes.append((order, order.fills[fill_count:]))
        return order

    def cancel(self, order: SimulatedOrder) -> SimulatedOrder:
        """Cancel a live order.

        Raises:
            DeribitError: it is not live.
        """
        if not order.live:
            raise DeribitError(11044, "not_open_order")
        order.cancelled = True
        self.changes.append((order, []))
        return order

    def find_order(self, order_id: str) -> SimulatedOrder:
        """The order of an id.

        Raises:
            DeribitError: there is none.
        """
        for order in self.matching.orders.values():
            if id_of(order) == order_id:
                return order
        raise DeribitError(10004, "order_not_found")


def id_of(order: SimulatedOrder) -> str:
    """An order's id."""
    return f"SIM-{order.number}"


def _money(values: Values, name: str) -> Decimal:
    if name not in values:
        raise refuse_param(name, "value required")
    money: Decimal = values[name]
    if money <= 0 or money % STEPS[name]:
        raise refuse_param(name, f"must be a multiple of {STEPS[name]}")
    return money
