"""Planned ends, log-ins and wrong messages: what the feed makes of each fault of the script."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.feed_world import SERVICES, World, world
from tests.support.virtual_time import in_virtual_time

DAY = "speed: 1440\nfaults: [{fault: close, venue: binance, age_s: 86400, times: 0, code: 1008}]"
NUMBERED = ("binance", "deribit")


def numbers(found: World) -> list[int]:
    return [n for m in found.of("trade") if m.seq for n in range(m.seq[0], m.seq[1] + 1)]


def test_the_24_hour_cut_is_met_before_it_comes_and_no_trade_is_lost_or_doubled(
    tmp_path: Path,
) -> None:
    async def days() -> None:
        async with world("binance", script=DAY, life_s=57.5, tmp=tmp_path) as found:
            await asyncio.sleep(200)
            assert await found.struck() == [0]  # never was a connection a day old
            assert found.causes("connect") == ["start", "renew", "renew", "renew"]
            assert found.causes("disconnect") == ["renewed"] * 3
            trade_ids = numbers(found)
            assert (
                trade_ids == list(range(trade_ids[0], trade_ids[0] + len(trade_ids)))
                and len(trade_ids) > 390
            )
            assert not found.entries("gap", "stale")
            lines = found.story()
            assert lines[1:3] == ["c1 connect renew", "c0 disconnect renewed"]

    in_virtual_time(days())


def test_without_a_successor_the_cut_itself_comes_and_its_hole_is_reported(tmp_path: Path) -> None:
    async def days() -> None:
        async with world("binance", script=DAY, life_s=9999, tmp=tmp_path) as found:
            await asyncio.sleep(130)
            assert found.causes("disconnect") == ["closed 1008", "closed 1008"]
            trade_ids = numbers(found)
            assert set(trade_ids) | found.holes() >= set(range(trade_ids[0], trade_ids[-1] + 1))

    in_virtual_time(days())


def test_a_shutdown_notice_is_met_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    async def story() -> None:
        notice = {"fault": "server_shutdown", "message": 20, "lead_s": 3, "connection": 1}
        async with world("binance", notice, tmp=tmp_path) as found:
            await asyncio.sleep(20)
            assert found.causes("connect") == ["start", "serverShutdown"]
            assert found.causes("disconnect") == ["renewed"]
            trade_ids = numbers(found)
            assert (
                trade_ids == list(range(trade_ids[0], trade_ids[0] + len(trade_ids)))
                and len(trade_ids) > 20
            )

    in_virtual_time(story())


def test_a_connection_lost_while_waiting_for_the_log_in_is_made_again(tmp_path: Path) -> None:
    async def story() -> None:
        lost = {"fault": "close", "request": "public/auth", "connection": 1}
        async with world("deribit", lost, tmp=tmp_path) as found:
            await asyncio.sleep(5)
            assert len(found.causes("connect")) == 2 and found.of("book")[-1].conn == "c1"
            assert not found.of("reject")

    in_virtual_time(story())


def test_a_log_in_that_is_never_answered_leaves_public_data_coming(tmp_path: Path) -> None:
    async def story() -> None:
        mute = {"fault": "ignore_request", "request": "public/auth"}
        async with world("deribit", mute, tmp=tmp_path) as found:
            await asyncio.sleep(5)
            assert await found.struck() == [1]
            assert found.causes("connect") == ["start"] and len(found.of("trade")) >= 4

    in_virtual_time(story())


def test_a_refused_renewal_of_the_token_is_met_by_a_new_log_in(tmp_path: Path) -> None:
    async def story() -> None:
        refusal = {"fault": "refuse_request", "request": "refresh_token", "connection": 1}
        async with world("deribit", refusal, tmp=tmp_path) as found:
            await asyncio.sleep(730)  # tokens live 900 s and are renewed at 80 %
            assert found.causes("connect") == ["start", "log-in not renewed: 13009"]
            assert found.causes("disconnect") == ["renewed"]
            trade_ids = numbers(found)
            assert (
                trade_ids == list(range(trade_ids[0], trade_ids[0] + len(trade_ids)))
                and len(trade_ids) > 700
            )

    in_virtual_time(story())


def test_silence_with_heartbeats_is_a_quiet_market_and_keeps_the_connection(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        quiet = {"fault": "silence", "message": 9, "for_s": 45, "connection": 1}
        async with world("gemini v1", quiet, tmp=tmp_path) as found:
            await asyncio.sleep(70)
            assert found.causes("stale") == ["quiet"] and found.causes("connect") == ["start"]
            assert found.causes("recovered") == ["frame"] and not found.entries("gap")
            assert found.of("book")[-1].top is not None

    in_virtual_time(story())


# fault, services whose feed sees it as: a gap row, a reject, or nothing worth a row
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"fault": "skip", "stream": "aggTrade", "message": 3}, "binance", "gap"),
    ({"fault": "skip", "stream": "trades.BTC", "message": 3}, "deribit", "gap"),
    ({"fault": "skip", "stream": "book.BTC", "message": 5}, "deribit", "gap"),
    ({"fault": "skip", "message": 5}, "gemini v1", "gap"),
    ({"fault": "skip", "stream": "depthUpdate", "message": 5}, "gemini current", "gap"),
    ({"fault": "skip", "stream": "depthUpdate", "message": 5}, "binance", "gap"),
    ({"fault": "reorder", "stream": "aggTrade", "message": 3}, "binance", "gap"),
    ({"fault": "reorder", "message": 5}, "gemini v1", "gap"),
    ({"fault": "reorder", "stream": "depthUpdate", "message": 5}, "gemini current", "gap"),
    ({"fault": "repeat", "stream": "aggTrade", "message": 3}, "binance", ""),
    ({"fault": "repeat", "stream": "depthUpdate", "message": 5}, "binance", ""),
    ({"fault": "repeat", "stream": "trades.BTC", "message": 2}, "deribit", ""),
    ({"fault": "repeat", "stream": "trade", "message": 4}, "gemini v2", ""),
    ({"fault": "repeat", "message": 5}, "gemini v1", "gap"),
    ({"fault": "repeat", "stream": "depthUpdate", "message": 5}, "gemini current", ""),
    *[({"fault": "new_field", "message": 2, "times": 40}, one, "") for one in SERVICES],
    *[({"fault": "junk", "message": 4}, one, "reject") for one in SERVICES],
    *[({"fault": "junk", "message": 4, "hex": "fffe00"}, one, "reject") for one in SERVICES],
    ({"fault": "numbers_as_text", "stream": "trades.BTC", "keys": ["price"]}, "deribit", ""),
    ({"fault": "text_as_numbers", "stream": "aggTrade", "keys": ["p", "q"]}, "binance", ""),
    ({"fault": "text_as_numbers", "message": 3, "keys": ["price"]}, "gemini v1", ""),
    ({"fault": "new_value", "stream": "aggTrade", "key": "e", "value": "newTrade"}, "binance", ""),
    (
        {"fault": "new_value", "stream": "change", "message": 3, "key": "type", "value": "amended"},
        "gemini v1",
        "",
    ),
    (
        {"fault": "new_value", "stream": "trades.BTC", "key": "direction", "value": "both"},
        "deribit",
        "reject",
    ),
]


@pytest.mark.parametrize(
    ("fault", "service", "row"),
    WRONG,
    ids=[f"{one[1]}-{one[0]['fault']}-{n}" for n, one in enumerate(WRONG)],
)
def test_a_wrong_message_is_a_row_or_harmless_and_the_feed_lives_on(
    fault: dict[str, Any], service: str, row: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with world(service, fault, tmp=tmp_path) as found:
            await asyncio.sleep(12)
            assert (await found.struck())[0] >= 1
            rejects, gaps = found.of("reject"), found.entries("gap")
            assert bool(rejects) == (row == "reject") and (bool(gaps) or row != "gap")
            ids = found.trade_ids()
            assert len(ids) == len(set(ids)) and len(ids) > 2
            if service in NUMBERED:
                trade_ids = numbers(found)
                assert (
                    set(range(min(trade_ids), max(trade_ids) + 1)) <= set(trade_ids) | found.holes()
                )
            assert found.of("book")[-1].top is not None
            assert found.messages[-1].received_time > found.messages[0].received_time + 11_000_000

    in_virtual_time(story())


@pytest.mark.parametrize("service", SERVICES)
def test_no_measure_is_computed_from_a_crossed_book(service: str, tmp_path: Path) -> None:
    stream = {"binance": "depthUpdate", "deribit": "book.BTC"}.get(service, "")
    stream = {
        "gemini v1": '"change"',
        "gemini v2": '"changes"',
        "gemini current": "depthUpdate",
    }.get(service, stream)

    async def story() -> None:
        async with world(service) as found:
            await asyncio.sleep(5)
            tops = [one.top for one in found.of("book")]
            assert all(tops[tops.index(next(filter(None, tops))) :])
            await found.post({"fault": "crossed", "stream": stream})
            before = len(found.messages)
            await asyncio.sleep(1)
            assert await found.struck() == [1]
            assert any(one.top is None for one in found.messages[before:] if one.kind == "book")

    in_virtual_time(story())
