"""What of a trace must agree: a window restated since, and where the forecast was put."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import msgspec
import pytest

from include.market.events import Top
from include.trading.account import Account
from include.trading.decision import decide
from include.trading.inputs import Inputs, SeenTop, Signal, read
from include.trading.strategy import Strategy
from streaming.trader.lake_forecasts import make_forecasts
from streaming.trader.trace.anchor_checks import check_anchor, forecast_minutes
from streaming.trader.trace.checks import check_decision, check_signal
from tests.support.trading_parameters import PARAMETERS

START_US, MINUTE = 1_524_546_900_000_000, 60_000_000
START = datetime(2018, 4, 24, 5, 15, tzinfo=UTC)
Row = dict[str, Any]


def inputs_of(kind: str, value: str) -> Inputs:
    signal = Signal("gemini", "BTC-USD", kind, D(value), START_US + MINUTE, START_US)
    decision = Strategy(PARAMETERS, Account(quote=D(10))).decide(signal, forecast=None, top=None)
    return read(decision.inputs)


def book(**amounts: int) -> list[Row]:
    return [{"side": side, "amount": D(amount)} for side, amount in amounts.items()]


def signals(**values: str) -> list[Row]:
    return [{"type": kind, "value": D(value)} for kind, value in values.items()]


TWO_SIDED = signals(bid="18000", ask="36000", price_volume="2")


@pytest.mark.parametrize(
    ("kind", "value", "lake", "changes", "detail"),
    [
        # a late ask: 27,000 had come in time
        (
            "price_volume",
            "1.5",
            TWO_SIDED,
            book(bid=18000, ask=36000),
            "bid 18000, ask 36000, price_volume 2, the rule saw price_volume 1.5",
        ),
        (
            "bid",
            "17000",
            signals(bid="18000"),
            book(bid=18000),
            "bid 18000, the rule saw bid 17000",
        ),
        (
            "bid",
            "18000",
            TWO_SIDED,
            book(bid=18000, ask=36000),
            "bid 18000, ask 36000, price_volume 2, the rule saw bid 18000",
        ),
        ("silent", "0", signals(ask="5"), book(ask=5), "ask 5, the rule saw none"),
    ],
)
def test_a_window_that_was_restated_since_contradicts_nothing(
    kind: str, value: str, lake: list[Row], changes: list[Row], detail: str
) -> None:
    in_lake, computed = check_signal(lake, changes, [], inputs_of(kind, value))
    assert (in_lake.name, in_lake.ok) == ("signal in the lake", True)
    assert in_lake.detail == f"restated since: {detail}"
    assert computed.ok


@pytest.mark.parametrize(
    ("kind", "value", "lake", "changes"),
    [
        ("price_volume", "1.5", signals(price_volume="2.1"), book(bid=18000, ask=36000)),
        ("price_volume", "1.5", signals(bid="18000"), book(bid=18000)),
        ("price_volume", "1.5", [], book(bid=18000, ask=36000)),
        ("bid", "17000", signals(bid="18000"), book(bid=18000, ask=36000)),
        ("bid", "17000", signals(ask="36000"), book(ask=36000)),
        ("silent", "0", signals(bid="18000"), book(bid=18000, ask=36000)),
        ("silent", "0", signals(bid="1"), []),
    ],
)
def test_a_row_that_is_not_what_the_book_comes_to_is_found_out(
    kind: str, value: str, lake: list[Row], changes: list[Row]
) -> None:
    found = check_signal(lake, changes, [], inputs_of(kind, value))
    assert not all(check.ok for check in found)
    assert not any("restated" in check.detail for check in found)


def forecast_rows(**changes: Any) -> list[Row]:
    """From 05:15 on, a minute a row, up by 10 each; trained until 05:14 at 9,000."""
    return [
        {
            "forecast_id": "f",
            "ds": START + timedelta(minutes=n),
            "side": "buy",
            "yhat": 9010.0 + 10 * n,
            "yhat_lower": 9000.0 + 10 * n,
            "yhat_upper": 9020.0 + 10 * n,
            "trained_until": START - timedelta(minutes=1),
            "last_price": 9000.0,
            "volatility": 0.001,
            **changes,
        }
        for n in range(200)
    ]


def decided(count: int) -> tuple[Inputs, list[Row]]:
    """The last of so many decisions, a minute each, and the rows of all."""
    (forecast,) = make_forecasts(forecast_rows()).values()
    strategy, rows = Strategy(PARAMETERS, Account(quote=D(10))), []
    for number in range(count):
        end = START_US + (number + 1) * MINUTE
        top = Top(D(9000 + number % 7), D(2), D(9001 + number % 7), D(3))
        signal = Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - MINUTE)
        decision = strategy.decide(signal, forecast=forecast, top=SeenTop(end - 1, top))
        rows.append({n: getattr(decision, n) for n in ("inputs", "bid", "ask", "reasons")})
    return read(decision.inputs), rows


@pytest.mark.parametrize("count", [1, 50, 80])
def test_the_forecast_of_a_decision_is_put_there_again(count: int) -> None:
    inputs, rows = decided(count)
    needed = {START_US + n * MINUTE for n in (count - 1, count, count + 1, 1)}
    assert set(forecast_minutes(inputs)) == needed
    kept = [r for r in forecast_rows() if int(r["ds"].timestamp()) * 1_000_000 in needed]
    found = check_anchor(kept, rows, inputs)
    assert [(check.name, check.ok) for check in found] == [
        ("forecast's anchor", True),
        ("volatility derived again", True),
        ("forecast re-anchored", True),
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"price": D(9001)}, "forecast's anchor"),
        ({"minute": START_US}, "forecast's anchor"),
        ({"volatility": 0.002}, "volatility derived again"),
    ],
)
def test_an_anchor_that_is_another_is_found_out(change: dict[str, Any], fault: str) -> None:
    inputs, rows = decided(80)
    anchor = inputs.forecast.anchor
    assert anchor is not None
    other = msgspec.structs.replace(
        inputs.forecast, anchor=msgspec.structs.replace(anchor, **change)
    )
    altered = msgspec.structs.replace(inputs, forecast=other)
    failing = [c.name for c in check_anchor(forecast_rows(), rows, altered) if not c.ok]
    assert fault in failing and "forecast re-anchored" in failing


def test_a_level_that_is_another_and_rows_that_were_changed_are_found_out() -> None:
    inputs, rows = decided(80)
    assert inputs.forecast.level is not None
    higher = msgspec.structs.replace(inputs.forecast, level=inputs.forecast.level + 0.01)
    altered = msgspec.structs.replace(inputs, forecast=higher)
    for found in (
        check_anchor(forecast_rows(), rows, altered),
        check_anchor(forecast_rows(yhat_upper=9500.0), rows, inputs),
        check_anchor(forecast_rows()[:1], rows, inputs),
    ):
        assert [check.name for check in found if not check.ok] == ["forecast re-anchored"]
    assert check_anchor([], rows, inputs) == [], "that the rows are gone is said by another check"


def test_a_decision_of_an_earlier_version_has_no_balances_and_is_derived_all_the_same() -> None:
    decision = decide(inputs_of("price_volume", "1"))
    assert decision.quote_total is not None
    without = msgspec.structs.replace(
        decision, base_total=None, base_available=None, quote_total=None, quote_available=None
    )
    altered = msgspec.structs.replace(decision, quote_total=decision.quote_total + 1)
    assert [check_decision(one).ok for one in (decision, without, altered)] == [True, True, False]


def test_a_decision_without_an_anchor_has_nothing_to_check() -> None:
    inputs = inputs_of("bid", "1")
    assert check_anchor(forecast_rows(), [], inputs) == []
    assert len(forecast_minutes(inputs)) == 2
