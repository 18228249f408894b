"""A rehearsal at other fees: what each would leave, worked by hand."""

from decimal import Decimal as D

from include.market.events import Top
from include.settings import load
from include.trading.inputs import RecordId, SeenTop, Signal
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment
from streaming.trader.rehearsal.fees import FeeComparison
from streaming.trader.rehearsal.rehearse import rehearse

MINUTE = 60_000_000
END = 1_524_546_960_000_000


class UpThenDown:
    """Buys at the first window's end, sells at the second's."""

    forecast_id, trained_until, volatility = "f", END - 2 * MINUTE, 0.0

    def side_at(self, minute_us: int) -> str:
        return "buy" if minute_us <= END + MINUTE else "sell"

    def level_at(self, minute_us: int) -> float:
        return 100.0

    def bounds_at(self, minute_us: int) -> None:
        return None


def moment(number: int, bid: int, ask: int) -> Moment:
    end = END + number * MINUTE
    top = Top(bid=D(bid), bid_quantity=D(1000), ask=D(ask), ask_quantity=D(1000))
    signal = Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - MINUTE)
    return Moment(signal, RecordId("market.signals", 0, number), SeenTop(end, top))


def test_the_profit_at_each_fee_is_that_of_an_account_that_pays_it() -> None:
    settings = {"TRADER_BALANCE_SHARE": "0.5", "TRADER_START_QUOTE": "10000"}
    config = TraderConfig.from_settings(
        load({f"TICKHOUSE_{name}": value for name, value in settings.items()})
    )
    fees = (D(0), D(10), D(40))
    forecast = (UpThenDown(), None)
    comparison = FeeComparison(config, in_force=lambda _: forecast, fees_bps=fees)  # type: ignore[arg-type, return-value]
    moments = [moment(0, 99, 100), moment(1, 110, 111)]
    steps = list(rehearse(comparison.watch(moments), config, in_force=lambda _: forecast))  # type: ignore[arg-type, return-value]
    assert [step.decision.action for step in steps] == ["buy", "sell"]
    # 50 bought for 5000, sold for 5500: 500, less the fee on 10,500
    assert comparison.profits() == {D(0): D(500), D(10): D("489.5"), D(40): D(458)}
    assert steps[-1].account.quote == D(10_458)
