"""The simulated venues refuse who asks too fast, as the venues do."""

import asyncio

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from include.settings import load
from streaming.simulator.__main__ import make_application
from streaming.simulator.clock import Clock
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_limits import Credits
from streaming.simulator.deribit_server import MAX_CONNECTIONS
from streaming.simulator.limits import Pool
from tests.support.virtual_time import in_virtual_time, now_us


def test_credits_are_spent_and_come_back() -> None:
    pool = Pool(10, per_s=2)
    assert pool.take(10, 100.0) and not pool.take(1, 100.0)
    assert pool.wait_s(1, 100.0) == 0.5
    assert not pool.take(1, 100.4) and pool.take(1, 100.5)
    assert not pool.take(11, 200.0)  # never more than its size


def test_deribits_pools_allow_bursts_of_a_hundred_calls_and_ten_subscriptions() -> None:
    credits = Credits()
    for method, burst, again_ms in (("public/test", 100, 50), ("public/subscribe", 10, 300)):
        for _ in range(burst):
            credits.pay(method, 1000)
        with pytest.raises(DeribitError) as refused:
            credits.pay(method, 1000 + again_ms - 1)
        assert refused.value.body == {"code": 10028, "message": "too_many_requests"}
        credits.pay(method, 1000 + again_ms)


async def test_an_empty_pool_closes_the_session_and_the_33rd_connection_is_refused() -> None:
    async with TestServer(make_application(load({}))) as server, ClientSession() as session:
        url = server.make_url("/ws/api/v2")
        others = [await session.ws_connect(url) for _ in range(MAX_CONNECTIONS)]
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(url)
        assert refused.value.status == 429
        hasty, *_ = others
        for number in range(150):
            await hasty.send_json({"jsonrpc": "2.0", "id": number, "method": "public/get_time"})
        messages = [message async for message in hasty if message.type is WSMsgType.TEXT]
        codes = [message.json().get("error", {}).get("code") for message in messages]
        assert codes[-1] == 10028 and set(codes[:-1]) == {None} and len(codes) > 100
        assert hasty.closed
        async with asyncio.timeout(60):
            while not await _connects(session, str(url)):  # noqa: ASYNC110 (its place gets free)
                await asyncio.sleep(0.05)
        await asyncio.gather(*(connection.close() for connection in others[1:]))


async def _connects(session: ClientSession, url: str) -> bool:
    try:
        await (await session.ws_connect(url)).close()
    except WSServerHandshakeError:
        return False
    return True


@pytest.mark.parametrize(
    ("path", "per_minute"), [("/v1/pubticker/btcusd", 120), ("/v1/balances", 600)]
)
def test_gemini_lets_five_wait_and_refuses_the_rest_with_a_time(path: str, per_minute: int) -> None:
    async def story() -> None:
        app = make_application(load({}), clock=Clock(now_us))
        loop = asyncio.get_running_loop()
        async with TestServer(app) as server, ClientSession() as session:

            async def ask() -> tuple[int, float, str]:
                begun, method = loop.time(), "GET" if "ticker" in path else "POST"
                async with session.request(method, server.make_url(path)) as reply:
                    wait = reply.headers.get("Retry-After", "")
                    body = await reply.json()
                    assert (reply.status == 429) == (body.get("reason") == "RateLimit")
                    return reply.status, round(loop.time() - begun, 1), wait

            admitted = [await ask() for _ in range(per_minute)]
            assert 429 not in {status for status, _, _ in admitted}
            later_answers = await asyncio.gather(*(ask() for _ in range(9)))
            waited = sorted(took for status, took, _ in later_answers if status != 429)
            each = 60 / per_minute
            assert len(waited) in {5, 6}  # (a request may be earned back meanwhile)
            assert waited[-1] == pytest.approx(5 * each, abs=2 * each)
            refused = {wait for status, _, wait in later_answers if status == 429}
            assert refused == {"3" if per_minute == 120 else "1"}
            await asyncio.sleep(60)
            assert (await ask())[1] == 0.0

    in_virtual_time(story())
