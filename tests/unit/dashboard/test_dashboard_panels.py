"""What the panels show, worked out by hand."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.market.events import Fill, Score, Trade
from include.market.feed_states import FeedState, State
from include.settings import load
from streaming.dashboard import html
from streaming.dashboard.columns import build_line, find_change
from streaming.dashboard.freshness import judge_freshness
from streaming.dashboard.minute_flows import MinuteFlows, TradeFlow
from streaming.dashboard.panels import account, flow, status
from streaming.dashboard.plots import ChartSources
from streaming.dashboard.series import SecondValues
from streaming.dashboard.sources.postgres import apply_answers
from streaming.dashboard.state import DashboardState
from streaming.dashboard.trader_activity import DatedFact

MINUTE_US = 60_000_000


def test_a_line_keeps_the_last_value_of_a_step_and_breaks_where_it_was_silent() -> None:
    points = [(10, 1.0), (11, 2.0), (12, 3.0), (40, 4.0)]
    line = build_line(points, step_s=2, gap_s=5)
    assert line["x"] == [11_000.0, 12_000.0, 13_000.0, 40_000.0]
    assert line["y"][:2] == [2.0, 3.0] and math.isnan(line["y"][2]) and line["y"][3] == 4.0


def trade(number: int, side: str | None, price: str, quantity: str, second: int) -> Trade:
    return Trade(str(number), Decimal(price), Decimal(quantity), side, second * 1_000_000)  # type: ignore[arg-type]


def test_buys_and_sells_are_summed_by_minute_over_the_venues() -> None:
    gemini, kraken = MinuteFlows(10), MinuteFlows(10)
    for trade_of_gemini in (
        trade(1, "buy", "100", "2", 60),
        trade(2, "buy", "110", "1", 119),
        trade(3, "sell", "90", "0.5", 61),
        trade(4, None, "90", "7", 62),
        trade(5, "sell", "10", "1", 120),
        trade(1, "buy", "100", "2", 60),
    ):
        gemini.add(trade_of_gemini)
    kraken.add(trade(1, "sell", "100", "1.5", 70))
    bars = flow.build_bars([gemini.flows, kraken.flows], first=1, last=2)
    assert bars["x"] == [90_000.0, 150_000.0]
    assert (bars["buys"], bars["sells"]) == ([2, 0], [2, 1])
    assert (bars["buy_base"], bars["down_sell_base"]) == ([3.0, 0.0], [-2.0, -1.0])
    assert (bars["buy_quote"], bars["sell_quote"]) == ([310.0, 0.0], [195.0, 10.0])
    assert bars["alpha"][1] < bars["alpha"][0], "the minute under way is fainter"


def test_a_minute_is_believed_from_whoever_counts_more_of_its_trades() -> None:
    minutes = MinuteFlows(10)
    minutes.settle(5, TradeFlow(3, 1, Decimal(6), Decimal(2), Decimal(60), Decimal(20)))
    minutes.add(trade(1, "buy", "10", "1", 300))  # minute 5 comes again, from Kafka's past
    assert minutes.flows[5].buys == 3
    for number in range(2, 7):
        minutes.add(trade(number, "sell", "10", "1", 301))
    assert (minutes.flows[5].buys, minutes.flows[5].sells) == (1, 5)
    minutes.settle(5, TradeFlow(3, 5, Decimal(6), Decimal(9), Decimal(60), Decimal(90)))
    assert (minutes.flows[5].buys, minutes.flows[5].sell_base) == (3, Decimal(9))


def test_minutes_of_postgres_reach_the_series_of_their_venue() -> None:
    row = {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "minute": datetime.fromtimestamp(300, UTC),
        "total_count_buy": 3,
        "total_count_sell": 1,
        "total_base_buy": Decimal(6),
        "total_base_sell": Decimal(2),
        "total_quote_buy": Decimal(60),
        "total_quote_sell": Decimal(20),
        "liquidated_base_buy": Decimal(1),
        "liquidated_base_sell": Decimal(0),
    }
    state = DashboardState(600)
    apply_answers(state, {"minutes": [row]}, seen_s=400, window_s=60)
    (minute, minute_flow) = state.series["gemini", "BTC-USD"].minutes.flows.popitem()
    assert (minute, minute_flow.sells) == (5, 1)
    assert minute_flow.sell_quote == Decimal(20)
    assert minute_flow.forced_buy_base == Decimal(1)


@pytest.mark.parametrize(
    ("side", "liquidation", "bought", "sold"),
    [
        ("buy", "taker", 2, 0),
        ("buy", "maker", 0, 2),
        ("sell", "taker", 0, 2),
        ("sell", "both", 2, 2),
        ("sell", None, 0, 0),
        (None, "both", 0, 0),
    ],
)
def test_a_liquidation_counts_where_the_forced_order_was(
    side: Any, liquidation: str | None, bought: int, sold: int
) -> None:
    minutes = MinuteFlows(10)
    forced = msgspec.structs.replace(trade(1, side, "10", "2", 300), liquidation=liquidation)
    minutes.add(forced)
    minute_flow = minutes.flows[5]
    assert (minute_flow.forced_buy_base, minute_flow.forced_sell_base) == (bought, sold)


def test_only_the_newest_minutes_stay() -> None:
    minutes = MinuteFlows(3)
    for minute in range(10):
        minutes.add(trade(minute, "buy", "1", "1", minute * 60))
    assert sorted(minutes.flows) == [7, 8, 9]


def fill(at_s: int, side: str, price: str, quantity: str, fee: str) -> DatedFact:
    event = Fill(f"f{at_s}", f"o{at_s}", side, Decimal(price), Decimal(quantity), Decimal(fee))  # type: ignore[arg-type]
    return DatedFact(at_s * 1_000_000, event)


def test_the_account_is_worked_back_from_what_is_held_and_set_beside_holding() -> None:
    # 1000 at first; 2 bought at 100 with a fee of 1: 799 and 2; 2 sold at 120, fee 1: 1038 and 0
    fills = [fill(10, "buy", "100", "2", "1"), fill(20, "sell", "120", "2", "1")]
    holdings = account.find_holdings(fills, quote_now=Decimal("1038"), base_now=Decimal(0))
    assert [(h.second, h.quote, h.base) for h in holdings] == [
        (0, 1000, 0),
        (10, 799, 2),
        (20, 1038, 0),
    ]
    points = [(5, 90.0), (10, 100.0), (15, 130.0), (20, 120.0), (25, 50.0)]
    equity = account.build_equity(holdings, points, fills=fills)
    assert equity["equity"] == [1000.0, 999.0, 1059.0, 1038.0, 1038.0]
    assert equity["hold"] == [900.0, 1000.0, 1300.0, 1200.0, 500.0], "10 bought at 100 and kept"


def test_without_a_fill_holding_starts_at_the_first_price_shown() -> None:
    holdings = account.find_holdings([], quote_now=Decimal(1000), base_now=Decimal(0))
    equity = account.build_equity(holdings, [(1, 200.0), (2, 100.0)], fills=[])
    assert (equity["equity"], equity["hold"]) == ([1000.0, 1000.0], [1000.0, 500.0])
    assert account.build_equity(holdings, [], fills=[])["x"] == []


def test_earlier_trips_stand_at_the_left_edge() -> None:
    scores = [
        DatedFact(at * 1_000_000, Score("o", "b", Decimal(p), Decimal(c), *map(Decimal, "121")))
        for at, p, c in ((5, "2", "2"), (15, "-3", "-1"), (99, "1", "0"))
    ]
    profit = account.build_profit(scores, first_s=10, last_s=20)
    assert (profit["x"], profit["cumulative"]) == ([10_000.0, 15_000.0], [2.0, -1.0])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59.9, "59 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_an_age_is_in_complete_units(seconds: float, text: str) -> None:
    assert html.format_age(seconds) == text


def test_a_panel_is_stale_only_after_its_limit() -> None:
    assert judge_freshness(0, 100, limit_s=5) == "none"
    assert judge_freshness(95, 100, limit_s=5) == "live"
    assert judge_freshness(94.9, 100, limit_s=5) == "stale"


@pytest.mark.parametrize(
    ("by_ledger", "frame_age", "state"),
    [
        ("live", 1, "live"),
        ("live", 7, "quiet"),
        ("live", 16, "stale"),
        (None, None, "no data"),
        (None, 1, "live"),
        ("gap", 1, "gap"),
        ("stale", 1, "stale"),
        ("disconnected", 1, "disconnected"),
        ("disconnected", None, "disconnected"),
        ("gap", 20, "stale"),
    ],
)
def test_a_feeds_state(by_ledger: State | None, frame_age: float | None, state: str) -> None:
    assert status.feed_state(by_ledger, frame_age_s=frame_age, quiet_s=5, stale_s=15) == state


def test_a_tile_has_the_cause_of_what_the_ledger_reports_and_else_the_last_frame() -> None:
    limits = {"frame_age_s": 1.0, "quiet_s": 5.0, "stale_s": 15.0}
    down = FeedState("disconnected", 0, "BTC-USD: reset")
    tile = status.feed_tile("gemini", by_ledger=down, **limits)
    assert (tile.value, tile.detail, tile.tone) == ("disconnected", "BTC-USD: reset", "bad")
    live = status.feed_tile("gemini", by_ledger=FeedState("live", 0, "BTC-USD: start"), **limits)
    assert (live.value, live.detail, live.tone) == ("live", "last frame 1 s ago", "good")


def test_words_are_escaped_and_numbers_readable() -> None:
    assert html.format_number(12345.678) == "12,345.68"
    assert html.format_number(-0.12345) == "\N{MINUS SIGN}0.1235"
    heading = html.render_heading("<b>x", freshness="none", age_s=0, waiting_for="a&b")
    assert "<b>x" not in heading and "&lt;b&gt;x" in heading and "a&amp;b" in heading
    assert "no data" in heading
    assert "stale 2 min" in html.render_heading("x", freshness="stale", age_s=120)


def applied(old: dict[str, list[float]], new: dict[str, list[float]]) -> dict[str, list[float]]:
    """What a viewer has after the change, by Bokeh's rules for patch and stream."""
    change = find_change(old, new)
    if change is None:
        return old
    if change.replace:
        return new
    have = {name: list(values) for name, values in old.items()}
    for name, patches in change.patches.items():
        for place, value in patches:
            have[name][place] = value
    if change.rows:
        have = {name: (have[name] + change.rows[name])[-change.rollover :] for name in have}
    return have


@given(
    st.lists(st.integers(0, 30), unique=True),
    st.lists(st.integers(0, 30), unique=True),
    st.integers(0, 3),
)
def test_a_change_always_leads_to_the_new_columns(a: list[int], b: list[int], turn: int) -> None:
    old = {"x": [float(x) for x in sorted(a)], "y": [float(x) for x in sorted(a)]}
    new = {"x": [float(x) for x in sorted(b)], "y": [float(x % (turn + 5)) for x in sorted(b)]}
    assert applied(old, new) == new


def test_the_next_second_is_one_row_and_one_patch() -> None:
    old = {"x": [1.0, 2.0, 3.0], "y": [1.0, math.nan, 3.0]}
    new = {"x": [2.0, 3.0, 4.0], "y": [old["y"][1], 5.0, 6.0]}
    change = find_change(old, new)
    assert change and not change.replace
    assert (change.patches, change.rows, change.rollover) == (
        {"y": [(2, 5.0)]},
        {"x": [4.0], "y": [6.0]},
        3,
    )
    assert find_change(old, {name: list(values) for name, values in old.items()}) is None


def test_seconds_keep_the_newest_in_order_whatever_comes() -> None:
    seconds: SecondValues[int] = SecondValues(10)
    for second in [5, 3, *range(100, 140), 120]:
        seconds.put(second, second)
    newest = [second for second, _ in seconds.select(0, 1000)]
    assert newest == sorted(newest) and newest[-10:] == list(range(130, 140)) and len(newest) <= 13


def test_a_trip_stands_beside_buy_and_hold() -> None:
    without = Score("o", "b", *map(Decimal, ("-1.5", "20.25", "100", "99", "1")))
    beside = msgspec.structs.replace(without, hold_profit=Decimal("-7.125"))
    scores = [DatedFact(0, without), DatedFact(1_000_000, beside)]
    rows = account.render_trips(scores, currency="USD").split("<tr>")
    assert rows[1].count("<th>") == 6
    assert "\N{MINUS SIGN}7.12" in rows[2]
    assert "20.25" in rows[2]
    assert "<td>\N{EN DASH}</td>" in rows[3]


def test_an_axis_has_signs_where_what_is_below_zero_is_negative() -> None:
    charts = flow.figure(ChartSources(load({}))).plots
    formatters = {
        plot.yaxis[0].axis_label: type(plot.yaxis[0].formatter).__name__ for plot in charts
    }
    assert formatters["net volume"] != "CustomJSTickFormatter"
    assert formatters["volume"] == formatters["trades"] == "CustomJSTickFormatter"
