"""From settings to the rule's parameters."""

from decimal import Decimal

from include.settings import Settings
from include.trading.inputs import Parameters

_HOUR_US = 3_600_000_000
_SECOND_US = 1_000_000


def parameters(settings: Settings) -> Parameters:
    """The numbers of the rule as the settings give them."""
    trader = settings.trader
    return Parameters(
        ratio_low=trader.ratio_low, ratio_high=trader.ratio_high,
        balance_share=trader.balance_share, lookahead_minutes=trader.lookahead_minutes,
        fee_bps=trader.fee_bps,
        forecast_stale_us=int(Decimal(str(settings.forecast.stale_hours)) * _HOUR_US),
        book_stale_us=int(Decimal(str(trader.book_stale_s)) * _SECOND_US),
        largest_order=trader.largest_order, largest_position=trader.largest_position,
        daily_loss=trader.daily_loss, orders_per_minute=trader.orders_per_minute,
    )  # fmt: skip
