"""A span of the past: the same panels, from steps of minutes, signals and facts."""

import math
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.events import RangesUpdate

from include.errors import Unreachable
from include.serving.annotations import Annotation
from include.settings import Settings, load
from streaming.dashboard.annotation_list import render_annotations
from streaming.dashboard.choice import Choice, Span
from streaming.dashboard.minute_flows import TradeFlow
from streaming.dashboard.page import Page
from streaming.dashboard.panels import PANELS, compare, impact
from streaming.dashboard.past_markets import PastMarkets
from streaming.dashboard.series import AuctionPrice, ContractValues
from streaming.dashboard.sources.past import PastMarket, build_state, read_past
from streaming.dashboard.state import DashboardState
from streaming.dashboard.view import View, Views
from tests.support.lake_of_rows import put
from tests.support.services import eventually

START = 1_763_625_600  # 2025-11-20 08:00 UTC
DAY = Span(START, START + 86_400)


def minutes(number: int, *, bought: int, sold: int, close: int, symbol: str = "BTC-USD") -> Any:
    return {
        "venue": "gemini",
        "symbol": symbol,
        "bucket": START + number * DAY.step_s,
        "total_count_buy": Decimal(2),
        "total_count_sell": Decimal(1),
        "total_base_buy": Decimal(bought),
        "total_base_sell": Decimal(sold),
        "total_quote_buy": Decimal(bought * close),
        "total_quote_sell": Decimal(sold * close),
        "liquidated_base_buy": Decimal(0),
        "liquidated_base_sell": Decimal(0),
        "close": Decimal(close),
    }


def signal(kind: str, value: str, *, venue: str = "gemini") -> Any:
    fields = {"venue": venue, "symbol": "BTC-USD", "type": kind, "value": Decimal(value)}
    return fields | {"bucket": START}


ANSWERS = {
    "minutes": [
        minutes(0, bought=3, sold=1, close=100),
        minutes(1, bought=1, sold=4, close=101),
        minutes(2, bought=2, sold=2, close=99),
        minutes(0, bought=3, sold=1, close=50, symbol="ETH-USD"),
        minutes(2, bought=3, sold=1, close=55, symbol="ETH-USD"),
    ],
    "ratios": [
        signal("price_volume", "1.5"),
        signal("bid", "200"),
        signal("ask", "300"),
        signal("average_price", "100.5", venue="suppliers"),
        signal("jump", "-4.5"),
        signal("some_later_type", "7"),
    ],
    "history": [{"symbol": "BTC-USD", "bucket": START + 3600, "close": Decimal(98)}],
}


def show(answers: Any, symbols: tuple[str, ...] = ("BTC-USD",), span: Span = DAY) -> View:
    settings = load({})
    market = PastMarket(build_state(settings, answers, span))
    past = PastMarkets(settings, read_market=lambda *_: market)
    views = Views(settings, DashboardState(600), PANELS, past_markets=past)
    return eventually(lambda: views.show(Choice(symbols, 30, span)), what="the span is read")


def test_each_panel_shows_the_span() -> None:
    view = show(ANSWERS)
    columns = {name: panel.columns for name, panel in view.panels.items()}
    assert (view.start_ms, view.end_ms) == (START * 1000.0, (START + 86_400) * 1000.0)
    price = columns["price"]["price_gemini"]
    assert price["y"] == [100.0, 101.0, 99.0]
    assert price["x"][0] == (START + DAY.step_s - 1) * 1000.0, "a close is at the step's end"
    assert columns["price"]["average"]["y"] == [100.5]
    assert columns["price"]["history"]["y"] == [98.0]
    assert columns["price"]["jumps"]["volatilities"] == [-4.5]
    bars = columns["flow"]["flow"]
    assert bars["buy_base"] == [3.0, 1.0, 2.0]
    assert (bars["net_buys"], bars["net_sells"]) == ([2.0, 0.0, 0.0], [0.0, -3.0, 0.0])
    assert set(bars["alpha"]) == {max(bars["alpha"])}, "no minute is under way"
    assert bars["x"][0] == (START + DAY.step_s / 2) * 1000.0
    ratio = columns["ratio"]
    assert [ratio[name]["y"] for name in ("ratio", "sum_bid", "sum_ask")] == [[1.5], [200], [300]]
    for name in ("price", "flow", "ratio", "impact", "compare"):
        assert view.panels[name].freshness == "past", name
    assert ">past</span>" in view.panels["price"].html
    assert "line-through" not in view.panels["price"].html
    assert "6.0000 BTC in all" in view.panels["flow"].html
    assert "liquidations" not in view.panels["flow"].html
    assert view.panels["status"].freshness == "live", "the tiles are those of now"


def test_the_flow_says_what_liquidations_bought_and_sold() -> None:
    forced = {"liquidated_base_buy": Decimal(2), "liquidated_base_sell": Decimal("0.5")}
    steps = [minutes(n, bought=3, sold=1, close=9) for n in range(2)]
    html = show({"minutes": [steps[0] | forced, steps[1]]}).panels["flow"].html
    assert "liquidations" in html and "2.0000 bought · 0.5000 sold BTC" in html


def test_a_span_without_anything_is_no_data_and_not_an_error() -> None:
    view = show({})
    states = {name: panel.freshness for name, panel in view.panels.items() if name != "status"}
    assert set(states.values()) == {"none"}
    archive = show({"history": ANSWERS["history"]}).panels["price"]
    assert archive.freshness == "past" and archive.limits, "an archive alone is shown too"


def test_a_step_of_which_lake_and_postgres_have_a_part_is_the_sum() -> None:
    both = {
        "minutes": [minutes(0, bought=3, sold=1, close=9), minutes(0, bought=2, sold=2, close=8)]
    }
    view = show(both)
    bars = view.panels["flow"].columns["flow"]
    assert (bars["buy_base"], bars["sell_base"]) == ([5.0], [3.0])
    assert view.panels["price"].columns["price_gemini"]["y"] == [8.0]


def test_several_symbols_are_compared_from_the_beginning_of_the_axis() -> None:
    panel = show(ANSWERS, ("BTC-USD", "ETH-USD")).panels["compare"]
    assert panel.columns["compare_0"]["y"] == pytest.approx([0.0, 1.0, -1.0])
    changes = [y for y in panel.columns["compare_1"]["y"] if not math.isnan(y)]
    assert changes == pytest.approx([0.0, 10.0])
    assert "ETH-USD gemini" in panel.html and "+10.00 %" in panel.html
    assert compare.build_change([], step_s=1, gap_s=1) == {"x": [], "y": []}


def test_the_flow_of_a_minute_is_set_against_the_move_to_the_next_close() -> None:
    flows = {
        minute: TradeFlow(1, 1, Decimal(buy), Decimal(sell))
        for minute, (buy, sell) in enumerate([(3, 1), (1, 3), (0, 0), (2, 2)])
    }
    prices = [(0, 90.0), (59, 100.0), (119, 101.0), (150, 101.0), (239, 50.0)]
    points = impact.build_points(flows, prices, step_s=60)
    assert points["x"] == [0.5, -0.5], "a minute without trades has no flow, the last no next"
    assert points["y"] == pytest.approx([100.0, 0.0])
    # in steps of ten minutes the flow of minute 20 is that of step 2
    stepped = impact.build_points({20: flows[0]}, [(1799, 100.0), (2399, 102.0)], step_s=600)
    assert stepped["y"] == pytest.approx([200.0])


def test_a_span_is_read_once_in_the_background_and_again_after_a_minute() -> None:
    now, calls, gate = [1000.0], [], threading.Event()

    def read(_settings: Settings, symbols: tuple[str, ...], span: Span) -> PastMarket:
        calls.append((symbols, span))
        gate.wait(5)
        return PastMarket(DashboardState(600))

    past = PastMarkets(load({}), read_market=read, clock=lambda: now[0])
    choice = Choice(("BTC-USD",), 30, DAY)
    assert past.find(choice) is None and past.find(choice) is None
    gate.set()
    first = eventually(lambda: past.find(choice), what="it is read")
    assert len(calls) == 1
    now[0] += 61
    assert past.find(choice) is first, "what was read is shown while it is read again"
    eventually(lambda: past.find(choice) is not first, what="the newer one")
    assert len(calls) == 2


def test_only_the_newest_spans_are_remembered() -> None:
    calls: list[Span] = []

    def read(_settings: Settings, _symbols: tuple[str, ...], span: Span) -> PastMarket:
        calls.append(span)
        return PastMarket(DashboardState(600))

    past = PastMarkets(load({}), read_market=read)
    choices = [Choice(("BTC-USD",), 30, Span(START + n * 60, START + 7200)) for n in range(20)]
    for choice in choices:
        eventually(lambda choice=choice: past.find(choice), what="read")
    assert len(past._readings) <= 8
    assert past.find(choices[0]) is None or len(calls) == 21


def test_a_span_that_cannot_be_read_is_one_sentence_on_the_page_and_tried_again() -> None:
    calls: list[int] = []

    def read(*_: Any) -> PastMarket:
        calls.append(1)
        raise Unreachable("Postgres at <b>: no")

    settings, document = load({}), Document()
    views = Views(
        settings, DashboardState(600), PANELS, past_markets=PastMarkets(settings, read_market=read)
    )
    page = Page(settings, views, document, {"from": [b"2025-11-20"], "to": [b"2025-11-21"]})
    notice = document.get_model_by_name("notice")

    def refreshed() -> str:
        page.refresh()
        return str(notice.text)

    eventually(lambda: "cannot be shown: Postgres at &lt;b&gt;: no" in refreshed(), what="said")
    eventually(lambda: refreshed() and len(calls) > 1, what="tried again")


def make_page(address: dict[str, list[bytes]]) -> tuple[Page, Document]:
    settings, document = load({}), Document()
    market = PastMarket(build_state(settings, ANSWERS, DAY))
    past = PastMarkets(settings, read_market=lambda *_: market)
    state = DashboardState(600, clock_us=(START + 86_400) * 1_000_000)
    page = Page(settings, Views(settings, state, PANELS, past_markets=past), document, address)
    time.sleep(0.05)
    page.refresh()
    return page, document


def text_of(document: Document, name: str) -> str:
    return str(document.get_model_by_name(name).text)


def test_a_page_restores_its_address_and_says_what_is_wrong_with_it() -> None:
    _, document = make_page({"from": [b"2025-11-20T08:00"], "to": [b"2025-11-21T08:00"]})
    assert text_of(document, "address") == (
        "from=2025-11-20T08:00&to=2025-11-21T08:00&symbol=BTC-USD"
    )
    assert document.get_model_by_name("from_time").value == "2025-11-20T08:00"
    times = document.get_model_by_name("price_0").x_range
    assert (times.start, times.end) == (START * 1000.0, (START + 86_400) * 1000.0)
    _, wrong = make_page({"from": [b"<i>"]})
    assert "from=&lt;i&gt; is not a time" in text_of(wrong, "notice")
    assert text_of(wrong, "address") == "", "and the present is shown"


def test_presets_times_buttons_and_dragging_choose_a_span() -> None:
    _, document = make_page({})
    document.get_model_by_name("minutes").value = "7d"
    assert text_of(document, "address").startswith("from=2025-11-14T08:00&to=2025-11-21T08:00")
    document.get_model_by_name("from_time").value = "2025-11-20T08:00"
    assert text_of(document, "address").startswith("from=2025-11-20T08:00&to=2025-11-21T08:00")
    document.get_model_by_name("to_time").value = "2025-11-19"
    assert "is not before" in text_of(document, "notice")
    plot = document.get_model_by_name("price_0")
    moved = RangesUpdate(plot, x0=(START + 3600) * 1000.0, x1=(START + 7200) * 1000.0)
    for callback in plot._event_callbacks["rangesupdate"]:
        callback(moved)
    assert text_of(document, "address").startswith("from=2025-11-20T09:00&to=2025-11-20T10:00")
    document.get_model_by_name("minutes").value = "15"
    assert text_of(document, "address") == "minutes=15", "back to the present"


def test_what_people_wrote_is_escaped_and_the_newest_first() -> None:
    notes = [Annotation(str(n), "BTC-USD", START + n * 60, f"<b>{n}") for n in range(25)]
    html = render_annotations(notes)
    assert "<b>" not in html and html.index("&lt;b&gt;24") < html.index("&lt;b&gt;23")
    assert "and 5 earlier ones" in html and "20 Nov 2025 08:24" in html
    assert render_annotations([]) == ""


def test_without_postgres_the_lake_is_shown_and_it_is_said(
    settings: Settings, tmp_path: Path
) -> None:
    lake = settings.lake
    at = datetime.fromtimestamp(START, UTC)
    row = minutes(0, bought=3, sold=1, close=100) | {"minute": at}
    put(lake, "trade_minutes", [{name: row[name] for name in row if name != "bucket"}])
    bar = {"source": "kaggle", "symbol": "BTC-USD", "minute": at, "close": Decimal(97)}
    put(lake, "history_minutes", [bar])
    value = {"venue": "gemini", "symbol": "BTC-USD", "type": "bid", "value": Decimal(5)}
    put(lake, "signals", [value | {"window_start": at, "timestamp": at}])
    contract = {"venue": "deribit", "symbol": "BTC-PERPETUAL", "venue_time": at, "last": Decimal(1)}
    contract |= {"mark_price": Decimal(103), "funding_rate": Decimal("0.001")}
    landed = {"event_index": 0, "offset": 1, "partition": 0, "received_time": at}
    contract |= landed
    put(lake, "tickers", [contract])
    auction = {"venue": "gemini", "symbol": "BTC-USD", "phase": "result", "published_at": at}
    put(lake, "auctions", [auction | landed | {"price": Decimal(96), "quantity": Decimal(2)}])
    market = read_past(settings, ("BTC-USD",), DAY)
    assert "without Postgres" in market.notice and "the lake" not in market.notice
    series = market.state.series["gemini", "BTC-USD"]
    assert [price for _, price in series.prices.select(0, 2**40)] == [100.0]
    assert [flow.buy_base for flow in series.minutes.flows.values()] == [3]
    assert [price for _, price in market.state.history["BTC-USD"].select(0, 2**40)] == [97.0]
    assert [amount for _, amount in series.sums["bid"].select(0, 2**40)] == [5.0]
    contracts = market.state.series["deribit", "BTC-PERPETUAL"].contracts.select(0, 2**40)
    assert [of for _, of in contracts] == [ContractValues(103.0, None, None, 0.001)]
    assert series.auctions.select(0, 2**40) == [(START, AuctionPrice(96.0, 2.0, True))]


def test_files_of_other_days_are_not_opened(settings: Settings) -> None:
    for days in (40, 0):
        at = datetime.fromtimestamp(START - days * 86_400, UTC)
        counts = {"total_base_buy": Decimal(3), "close": Decimal(100)}
        minute = {"venue": "gemini", "symbol": "BTC-USD", "minute": at} | counts
        put(settings.lake, "trade_minutes", [minute])
    old = min(
        Path(settings.lake, "trade_minutes").rglob("*.parquet"), key=lambda p: p.stat().st_mtime
    )
    old.unlink()
    market = read_past(settings, ("BTC-USD",), DAY)
    assert "the lake" not in market.notice
    assert len(market.state.series["gemini", "BTC-USD"].minutes.flows) == 1


def test_while_postgres_hangs_a_note_holds_no_page_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, notes = threading.Event(), list[Any]()

    def add(_dsn: object, symbol: str, at_s: int, note: str, *, now: datetime) -> None:
        notes.append((symbol, at_s, note))
        gate.wait(20)

    monkeypatch.setattr("streaming.dashboard.page.add_annotation", add)
    _, document = make_page({"from": [b"2025-11-20T08:00"], "to": [b"2025-11-21T08:00"]})
    started_s = time.monotonic()
    document.get_model_by_name("note").value = "a spike"
    assert time.monotonic() - started_s < 10
    eventually(lambda: notes == [("BTC-USD", START + 86_400, "a spike")], what="it is written")
    gate.set()
    assert document.get_model_by_name("note").value == "", "and the next can be typed"
