"""From all that is seen at a signal to one decision, order or not, with its reasons.

A rule wishes for a side. Sell and something held: sell all at the bid. Buy and not already in: buy
for a share of the quote balance at the ask. Nothing here reads a clock: staleness is measured at
the signal's own time.
"""

import uuid
from decimal import Decimal

import msgspec

from include.errors import WireError
from include.market.events import Decision, Order, Side, Top
from include.trading.forecast_and_ratio import ForecastAndRatio
from include.trading.holding import sound
from include.trading.imbalance_and_mid import ImbalanceAndMid
from include.trading.inputs import Inputs, canonical, read
from include.trading.money import BPS, STEP, ZERO, floored, rounded, stepped_up
from include.trading.risk import too_much
from include.trading.rule import Rule

RULES: dict[str, Rule] = {rule.name: rule for rule in (ForecastAndRatio(), ImbalanceAndMid())}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "tickhouse/decisions")


def decision_id(rule: str, *, venue: str, symbol: str, window_start: int) -> str:
    """The one id of a rule's decision on a window."""
    return str(uuid.uuid5(_NAMESPACE, f"{rule}|{venue}|{symbol}|{window_start}"))


def order_id(decision: str) -> str:
    """The client order id that a decision's order has: 36 characters of hex digits and `-`."""
    return str(uuid.uuid5(_NAMESPACE, f"order|{decision}"))


def decide(inputs: Inputs) -> Decision:
    """The decision on a signal: what to do, how much, at which limit, or why not.

    Raises:
        WireError: the inputs name a rule that does not exist.
    """
    rule, signal = _rule(inputs.rule), inputs.signal
    top = inputs.book.top if inputs.book else None
    side, reasons = rule.wish(inputs)
    reasons = [*inputs.blocks, *reasons, *_book_faults(inputs)]
    price = quantity = None
    if not reasons:
        assert side is not None
        assert top is not None
        price = _limit(inputs, side, top)
        quantity = _quantity(inputs, side, price)
        reasons = _refusals(inputs, rule, side=side, price=price, quantity=quantity)
    acts = price is not None and not reasons
    return Decision(
        decision_id=decision_id(
            inputs.rule, venue=signal.venue, symbol=signal.symbol, window_start=signal.window_start
        ),
        rule=inputs.rule,
        action=side if acts and side else "hold",
        reasons=",".join(reasons) or str(side),
        window_start=signal.window_start,
        ratio=rounded(signal.value),
        side_next=inputs.forecast.side,
        bid=top.bid if top else None,
        ask=top.ask if top else None,
        quantity=quantity if acts else None,
        price=price if acts else None,
        forecast_id=inputs.forecast.forecast_id,
        inputs=canonical(inputs),
    )


def derived_again(decision: Decision) -> Decision:
    """The decision that follows from the recorded inputs: equal, or the record is wrong.

    The inputs' text is kept as it was recorded: a newer version may have words for more.

    Raises:
        WireError: the inputs cannot be read, or name a rule that does not exist.
    """
    again = decide(read(decision.inputs))
    return msgspec.structs.replace(again, inputs=decision.inputs)


def order_of(decision: Decision, *, broker: str) -> Order | None:
    """The order that a decision asks for, nothing executed yet; null if it holds."""
    if decision.action == "hold" or decision.price is None or decision.quantity is None:
        return None
    return Order(
        order_id=order_id(decision.decision_id),
        decision_id=decision.decision_id,
        broker=broker,
        side=decision.action,
        price=decision.price,
        quantity=decision.quantity,
        executed=ZERO,
        status="intended",
    )


def _rule(name: str) -> Rule:
    try:
        return RULES[name]
    except KeyError:
        raise WireError(f"rule {name!r} is none of {', '.join(RULES)}") from None


def _book_faults(inputs: Inputs) -> list[str]:
    book = inputs.book
    if book is None:
        return ["book_missing"]
    if book.top is None or not sound(book.top):
        return ["book_invalid"]
    stale = inputs.signal.timestamp - book.venue_time > inputs.parameters.book_stale_us
    return ["book_stale"] if stale else []


def _limit(inputs: Inputs, side: Side, top: Top) -> Decimal:
    """The price to pay at most, or to get at least, on the venue's price step.

    Rounding can only make the order less willing. `slippage_bps` is how far past the best price
    it may go.
    """
    parameters = inputs.parameters
    far = parameters.slippage_bps / BPS
    if side == "buy":
        return floored(top.ask * (1 + far), parameters.price_step)
    return stepped_up(top.bid * (1 - far), parameters.price_step)


def _quantity(inputs: Inputs, side: Side, price: Decimal) -> Decimal:
    """Base units: all that is held, or what the share buys and the balance can pay with its fee."""
    account, parameters = inputs.account, inputs.parameters
    if side == "sell":
        return floored(account.base, parameters.step)
    if price <= 0:
        return ZERO
    share = account.quote * parameters.balance_share / price
    cents = 2 * STEP  # cost and fee are each rounded up by less than one step
    payable = (account.quote - cents) / (price * (1 + parameters.fee_bps / BPS))
    return max(ZERO, floored(min(share, payable), parameters.step))


def _refusals(
    inputs: Inputs, rule: Rule, *, side: Side, price: Decimal, quantity: Decimal
) -> list[str]:
    parameters, held = inputs.parameters, inputs.account.base
    reasons = []
    if side == "sell" and held <= 0:
        return ["nothing_to_sell"]
    if side == "buy" and held >= parameters.minimum:
        reasons.append("already_in")
    reasons += rule.objections(inputs, side=side, price=price)
    if quantity < parameters.minimum:
        reasons.append("below_minimum")
    return reasons or too_much(inputs, side=side, price=price, quantity=quantity)
