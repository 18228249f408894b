"""The simulated Deribit account: one bitcoin of margin, one perpetual, orders in USD. Pure.

An inverse contract: profit of a position is its USD amount times (1/entry - 1/price), in bitcoin.
"""

from dataclasses import dataclass
from decimal import Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator import deribit_order_forms as forms
from streaming.simulator import deribit_triggers as triggers
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_orders import (
    TRIGGER_KINDS,
    DeribitOrder,
    check_form,
    check_post_only,
    draft_order,
)
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.deribit_triggers import AccountOrder, TriggerOrder
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.matching import Levels, Matching, SimulatedFill
from streaming.simulator.price_path import PricePath

MARGIN_SHARE = Decimal("0.02")
_IMMEDIATE = ("immediate_or_cancel", "fill_or_kill")


@dataclass(frozen=True)
class OrderChange:
    """An order as it was after a change, and the fills of the change."""

    order: Fields
    fills: list[Fields]


class DeribitAccount:
    """One account; each call takes the present time in ms. `changes` are of its orders."""

    def __init__(self, path: PricePath) -> None:
        self.path, self.matching = path, Matching[DeribitOrder]()
        self.trigger_orders: list[TriggerOrder] = []
        self.balance = Decimal(1)
        self.position = Decimal(0)  # USD, above zero when long
        self.entry_btc = Decimal(0)  # the position's worth in bitcoin when it was opened
        self.profits: dict[int, Decimal] = {}  # in bitcoin, by the number of the fill that closed
        self.changes: list[OrderChange] = []
        self.cancels_on_disconnect = False
        self._matched_until_s = 0

    def levels(self, now_ms: int) -> tuple[Levels, Levels]:
        """The book's bids and asks."""
        sides = market.make_levels(self.path, market.step_at(now_ms))
        bids, asks = (
            [(Decimal(str(p)), Decimal(str(q))) for p, q in side.items()] for side in sides
        )
        return bids, asks

    def live(self) -> list[AccountOrder]:
        """Orders that may be filled, and orders that wait for their trigger."""
        return [*self.matching.live(), *(order for order in self.trigger_orders if order.live)]

    def pass_time(self, now_ms: int) -> None:
        """Trigger and fill what was reached at any second since the last call; end day orders."""
        for second in range(self._matched_until_s + 1, now_ms // 1000 + 1) if self.live() else ():
            for trigger_order in [order for order in self.trigger_orders if order.live]:
                self._watch_trigger(trigger_order, second * 1000)
            if live := self.matching.live():
                self._fill_book_orders(live, second * 1000)
        self._matched_until_s = now_ms // 1000

    def _fill_book_orders(self, live: list[DeribitOrder], now_ms: int) -> None:
        bids, asks = self.levels(now_ms)
        for order in live:
            if order.until_ms is not None and now_ms >= order.until_ms:
                self.cancel(order, now_ms, reason="settlement")
                continue
            if order.reduce_only:
                order.amount = min(order.amount, order.filled + self._reducible(order.side))
                if not order.remaining:
                    self.cancel(order, now_ms, reason="risk_mitigation")
                    continue
            fill_count = len(order.fills)
            best = (asks if order.side == "buy" else bids)[0][0]
            self.matching.fill_resting(order, best, now_ms)
            if new_fills := order.fills[fill_count:]:
                self._settle_fills(order, new_fills)
                self._log(order, new_fills)

    def _watch_trigger(self, trigger_order: TriggerOrder, now_ms: int) -> None:
        """Place what a trigger order stands for once its price is reached."""
        price = triggers.price_of(self.path, trigger_order.trigger, now_ms)
        trigger_order.follow(price)
        if not trigger_order.is_reached(price):
            return
        trigger_order.changed_ms, trigger_order.state = now_ms, "triggered"
        try:
            values = triggers.make_placed_values(trigger_order)
            placed = self._enter(trigger_order.side, values, now_ms, trigger_order=trigger_order)
            trigger_order.placed_order_id = placed.order_id
        except DeribitError as error:
            trigger_order.state, trigger_order.reject_reason = "rejected", str(error).split()[-1]
            self._log(trigger_order, [])

    def _settle_fills(self, book_order: DeribitOrder, new_fills: list[SimulatedFill]) -> None:
        for fill in new_fills:
            sign = 1 if book_order.side == "buy" else -1
            self.position += sign * fill.quantity
            self.entry_btc += sign * fill.quantity / fill.price
            self.balance -= fill.quantity / fill.price * forms.FEE_SHARE
            if not self.position:  # closed: the difference of the bitcoin amounts is the profit
                self.profits[fill.number] = self.entry_btc
                self.balance, self.entry_btc = self.balance + self.entry_btc, Decimal(0)

    def _reducible(self, side: str) -> Decimal:
        """How much of a side only reduces the position."""
        return max(Decimal(0), -self.position if side == "buy" else self.position)

    def equity(self, price: Decimal) -> Decimal:
        """The account's worth in bitcoin at a price."""
        return self.balance + self.entry_btc - self.position / price

    def margin(self, price: Decimal) -> Decimal:
        """The margin that position and resting orders need, in bitcoin."""
        resting = sum((order.remaining / order.price for order in self.matching.live()), Decimal(0))
        return (abs(self.position) / price + resting) * MARGIN_SHARE

    def new_order(self, side: str, values: Values, now_ms: int) -> AccountOrder:
        """Place an order, or one that waits for its trigger.

        Raises:
            DeribitError: its refusal.
        """
        if values["instrument_name"] != market.INSTRUMENT:
            raise refuse_instrument()
        check_form(values, now_ms)
        if values.get("type", "limit") not in TRIGGER_KINDS:
            return self._enter(side, values, now_ms)
        price = triggers.price_of(self.path, values["trigger"], now_ms)
        number = len(self.trigger_orders) + 1
        order = triggers.draft_trigger(side, values, price, number=number, now_ms=now_ms)
        self.trigger_orders.append(order)
        self._log(order, [])
        return order

    def _enter(
        self, side: str, values: Values, now_ms: int, trigger_order: TriggerOrder | None = None
    ) -> DeribitOrder:
        bids, asks = self.levels(now_ms)
        opposite = asks if side == "buy" else bids
        number = len(self.matching.orders) + 1
        order = draft_order(side, values, opposite, number=number, now_ms=now_ms)
        if order.reduce_only:
            order.amount = min(order.amount, self._reducible(side))
            if not order.amount:
                raise DeribitError(11030, "other_reject reduce_direction")
        needed = order.amount / order.price * MARGIN_SHARE
        if not order.reduce_only and needed + self.margin(order.price) > self.equity(order.price):
            raise DeribitError(10009, "not_enough_funds")
        check_post_only(order, opposite)
        if trigger_order:
            order.trigger_order_id = trigger_order.order_id
            self._log(trigger_order, [])
        self.matching.add(order)
        reachable = sum((q for at, q in opposite if order.reaches(at)), Decimal(0))
        if order.time_in_force != "fill_or_kill" or reachable >= order.amount:
            self.matching.fill(order, opposite, now_ms)
            self._settle_fills(order, order.fills)
        immediate = order.time_in_force in _IMMEDIATE or order.kind == "market"
        order.cancelled = order.remaining > 0 and immediate
        self._log(order, order.fills)
        return order

    def edit(self, account_order: AccountOrder, new_values: Values, now_ms: int) -> None:
        """Replace what is left of a live order by other values, under the same id.

        Raises:
            DeribitError: it is not live, or could not be placed so.
        """
        if not account_order.live:
            raise DeribitError(11044, "not_open_order")
        if isinstance(account_order, TriggerOrder):
            check_form(account_order.values | new_values, now_ms)
            price = triggers.price_of(self.path, account_order.trigger, now_ms)
            account_order.change(new_values, price, now_ms)
            self._log(account_order, [])
            return
        check_form(account_order.make_values() | new_values, now_ms)
        bids, asks = self.levels(now_ms)
        fill_count, opposite = (
            len(account_order.fills),
            asks if account_order.side == "buy" else bids,
        )
        account_order.change(new_values, now_ms)
        try:
            check_post_only(account_order, opposite)
        except DeribitError:
            self.cancel(account_order, now_ms, reason="edit_post_only_reject")
            raise
        self.matching.fill(account_order, opposite, now_ms)
        self._settle_fills(account_order, account_order.fills[fill_count:])
        self._log(account_order, account_order.fills[fill_count:])

    def cancel(
        self, account_order: AccountOrder, now_ms: int, *, reason: str = "user_request"
    ) -> AccountOrder:
        """Cancel a live order.

        Raises:
            DeribitError: it is not live.
        """
        if not account_order.live:
            raise DeribitError(11044, "not_open_order")
        account_order.changed_ms, account_order.cancel_reason = now_ms, reason
        if isinstance(account_order, TriggerOrder):
            account_order.state = "cancelled"
        else:
            account_order.cancelled = True
        self._log(account_order, [])
        return account_order

    def find_order(self, order_id: str) -> AccountOrder:
        """The order of an id.

        Raises:
            DeribitError: there is none.
        """
        orders: list[AccountOrder] = [*self.matching.orders.values(), *self.trigger_orders]
        for order in orders:
            if order.order_id == order_id:
                return order
        raise DeribitError(10004, "order_not_found")

    def fill_fields(self, book_order: DeribitOrder, fills: list[SimulatedFill]) -> list[Fields]:
        """Fills as Deribit gives them."""
        none = Decimal(0)
        return [
            forms.make_fill(book_order, fill, self.profits.get(fill.number, none)) for fill in fills
        ]

    def _log(self, account_order: AccountOrder, new_fills: list[SimulatedFill]) -> None:
        fills = (
            []
            if isinstance(account_order, TriggerOrder)
            else self.fill_fields(account_order, new_fills)
        )
        self.changes.append(OrderChange(forms.make_order(account_order), fills))
