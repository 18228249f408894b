"""The tape of 2018-04-24 as a forecast folder, a lake and records: one market in three forms.

The lake's rows are made here from the decoder's messages and from ratios that the oracle of
`tape_facts` works out over the venue's JSON; no code of backtest or replay is used.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from include.forecast.forecast_file import publish, render
from include.forecast.manifest import Manifest
from include.market.events import BookChange, Message
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from tests.support.tape_facts import MINUTE, TAPE, UNTIL, Facts, ThreeByThree

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STAMP, MONEY, QUANTITY = pa.timestamp("us", tz="UTC"), pa.decimal128(20, 8), pa.decimal128(22, 10)
CLOSED = 17  # windows that closed before the tape ended; the oracle has 18
SETTINGS = {"FORECAST_STALE_HOURS": "100000", "TRADER_LAG_S": "0", "TRADER_SKEW_S": "0"}


def at(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def messages(data: Path) -> list[Message]:
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="tape")
    decoded = [m for frame in read_tape(data / TAPE) for m in decoder.decode(frame).messages]
    return [message for message in decoded if message.kind == "book"]


def publish_forecast(folder: Path, *, world: str) -> str:
    """One hour of `ThreeByThree` from 05:00 on, trained until 05:00; gives its id."""
    sides = [(UNTIL + n * MINUTE, ThreeByThree().side_at(UNTIL + n * MINUTE)) for n in range(60)]
    rows = [(at(ds), side, 9000.0, 8900.0, 9100.0) for ds, side in sides]
    content = render(rows)
    from hashlib import sha256

    manifest = Manifest(
        forecast_id="three",
        symbol="BTC-USD",
        world=world,
        sha256=sha256(content).hexdigest(),
        rows=60,
        first_ds=rows[0][0],
        last_ds=rows[-1][0],
        trained_until=at(UNTIL),
        made_at=at(UNTIL),
        model="by hand",
        fitted_by="nobody",
        versions={},
        metrics={},
        last_price=9000.0,
        volatility=0.0005,
    )
    return publish(folder, content=content, manifest=manifest, keep=3).forecast_id


def write_lake(lake: str, data: Path) -> None:
    """The tables that a backtest reads."""
    forecasts = [
        {
            "forecast_id": "three",
            "symbol": "BTC-USD",
            "ds": at(UNTIL + n * MINUTE),
            "side": ThreeByThree().side_at(UNTIL + n * MINUTE),
            "yhat": 9000.0,
            "yhat_lower": 8900.0,
            "yhat_upper": 9100.0,
            "trained_until": at(UNTIL),
            "last_price": 9000.0,
            "volatility": 0.0005,
        }
        for n in range(60)
    ]
    signals = [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "type": "price_volume",
            "value": ratio.quantize(D("1e-12")),
            "window_start": at(end - MINUTE),
            "timestamp": at(end),
        }
        for end, ratio in Facts(data / TAPE).signals()[:CLOSED]
    ]
    rows = [row for n, one in enumerate(messages(data)) for row in book_rows(n, one)]
    put(lake, "forecasts", forecasts, {"ds": STAMP, "trained_until": STAMP})
    put(
        lake,
        "signals",
        signals,
        {"value": pa.decimal128(38, 12), "window_start": STAMP, "timestamp": STAMP},
    )
    put(
        lake,
        "book_changes",
        rows,
        {
            "venue_time": STAMP,
            "received_time": STAMP,
            "side": pa.string(),
            "price": MONEY,
            "remaining": QUANTITY,
            "venue_event_id": pa.int64(),
            "reason": pa.string(),
            "top_bid": MONEY,
            "top_bid_quantity": QUANTITY,
            "top_ask": MONEY,
            "top_ask_quantity": QUANTITY,
        },
    )


def book_rows(offset: int, message: Message) -> list[dict[str, Any]]:
    top = message.top
    shared = {
        "topic": "market.book",
        "partition": 0,
        "offset": offset,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "received_time": at(message.received_time),
        "conn": message.conn,
        "venue_time": None if message.venue_time is None else at(message.venue_time),
        "top_bid": top and top.bid,
        "top_bid_quantity": top and top.bid_quantity,
        "top_ask": top and top.ask,
        "top_ask_quantity": top and top.ask_quantity,
    }
    empty = {"event_index": -1, "side": None, "price": None, "remaining": None}
    found = [
        shared
        | {
            "event_index": n,
            "side": e.side,
            "price": e.price,
            "remaining": e.remaining,
            "venue_event_id": e.venue_event_id,
            "reason": e.reason,
        }
        for n, e in enumerate(message.events)
        if isinstance(e, BookChange)
    ]
    return found or [shared | empty | {"venue_event_id": None, "reason": None}]


def put(lake: str, table: str, rows: list[dict[str, Any]], types: dict[str, Any]) -> None:
    names = list(rows[0])
    columns = [pa.array([row[n] for row in rows], type=types.get(n)) for n in names]
    write_deltalake(f"{lake}/{table}", pa.Table.from_arrays(columns, names=names))
