"""The simulated Binance's candles, windows and times are those of its own trades."""

import asyncio
import json
import time
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from streaming.simulator import binance_trades
from streaming.simulator.binance_candles import INTERVALS, CandleQuery, candles_of, start_of
from streaming.simulator.binance_trades import bar_of, number_at, trade
from streaming.simulator.price_path import PricePath
from tests.support.simulated_venues import simulated_venues

NOW_MS = 1_700_000_040_250
LISTED_MS = 1_672_531_200_000  # 2023-01-01
PATH = PricePath(seed=7, stream=1, level=70_000.0)


async def get(session: Any, url: str, **headers: str) -> Any:
    async with session.get(url, headers=headers) as reply:
        return await reply.json()


def expected_row(first: int, end: int) -> tuple[Decimal, ...]:
    """Open, high, low, close, volume, quote volume, taker volumes: summed trade by trade."""
    trades = [trade(PATH, number) for number in range(first, end)]
    rows = [(Decimal(str(t["p"])), Decimal(str(t["q"])), t["m"]) for t in trades]
    prices, bought = [price for price, _, _ in rows], [row for row in rows if not row[2]]
    return (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum((q for _, q, _ in rows), Decimal(0)),
        sum((p * q for p, q, _ in rows), Decimal(0)),
        sum((q for _, q, _ in bought), Decimal(0)),
        sum((p * q for p, q, _ in bought), Decimal(0)),
    )


@pytest.mark.parametrize("interval", ["1s", "1m", "15m", "2h"])
def test_a_candle_of_any_interval_is_the_sum_of_its_trades(interval: str) -> None:
    for candle in candles_of(PATH, CandleQuery(interval, None, None, 2), NOW_MS):
        row: list[Any] = candle.row()
        end = min(number_at(candle.close_ms + 1), number_at(NOW_MS))
        numbers = [Decimal(text) for text in (*row[1:6], row[7], row[9], row[10])]
        assert tuple(numbers) == expected_row(number_at(candle.open_ms), end)
        assert row[8] == end - number_at(candle.open_ms)


@pytest.mark.parametrize("interval", INTERVALS)
def test_candles_follow_one_another_and_begin_with_the_market(interval: str) -> None:
    candles = list(candles_of(PATH, CandleQuery(interval, 0, None, 3), NOW_MS))
    assert candles[0].open_ms <= LISTED_MS < candles[0].close_ms
    for before, after in pairwise(candles):
        assert after.open_ms == before.close_ms + 1
        assert after.bar.first == before.bar.last + 1
    (newest,) = candles_of(PATH, CandleQuery(interval, None, None, 1), NOW_MS)
    assert newest.open_ms <= NOW_MS <= newest.close_ms


def test_weeks_begin_on_monday_months_on_the_first_days_in_their_zone() -> None:
    week, month, day = (
        next(iter(candles_of(PATH, CandleQuery(interval, None, None, 1, zone), NOW_MS)))
        for interval, zone in (("1w", 0), ("1M", 0), ("1d", 8 * 3600))
    )
    assert week.open_ms == 1_699_833_600_000  # 2023-11-13, a Monday
    assert month.open_ms == 1_698_796_800_000 and month.close_ms == 1_701_388_799_999
    assert day.open_ms == 1_699_977_600_000  # 16:00 UTC
    assert start_of("1M", 2023 * 12 + 1) == 1_675_209_600


def test_a_long_bar_is_the_same_by_hours_and_trade_by_trade(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = number_at(NOW_MS - 9_000_000) + 1
    by_hours = bar_of(PATH, first, first + 15_000)
    monkeypatch.setattr(binance_trades, "_PER_HOUR", 10**12)
    assert bar_of(PATH, first, first + 15_000) == by_hours
    assert bar_of(PATH, first, first).trade_count == 0


async def test_a_thousand_minutes_do_not_hold_the_streams() -> None:
    async with simulated_venues() as (session, base):
        url = f"{base}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000"
        begun = time.monotonic()
        klines = asyncio.ensure_future(get(session, url))
        waits = []
        while not klines.done():
            at = time.monotonic()
            await asyncio.sleep(0.005)
            waits.append(time.monotonic() - at)
        assert len(klines.result()) == 1000
        assert time.monotonic() - begun < 5 and max(waits) < 0.5


async def test_times_in_microseconds_for_who_asks_for_them() -> None:
    async with simulated_venues() as (session, base):
        header = {"X-MBX-TIME-UNIT": "MICROSECOND"}
        reply = await get(session, f"{base}/api/v3/time", **header)
        assert abs(reply["serverTime"] / 1e6 - time.time()) < 60
        url = f"{base}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1"
        (row,) = await get(session, url, **header)
        assert row[6] == row[0] + 60_000_000 - 1
        refused = await get(session, f"{base}/api/v3/time", **{"X-MBX-TIME-UNIT": "WEEK"})
        assert refused["code"] == -1194


async def test_tickers_of_several_symbols_and_of_windows() -> None:
    async with simulated_venues() as (session, base):
        both = '%5B"BTCUSDT","ETHUSDT"%5D'
        for path in ("ticker/price", "ticker/bookTicker", "ticker/24hr", "ticker"):
            rows = await get(session, f"{base}/api/v3/{path}?symbols={both}")
            assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
            rows = await get(session, f'{base}/api/v3/{path}?symbols=%5B"BTCUSDT"%5D')
            assert len(rows) == 1
        window = await get(session, f"{base}/api/v3/ticker?symbol=BTCUSDT&windowSize=7m")
        assert 7 * 60_000 <= window["closeTime"] - window["openTime"] < 8 * 60_000
        assert window["count"] == window["lastId"] - window["firstId"] + 1
        day = await get(session, f"{base}/api/v3/ticker/24hr?symbol=BTCUSDT")
        price = await get(session, f"{base}/api/v3/ticker/price?symbol=BTCUSDT")
        assert abs(Decimal(day["lastPrice"]) / Decimal(price["price"]) - 1) < Decimal("0.01")
        assert (
            Decimal(day["lowPrice"])
            <= Decimal(day["weightedAvgPrice"])
            <= Decimal(day["highPrice"])
        )
        mini = await get(session, f"{base}/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI")
        assert "priceChange" not in mini and "lastPrice" in mini
        refused = await get(session, f"{base}/api/v3/ticker?windowSize=5m")
        assert refused["code"] == -1102


@pytest.mark.parametrize(
    "address",
    ["depth", "ticker", "ticker/24hr", "ticker/tradingDay", "ticker/price", "ticker/bookTicker"],
)
async def test_only_symbols_of_the_status_that_is_asked_for(address: str) -> None:
    async with simulated_venues() as (session, base):

        async def get(query: str) -> Any:
            async with session.get(f"{base}/api/v3/{address}?{query}") as reply:
                return reply.status, await reply.json()

        status, body = await get("symbol=BTCUSDT&symbolStatus=HALT")
        assert (status, body["code"]) == (400, -1220)
        assert (await get("symbol=BTCUSDT&symbolStatus=TRADING"))[0] == 200
        if address != "depth":
            some = 'symbols=["BTCUSDT","ETHUSDT"]&symbolStatus='
            assert (await get(f"{some}BREAK")) == (200, [])
            assert len((await get(f"{some}TRADING"))[1]) == 2


async def test_the_rules_of_a_status_are_those_of_all_its_symbols() -> None:
    async with simulated_venues() as (session, base):
        for query, answer in (("HALT", 0), ("TRADING", 2), ("TRADING&symbol=BTCUSDT", -1128)):
            async with session.get(f"{base}/api/v3/exchangeInfo?symbolStatus={query}") as reply:
                body = await reply.json()
            assert body.get("code", len(body.get("symbols", ()))) == answer


async def test_too_much_weight_is_refused_with_a_time() -> None:
    async with simulated_venues() as (session, base):
        url, statuses = f"{base}/api/v3/depth?symbol=BTCUSDT&limit=5000", []
        for _ in range(30):
            async with session.get(url) as reply:
                statuses.append(reply.status)
                body, headers = await reply.json(), reply.headers
        assert statuses[:24] == [200] * 24 and statuses[24] == 429 and statuses[-1] == 418
        assert body["code"] == -1003 and 0 < int(headers["Retry-After"]) <= 61


async def test_symbols_once_and_listed() -> None:
    async with simulated_venues() as (session, base):
        for text, code in (
            ('["BTCUSDT","BTCUSDT"]', -1151),
            ("BTCUSDT", -1100),
            ('["NOSUCH"]', -1121),
        ):
            async with session.get(
                f"{base}/api/v3/exchangeInfo", params={"symbols": text}
            ) as reply:
                assert (reply.status, (await reply.json())["code"]) == (400, code), text
        info = await get(session, f"{base}/api/v1/exchangeInfo?symbol=ETHUSDT")
        assert [row["symbol"] for row in info["symbols"]] == ["ETHUSDT"]
        assert json.dumps(info).count("filterType") == 9
