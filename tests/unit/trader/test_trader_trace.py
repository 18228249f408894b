"""An order is traced through a small lake, and a lake that contradicts it is found out."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import QueryError
from include.forecast.forecast_file import publish, render
from include.forecast.manifest import Manifest
from include.market.events import Decision, Top
from include.settings import Settings, load
from include.trading.account import Account
from include.trading.decision import order_for
from include.trading.inputs import RecordId, SeenTop, Signal
from include.trading.strategy import Strategy
from streaming.trader.trace.page import render_json, render_page
from streaming.trader.trace.trace import trace
from tests.support.trading_parameters import PARAMETERS

START = datetime(2018, 4, 24, 5, 15, tzinfo=UTC)
END = START + timedelta(minutes=1)
START_US = 1_524_546_900_000_000
TOP = Top(bid=D("9000.5"), bid_quantity=D(2), ask=D("9010.25"), ask_quantity=D(3))
MONEY, STAMP = pa.decimal128(20, 8), pa.timestamp("us", tz="UTC")


class Up:
    forecast_id, trained_until, volatility = "f1", START_US - 60_000_000, 0.0

    def side_at(self, minute_us: int) -> str:
        return "buy"

    def level_at(self, minute_us: int) -> None:
        return None

    def bounds_at(self, minute_us: int) -> None:
        return None


class Down(Up):
    def side_at(self, minute_us: int) -> str:
        return "sell"


class Rising(Up):
    def level_at(self, minute_us: int) -> float:  # type: ignore[override]
        return float(minute_us)


def put(lake: str, table: str, rows: list[dict[str, Any]]) -> None:
    frame = pa.Table.from_pylist(rows)
    fields = [
        pa.field(
            f.name,
            MONEY
            if f.name in MONIES
            else STAMP
            if pa.types.is_timestamp(f.type)
            else pa.string()
            if pa.types.is_null(f.type)
            else f.type,
        )
        for f in frame.schema
    ]
    write_deltalake(f"{lake}/{table}", frame.cast(pa.schema(fields)), mode="overwrite")


MONIES = {
    "price",
    "remaining",
    "quantity",
    "executed",
    "bid",
    "ask",
    "ratio",
    "top_bid",
    "top_ask",
    "fee",
    "amount",
    "top_bid_quantity",
    "top_ask_quantity",
}


def change(offset: int, side: str, price: str, remaining: str, *, event: int) -> dict[str, Any]:
    return {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "partition": 0,
        "offset": offset,
        "event_index": 0,
        "venue_time": START + timedelta(seconds=offset),
        "received_time": START + timedelta(seconds=offset),
        "venue_event_id": event,
        "side": side,
        "price": D(price),
        "remaining": D(remaining),
        "reason": "place",
        "top_bid": D("9000.5"),
        "top_ask": D("9010.25"),
        "top_bid_quantity": D(2),
        "top_ask_quantity": D(3),
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TICKHOUSE_VAR": str(tmp_path / "var")})


def write_lake(settings: Settings, **spoil: dict[str, Any]) -> str:
    """A window of bids worth 9000 * 2 and asks worth 9010 * 3 (one landed twice); its order's id.

    `spoil` alters the first row of the tables that it names. Worked by hand: 9000 / 9010.25 buys
    0.9988624; cost 8999.9999396, fee 35.9999997584, rounded up.
    """
    ratio = D("1.501666666667")  # 27030 / 18000
    signal = Signal("gemini", "BTC-USD", "price_volume", ratio, START_US + 60_000_000, START_US)
    decision = Strategy(PARAMETERS, Account(quote=D(10_000))).decide(
        signal,
        forecast=Up(),
        record_id=RecordId("market.signals", 0, 9),  # type: ignore[arg-type]
        top=SeenTop(START_US + 59_000_000, TOP, RecordId("market.book", 0, 12)),
    )
    signal_row = {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": "price_volume",
        "value": ratio,
        "window_start": START,
        "timestamp": END,
    }
    sides = enumerate(["sell", "buy", "sell"])
    put_all(
        settings,
        decision,
        spoil,
        {
            "signals": [signal_row],
            "forecasts": [
                {"ds": END + timedelta(minutes=n), "forecast_id": "f1", "side": side}
                for n, side in sides
            ][::-1],
            "book_changes": [
                change(12, "ask", "9010", "3", event=2),
                change(10, "bid", "9000", "2", event=1),
                change(11, "ask", "9010", "3", event=2),
                change(60, "ask", "9999", "9", event=3),
            ],
        },
    )
    order = order_for(decision, broker="paper")
    assert order is not None
    return order.order_id


def put_all(
    settings: Settings, decision: Decision, spoil: dict[str, Any], more: dict[str, Any]
) -> None:
    """The decision's row, its order filled whole, what that left, and `more`."""
    order = order_for(decision, broker="paper")
    assert order is not None
    number = order.order_id
    done = {n: getattr(order, n) for n in order.__struct_fields__}
    row = {name: getattr(decision, name) for name in decision.__struct_fields__}
    bought = D("0.9988624")
    tables = {
        "decisions": [row | {"window_start": START}],
        "orders": [done | {"executed": bought, "status": "filled"}],
        "fills": [
            {
                "fill_id": "1",
                "order_id": number,
                "side": "buy",
                "price": D("9010.25"),
                "quantity": bought,
                "fee": D("35.99999976"),
            }
        ],
        "balances": [
            {"currency": "USD", "amount": D("964.00006064"), "order_id": number},
            {"currency": "BTC", "amount": bought, "order_id": number},
        ],
    } | more
    for name, rows in tables.items():
        put(settings.lake, name, [rows[0] | spoil.get(name, {}), *rows[1:]])


def test_an_order_is_traced_to_what_made_it(settings: Settings) -> None:
    publish_manifest(settings, trained_until=START - timedelta(minutes=1))
    found = trace(settings, write_lake(settings))
    assert {one.name: (one.ok, one.detail) for one in found.checks if not one.ok} == {}
    assert len(found.checks) == 10
    assert [(one["side"], one["amount"], one["changes"]) for one in found.book] == [
        ("ask", D(27030), 1),
        ("bid", D(18000), 1),
    ]
    assert found.versions["book_changes"] == 0
    text = render_page(found)
    assert "ask: 1 changes worth 27030.0000000000000000, market.book/0 offsets 11..11" in text
    assert "top       bid 9000.5" in text
    assert "market.book/0 offset 12" in text
    assert "trades 7" in text
    assert "verdict   the decision follows from these rows" in text
    assert "DIFFERS" not in text
    decoded = json.loads(render_json(found))
    assert decoded["inputs"]["top"]["record_id"] == {
        "topic": "market.book",
        "partition": 0,
        "offset": 12,
    }
    assert decoded["manifest"]["versions"] == {"trades": 7}


@pytest.mark.parametrize(
    ("table", "spoil", "faults"),
    [
        (
            "decisions",
            {"quantity": D("0.5")},
            ["decision derived again", "order follows from the decision"],
        ),
        ("decisions", {"reasons": "luck"}, ["decision derived again"]),
        ("signals", {"value": D("1.6")}, ["signal in the lake"]),
        ("book_changes", {"top_bid": D(9001)}, ["top of the book in the lake"]),
        (
            "forecasts",
            {"forecast_id": "f1", "ds": END + timedelta(minutes=1), "side": "sell"},
            ["forecast in the lake"],
        ),
        ("orders", {"price": D("9010.26")}, ["order follows from the decision"]),
        ("orders", {"executed": D("0.9")}, ["fills of the order"]),
        ("fills", {"quantity": D("0.9")}, ["fills of the order", "balances after the fills"]),
        ("fills", {"price": D("9010.26")}, ["fills of the order", "balances after the fills"]),
        ("fills", {"fee": D(0)}, ["balances after the fills"]),
        ("balances", {"amount": D(965)}, ["balances after the fills"]),
    ],
)
def test_a_row_that_was_tampered_with_is_found_out(
    settings: Settings, table: str, spoil: dict[str, Any], faults: list[str]
) -> None:
    found = trace(settings, write_lake(settings, **{table: spoil}))
    assert [one.name for one in found.checks if not one.ok] == faults
    assert not found.matches
    text = render_page(found)
    assert f"DIFFERS   {faults[0]}" in text
    assert "verdict   the rows contradict each other" in text


def test_a_window_whose_changes_come_to_another_ratio_is_found_out(settings: Settings) -> None:
    number = write_lake(settings)
    more = [change(10, "bid", "9000", "2", event=1), change(12, "ask", "9010", "2.9", event=2)]
    put(settings.lake, "book_changes", more)
    found = trace(settings, number)
    assert [one.name for one in found.checks if not one.ok] == ["ratio recomputed"]


def test_a_manifest_that_claims_otherwise_is_found_out(settings: Settings) -> None:
    publish_manifest(settings, trained_until=START)
    found = trace(settings, write_lake(settings))
    assert [one.name for one in found.checks if not one.ok] == ["forecast's manifest"]


def test_a_decision_of_the_second_rule_is_traced_to_its_book_message(settings: Settings) -> None:
    parameters = msgspec.structs.replace(PARAMETERS, half_spread_bps=D(10))
    signal = Signal("gemini", "BTC-USD", "imbalance", D("0.5"), START_US + 5, START_US)
    top = msgspec.structs.replace(TOP, bid_quantity=D(6), ask_quantity=D(2))
    trader = Strategy(parameters, Account(quote=D(10_000)), rule="imbalance_and_mid")
    decision = trader.decide(
        signal, forecast=None, top=SeenTop(START_US + 5, top, RecordId("market.book", 0, 12))
    )
    seen = change(12, "ask", "9010", "3", event=2) | {
        "top_bid_quantity": D(6),
        "top_ask_quantity": D(2),
    }
    order = order_for(decision, broker="paper")
    assert order is not None
    put_all(settings, decision, {}, {"book_changes": [seen]})
    found = trace(settings, order.order_id)
    assert [one.name for one in found.checks if not one.ok] == []
    put_all(
        settings, decision, {"book_changes": {"top_ask_quantity": D(3)}}, {"book_changes": [seen]}
    )
    spoilt = trace(settings, order.order_id)
    assert [one.name for one in spoilt.checks if not one.ok] == ["imbalance recomputed"]


@pytest.mark.parametrize("kind", ["bid", "silent"])
def test_a_sale_of_a_window_without_a_ratio_is_traced_to_what_there_was(
    settings: Settings, kind: str
) -> None:
    value = D(18000) if kind == "bid" else D(0)
    signal = Signal("gemini", "BTC-USD", kind, value, START_US + 60_000_000, START_US)
    decision = Strategy(PARAMETERS, Account(quote=D(10), base=D(1))).decide(
        signal,
        forecast=Down(),
        top=SeenTop(START_US + 59_000_000, TOP, RecordId("market.book", 0, 60)),
    )
    row = {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": kind,
        "value": value,
        "window_start": START,
        "timestamp": END,
    }
    forecast = {"ds": END + timedelta(minutes=1), "forecast_id": "f1", "side": "sell"}
    later = change(60, "ask", "9999", "9", event=3)
    in_window = [change(10, "bid", "9000", "2", event=1)] if kind == "bid" else []
    signals = [row] if kind == "bid" else [row | {"type": "price_volume", "window_start": END}]
    order = order_for(decision, broker="paper")
    assert order is not None
    put_all(
        settings,
        decision,
        {},
        {"signals": signals, "forecasts": [forecast], "book_changes": [*in_window, later]},
    )
    names = {one.name: one.ok for one in trace(settings, order.order_id).checks}
    computed = "sum recomputed" if kind == "bid" else "window was silent"
    assert names["signal in the lake"] and names[computed] and names["decision derived again"]
    put(settings.lake, "book_changes", [change(11, "ask", "9010", "3", event=2), later])
    put(settings.lake, "signals", [row | {"type": "ask"}])
    names = {one.name: one.ok for one in trace(settings, order.order_id).checks}
    assert not names["signal in the lake"] and not names[computed]


def test_a_move_of_two_minutes_is_traced_to_the_levels_at_its_ends(settings: Settings) -> None:
    parameters = msgspec.structs.replace(PARAMETERS, lookahead_minutes=2)
    signal = Signal("gemini", "BTC-USD", "price_volume", D(1), START_US + 60_000_000, START_US)
    decision = Strategy(parameters, Account(quote=D(10_000))).decide(
        signal, forecast=Rising(), top=SeenTop(START_US + 59_000_000, TOP)
    )
    order = order_for(decision, broker="paper")
    assert order is not None
    rows = [
        {"ds": END + timedelta(minutes=n), "forecast_id": "f1", "side": "sell", "yhat": yhat}
        for n, yhat in enumerate([100.0, 99.0, 101.0])
    ]
    put_all(settings, decision, {}, {"forecasts": rows})
    checks = {one.name: one.ok for one in trace(settings, order.order_id).checks}
    assert checks["forecast in the lake"]
    put(settings.lake, "forecasts", [*rows[:2], rows[2] | {"yhat": 99.5}])
    checks = {one.name: one.ok for one in trace(settings, order.order_id).checks}
    assert not checks["forecast in the lake"]


def test_an_unknown_order_is_reported(settings: Settings) -> None:
    with pytest.raises(QueryError, match="0 times in orders"):
        trace(settings, "no-such")


def publish_manifest(settings: Settings, *, trained_until: datetime) -> None:
    content = render([(START, "buy", 1.0, 1.0, 1.0)])
    publish(
        settings.forecasts,
        content=content,
        keep=3,
        manifest=Manifest(
            forecast_id="f1",
            symbol="BTC-USD",
            world="sim",
            rows=1,
            first_ds=START,
            last_ds=START,
            sha256=hashlib.sha256(content).hexdigest(),
            trained_until=trained_until,
            made_at=START,
            model="by hand",
            fitted_by="nobody",
            versions={"trades": 7},
            metrics={},
        ),
    )
