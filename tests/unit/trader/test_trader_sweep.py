"""A sweep gives each variant what a backtest of it gives, and walks forward without looking."""

import math
from dataclasses import replace
from decimal import Decimal as D

import pytest

from include.errors import SettingsError
from include.market.events import Top
from include.market.time import MINUTE_US
from include.settings import Settings, override
from include.trading.inputs import ForecastSides, SeenTop, Signal
from include.trading.performance import EquityCurve, Performance
from include.trading.reasons import Reason
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment
from streaming.trader.rehearsal.rehearse import rehearse
from streaming.trader.rehearsal.sweep import (
    ForwardStep,
    VariantResult,
    list_variants,
    see_moments,
    sweep,
    variable_of,
    walk_forward,
)

TEN = 1_524_564_000_000_000
MINUTES = 400


def mid_at(minute: int) -> D:
    """A market that goes up and down."""
    return D(round(9000 + 40 * math.sin(minute / 17) + minute % 3, 2)).quantize(D("0.01"))


class Zigzag:
    """Up for seven minutes, down for seven; its level follows."""

    forecast_id, trained_until, volatility = "z", TEN - MINUTE_US, 0.002

    def side_at(self, minute_us: int) -> str:
        return "buy" if (minute_us - TEN) // MINUTE_US // 7 % 2 else "sell"

    def level_at(self, minute_us: int) -> float:
        return 9000.0 + (minute_us - TEN) // MINUTE_US % 14

    def bounds_at(self, minute_us: int) -> tuple[float, float]:
        return 8900.0, 9100.0


def in_force(_: Signal) -> tuple[ForecastSides | None, Reason | None]:
    return Zigzag(), None  # type: ignore[return-value]


def moments() -> list[Moment]:
    """A signal a minute; some tops are null, some windows come twice, some are thin."""
    found = []
    for minute in range(MINUTES):
        end, mid = TEN + (minute + 1) * MINUTE_US, mid_at(minute)
        quantity = D("0.4") if minute % 11 == 0 else D(5)
        best = Top(mid - D("0.50"), quantity, mid + D("0.50"), quantity)
        signal = Signal(
            "gemini", "BTC-USD", "price_volume", D(minute % 23) / 9, end, end - MINUTE_US
        )
        top = None if minute % 37 == 5 else SeenTop(end - 1, best if minute % 41 else None)
        found.append(Moment(signal, None, top))
        if minute % 50 == 49:
            found.append(Moment(signal, None, top))
    return found


def config_of(variant: dict[str, str]) -> TraderConfig:
    changes = {variable_of(name): text for name, text in variant.items()}
    return TraderConfig.from_settings(override(Settings(), changes))


def backtest(config: TraderConfig) -> Performance:
    curve = EquityCurve(config.start, fee_bps=config.parameters.fee_bps)
    for step in rehearse(moments(), config, in_force=in_force):
        curve.take(
            step.decision,
            at_us=step.at,
            top=step.top,
            account=step.account,
            fills=step.fills,
            score=step.score,
        )
    return curve.performance()


@pytest.mark.parametrize("processes", [1, 2])
def test_each_variant_has_the_sums_of_its_own_backtest(processes: int) -> None:
    sweeps = ["ratio_high=0.5,2", "fee_bps=0,40", "lookahead_minutes=1,5", "edge_times=0,1"]
    sweeps += ["stop_loss_bps=0,20", "max_drawdown=0,30", "already_in_share=0.1,1"]
    variants = [(variant, config_of(dict(variant))) for variant in list_variants(sweeps)]
    results = list(
        sweep(
            variants,
            see=lambda config: see_moments(moments(), config, in_force=in_force),
            fold_ends=[TEN + MINUTES * MINUTE_US],
            processes=processes,
        )
    )
    assert [result.variant for result in results] == [variant for variant, _ in variants]
    assert len({result.performance for result in results}) > 30
    for (_, config), result in zip(variants[::5], results[::5], strict=True):
        assert result.performance == backtest(config)
        assert result.fold_equities == (float(result.performance.equity),)


def test_the_worth_at_the_end_of_a_fold_is_that_of_a_backtest_up_to_it() -> None:
    config = config_of({"fee_bps": "0"})
    ends = [TEN + minutes * MINUTE_US for minutes in (100, 250, 400)]
    seen = see_moments(moments(), config, in_force=in_force)
    (result,) = sweep([({}, config)], see=lambda _: seen, fold_ends=ends)
    for end, equity in zip(ends, result.fold_equities, strict=True):
        curve = EquityCurve(config.start, fee_bps=D(0))
        for step in rehearse(moments(), config, in_force=in_force):
            if step.at <= end:
                curve.take(step.decision, at_us=step.at, top=step.top, account=step.account)
        assert equity == float(curve.performance().equity)


def result(name: str, *equities: float) -> VariantResult:
    performance = backtest(replace(config_of({}), start=config_of({}).start))
    return VariantResult({"x": name}, performance, equities)


def test_the_walk_chooses_by_what_was_before_a_fold_alone() -> None:
    steps = walk_forward([result("a", 110, 90, 95), result("b", 105, 120, 100)], start=100)
    assert steps == [
        ForwardStep(2, {"x": "a"}, 10, -20),
        ForwardStep(3, {"x": "b"}, 20, -20),
    ]


@pytest.mark.parametrize(
    ("sweeps", "fault"),
    [
        (["ratio_high"], "'ratio_high' is not of the form"),
        (["=1,2"], "is not of the form"),
        (["ratio_high=1,,2"], "is not of the form"),
        (["fee_bps=1", "fee_bps=2"], "fee_bps is given twice"),
        (["a=" + ",".join("1" * 200), "b=" + ",".join("1" * 200)], "asks for 40000 variants"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(sweeps: list[str], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        list_variants(sweeps)


def test_an_unknown_setting_and_a_bad_value_are_named() -> None:
    with pytest.raises(SettingsError, match="TICKHOUSE_TRADER_RATIO_HI is not a setting"):
        config_of({"ratio_hi": "1"})
    with pytest.raises(SettingsError, match="TICKHOUSE_TRADER_FEE_BPS"):
        config_of({"fee_bps": "-1"})


def test_a_swept_setting_is_the_traders_unless_it_is_written_out() -> None:
    assert variable_of("ratio_low") == "TICKHOUSE_TRADER_RATIO_LOW"
    assert variable_of("TICKHOUSE_FORECAST_HOLD_BPS") == "TICKHOUSE_FORECAST_HOLD_BPS"


def test_as_many_variants_as_are_allowed_are_listed_and_no_more() -> None:
    hundred = ",".join(map(str, range(100)))
    assert len(list_variants([f"a={hundred}", f"b={hundred}", "c=1,2"])) == 20_000
    with pytest.raises(SettingsError, match="20200 variants, and 20000 are the most"):
        list_variants([f"a={hundred}", f"b={hundred},100", "c=1,2"])
