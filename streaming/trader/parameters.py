"""From settings to the rule's parameters."""

from decimal import Decimal

from include.errors import SettingsError
from include.settings import Settings
from include.trading.inputs import Parameters
from include.trading.rules import RULES
from include.trading.terms import KNOWN, fitted

_HOUR_US = 3_600_000_000
_SECOND_US = 1_000_000


def parameters(settings: Settings) -> Parameters:
    """The numbers of the rule as the settings give them, with the venue's known terms."""
    trader = settings.trader
    found = Parameters(
        ratio_low=trader.ratio_low,
        ratio_high=trader.ratio_high,
        balance_share=trader.balance_share,
        lookahead_minutes=trader.lookahead_minutes,
        fee_bps=trader.fee_bps,
        forecast_stale_us=int(Decimal(str(settings.forecast.stale_hours)) * _HOUR_US),
        book_stale_us=int(Decimal(str(trader.book_stale_s)) * _SECOND_US),
        largest_order=trader.largest_order,
        largest_position=trader.largest_position,
        slippage_bps=trader.slippage_bps,
        imbalance_least=trader.imbalance_least,
        half_spread_bps=trader.half_spread_bps,
        daily_loss=trader.daily_loss,
        orders_per_minute=trader.orders_per_minute,
    )
    return fitted(found, KNOWN.get((trader.venue, trader.symbol)))


def rule_of(settings: Settings) -> str:
    """The name of the settings' rule.

    Raises:
        SettingsError: there is no such rule.
    """
    if settings.trader.rule not in RULES:
        raise SettingsError(f"trader rule {settings.trader.rule!r} is none of {', '.join(RULES)}")
    return settings.trader.rule
