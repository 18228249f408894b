"""Each decision records where it put the forecast, and a restarted trader puts it there too."""

import math
from decimal import Decimal as D
from itertools import pairwise

import msgspec
import pytest

from include.market.events import Decision, Top
from include.market.time import MINUTE_US
from include.trading.account import Account
from include.trading.decided_prices import decided_prices
from include.trading.decision import rederive
from include.trading.inputs import Inputs, SeenForecast, SeenTop, Signal, read
from include.trading.strategy import Strategy
from tests.support.trading_parameters import PARAMETERS

TEN = 1_524_564_000_000_000
DAY = 24 * 60


class Curve:
    """From 10:00 on it rises by a tenth a minute; its bounds are 1 % off, times the minutes."""

    forecast_id, trained_until, volatility = "c", TEN, 0.002

    def side_at(self, minute_us: int) -> str:
        return "buy"

    def level_at(self, minute_us: int) -> float | None:
        minute = (minute_us - TEN) // MINUTE_US
        return 100.0 + minute / 10 if 0 <= minute < 10_000 else None

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        level, minute = self.level_at(minute_us), (minute_us - TEN) // MINUTE_US
        return None if level is None or not minute else (level / 1.01**minute, level * 1.01**minute)


def mid_at(minute: int) -> D:
    """A market that goes up and down; the price at the end of the minute of that label."""
    return D(round(9000 + 40 * math.sin(minute / 17) + minute % 3, 2)).quantize(D("0.01"))


def decide(strategy: Strategy, minute: int, *, top: bool = True, start: int = TEN) -> Decision:
    """At the end of the minute of this label."""
    end, mid = start + (minute + 1) * MINUTE_US, mid_at(minute)
    best = Top(mid - D("0.5"), D(2), mid + D("0.5"), D(2))
    return strategy.decide(
        Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - MINUTE_US),
        forecast=Curve(),  # type: ignore[arg-type]
        top=SeenTop(end - 1, best) if top else None,
    )


def seen(decision: Decision) -> SeenForecast:
    return read(decision.inputs).forecast


def new_strategy() -> Strategy:
    return Strategy(PARAMETERS, Account(quote=D(10_000)))


def test_a_decision_records_where_it_put_the_forecast_and_what_it_said_there() -> None:
    decision = decide(new_strategy(), 4)  # decided at 10:05, when 10:04 is the last closed minute
    forecast, price = seen(decision), mid_at(4)
    assert forecast.anchor is not None
    assert (forecast.anchor.minute, forecast.anchor.price) == (TEN + 4 * MINUTE_US, price)
    assert forecast.anchor.volatility == 0.002, "the published one: no hour is known"
    # the move into 10:06, two minutes after the anchor: from 100.4 to 100.6
    level = float(price) * 100.6 / 100.4
    assert forecast.level == pytest.approx(level)
    assert forecast.lower == pytest.approx(level / 1.01**2)
    assert forecast.upper == pytest.approx(level * 1.01**2)
    assert rederive(decision) == decision


def test_after_an_hour_the_volatility_is_that_of_its_own_mid_prices() -> None:
    strategy = new_strategy()
    decisions = [decide(strategy, minute) for minute in range(62)]
    volatilities = [f.anchor.volatility for f in map(seen, decisions) if f.anchor]
    assert set(volatilities[:60]) == {0.002}
    marks = [math.log(mid_at(minute)) for minute in range(60, -1, -5)]
    squares = [(after - before) ** 2 for after, before in pairwise(marks)]
    assert volatilities[60] == pytest.approx(math.sqrt(sum(squares) / 12))
    wider = volatilities[60] / 0.002
    last = seen(decisions[60])
    assert last.level is not None and last.upper is not None
    assert last.upper == pytest.approx(last.level * 1.01 ** (2 * wider))


def test_without_a_price_or_too_late_there_is_no_anchor() -> None:
    strategy = new_strategy()
    nothing = (None, None, None, None)
    for decision in (decide(strategy, 5, top=False), decide(strategy, 3)):
        forecast = seen(decision)
        assert (forecast.anchor, forecast.level, forecast.lower, forecast.upper) == nothing
    early = seen(decide(new_strategy(), -30))  # before the training's end: the file is silent
    assert (early.anchor, early.level) == (None, None)


@pytest.mark.parametrize("stopped_after", [1, 59, 61, 400, DAY + 100])
@pytest.mark.parametrize("gap", [0, 7, 90, 26 * 60])
def test_a_restarted_strategy_decides_as_one_that_went_on(stopped_after: int, gap: int) -> None:
    """Its prices come from the journal's decisions; a few have no price, or none was decided."""
    going_on, journal = new_strategy(), []
    for minute in range(stopped_after):
        journal.append(decide(going_on, minute, top=minute % 11 != 5))
    decide_from = stopped_after + gap
    journal.append(decide(going_on, decide_from))
    restarted = Strategy(
        PARAMETERS,
        going_on.account,
        last_window=going_on.last_window,
        recent_prices=decided_prices(map(row_of, kept(journal)), venue="gemini", symbol="BTC-USD"),
    )
    for minute in range(decide_from + 1, decide_from + 70):
        assert decide(restarted, minute).inputs == decide(going_on, minute).inputs


def kept(journal: list[Decision]) -> list[Decision]:
    """What the journal's query gives: those of 25 hours with a price, and the last one before."""
    priced = [decision for decision in journal if decision.bid is not None]
    first = priced[-1].window_start - 25 * 60 * MINUTE_US
    older = [decision for decision in priced if decision.window_start <= first]
    return [*older[-1:], *(d for d in priced if d.window_start > first)]


def row_of(decision: Decision) -> tuple[str, D, D, str]:
    assert decision.bid is not None and decision.ask is not None
    return decision.inputs, decision.bid, decision.ask, decision.reasons


def test_decisions_of_another_symbol_late_or_unreadable_ones_give_no_price() -> None:
    strategy = new_strategy()
    first, late = decide(strategy, 3), decide(strategy, 1)
    inputs: Inputs = read(first.inputs)
    other = msgspec.structs.replace(inputs.signal, symbol="ETH-USD")
    foreign = msgspec.structs.replace(
        first, inputs=msgspec.json.encode(msgspec.structs.replace(inputs, signal=other)).decode()
    )
    damaged = msgspec.structs.replace(first, inputs="{")
    rows = map(row_of, (late, foreign, damaged))
    prices = decided_prices(rows, venue="gemini", symbol="BTC-USD")
    for minute in range(61):  # were there an earlier price, these would be left out
        prices.add(minute * MINUTE_US, 1.0 + minute)
    assert prices.volatility() is not None
