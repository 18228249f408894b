"""Healing against the simulated venues: holes are refilled, and closed only when all has landed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from deltalake import write_deltalake

from include.errors import RejectedFrame
from include.market.events import LedgerEntry, Message, Trade
from include.market.venue_settings import BinanceSettings, DeribitSettings, GeminiSettings, Venues
from include.settings import load
from streaming.feeds.fetch import open_fetch
from streaming.feeds.heal_gaps import DeltaLake
from streaming.feeds.healer import Healer, Hole
from streaming.feeds.refill import trade_numbers
from streaming.feeds.registry import refills
from streaming.simulator import binance_trades, deribit_market
from streaming.simulator.__main__ import make_application
from tests.support.lake_of_rows import at, put

SYMBOL = {"binance": "BTC-USDT", "deribit": "BTC-PERPETUAL", "gemini": "BTC-USD"}


class FakeLake:
    """Lands what is published when it is looked at the second time, unless it is stuck."""

    def __init__(self, *holes: Hole, there: set[int] = frozenset(), stuck: bool = False) -> None:  # type: ignore[assignment]
        self.open, self.landed, self.stuck = list(holes), set(there), stuck
        self.published: list[Message] = []
        self.looked = 0

    def open_holes(self) -> list[Hole]:
        return self.open

    def landed_numbers(self, hole: Hole) -> set[int]:
        self.looked += 1
        if not self.stuck and self.looked > 2:
            for message in self.published:
                if message.kind == "trade" and message.venue == hole.venue:
                    self.landed |= set(trade_numbers(message))
        return {one for one in self.landed if hole.first <= one <= hole.last}


@asynccontextmanager
async def healing(
    lake: FakeLake, *, wait_s: float = 5
) -> AsyncIterator[tuple[Healer, str, Venues]]:
    async with TestServer(make_application(load({}))) as server, open_fetch() as fetch:
        base = str(server.make_url("")).rstrip("/")
        venues = Venues(
            binance=BinanceSettings(rest_url=base),
            deribit=DeribitSettings(rest_url=base),
            gemini=GeminiSettings(rest_url=base),
        )
        yield (
            Healer(
                lake=lake,
                refills=refills(venues),
                fetch=fetch,
                publish=lake.published.append,
                flush=lambda: None,
                now_us=lambda: 7,
                conn="heal-1",
                wait_s=wait_s,
            ),
            base,
            venues,
        )


def newest(venue: str) -> int:
    now_ms = time.time_ns() // 1_000_000
    if venue == "binance":
        return binance_trades.number_at(now_ms) - 10
    return deribit_market.number_at(now_ms) - 10


@pytest.mark.parametrize("venue", ["binance", "deribit"])
async def test_what_the_lake_lacks_is_published_over_pages_and_the_hole_closed(venue: str) -> None:
    last = newest(venue)
    hole = Hole(venue, SYMBOL[venue], last - 2099, last)  # three pages of a thousand
    lake = FakeLake(hole, there={last - 5, last - 1})
    async with healing(lake) as (healer, _, _):
        found = await healer.run()
    assert found == {"healed": 1, "refilled": 2098, "open": []}
    trades = [message for message in lake.published if message.kind == "trade"]
    ids = [one for message in trades for one in trade_numbers(message)]
    assert ids == [n for n in range(hole.first, last + 1) if n not in {last - 5, last - 1}]
    assert {message.conn for message in trades} == {"heal-1"}
    assert lake.published[-1].events == (
        LedgerEntry("healed", "refilled by REST", hole.first, hole.last),
    )


async def test_a_refilled_trade_is_the_one_that_the_stream_carries() -> None:
    last = newest("binance")
    lake = FakeLake(Hole("binance", SYMBOL["binance"], last, last))
    async with healing(lake) as (healer, base, _), ClientSession() as session:
        await healer.run()
        query = f"symbol=BTCUSDT&fromId={last}&limit=1"
        async with session.get(f"{base}/api/v3/aggTrades?{query}") as reply:
            (raw,) = await reply.json()
    (trade,) = lake.published[0].events
    assert trade == Trade(
        str(raw["a"]),
        Decimal(raw["p"]),
        Decimal(raw["q"]),
        "sell" if raw["m"] else "buy",
        raw["T"] * 1000,
        raw["f"],
        raw["l"],
    )


async def test_a_hole_whose_refill_has_not_landed_stays_open() -> None:
    last = newest("deribit")
    lake = FakeLake(Hole("deribit", SYMBOL["deribit"], last - 3, last), stuck=True)
    async with healing(lake, wait_s=0) as (healer, _, _):
        found = await healer.run()
    assert found["healed"] == 0 and "not landed yet" in str(found["open"])
    assert not [message for message in lake.published if message.kind == "ledger"]


async def test_a_hole_that_the_venue_cannot_fill_whole_stays_open() -> None:
    future = newest("binance") + 10_000
    lake = FakeLake(Hole("binance", SYMBOL["binance"], newest("binance"), future))
    async with healing(lake) as (healer, base, _):
        assert "the venue lists" in str((await healer.run())["open"])
        lake.open = [Hole("deribit", SYMBOL["deribit"], 1, 2)]
        async with ClientSession() as session:
            fault = {"path": "/api/v2/public", "status": 503}
            await session.post(f"{base}/faults/rest", json=fault)
        healer.open.clear()
        assert "http 503" in str((await healer.run())["open"])


async def test_gemini_trades_between_two_connections_are_refilled_by_their_ids() -> None:
    async with healing(lake := FakeLake()) as (healer, base, _), ClientSession() as session:

        async def past_trades() -> list[dict[str, object]]:
            async with session.get(f"{base}/v1/trades/btcusd?limit_trades=500") as reply:
                found: list[dict[str, object]] = await reply.json()
                return found[::-1]

        async with asyncio.timeout(60):
            while len(trades := await past_trades()) < 3:  # noqa: ASYNC110 (a market has no event)
                await asyncio.sleep(0.2)
        first, second, third = (int(str(one["tid"])) for one in trades[:3])
        lake.open = [Hole("gemini", "BTC-USD", first + 1, third)]
        assert (await healer.run())["healed"] == 1
    refilled = [message for message in lake.published if message.kind == "trade"]
    assert [trade_numbers(message) for message in refilled] == [[second], [third]]
    side = {"buy": "buy", "sell": "sell"}.get(str(trades[1]["type"]))  # an auction's has none
    (trade,) = refilled[0].events
    assert isinstance(trade, Trade) and trade.side == side and refilled[0].seq is None


def test_numbers_of_a_page_do_not_pass_through_float() -> None:
    body = (
        b'{"result":{"trades":[{"trade_seq":1,"trade_id":"1","timestamp":1763640000000,"direction":"buy",'
        b'"price":123456789012.12345678,"amount":10.0,"instrument_name":"BTC-PERPETUAL"}]}}'
    )
    found = refills(Venues())["deribit"].trades(body, symbol="BTC-PERPETUAL", conn="c", now_us=1)
    (trade,) = found[0].events
    assert isinstance(trade, Trade) and trade.price == Decimal("123456789012.12345678")
    with pytest.raises(RejectedFrame):
        refills(Venues())["deribit"].trades(b'{"error":{}}', symbol="X-Y", conn="c", now_us=1)


def test_the_lake_has_open_holes_and_landed_ids(tmp_path: Path) -> None:
    lake = DeltaLake(str(tmp_path))
    assert lake.open_holes() == []
    rows = [
        ("binance", "BTC-USDT", "gap", "missing", 5, 9),
        ("binance", "BTC-USDT", "gap", "missing", 20, 21),
        ("binance", "BTC-USDT", "healed", "refilled by REST", 20, 21),
        ("gemini", "BTC-USD", "gap", "missing", 3, 4),  # frames, not trades
        ("gemini", "BTC-USD", "gap", "between_connections", 100, 200),
        ("deribit", "BTC-PERPETUAL", "gap", "broken_chain", None, None),
        ("binance", "BTC-USDT", "dropped", "spool full: trade", 30, 32),
        ("binance", "BTC-USDT", "dropped", "spool full: book", 1, 2),  # frames, not trades
        ("gemini", "BTC-USD", "dropped", "spool damaged: trade", 300, 301),
    ]
    names = ("venue", "symbol", "entry", "cause", "first_seq", "last_seq")
    write_deltalake(
        tmp_path / "feed_ledger",
        pa.table({name: [row[at] for row in rows] for at, name in enumerate(names)}),
    )
    assert lake.open_holes() == [
        Hole("binance", "BTC-USDT", 5, 9),
        Hole("binance", "BTC-USDT", 30, 32),
        Hole("gemini", "BTC-USD", 100, 200),
        Hole("gemini", "BTC-USD", 300, 301),
    ]
    assert lake.landed_numbers(Hole("binance", "BTC-USDT", 5, 9)) == set()
    trades = {
        "venue": ["binance", "binance", "gemini"],
        "symbol": ["BTC-USDT", "BTC-USDT", "BTC-USD"],
        "seq_first": [6, 12, None],
        "event_index": [1, 0, 0],
        "trade_id": ["7", "12", "150"],
    }
    write_deltalake(tmp_path / "trades", pa.table(trades))
    assert lake.landed_numbers(Hole("binance", "BTC-USDT", 5, 9)) == {7}
    assert lake.landed_numbers(Hole("gemini", "BTC-USD", 100, 200)) == {150}
    (read,) = tmp_path.glob("trades/*.parquet")
    later = {name: [column[0]] for name, column in trades.items()} | {"seq_first": [8]}
    write_deltalake(tmp_path / "trades", pa.table(later), mode="append")
    read.write_bytes(b"")  # it would be opened in vain
    assert lake.landed_numbers(Hole("binance", "BTC-USDT", 5, 9)) == {7, 9}


def test_what_several_entries_closed_of_a_hole_is_asked_for_no_more(tmp_path: Path) -> None:
    def row(entry: str, first: int, last: int, clock: str) -> dict[str, Any]:
        key = {"venue": "binance", "symbol": "BTC-USDT", "entry": entry, "cause": "missing"}
        return key | {"first_seq": first, "last_seq": last, "received_time": at(clock)}

    earlier = row("healed", 5, 400, "11:00")  # of numbers that have begun again since
    rows = [earlier, row("gap", 101, 400, "12:00"), row("healed", 150, 160, "12:10")]
    rows += [row("lost", 161, 200, "12:20"), row("healed", 390, 500, "12:30")]
    put(tmp_path, "feed_ledger", rows)
    spans = [(hole.first, hole.last) for hole in DeltaLake(str(tmp_path)).open_holes()]
    assert spans == [(101, 149), (201, 389)]
