"""The simulated Deribit's account: position, summary, margins. Pure.

Source: docs.deribit.com, API reference, "Account management" and "Trading" (to 2026-02-24).
"""

from decimal import Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_account import MARGIN_SHARE, DeribitAccount
from streaming.simulator.deribit_answers import INDEX
from streaming.simulator.deribit_order_forms import FEE_SHARE, to_float
from streaming.simulator.deribit_orders import read_steps
from streaming.simulator.deribit_parameters import refuse_instrument
from streaming.simulator.json_fields import Fields, Values

_GREEKS = ("delta", "gamma", "theta", "vega")
# Options, reserves and realized sums, of which this account has nothing.
_NONE_HERE = (
    *(f"{kind}session_rpl" for kind in ("", "futures_", "options_")),
    *(f"options_{name}" for name in ("pl", "session_upl", "value", *_GREEKS)),
    *("fee_balance", "spot_reserve", "additional_reserve", "locked_balance"),
)
_SWITCHES = (
    "login_enabled security_keys_enabled mmp_enabled interuser_transfers_enabled"
    " self_trading_extended_to_subaccounts block_rfq_self_match_prevention"
)
_OWNER: Fields = {  # what `extended` adds
    "id": 1,
    "email": "",
    "system_name": "simulated",
    "username": "simulated",
    "type": "main",
    "creation_timestamp": 1_700_000_000_000,
    "referrer_id": None,
    "self_trading_reject_mode": "cancel_maker",
    **dict.fromkeys(_SWITCHES.split(), False),
}


def position(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """The position, also if it is zero."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    price = Decimal(str(market.index_price(account.path, now_ms)))
    size, entry = account.position, account.entry_btc
    average = size / entry if entry else Decimal(0)
    margin = abs(size) / price * MARGIN_SHARE
    profit = to_float(account.equity(price) - account.balance)
    return {
        "instrument_name": market.INSTRUMENT,
        "kind": "future",
        "direction": "zero" if not size else "buy" if size > 0 else "sell",
        "size": float(size),
        "size_currency": to_float(size / price),
        "average_price": float(round(average, 4)),
        "mark_price": float(price),
        "index_price": float(price),
        "settlement_price": float(price),
        "delta": to_float(size / price),
        "leverage": 50,
        "initial_margin": to_float(margin),
        "maintenance_margin": to_float(margin / 2),
        "open_orders_margin": to_float(account.margin(price) - margin),
        "estimated_liquidation_price": None,
        "floating_profit_loss": profit,
        "realized_profit_loss": 0.0,
        "realized_funding": 0.0,
        "total_profit_loss": profit,
        "interest_value": 0.0,
    }


def positions(account: DeribitAccount, values: Values, now_ms: int) -> list[Fields]:
    """The open positions."""
    if not account.position or not is_of(values):
        return []
    return [position(account, {"instrument_name": market.INSTRUMENT}, now_ms)]


def make_summary(account: DeribitAccount, values: Values, now_ms: int) -> Fields:
    """The account in one currency: in others than BTC it has nothing."""
    currency = values.get("currency", "BTC")
    price = account.levels(now_ms)[0][0][0]
    equity, margin = account.equity(price), account.margin(price)
    amounts = {
        "balance": account.balance,
        "equity": equity,
        "available_funds": equity - margin,
        "available_withdrawal_funds": min(account.balance, equity - margin),
        "initial_margin": margin,
        "maintenance_margin": margin / 2,
        "margin_balance": equity,
        "session_upl": equity - account.balance,
        "projected_initial_margin": margin,
        "projected_maintenance_margin": margin / 2,
        "total_pl": equity - account.balance,
        "futures_pl": equity - account.balance,
        "futures_session_upl": equity - account.balance,
        "delta_total": account.position / price,
        "projected_delta_total": account.position / price,
        **dict.fromkeys(_NONE_HERE, Decimal(0)),
    }
    has_none = currency != "BTC"
    delta = {} if has_none else {INDEX: to_float(account.position / price)}
    return {
        **(_OWNER if values.get("extended") else {}),
        "currency": currency,
        **{name: 0.0 if has_none else to_float(amount) for name, amount in amounts.items()},
        "delta_total_map": delta,
        **{f"options_{greek}_map": {} for greek in _GREEKS[1:]},
        "currency_name": "Bitcoin",
        "margin_model": "segregated_sm",
        "portfolio_margining_enabled": False,
        "cross_collateral_enabled": False,
    }


def summaries(account: DeribitAccount, _values: Values, now_ms: int) -> Fields:
    """The account in each of its currencies."""
    return {**_OWNER, "summaries": [make_summary(account, {}, now_ms)]}


def margins(account: DeribitAccount, values: Values, _now_ms: int) -> Fields:
    """What an order would need."""
    if values["instrument_name"] != market.INSTRUMENT:
        raise refuse_instrument()
    price = read_steps(values, "price")
    bitcoins = read_steps(values, "amount") / price
    needed = to_float(bitcoins * MARGIN_SHARE)
    fees = {"taker": to_float(bitcoins * FEE_SHARE), "maker": 0.0}
    lowest, highest = (float(price * share) for share in (Decimal("0.985"), Decimal("1.015")))
    return {
        "buy": needed,
        "sell": needed,
        **{f"{side}_{role}_fee": fees[role] for side in ("buy", "sell") for role in fees},
        "min_price": lowest,
        "max_price": highest,
    }


def is_of(values: Values) -> bool:
    """Whether currency, currency pair and kind are the perpetual's."""
    currencies, kind = values.get("currency", "any"), values.get("kind", "any")
    named = {currencies} if isinstance(currencies, str) else set(currencies)
    is_pair = values.get("currency_pair", INDEX) == INDEX
    return bool(named & {"BTC", "any"}) and kind in {"future", "any"} and is_pair
