"""Kafka records in, the shared state and the views of it out."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from include.bus import Record, TopicPartition
from include.local.status import LastAudit
from include.market import wire
from include.market.auction import Auction
from include.market.events import (
    Balance,
    BookChange,
    Decision,
    Event,
    Fill,
    LedgerEntry,
    Message,
    Order,
    Quote,
    Ticker,
    Top,
    Trade,
)
from include.serving.stream_progress import QueryProgress, StreamProgress
from include.settings import load
from streaming.dashboard.columns import build_forecast
from streaming.dashboard.panels import PANELS, status
from streaming.dashboard.plots import ChartSources
from streaming.dashboard.sources import kafka
from streaming.dashboard.sources.postgres import apply_answers
from streaming.dashboard.sources.records import apply_record
from streaming.dashboard.state import DashboardState, ForecastPoint, PostgresSnapshot
from streaming.dashboard.trader_activity import DatedFact
from streaming.dashboard.view import Views
from streaming.feeds.ledger import ledger_message

NOW = 1_800_000_000
TAPE = 1_524_546_000  # 2018-04-24 05:00 UTC
US = 1_000_000


def record(topic: str, value: bytes, *, seen: float = NOW, offset: int = 0) -> Record:
    return Record(topic, 0, offset, int(seen * 1000), b"", value)


def message(
    kind: str,
    *events: Event,
    venue: str = "gemini",
    symbol: str = "BTC-USD",
    at: int | None = NOW,
    top: Top | None = None,
    seen: float = NOW,
) -> Record:
    built = Message(
        venue=venue,
        symbol=symbol,
        kind=kind,
        conn="c",
        seq=None,
        venue_time=None if at is None else at * US,
        received_time=int(seen * US),
        events=events,
        top=top,
    )
    return record(wire.choose_topic(built), wire.encode(built), seen=seen)


def trade(price: str, *, at: int = NOW, number: str = "1") -> Trade:
    return Trade(number, Decimal(price), Decimal(2), "buy", at * US)


def make_views(state: DashboardState, *, now: float = NOW, **more: str) -> Views:
    settings = load({f"TICKHOUSE_{name}": value for name, value in more.items()})
    return Views(settings, state, PANELS, clock=lambda: now)


def test_a_trade_a_ticker_and_a_quote_set_prices_of_their_own_currency() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    apply_record(
        state, message("ticker", Ticker(last=Decimal(101)), venue="binance", symbol="BTC-USDT")
    )
    quote = Quote(Decimal(90), "EUR")
    apply_record(state, message("quote", quote, venue="cryptocompare", symbol="BTC-USD", at=None))
    assert {pair: series.price for pair, series in state.series.items()} == {
        ("gemini", "BTC-USD"): 100.0,
        ("binance", "BTC-USDT"): 101.0,
        ("cryptocompare", "BTC-EUR"): 90.0,
    }
    auctioned = Trade("2", Decimal(300), Decimal(9), None, NOW * US, condition="auction")
    apply_record(state, message("trade", auctioned))
    view = make_views(state).view("BTC-USD", 15)
    columns = view.panels["price"].columns
    assert columns["price_gemini"]["y"] == [100.0]
    assert columns["price_binance"]["y"] == [] == columns["price_cryptocompare"]["y"]


def test_a_contract_and_auctions_have_panels_of_their_own() -> None:
    state = DashboardState(600)
    for name in ("contract", "auctions"):
        empty = make_views(state).view("BTC-USD", 15).panels[name]
        assert empty.freshness == "none" and 'class="chips"></div>' in empty.html
    apply_record(state, message("trade", trade("100")))
    funded = Ticker(
        last=Decimal(101),
        mark_price=Decimal(102),
        index_price=Decimal(100),
        open_interest=Decimal(7000),
        funding_8h=Decimal("-0.0002"),
    )
    option = Ticker(last=None, mark_price=Decimal(3), underlying="BTC-27MAR26")
    for symbol, ticker in (("BTC-PERPETUAL", funded), ("BTC-27MAR26-90000-C", option)):
        apply_record(state, message("ticker", ticker, venue="deribit", symbol=symbol))
    for second, phase, price in (
        (NOW - 60, "indicative", Decimal(99)),
        (NOW - 1, "result", Decimal(98)),
        (NOW, "open", None),
    ):
        auction = Auction(phase, second * US, price=price, quantity=Decimal(2))
        apply_record(state, message("auction", auction))
    assert set(state.series) == {("gemini", "BTC-USD"), ("deribit", "BTC-PERPETUAL")}
    panels = make_views(state).view("BTC-USD", 15).panels
    drawn = {name: columns["y"] for name, columns in panels["contract"].columns.items()}
    assert drawn == {
        "contract_mark": [102.0],
        "contract_index": [100.0],
        "contract_open_interest": [7000.0],
        "contract_funding_8h": [pytest.approx(-0.02)],
    }
    for text in ("BTC-PERPETUAL deribit", "+200.0 bps", "-0.0200 %", "7,000 BTC"):
        assert text in panels["contract"].html
    assert panels["auctions"].columns["auction_indicative"]["y"] == [99.0]
    assert panels["auctions"].columns["auction_results"]["y"] == [98.0]
    assert "2.0000 BTC at 98.00 USD" in panels["auctions"].html


def test_the_average_is_the_streams_own_and_of_its_symbol() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    for symbol, value, second in (
        ("BTC-USD", "101.5", NOW - 10),
        ("BTC-USD", "102.5", NOW),
        ("BTC-EUR", "90", NOW),
    ):
        body = {
            "v": 1,
            "venue": "suppliers",
            "symbol": symbol,
            "type": "average_price",
            "value": value,
            "timestamp": second * US,
            "window_start": (second - 60) * US,
        }
        apply_record(state, record("market.signals", json.dumps(body).encode()))
    panel = make_views(state).view("BTC-USD", 15).panels["price"]
    assert panel.columns["average"]["y"] == [101.5, 102.5]
    assert "average of suppliers, 60 s" in panel.html and "102.50" in panel.html
    assert set(state.series) == {("gemini", "BTC-USD")}


def test_a_tape_of_2018_is_drawn_in_2018_and_its_age_is_todays() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("9000", at=TAPE), at=TAPE))
    apply_record(
        state, message("quote", Quote(Decimal(9100), "USD"), venue="kraken", at=None, seen=NOW + 1)
    )
    assert state.clock_us == TAPE * US
    assert [at for at, _ in state.series_of("kraken", "BTC-USD").prices.select(0, NOW)] == [
        TAPE + 1
    ]
    view = make_views(state, now=NOW + 3).view("BTC-USD", 15)
    assert view.start_ms == (TAPE - 900) * 1000 and view.panels["price"].freshness == "live"
    assert "Tue 24 Apr 2018 UTC, replayed" in view.panels["status"].html


def signal(
    kind: str, value: str, *, at: int = NOW, received: int | None = None, seen: float = NOW
) -> Record:
    fields = {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": kind,
        "value": value,
        "timestamp": at * US,
        "window_start": at * US,
        "received_time": None if received is None else received * US,
    }
    return record("market.signals", json.dumps(fields).encode(), seen=seen)


def test_mid_and_imbalance_are_what_the_stream_measured_and_break_with_the_book() -> None:
    state, change = DashboardState(600), BookChange("bid", Decimal(10), Decimal(1))
    top = Top(Decimal(10), Decimal(3), Decimal(12), Decimal(1))  # of its own: 11 and 0.5
    apply_record(state, message("book", change, top=top, at=NOW - 2))
    apply_record(state, signal("mid_price", "11.25", at=NOW - 2))
    apply_record(state, signal("imbalance", "-0.125", at=NOW - 2))
    apply_record(state, message("book", change, top=None, at=NOW - 1))
    apply_record(state, message("book", change, top=Top(*[Decimal(0)] * 4), at=NOW))
    panel = make_views(state).view("BTC-USD", 15).panels["book"]
    first_row = {name: values[0] for name, values in panel.columns["book"].items()}
    assert first_row == {
        "x": (NOW - 2) * 1000.0,
        "bid": 10,
        "ask": 12,
        "mid": 11.25,
        "imbalance": -0.125,
    }
    assert all(math.isnan(mid) for mid in panel.columns["book"]["mid"][1:]), "a gap"
    assert "invalid until its next snapshot" in panel.html and 'class="value"' not in panel.html
    apply_record(state, message("book", change, top=top, at=NOW + 1))
    apply_record(state, signal("mid_price", "11.5", at=NOW + 1))
    panel = make_views(state).view("BTC-USD", 15).panels["book"]
    assert '<span class="value">11.50 USD</span>' in panel.html and "2.00" in panel.html


def test_a_jump_is_a_mark_at_the_venues_price_by_then() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100", at=NOW - 9)))
    apply_record(state, message("trade", trade("107.5", at=NOW - 2)))
    apply_record(state, message("trade", trade("90", at=NOW)))
    for at in (NOW - 1, NOW - 300):  # before the latter there is no price
        apply_record(state, signal("jump", "-7.25", at=at))
    apply_record(state, signal("jump", "NaN", at=NOW))
    columns = make_views(state).view("BTC-USD", 15).panels["price"].columns["jumps"]
    assert columns == {"x": [(NOW - 1) * 1000.0], "y": [107.5], "volatilities": [-7.25]}


def test_a_book_that_the_stream_does_not_measure_is_no_data_and_then_stale() -> None:
    state, change = DashboardState(600), BookChange("bid", Decimal(10), Decimal(1))
    top = Top(Decimal(10), Decimal(3), Decimal(12), Decimal(1))
    apply_record(state, message("book", change, top=top, at=NOW - 20, seen=NOW - 20))
    assert make_views(state, now=NOW - 20).view("BTC-USD", 15).panels["book"].freshness == "none"
    apply_record(state, signal("mid_price", "11", at=NOW - 20, seen=NOW - 20))
    assert make_views(state, now=NOW - 19).view("BTC-USD", 15).panels["book"].freshness == "live"
    apply_record(state, message("book", change, top=top, at=NOW, seen=NOW))
    assert make_views(state).view("BTC-USD", 15).panels["book"].freshness == "stale"


def test_measures_out_of_bounds_are_left_out_and_a_tapes_are_shifted_to_its_time() -> None:
    state = DashboardState(600)
    for kind, value in (("imbalance", "1.5"), ("imbalance", "NaN"), ("mid_price", "-1")):
        apply_record(state, signal(kind, value))
    assert state.series_of("gemini", "BTC-USD").measure_seen_s == 0
    apply_record(state, message("trade", trade("9000", at=TAPE), at=TAPE))
    apply_record(state, signal("mid_price", "9000.5", at=NOW + 1, received=NOW + 1))
    apply_record(state, signal("mid_price", "9001.5", at=TAPE + 2, received=NOW + 2))
    mids = state.series_of("gemini", "BTC-USD").mids.select(0, 2**40)
    assert mids == [(TAPE + 1, 9000.5), (TAPE + 2, 9001.5)]


def test_junk_is_counted_and_changes_nothing() -> None:
    state = DashboardState(600)
    bad = (b"", b"\xff\xfe", b"[]", b'{"venue": 1}', b"x" * 100_000)
    for topic in wire.TOPICS:
        for value in bad:
            apply_record(state, record(topic, value))
    assert state.unreadable == len(wire.TOPICS) * len(bad) and not state.series
    apply_record(state, message("trade", trade("1E+40"), trade("-5", number="2")))
    assert state.series_of("gemini", "BTC-USD").price is None


def test_impossible_times_and_amounts_leave_the_page_standing() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    apply_record(
        state, message("book", BookChange("bid", Decimal(1), Decimal(1)), at=2**42, top=None)
    )
    numbers = [Decimal(0), Decimal(1), Decimal(1)]
    apply_record(state, message("fill", Fill("f", "o", "buy", *numbers)))
    apply_record(state, message("balance", Balance("USD", Decimal("NaN"))))
    apply_record(state, message("order", Order("o", "d", "p", "buy", *numbers, "filled"), at=2**42))
    assert (
        state.clock_us == NOW * US
        and not state.activity_of().fills
        and not state.activity_of().balances
    )
    assert not state.activity_of().orders
    assert make_views(state).view("BTC-USD", 15).panels["price"].freshness == "live"


def test_the_age_grows_and_the_panel_turns_grey_at_its_limit() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    assert make_views(state, now=NOW + 15).view("BTC-USD", 15).panels["price"].freshness == "live"
    late = make_views(state, now=NOW + 16).view("BTC-USD", 15)
    assert late.panels["price"].freshness == "stale" == late.panels["flow"].freshness
    assert "stale 16 s" in late.panels["price"].html
    assert '<span class="value">' not in late.panels["price"].html, "no old number in large"


def test_the_large_price_is_the_mean_of_the_suppliers_and_an_outlier_is_named() -> None:
    state = DashboardState(600)
    prices = (("gemini", "100"), ("kraken", "101"), ("coinbase", "102"), ("newcomer", "150"))
    for venue, price in prices:
        apply_record(state, message("trade", trade(price), venue=venue))
    panel = make_views(state).view("BTC-USD", 15).panels["price"]
    assert '<span class="value">101.00 USD</span>' in panel.html
    assert "newcomer" in panel.html and "outlier" in panel.html
    assert "price_newcomer" not in panel.columns, "a venue without a colour has no line"


def test_in_a_quiet_market_the_last_price_holds_a_minute_while_the_feed_lives() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    for late, price, flow in ((40, "live", "live"), (61, "stale", "live")):
        apply_record(state, message("heartbeat", at=NOW + late, seen=NOW + late))
        view = make_views(state, now=NOW + late).view("BTC-USD", 15)
        assert (view.panels["price"].freshness, view.panels["flow"].freshness) == (price, flow)
    assert view.panels["book"].freshness == "none", "a heartbeat is no book"


def test_one_silent_venue_is_grey_while_the_panel_lives() -> None:
    state = DashboardState(600)
    old = trade("50", at=NOW - 121)
    apply_record(state, message("trade", old, venue="kraken", at=NOW - 121, seen=NOW - 121))
    apply_record(state, message("trade", trade("100")))
    panel = make_views(state).view("BTC-USD", 15).panels["price"]
    assert panel.freshness == "live"
    assert '<span class="value">100.00 USD</span>' in panel.html
    assert 'class="chip stale"' in panel.html and "2 min" in panel.html


def test_without_anything_every_panel_says_no_data() -> None:
    view = make_views(DashboardState(600)).view("BTC-USD", 30)
    charts = {name: panel.freshness for name, panel in view.panels.items() if name != "status"}
    assert charts == dict.fromkeys(PANELS.keys() - {"status"}, "none")
    assert all("no data" in panel.html for panel in view.panels.values())


def test_the_columns_are_those_the_figures_draw() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    view, sources = make_views(state).view("BTC-USD", 30), ChartSources(load({}))
    for panel in PANELS.values():
        panel.figure(sources)
    computed = {name: set(c) for panel in view.panels.values() for name, c in panel.columns.items()}
    assert computed == {name: set(source.data) for name, source in sources.by_name.items()}


def test_a_signal_is_a_point_at_the_end_of_its_window() -> None:
    state = DashboardState(600)
    for kind, value in (("bid", "5"), ("price_volume", "1.25")):
        fields = {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "type": kind,
            "value": value,
            "timestamp": NOW * US,
            "window_start": (NOW - 60) * US,
        }
        apply_record(state, record("market.signals", json.dumps(fields).encode()))
    apply_record(state, message("trade", trade("100")))
    panel = make_views(state).view("BTC-USD", 15).panels["ratio"]
    assert panel.columns["ratio"] == {"x": [NOW * 1000.0], "y": [1.25]}
    assert make_views(state, now=NOW + 75).view("BTC-USD", 15).panels["ratio"].freshness == "live"
    assert make_views(state, now=NOW + 76).view("BTC-USD", 15).panels["ratio"].freshness == "stale"


def test_the_same_facts_from_kafka_and_postgres_count_once() -> None:
    state = DashboardState(600)
    order = Order("o", "d", "paper", "buy", *map(Decimal, ("100", "2", "2")), "filled")
    fill = Fill("f", "o", "buy", *map(Decimal, ("100", "2", "1")))
    for _ in range(2):
        apply_record(state, message("order", order))
        apply_record(state, message("fill", fill))
        apply_record(
            state, message("balance", Balance("USD", Decimal(799)), Balance("BTC", Decimal(2)))
        )
        apply_record(state, message("trade", trade("110")))
    view = make_views(state).view("BTC-USD", 15)
    assert view.panels["price"].columns["orders_buy"] == {
        "x": [NOW * 1000.0],
        "y": [100.0],
        "executed": [2.0],
    }
    assert view.panels["account"].columns["worth"] == {
        "x": [NOW * 1000.0],
        "equity": [1019.0],
        "hold": [1100.0],
    }


def test_rows_of_postgres_are_dated_at_the_end_of_their_window() -> None:
    fill = Fill("f", "o", "buy", Decimal(100), Decimal(2), Decimal(1))
    row = {"window_start": datetime(2018, 4, 24, 5, 0, tzinfo=UTC)} | msgspec.structs.asdict(fill)
    state = DashboardState(600)
    apply_answers(state, {"fills": [row]}, seen_s=NOW, window_s=60)
    assert state.activity_of().in_order("fills") == [DatedFact((TAPE + 60) * US, fill)]


def test_a_feeds_tile_shows_its_last_fault_and_its_age() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    apply_record(
        state, message("ledger", LedgerEntry("disconnect", "server closed"), symbol="", at=None)
    )
    strip = make_views(state).view("BTC-USD", 15).panels["status"].html
    assert "disconnected" in strip and "server closed" in strip
    apply_record(state, message("ledger", LedgerEntry("connect", "start"), symbol="", at=None))
    assert "disconnected" not in make_views(state).view("BTC-USD", 15).panels["status"].html
    assert state.clock_us == NOW * US, "a ledger entry is no market time"


def test_a_replaced_connections_end_and_another_symbols_connect_hide_nothing() -> None:
    state = DashboardState(600)

    def report(entry: str, cause: str, *, conn: str, symbol: str) -> str:
        apply_record(
            state,
            record(
                "market.ledger",
                wire.encode(
                    ledger_message(
                        entry, cause, venue="gemini", symbol=symbol, conn=conn, at_us=NOW * US
                    )
                ),
            ),
        )
        return make_views(state).view("BTC-USD", 15).panels["status"].html

    apply_record(state, message("trade", trade("100")))
    report("connect", "start", conn="gemini-1-1", symbol="BTC-USD")
    report("connect", "renew", conn="gemini-1-2", symbol="BTC-USD")
    renewed = report("disconnect", "renewed", conn="gemini-1-1", symbol="BTC-USD")
    assert "disconnected" not in renewed
    report("disconnect", "reset", conn="gemini-1-3", symbol="ETH-USD")
    hidden = report("connect", "reset", conn="gemini-1-4", symbol="BTC-USD")
    assert "disconnected" in hidden and "ETH-USD: reset" in hidden


def test_the_feed_ledger_is_read_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    ranges = {
        TopicPartition("market.ledger", 0): (3, 900),
        TopicPartition("market.trades", 0): (3, 900),
    }
    monkeypatch.setattr(kafka, "offset_ranges", lambda *_: ranges)
    assert list(kafka._choose_starts("broker", 20).values()) == [3, 880]


def test_the_last_decision_is_the_traders_tile() -> None:
    state = DashboardState(600)
    nothing = dict.fromkeys(["ratio", "side_next", "bid", "ask", "quantity", "price"])
    for at, action in ((NOW, "hold"), (NOW - 60, "buy")):
        decision = Decision(
            decision_id=f"d{at}",
            rule="r",
            action=action,
            reasons="ratio_too_high",  # type: ignore[arg-type]
            window_start=at * US,
            forecast_id=None,
            inputs="{}",
            **nothing,  # type: ignore[arg-type]
        )
        apply_record(state, message("decision", decision, at=at))
    apply_record(state, message("trade", trade("100")))
    strip = make_views(state).view("BTC-USD", 15).panels["status"].html
    assert ">hold<" in strip and "ratio too high" in strip


def test_postgres_has_a_tile_only_while_it_is_away() -> None:
    assert status.postgres_tiles(NOW, now_s=NOW + 15, limit_s=15) == []
    (away,) = status.postgres_tiles(NOW, now_s=NOW + 40, limit_s=15)
    assert (away.value, away.detail, away.tone) == ("away", "since 40 s", "bad")
    assert status.postgres_tiles(0, now_s=NOW, limit_s=15)[0].value == "away"


def test_a_forecast_is_grey_while_postgres_is_away() -> None:
    state = DashboardState(600)
    apply_record(state, message("trade", trade("100")))
    point = ForecastPoint(NOW + 60, 101.0, 90.0, 250.0)
    state.postgres = PostgresSnapshot(
        seen_s=NOW, short={"BTC-USD": (point,)}, long={"BTC-USD": (point,)}
    )
    for late, outlook, crossed in ((15, "live", False), (16, "stale", True)):
        view = Views(load({}), state, PANELS, clock=lambda late=late: NOW + late).view(
            "BTC-USD", 15
        )
        assert view.panels["outlook"].freshness == outlook
        assert ("chip stale dashed" in view.panels["price"].html) is crossed
        assert "its bounds leave the chart" in view.panels["price"].html
        assert "90.00 to 250.00" in view.panels["price"].html


def test_a_forecast_is_broken_where_the_published_part_ends_at_the_anchor() -> None:
    points = [
        ForecastPoint(60, 3.0, 2.0, 4.0),
        ForecastPoint(120, 9.0, 8.0, 10.0, is_anchored=True),
        ForecastPoint(180, 9.5, 8.0, 11.0, is_anchored=True),
    ]
    band = build_forecast(points)
    assert band["x"] == [60_000, 61_000, 119_000, 120_000, 180_000]
    assert [y for y in band["yhat"] if not math.isnan(y)] == [3.0, 9.0, 9.5]
    # the band has no gaps: in between it has no height
    assert band["lower"][1:3] == band["upper"][1:3] == [3.0, 9.0]
    assert len(build_forecast(points[1:])["x"]) == 2


def test_lag_is_what_the_slowest_query_has_not_read() -> None:
    stream = StreamProgress(
        written_at=NOW,
        queries=(
            QueryProgress(
                "land", offsets={"market.trades": {0: 90}, "market.book": {0: 40}}, batch_ms=600
            ),
            QueryProgress("signals", offsets={"market.book": {0: 20}}, batch_ms=1500),
            QueryProgress("measures", offsets={"market.book": {0: 45}}, batch_ms=60_000),
        ),
    )
    offsets = {TopicPartition("market.trades", 0): 100, TopicPartition("market.book", 0): 50}
    tile = status.lag_tile(stream, offsets, now_s=NOW)
    assert (tile.value, tile.tone) == ("30", "good") and "1.5 s" in tile.detail
    assert status.lag_tile(stream, offsets, now_s=NOW + 61).value == "stale"
    assert status.lag_tile(StreamProgress(), offsets, now_s=NOW).value == "no data"


@pytest.mark.parametrize(
    ("audit", "value", "tone"),
    [
        (None, "no data", "none"),
        (LastAudit(ok=True, age_s=5), "clean", "good"),
        (LastAudit(ok=False, age_s=5), "faults", "bad"),
    ],
)
def test_the_audits_tile(audit: LastAudit | None, value: str, tone: str) -> None:
    tile = status.audit_tile(audit)
    assert (tile.value, tile.tone) == (value, tone)


def test_viewers_of_the_same_choice_share_one_view_a_refresh() -> None:
    state, times = DashboardState(600), iter([NOW, NOW + 0.4, NOW + 1.0])
    shared = Views(load({}), state, PANELS, clock=lambda: next(times))
    first, second, third = (shared.view("BTC-USD", 15) for _ in range(3))
    assert first is second and third is not first
