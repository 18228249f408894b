"""The account: balances, last buy, and what every sale earned. Fills come in any order. Pure."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from include.market.events import Fill, Order, Score, Top
from include.market.numerals import ZERO
from include.market.time import DAY_US, MINUTE_US
from include.trading.buy_and_hold import BuyAndHold, buy_once, is_two_sided, value_at
from include.trading.money import round_down, round_half_even, round_up


class ExecutedOrder(msgspec.Struct, frozen=True):
    """An order's fills together: base units, average price, their value before fees, and fees."""

    order_id: str
    quantity: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal


class Account(msgspec.Struct, frozen=True):
    """Balances, the last buy, and profit. `day` counts days since the epoch by the market clock.

    `ordered_at` are the market times (µs) of the orders of the last minute; `buy_and_hold` is what
    buying once and holding has, from the first best prices on. `day_peak` is the highest worth of
    the day (kept where a limit asks for it), `stopped_on` the day of the last sale at a stop-loss.
    Of base and quote the venue keeps `…_withheld` back: an order cannot take it.
    """

    quote: Decimal
    base: Decimal = ZERO
    last_buy: ExecutedOrder | None = None
    profit: Decimal = ZERO
    day: int = 0
    day_profit: Decimal = ZERO
    ordered_at: tuple[int, ...] = ()
    buy_and_hold: BuyAndHold | None = None
    day_peak: Decimal | None = None
    stopped_on: int | None = None
    base_withheld: Decimal = ZERO
    quote_withheld: Decimal = ZERO

    @property
    def base_available(self) -> Decimal:
        """Base units that an order may sell."""
        return max(ZERO, self.base - self.base_withheld)

    @property
    def quote_available(self) -> Decimal:
        """What an order may pay with, in quote."""
        return max(ZERO, self.quote - self.quote_withheld)


def advance(account: Account, market_time: int) -> Account:
    """The account at a market time (µs): a new day's profit is zero, old orders are forgotten."""
    recent = tuple(t for t in account.ordered_at if t > market_time - MINUTE_US)
    day = market_time // DAY_US
    advanced = msgspec.structs.replace(account, day=day, ordered_at=recent)
    if day == account.day:
        return advanced
    return msgspec.structs.replace(advanced, day_profit=ZERO, day_peak=None)


def mark_peak(account: Account, top: Top | None) -> Account:
    """The account with the highest worth of its day (at the bid), once there are best prices."""
    if top is None or not is_two_sided(top):
        return account
    at_bid = value_at(account.quote, account.base, top.bid)
    highest = at_bid if account.day_peak is None else max(account.day_peak, at_bid)
    return msgspec.structs.replace(account, day_peak=highest)


def begin_buy_and_hold(account: Account, top: Top | None, *, fee_bps: Decimal) -> Account:
    """The account with buy and hold begun, once there are best prices to begin at."""
    if account.buy_and_hold is not None or top is None or not is_two_sided(top):
        return account
    buy_and_hold = buy_once(account.quote, account.base, top, fee_bps=fee_bps)
    return msgspec.structs.replace(account, buy_and_hold=buy_and_hold)


def count_order(account: Account, market_time: int, *, at_stop_loss: bool = False) -> Account:
    """The account once an order was decided at that market time (µs), a sale at a loss or not."""
    return msgspec.structs.replace(
        account,
        ordered_at=(*account.ordered_at, market_time),
        stopped_on=account.day if at_stop_loss else account.stopped_on,
    )


def settle(account: Account, order: Order, fills: Iterable[Fill]) -> tuple[Account, Score | None]:
    """The account after an order, and the score of a sale. Repeated fills count once.

    Raises:
        ValueError: a fill is of another order.
    """
    distinct = {fill.fill_id: fill for fill in fills}.values()
    if foreign := [fill.fill_id for fill in distinct if fill.order_id != order.order_id]:
        raise ValueError(f"fills {foreign} are not of order {order.order_id}")
    quantity = sum((fill.quantity for fill in distinct), ZERO)
    if not quantity:
        return account, None
    value = sum((_value(fill) for fill in distinct), ZERO)
    fee = sum((fill.fee for fill in distinct), ZERO)
    exact = sum((fill.price * fill.quantity for fill in distinct), ZERO)
    executed = ExecutedOrder(
        order.order_id, quantity, round_half_even(exact / quantity), value, fee
    )
    base_fee = sum((fill.base_fee or ZERO for fill in distinct), ZERO)
    if order.side == "buy":
        return _settle_buy(account, executed, base_fee), None
    settled, score = _settle_sale(account, executed)
    if score:
        score = msgspec.structs.replace(score, account=order.account)
    return msgspec.structs.replace(settled, base=settled.base - base_fee), score


def _value(fill: Fill) -> Decimal:
    exact = fill.price * fill.quantity
    return round_up(exact) if fill.side == "buy" else round_down(exact)


def _settle_buy(account: Account, buy: ExecutedOrder, base_fee: Decimal) -> Account:
    bought = msgspec.structs.replace(buy, quantity=buy.quantity - base_fee)
    return msgspec.structs.replace(
        account,
        quote=account.quote - buy.value - buy.fee,
        base=account.base + bought.quantity,
        last_buy=_position(account, bought),
    )


def _position(account: Account, buy: ExecutedOrder) -> ExecutedOrder:
    """The last buy with what is still held of the ones before it: what a sale of all had cost."""
    earlier = account.last_buy
    if earlier is None or account.base <= 0:
        return buy
    share = min(Decimal(1), account.base / earlier.quantity)
    quantity = earlier.quantity * share + buy.quantity
    value = earlier.value * share + buy.value
    return ExecutedOrder(
        buy.order_id,
        round_half_even(quantity),
        round_half_even(value / quantity),
        round_half_even(value),
        round_half_even(earlier.fee * share + buy.fee),
    )


def _settle_sale(account: Account, sale: ExecutedOrder) -> tuple[Account, Score | None]:
    after = msgspec.structs.replace(
        account, quote=account.quote + sale.value - sale.fee, base=account.base - sale.quantity
    )
    if account.last_buy is None:
        return after, None
    score = _score(account, sale, account.last_buy)
    day_profit = account.day_profit + score.profit
    return msgspec.structs.replace(
        after, profit=score.cumulative_profit, day_profit=day_profit
    ), score


def _score(account: Account, sale: ExecutedOrder, buy: ExecutedOrder) -> Score:
    """Profit = proceeds - fee - what the quantity sold had cost in the last buy, with its fee."""
    cost = (buy.value + buy.fee) * sale.quantity / buy.quantity
    profit = round_half_even(sale.value - sale.fee - cost)
    return Score(
        order_id=sale.order_id,
        buy_order_id=buy.order_id,
        profit=profit,
        cumulative_profit=account.profit + profit,
        buy_price=buy.price,
        sell_price=sale.price,
        quantity=sale.quantity,
        hold_profit=account.buy_and_hold.profit(sale.price) if account.buy_and_hold else None,
    )
