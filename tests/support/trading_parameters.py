"""The rule's parameters by which most tests of trading decide."""

from decimal import Decimal as D

from include.trading.inputs import Parameters

PARAMETERS = Parameters(
    ratio_low=D("0.1"),
    ratio_high=D(2),
    balance_share=D("0.9"),
    lookahead_minutes=1,
    fee_bps=D(40),
    forecast_stale_us=10**12,
    book_stale_us=30_000_000,
)
