"""An order is traced through a small lake, and a lake that tells otherwise is found out."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import QueryError
from include.market.events import Top
from include.settings import Settings, load
from include.trading.account import Account
from include.trading.inputs import Parameters, Place, SeenTop, Signal
from include.trading.rules import order_of
from include.trading.trader import Trader
from streaming.trader.trace import as_json, page, trace

START = datetime(2018, 4, 24, 5, 15, tzinfo=UTC)
END = START + timedelta(minutes=1)
START_US = 1_524_546_900_000_000
TOP = Top(bid=D("9000.5"), bid_quantity=D(2), ask=D("9010.25"), ask_quantity=D(3))
MONEY, STAMP = pa.decimal128(20, 8), pa.timestamp("us", tz="UTC")


class Up:
    forecast_id, trained_until = "f1", START_US - 60_000_000

    def side_at(self, minute_us: int) -> str:
        return "buy"


def put(lake: str, table: str, rows: list[dict[str, Any]]) -> None:
    frame = pa.Table.from_pylist(rows)
    fields = [
        pa.field(f.name, MONEY if f.name in MONIES else STAMP if pa.types.is_timestamp(f.type)
                 else pa.string() if pa.types.is_null(f.type) else f.type)
        for f in frame.schema
    ]  # fmt: skip
    write_deltalake(f"{lake}/{table}", frame.cast(pa.schema(fields)))


MONIES = {"price", "remaining", "quantity", "executed", "bid", "ask", "ratio", "top_bid", "top_ask"}


def change(offset: int, side: str, price: str, remaining: str, *, event: int) -> dict[str, Any]:
    return {
        "venue": "gemini", "symbol": "BTC-USD", "partition": 0, "offset": offset, "event_index": 0,
        "venue_time": START + timedelta(seconds=offset), "venue_event_id": event, "side": side,
        "price": D(price), "remaining": D(remaining), "top_bid": D("9000.5"),
        "top_ask": D("9010.25"),
    }  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TICKHOUSE_VAR": str(tmp_path / "var")})


def write_lake(settings: Settings, *, spoil: dict[str, Any]) -> str:
    """A window of bids worth 9000 * 2 and asks worth 9010 * 3 (one told twice); its order's id."""
    ratio = D("1.501666666667")  # 27030 / 18000
    parameters = Parameters(
        ratio_low=D("0.1"), ratio_high=D(2), balance_share=D("0.9"), lookahead_minutes=1,
        fee_bps=D(40), forecast_stale_us=10**12, book_stale_us=30_000_000,
    )  # fmt: skip
    signal = Signal("gemini", "BTC-USD", "price_volume", ratio, START_US + 60_000_000, START_US)
    decision = Trader(parameters, Account(quote=D(10_000))).decide(
        signal, forecast=Up(), place=Place("market.signals", 0, 9),  # type: ignore[arg-type]
        book=SeenTop(START_US + 59_000_000, TOP, Place("market.book", 0, 12)),
    )  # fmt: skip
    order = order_of(decision, broker="paper")
    assert order is not None
    row = {name: getattr(decision, name) for name in decision.__struct_fields__}
    put(settings.lake, "decisions", [row | {"window_start": START} | spoil])
    put(settings.lake, "orders", [{n: getattr(order, n) for n in order.__struct_fields__}])
    put(settings.lake, "signals", [{
        "venue": "gemini", "symbol": "BTC-USD", "type": "price_volume", "value": ratio,
        "window_start": START, "timestamp": END,
    }])  # fmt: skip
    put(settings.lake, "forecasts", [
        {"forecast_id": "f1", "ds": END + timedelta(minutes=n), "side": side}
        for n, side in enumerate(["sell", "buy", "sell"])
    ])  # fmt: skip
    put(settings.lake, "book_changes", [
        change(10, "bid", "9000", "2", event=1), change(11, "ask", "9010", "3", event=2),
        change(12, "ask", "9010", "3", event=2), change(60, "ask", "9999", "9", event=3),
    ])  # fmt: skip
    return order.order_id


def test_an_order_is_traced_to_what_made_it(settings: Settings) -> None:
    found = trace(settings, write_lake(settings, spoil={}))
    assert {one.name: (one.ok, one.detail) for one in found.checks if not one.ok} == {}
    assert len(found.checks) == 5
    assert [(one["side"], one["amount"], one["changes"]) for one in found.book] == [
        ("ask", D(27030), 1), ("bid", D(18000), 1),
    ]  # fmt: skip
    assert found.versions["book_changes"] == 0
    text = page(found)
    assert "ask: 1 changes worth 27030.0000000000000000, market.book/0 offsets 11..11" in text
    assert "DIFFERS" not in text
    told = json.loads(as_json(found))
    assert told["inputs"]["book"]["place"] == {
        "topic": "market.book", "partition": 0, "offset": 12,
    }  # fmt: skip


def test_a_decision_that_does_not_follow_is_found_out(settings: Settings) -> None:
    found = trace(settings, write_lake(settings, spoil={"quantity": D("0.5")}))
    assert [one.name for one in found.checks if not one.ok] == ["decision derived again"]
    assert "DIFFERS   decision derived again: differs in quantity" in page(found)


def test_an_unknown_order_is_told(settings: Settings) -> None:
    with pytest.raises(QueryError, match="0 times in orders"):
        trace(settings, "no-such")
