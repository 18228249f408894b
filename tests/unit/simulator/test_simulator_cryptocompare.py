"""The simulated CryptoCompare: aggregated candles, prices of the past, keys.

What is asked for is min-api.cryptocompare.com's; sums are of its own smaller candles.
"""

from typing import Any

import pytest
from aiohttp import ClientSession

from tests.support.simulated_venues import simulated_venues

PAIR = "fsym=BTC&tsym=USD"
TO_S = 1_790_000_000 // 86_400 * 86_400 + 3599
KEY = {"Authorization": "Apikey for-tests"}


async def read(session: ClientSession, url: str, headers: dict[str, str] | None = None) -> Any:
    async with session.get(url, headers=KEY if headers is None else headers) as reply:
        return await reply.json()


async def test_aggregated_candles_sum_the_smaller_ones() -> None:
    async with simulated_venues() as (session, base):
        minutes, fives, older = [
            (await read(session, f"{base}/data/{path}?{PAIR}&toTs={TO_S}&{rest}"))["Data"]
            for path, rest in (
                ("v2/histominute", "limit=59"),
                ("v2/histominute", "limit=11&aggregate=5"),
                ("histominute", "limit=11&aggregate=5"),
            )
        ]
    assert fives["Aggregated"] is True and minutes["Aggregated"] is False
    assert fives["Data"] == older and len(older) == 12
    for n, row in enumerate(older):
        part = minutes["Data"][5 * n : 5 * n + 5]
        assert row["time"] == part[0]["time"] and row["close"] == part[-1]["close"]
        assert row["high"] == max(minute["high"] for minute in part)
        volume = sum(minute["volumefrom"] for minute in part)
        assert row["volumefrom"] == pytest.approx(volume)


async def test_an_average_lies_within_the_days_extremes_and_the_past_is_its_candles() -> None:
    async with simulated_venues() as (session, base):
        hours = await read(session, f"{base}/data/histohour?{PAIR}&toTs={TO_S + 10_800}&limit=3")
        low = min(row["low"] for row in hours["Data"])
        high = max(row["high"] for row in hours["Data"])
        for kind in ("HourVWAP", "MidHighLow", "VolFVolT"):
            url = f"{base}/data/dayAvg?{PAIR}&toTs={TO_S + 10_800}&avgType={kind}"
            assert low <= (await read(session, url))["USD"] <= high
        past = await read(session, f"{base}/data/pricehistorical?fsym=BTC&tsyms=USD&ts={TO_S}")
    assert past["BTC"]["USD"] == pytest.approx(hours["Data"][0]["close"], rel=0.001)


async def test_all_days_begin_where_the_answer_says() -> None:
    async with simulated_venues() as (session, base):
        url = f"{base}/data/v2/histoday?{PAIR}&allData=true"
        days = (await read(session, url))["Data"]
    assert days["TimeFrom"] == days["Data"][0]["time"]


async def test_a_key_is_a_header_or_a_parameter() -> None:
    async with simulated_venues() as (session, base):
        url = f"{base}/data/price?fsym=BTC&tsyms=USD"
        assert set(await read(session, f"{url}&api_key=k", {})) == {"USD"}
        refusal = await read(session, url, {})
        assert refusal["Err"]["message"] == "API key required"


async def test_a_day_as_text_has_signs_and_groups_of_digits() -> None:
    async with simulated_venues() as (session, base):
        day = await read(session, f"{base}/data/pricemultifull?fsyms=BTC&tsyms=USD")
    numbers, texts = (day[kind]["BTC"]["USD"] for kind in ("RAW", "DISPLAY"))
    assert texts["PRICE"] == f"$ {numbers['PRICE']:,.2f}" and texts["FROMSYMBOL"] == "Ƀ"
    change = numbers["PRICE"] - numbers["OPEN24HOUR"]
    assert numbers["CHANGE24HOUR"] == pytest.approx(change)
    assert numbers["LOW24HOUR"] <= numbers["PRICE"] * 1.001
