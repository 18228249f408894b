"""The account: what is held, the last buy, and what every sale earned. Fills come in any order."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from include.market.events import Fill, Order, Score, Top
from include.trading.holding import Hold, bought_once, sound
from include.trading.money import ZERO, floored, raised, rounded

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000


class Bought(msgspec.Struct, frozen=True):
    """The last buy: base units, average price, what they cost before fees, and the fees."""

    order_id: str
    quantity: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal


class Account(msgspec.Struct, frozen=True):
    """Balances, the last buy, and profit. `day` counts days since the epoch by the market clock.

    `ordered_at` are the market times (µs) of the orders of the last minute; `hold` is what buy and
    hold has, from the first best prices on.
    """

    quote: Decimal
    base: Decimal = ZERO
    bought: Bought | None = None
    profit: Decimal = ZERO
    day: int = 0
    day_profit: Decimal = ZERO
    ordered_at: tuple[int, ...] = ()
    hold: Hold | None = None


def at(account: Account, market_time: int) -> Account:
    """The account at a market time: a new day's profit is zero, old orders are forgotten."""
    recent = tuple(t for t in account.ordered_at if t > market_time - MINUTE_US)
    day = market_time // DAY_US
    kept = account.day_profit if day == account.day else ZERO
    return msgspec.structs.replace(account, day=day, day_profit=kept, ordered_at=recent)


def beside_hold(account: Account, top: Top | None, *, fee_bps: Decimal) -> Account:
    """The account with buy and hold begun, once there are best prices to begin at."""
    if account.hold is not None or top is None or not sound(top):
        return account
    hold = bought_once(account.quote, account.base, top, fee_bps=fee_bps)
    return msgspec.structs.replace(account, hold=hold)


def ordered(account: Account, market_time: int) -> Account:
    """The account once an order was decided at that market time."""
    times = (*account.ordered_at, market_time)
    return msgspec.structs.replace(account, ordered_at=times)


def settle(account: Account, order: Order, fills: Iterable[Fill]) -> tuple[Account, Score | None]:
    """The account after an order, and the score of a sale. Repeated fills count once.

    Raises:
        ValueError: a fill is of another order.
    """
    own = {fill.fill_id: fill for fill in fills}.values()
    if strangers := [fill.fill_id for fill in own if fill.order_id != order.order_id]:
        raise ValueError(f"fills {strangers} are not of order {order.order_id}")
    quantity = sum((fill.quantity for fill in own), ZERO)
    if not quantity:
        return account, None
    value = sum((_value(fill) for fill in own), ZERO)
    fee = sum((fill.fee for fill in own), ZERO)
    price = rounded(sum((fill.price * fill.quantity for fill in own), ZERO) / quantity)
    trade = Bought(order.order_id, quantity, price, value, fee)
    return _bought(account, trade) if order.side == "buy" else _sold(account, trade)


def _value(fill: Fill) -> Decimal:
    exact = fill.price * fill.quantity
    return raised(exact) if fill.side == "buy" else floored(exact)


def _bought(account: Account, buy: Bought) -> tuple[Account, None]:
    changed = msgspec.structs.replace(
        account,
        quote=account.quote - buy.cost - buy.fee,
        base=account.base + buy.quantity,
        bought=buy,
    )
    return changed, None


def _sold(account: Account, sale: Bought) -> tuple[Account, Score | None]:
    after = msgspec.structs.replace(
        account, quote=account.quote + sale.cost - sale.fee, base=account.base - sale.quantity
    )
    if account.bought is None:
        return after, None
    score = _score(account, sale, account.bought)
    day_profit = account.day_profit + score.profit
    return msgspec.structs.replace(
        after, profit=score.cumulative_profit, day_profit=day_profit
    ), score


def _score(account: Account, sale: Bought, buy: Bought) -> Score:
    """Profit = proceeds - fee - what the quantity sold had cost in the last buy, with its fee."""
    spent = (buy.cost + buy.fee) * sale.quantity / buy.quantity
    profit = rounded(sale.cost - sale.fee - spent)
    return Score(
        order_id=sale.order_id,
        buy_order_id=buy.order_id,
        profit=profit,
        cumulative_profit=account.profit + profit,
        buy_price=buy.price,
        sell_price=sale.price,
        quantity=sale.quantity,
        hold_profit=account.hold.profit(sale.price) if account.hold else None,
    )
