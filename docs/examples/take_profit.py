"""A rule of one's own: buy with the forecast while more is bid than asked, sell at a profit.

Copy it, change it, and run it with TICKHOUSE_TRADER_RULE=path/to/your_rule.py:TakeProfit.
"""

from decimal import Decimal

from include.trading.inputs import Inputs

PROFIT = Decimal("1.005")  # of the price paid: fees of 40 basis points leave a tenth of a percent
MAX_RATIO = Decimal(1)  # asked for bid, in liquidity


class TakeProfit:
    """Holds what it has bought until the bid is half a percent above the price paid."""

    name = "take_profit"
    signal_type = "price_volume"  # decides once a minute

    def desired_side(self, inputs: Inputs) -> str | None:
        """`buy`, `sell` or None; quantity, limits and risk are the trader's."""
        best = inputs.top.best if inputs.top else None
        if best is None:
            return None
        bought = inputs.account.last_buy
        if bought is not None and inputs.account.base > 0:
            return "sell" if best.bid >= bought.price * PROFIT else None
        has_ratio = inputs.signal.type == self.signal_type
        is_bid_for = has_ratio and inputs.signal.value < MAX_RATIO
        return "buy" if is_bid_for and inputs.forecast.side == "buy" else None
