"""From all that is seen at a signal to one decision, order or not, with its reasons. Pure.

A rule desires a side. Sell and something held: sell all at the bid. Buy and not already in: buy
for a share of the quote balance at the ask. A position that has lost too much is sold whatever the
rule desires. Nothing here reads a clock: staleness is measured at the signal's own time.
"""

import uuid
from decimal import Decimal

import msgspec

from include.errors import WireError
from include.market.events import MAIN_ACCOUNT, Decision, Order, Side, Top
from include.market.numerals import ZERO
from include.trading.buy_and_hold import is_two_sided
from include.trading.forecast_and_ratio import ForecastAndRatio
from include.trading.imbalance_and_mid import ImbalanceAndMid
from include.trading.inputs import Inputs, canonical_json, read
from include.trading.money import BPS, STEP, round_down, round_half_even, round_up
from include.trading.price_and_average import PriceAndAverage
from include.trading.reasons import Reason, parse_reasons
from include.trading.risk import exceeded_limits, is_at_stop_loss
from include.trading.rule import DesiredSide, Rule

RULES: dict[str, Rule] = {
    rule.name: rule for rule in (ForecastAndRatio(), ImbalanceAndMid(), PriceAndAverage())
}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "tickhouse/decisions")


def decision_id(
    rule: str, *, venue: str, symbol: str, window_start: int, account_name: str = MAIN_ACCOUNT
) -> str:
    """The one id of an account's decision by a rule on a window."""
    of_account = "" if account_name == MAIN_ACCOUNT else f"|{account_name}"
    return str(uuid.uuid5(_NAMESPACE, f"{rule}|{venue}|{symbol}|{window_start}{of_account}"))


def order_id(decision: str) -> str:
    """The client order id that a decision's order has: 36 characters of hex digits and `-`."""
    return str(uuid.uuid5(_NAMESPACE, f"order|{decision}"))


def decide(inputs: Inputs, *, is_recorded: bool = True) -> Decision:
    """The decision on a signal: what to do, how much, at which limit, or why not.

    One that is not recorded has neither an id nor its inputs' text.

    Raises:
        WireError: the inputs name a rule that does not exist.
    """
    rule, signal = _rule(inputs.rule), inputs.signal
    best = inputs.top.best if inputs.top else None
    is_stopped = is_at_stop_loss(inputs)
    side, reasons = DesiredSide("sell", []) if is_stopped else rule.desired_side(inputs)
    reasons = [*inputs.vetoes, *reasons, *_book_faults(inputs)]
    price = quantity = None
    if not reasons:
        assert side is not None
        assert best is not None
        price = _limit(inputs, side, best)
        quantity = _quantity(inputs, side, price)
        reasons = _order_faults(inputs, rule, side=side, price=price, quantity=quantity)
    acts = price is not None and not reasons
    return Decision(
        decision_id=_id_of(inputs) if is_recorded else "",
        rule=inputs.rule,
        action=side if acts and side else "hold",
        reasons=",".join(reasons) or (f"{side},{Reason.STOP_LOSS}" if is_stopped else str(side)),
        window_start=signal.window_start,
        ratio=round_half_even(signal.value) if signal.type == rule.signal_type else None,
        side_next=inputs.forecast.side,
        bid=best.bid if best else None,
        ask=best.ask if best else None,
        quantity=quantity if acts else None,
        price=price if acts else None,
        forecast_id=inputs.forecast.forecast_id,
        inputs=canonical_json(inputs) if is_recorded else "",
        side_now=inputs.forecast.side_now,
        base_total=inputs.account.base,
        base_available=inputs.account.base_available,
        quote_total=inputs.account.quote,
        quote_available=inputs.account.quote_available,
        account=inputs.account_name,
    )


def rederive(decision: Decision) -> Decision:
    """The decision that follows from the recorded inputs: equal, or the record is wrong.

    The inputs' text is kept as it was recorded: a newer version may record more.

    Raises:
        WireError: the inputs cannot be read, or name a rule that does not exist.
    """
    rederived = decide(read(decision.inputs))
    return msgspec.structs.replace(rederived, inputs=decision.inputs)


def source_digest(rule_name: str) -> str | None:
    """SHA-256 of a user's rule's file; null for a rule of Tickhouse's own, or an unknown one."""
    rule = RULES.get(rule_name)
    return rule.source_digest if rule else None


def is_sale_at_stop_loss(decision: Decision) -> bool:
    """Whether the decision sells because too much was lost, not because the rule desires it."""
    return decision.action == "sell" and Reason.STOP_LOSS in parse_reasons(decision.reasons)


def order_for(decision: Decision, *, broker: str) -> Order | None:
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
        account=decision.account,
    )


def _id_of(inputs: Inputs) -> str:
    signal = inputs.signal
    return decision_id(
        inputs.rule,
        venue=signal.venue,
        symbol=signal.symbol,
        window_start=signal.window_start,
        account_name=inputs.account_name,
    )


def _rule(name: str) -> Rule:
    try:
        return RULES[name]
    except KeyError:
        raise WireError(f"rule {name!r} is none of {', '.join(RULES)}") from None


def _book_faults(inputs: Inputs) -> list[Reason]:
    top = inputs.top
    if top is None:
        return [Reason.BOOK_MISSING]
    if top.best is None or not is_two_sided(top.best):
        return [Reason.BOOK_INVALID]
    known_until = top.unchanged_until or top.venue_time
    is_stale = inputs.signal.timestamp - known_until > inputs.parameters.book_stale_us
    return [Reason.BOOK_STALE] if is_stale else []


def _limit(inputs: Inputs, side: Side, best: Top) -> Decimal:
    """The price to pay at most, or to get at least, on the venue's price step.

    Rounding can only make the order less willing. `slippage_bps` is how far past the best price
    it may go.
    """
    parameters = inputs.parameters
    slippage = parameters.slippage_bps / BPS
    if side == "buy":
        return round_down(best.ask * (1 + slippage), parameters.price_step)
    return round_up(best.bid * (1 - slippage), parameters.price_step)


def _quantity(inputs: Inputs, side: Side, price: Decimal) -> Decimal:
    """Base units: all that is held, or what the share buys and the balance can pay with its fee."""
    account, parameters = inputs.account, inputs.parameters
    if side == "sell":
        return round_down(account.base_available, parameters.step)
    if price <= 0:
        return ZERO
    share = account.quote_available * parameters.balance_share / price
    cents = 2 * STEP  # cost and fee are each rounded up by less than one step
    payable = (account.quote_available - cents) / (price * (1 + parameters.fee_bps / BPS))
    return max(ZERO, round_down(min(share, payable), parameters.step))


def _order_faults(
    inputs: Inputs, rule: Rule, *, side: Side, price: Decimal, quantity: Decimal
) -> list[Reason]:
    minimum, reasons = inputs.parameters.minimum, []
    if side == "sell" and inputs.account.base_available <= 0:
        return [Reason.NOTHING_TO_SELL]
    if side == "buy" and _is_already_in(inputs):
        reasons.append(Reason.ALREADY_IN)
    reasons += rule.objections(inputs, side=side, price=price)
    if quantity < minimum:
        reasons.append(Reason.BELOW_MINIMUM)
    return reasons or exceeded_limits(inputs, side=side, price=price, quantity=quantity)


def _is_already_in(inputs: Inputs) -> bool:
    """Whether the base held is an order's minimum at least, and its share of the account's worth.

    A fill of a few crumbs is no position: with it, the rest can still be bought.
    """
    account, parameters = inputs.account, inputs.parameters
    best = inputs.top.best if inputs.top else None
    if best is None or account.base < parameters.minimum:
        return False
    in_base = account.base * best.ask
    return in_base >= parameters.already_in_share * (account.quote + in_base)
